//! The device and the library that run the networks.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use super::fastest::{Job, fastest};
use crate::error::Result;
use crate::frame::MaxPixels;
use crate::network::Opening;
use crate::network::provider::{Device, Provider, ProviderOptions};
use crate::network::runtime::Runtime;

/// What the networks run on: the device, its options, and the folders of styles and of ONNX Runtime.
///
/// The default is the fastest device and all processor cores.
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use impasto::{Device, Machine};
///
/// let machine = Machine { device: Device::Cpu, threads: NonZeroUsize::new(2), ..Machine::default() };
/// assert_eq!(machine.threads(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    /// A folder with a `styles.toml`, whose styles come before the bundled and the user's.
    pub models: Option<PathBuf>,
    /// The ONNX Runtime library, or the folder that holds it. Default: `ORT_DYLIB_PATH`, else the one that `scripts/setup`
    /// installed.
    pub onnxruntime: Option<PathBuf>,
    /// Libraries of plugins, which add devices to ONNX Runtime, or folders that hold them. Others are looked for beside the
    /// program, where `scripts/setup` installs them, and in Python environments.
    pub plugins: Vec<PathBuf>,
    /// The device; [`Device::Auto`] chooses the fastest that runs.
    pub device: Device,
    /// Index of the graphics card, from 0.
    pub device_id: i32,
    /// Number of processor cores to use; all if `None`.
    pub threads: Option<NonZeroUsize>,
    /// Compute in 16-bit floats (TensorRT).
    pub fp16: bool,
    /// Capture the network as a CUDA graph (CUDA and TensorRT). All frames must then have the same size.
    pub cuda_graph: bool,
    /// Limit on graphics card memory, in MiB (CUDA).
    pub gpu_memory: Option<usize>,
    /// Reject pictures and frames with more pixels.
    pub max_pixels: MaxPixels,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            models: None,
            onnxruntime: None,
            plugins: Vec::new(),
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
    /// Number of processor cores to use, at least 1.
    pub fn threads(&self) -> usize {
        self.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get)
    }

    /// Loads ONNX Runtime.
    pub(crate) fn runtime(&self) -> Result<Runtime> {
        // The GPU build runs on the processor too, but is larger.
        let gpu = matches!(self.device, Device::Auto | Device::Cuda | Device::TensorRt);
        Runtime::load(self.onnxruntime.as_deref(), gpu)?.with_plugins(&self.plugins)
    }

    /// The options of the device.
    pub(crate) fn options(&self) -> ProviderOptions {
        ProviderOptions {
            device_id: self.device_id,
            fp16: self.fp16,
            cuda_graph: self.cuda_graph,
            gpu_memory: self.gpu_memory,
        }
    }

    /// Threads each for the decoder and for the encoder of a film: half the cores, since the networks have most of the work.
    /// Each thread more holds frames more: with as many as FFmpeg chooses for two cores, x264 took half as much memory again.
    pub(crate) fn codec_threads(&self) -> usize {
        (self.threads() / 2).max(1)
    }
}

/// ONNX Runtime, loaded, with the chosen device and number of cores.
#[derive(Clone)]
pub struct Engine {
    /// The loaded library.
    pub runtime: Runtime,
    /// The chosen device, with the reason.
    pub provider: Provider,
    /// Number of processor cores to use, at least 1.
    pub threads: usize,
}

impl Engine {
    /// Loads ONNX Runtime and chooses the device.
    ///
    /// # Errors
    /// The library is missing or too old, or the device cannot run.
    pub fn load(machine: &Machine) -> Result<Self> {
        Self::new(machine.runtime()?, machine, None)
    }

    /// Chooses the device; the fastest for `job`, if there is one.
    ///
    /// # Errors
    /// The device cannot run.
    pub fn new(runtime: Runtime, machine: &Machine, job: Option<&Job>) -> Result<Self> {
        let (options, threads) = (machine.options(), machine.threads());
        let provider = match job {
            Some(job) if machine.device == Device::Auto => fastest(&runtime, options, threads, job)?,
            _ => Provider::choose(&runtime, machine.device, options)?,
        };
        Ok(Self { runtime, provider, threads })
    }

    /// How to open a network that uses all cores.
    pub fn opening(&self) -> Opening<'_> {
        Opening { runtime: &self.runtime, provider: &self.provider, threads: self.threads, tile_above: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoder_and_encoder_get_half_the_cores_each_and_one_at_least() {
        for (cores, expected) in [(1, 1), (2, 1), (3, 1), (16, 8)] {
            let machine = Machine { threads: NonZeroUsize::new(cores), ..Machine::default() };
            assert_eq!(machine.codec_threads(), expected, "{cores} cores");
        }
    }
}
