//! Opens a network file.

use super::provider::Provider;
use super::roughened::Roughened;
use super::runtime::Runtime;
use super::{Layout, Network, NetworkFile, onnx, tiled};
use crate::error::Result;

/// How to open a network.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The loaded ONNX Runtime.
    pub runtime: &'a Runtime,
    /// The device that runs it.
    pub provider: &'a Provider,
    /// Number of cores for one picture, at least 1.
    pub threads: usize,
    /// Paint pictures with more pixels than this in tiles, if the network supports it; `None`: never.
    pub tile_above: Option<u64>,
}

/// Opens the network in `file`.
///
/// # Errors
/// The file is missing or damaged, is not a style network of its layout, or cannot run on the device.
pub fn open(file: &NetworkFile, how: &Opening<'_>) -> Result<Box<dyn Network>> {
    let Opening { runtime, provider, threads, tile_above } = *how;
    Ok(match (&file.tiles, tile_above) {
        (Some(tiles), Some(above)) => {
            Box::new(tiled::TiledNetwork::open(runtime, file, tiles, provider, threads, above)?)
        }
        _ => {
            let network = onnx::OnnxNetwork::open(runtime, file, provider, threads)?;
            match file.layout {
                // Arbitrary style weaves where it sees nothing; the classic networks stay as their authors made them.
                Layout::NhwcF32(_) => Box::new(Roughened::new(network)),
                _ => Box::new(network),
            }
        }
    })
}
