//! The networks of models/, opened as a job opens them.

use std::path::Path;
use std::sync::OnceLock;

use impasto::Device;
use impasto::internals::network::provider::{Provider, ProviderOptions};
use impasto::internals::network::runtime::Runtime;
use impasto::internals::network::{self, Layout, NetworkFile, Opening};
use impasto::internals::stylize::WeightedNetwork;

/// The network in `file`, in its first style, on `threads` cores.
pub fn part(file: &str, threads: usize) -> WeightedNetwork {
    // ONNX Runtime allows one environment per process.
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Runtime::load(None, false).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(file);
    let provider = Provider { device: Device::Cpu, options: ProviderOptions::default(), reason: String::new() };
    let opening = Opening { runtime, provider: &provider, threads, tile_above: None };
    let styles = network::inspect::inspect(&path, &opening).unwrap().styles.len();
    let mut weights = vec![0.0; styles];
    weights[0] = 1.0;
    let file = NetworkFile {
        name: file.to_owned(),
        path,
        tiles: None,
        layout: Layout::NhwcU8,
        styles,
        side: 432,
        sha256: String::new(),
    };
    WeightedNetwork { network: network::open(&file, &opening).unwrap(), weights, share: 1.0, side: Some(file.side) }
}
