//! What runs the networks.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use crate::error::Result;
use crate::frame::MaxPixels;
use crate::network::Opening;
use crate::network::provider::{Device, Provider, ProviderOptions};
use crate::network::runtime::Runtime;

/// What runs the networks, and where things are found. The default takes the fastest device and all cores.
#[derive(Clone, Debug)]
pub struct Machine {
    /// A folder with a `styles.toml` to look into before the program's own styles and the user's.
    pub models: Option<PathBuf>,
    /// The ONNX Runtime library, or the folder that holds it. Default: `ORT_DYLIB_PATH`, else what `scripts/setup` installed.
    pub onnxruntime: Option<PathBuf>,
    /// The device; [`Device::Auto`] takes the fastest that runs.
    pub device: Device,
    /// Which graphics card, from 0.
    pub device_id: i32,
    /// Processor cores to use; all if `None`.
    pub threads: Option<NonZeroUsize>,
    /// Compute in 16-bit floats where the device gains from it (TensorRT).
    pub fp16: bool,
    /// Capture the network as a CUDA graph, for one frame size.
    pub cuda_graph: bool,
    /// Limit of the graphics card's memory arena, in MiB (CUDA).
    pub gpu_memory: Option<usize>,
    /// Pictures and frames that claim more pixels are refused.
    pub max_pixels: MaxPixels,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            models: None,
            onnxruntime: None,
            device: Device::Auto,
            device_id: 0,
            threads: None,
            fp16: false,
            cuda_graph: false,
            gpu_memory: None,
            max_pixels: MaxPixels::default(),
        }
    }
}

impl Machine {
    /// The processor cores to use, at least 1.
    pub fn threads(&self) -> usize {
        self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }
}

/// ONNX Runtime on a device, with a number of cores.
#[derive(Clone)]
pub struct Engine {
    /// The loaded library.
    pub runtime: Runtime,
    /// The device, and why it was chosen.
    pub provider: Provider,
    /// Cores to use, at least 1.
    pub threads: usize,
}

impl Engine {
    /// Loads ONNX Runtime and chooses the device.
    ///
    /// # Errors
    /// The library is missing or too old, or the device cannot run.
    pub fn load(machine: &Machine) -> Result<Self> {
        let gpu = matches!(machine.device, Device::Auto | Device::Cuda | Device::TensorRt);
        let runtime = Runtime::load(machine.onnxruntime.as_deref(), gpu)?;
        let options = ProviderOptions {
            device_id: machine.device_id,
            fp16: machine.fp16,
            cuda_graph: machine.cuda_graph,
            gpu_memory: machine.gpu_memory,
        };
        let provider = Provider::choose(&runtime, machine.device, options)?;
        Ok(Self { runtime, provider, threads: machine.threads() })
    }

    /// How to open a network with all cores.
    pub fn opening(&self) -> Opening<'_> {
        Opening { runtime: &self.runtime, provider: &self.provider, threads: self.threads, tile_above: None }
    }
}
