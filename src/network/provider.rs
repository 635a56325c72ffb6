//! Execution providers: ONNX Runtime's code for each device.

use std::fmt;

use ort::ep::{self, ArenaExtendStrategy, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::Tensor;

pub use super::device::Device;
use super::device::Route;
use super::exported::{GRAIN, has_input};
use super::plugin::{self, Unit};
use super::plugin_fault::{Fault, explained};
use super::runtime::Runtime;
use super::{Layout, NetworkFile, library};
use crate::error::{Error, Result, cause};
use crate::kernel::grain::{CELL, CHANNELS};

/// Options of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderOptions {
    /// Index of the graphics card, from 0.
    pub device_id: i32,
    /// Compute in 16-bit floats (TensorRT).
    pub fp16: bool,
    /// Capture the network as a CUDA graph.
    pub cuda_graph: bool,
    /// Memory limit in MiB (CUDA).
    pub gpu_memory: Option<usize>,
}

/// A chosen device that has passed its trial.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Never [`Device::Auto`].
    pub device: Device,
    /// The options of the device.
    pub options: ProviderOptions,
    /// Why it was chosen, as a clause.
    pub reason: String,
}

/// A device that could run a network.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The device with its options.
    pub provider: Provider,
    /// Vendor and name of what it runs on, if a plugin tells.
    pub name: Option<String>,
}

/// `webgpu (Intel Iris Xe Graphics)`
impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} ({name})", self.provider.device),
            None => self.provider.device.fmt(f),
        }
    }
}

/// The result of trying a device.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Never [`Device::Auto`].
    pub device: Device,
    /// What it can run on, as far as a plugin tells; or why the device does not run.
    pub outcome: Result<Vec<Unit>, Missing>,
}

/// Why a device does not run.
#[derive(Clone, Debug)]
pub struct Missing {
    /// The reason, as a clause.
    pub reason: String,
    /// What the device needs and what to do, to follow the device's name.
    pub cure: String,
    /// It was never installed: nothing to report unless somebody asks for it.
    pub absent: bool,
}

impl Missing {
    /// What to do, with the reason unless it is only absent.
    pub fn advice(&self) -> String {
        if self.absent { self.cure.clone() } else { format!("{} ({})", self.cure, self.reason) }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}; it {}", self.reason, self.cure)
    }
}

/// A 1x1 convolution of float32 `[1,3,8,8]`: enough to make a device load its libraries and run a kernel. Made by
/// scripts/make_test_networks.py.
const TRIAL: &[u8] = include_bytes!("trial.onnx");

impl Provider {
    /// The processor.
    pub fn processor(reason: &str) -> Self {
        Self { device: Device::Cpu, options: ProviderOptions::default(), reason: reason.to_owned() }
    }

    /// Chooses the device to run on: the requested one if it passes a trial; for [`Device::Auto`], the fastest that does.
    ///
    /// # Errors
    /// The requested device cannot run; the error says what is missing.
    pub fn choose(runtime: &Runtime, device: Device, options: ProviderOptions) -> Result<Self> {
        if device == Device::Auto {
            return Ok(Self::best(runtime, options));
        }
        let provider = Self { device, options, reason: "as requested".to_owned() };
        match provider.probe(runtime).outcome {
            Ok(_) => Ok(provider),
            Err(missing) => Err(Error::failed(format!("{device} cannot run here: {missing}; or use --device auto"))),
        }
    }

    /// The first that runs, of those that are part of ONNX Runtime: for what no plugin was made for.
    fn best(runtime: &Runtime, options: ProviderOptions) -> Self {
        let mut refused = Vec::new();
        for device in automatic().filter(|device| device.kind().route == Route::Built) {
            let provider = Self { device, options, reason: "the fastest that runs here".to_owned() };
            match provider.probe(runtime).outcome {
                Ok(_) => return provider,
                Err(Missing { absent: true, .. }) => {}
                Err(missing) => refused.push(format!("{device} cannot run: {missing}")),
            }
        }
        if refused.is_empty() {
            refused.push("this ONNX Runtime has no graphics card support".to_owned());
        }
        Self { device: Device::Cpu, options, reason: refused.join("; ") }
    }

    /// The devices besides the processor that `auto` can choose from: installed, and with something to run on as far as that
    /// is known without trying.
    pub fn candidates(runtime: &Runtime, options: ProviderOptions) -> Vec<Candidate> {
        let candidate = |device| {
            let provider = Self { device, options, reason: String::new() };
            let units = provider.units(runtime).ok().filter(|_| is_built_in(device))?;
            let unit = usize::try_from(options.device_id).ok().and_then(|place| units.into_iter().nth(place));
            Some(Candidate { provider, name: unit.map(|unit| unit.name) })
        };
        automatic().filter_map(candidate).collect()
    }

    /// Tries every device with default options.
    pub fn probe_all(runtime: &Runtime) -> Vec<Probe> {
        let options = ProviderOptions::default();
        Device::real().map(|device| Self { device, options, reason: String::new() }.probe(runtime)).collect()
    }

    /// Runs a tiny network on this device only.
    pub fn probe(&self, runtime: &Runtime) -> Probe {
        let device = self.device;
        let missing = |reason: String, cure: Option<String>, absent: bool| Missing {
            reason,
            cure: cure.unwrap_or_else(|| device.kind().cure.to_owned()),
            absent,
        };
        let outcome = self.units(runtime).map_err(|fault| {
            let absent = fault == Fault::NotInstalled;
            missing(fault.reason(device), fault.cure(device), absent)
        });
        let outcome = outcome.and_then(|units| {
            if !is_built_in(device) {
                return Err(missing("this ONNX Runtime was built without it".to_owned(), None, true));
            }
            match self.try_out(runtime) {
                Ok(()) => Ok(units),
                Err(error) => {
                    let reason = error.to_string();
                    let explained = explained(device, &reason);
                    let (reason, cure) = explained.map_or((cause(&error), None), |(reason, cure)| (reason, Some(cure)));
                    Err(missing(reason, cure, false))
                }
            }
        });
        Probe { device, outcome }
    }

    /// What the device can run on, if a plugin tells.
    fn units(&self, runtime: &Runtime) -> Result<Vec<Unit>, Fault> {
        match self.device.kind().route {
            Route::Built => Ok(Vec::new()),
            Route::Plugin { .. } => plugin::units(runtime, self.device),
        }
    }

    fn try_out(&self, runtime: &Runtime) -> ort::Result<()> {
        let mut builder = Session::builder(&runtime.environment)?.with_intra_threads(1)?;
        if self.device != Device::Cpu {
            // A fallback to the processor would prove nothing.
            builder = append(builder.with_disable_cpu_fallback()?, runtime, self, None, 1)?;
        }
        let _turn = plugin::turn(self.device);
        let mut session = builder.commit_from_memory(TRIAL)?;
        let input = Tensor::from_array(([1usize, 3, 8, 8], vec![0.5f32; 3 * 8 * 8]))?;
        session.run(ort::inputs![input])?;
        Ok(())
    }
}

/// What `auto` tries besides the processor.
fn automatic() -> impl Iterator<Item = Device> {
    Device::real().filter(|device| device.kind().automatic && *device != Device::Cpu)
}

/// What the library was built with, not what the machine can run. Plugins are not built in, and need not be.
fn is_built_in(device: Device) -> bool {
    let available = match device {
        Device::Cuda => ep::CUDA::is_available(),
        Device::TensorRt => ep::TensorRT::is_available(),
        Device::CoreMl => ep::CoreML::is_available(),
        Device::DirectMl => ep::DirectML::is_available(),
        Device::Auto | Device::Cpu | Device::WebGpu | Device::TensorRtRtx | Device::OpenVino => Ok(true),
    };
    available.unwrap_or(false)
}

/// Adds the provider's device to a session. `network` is given if its input shapes matter.
pub(super) fn append(
    builder: SessionBuilder,
    runtime: &Runtime,
    provider: &Provider,
    network: Option<&NetworkFile>,
    threads: usize,
) -> ort::Result<SessionBuilder> {
    match provider.device.kind().route {
        Route::Plugin { .. } => plugin::append(builder, runtime, provider.device, provider.options.device_id, threads),
        Route::Built => Ok(builder.with_execution_providers(dispatch(provider, network))?),
    }
}

/// The largest frame that a TensorRT engine accepts, as `[H,W]`, and the typical one that it is tuned for.
const LARGEST: [u32; 2] = [2160, 3840];
const USUAL: [u32; 2] = [360, 640];

/// The execution providers for a session. A provider that does not work is an error: by default, `ort` would silently run on
/// the processor.
fn dispatch(provider: &Provider, network: Option<&NetworkFile>) -> Vec<ExecutionProviderDispatch> {
    let options = &provider.options;
    let cuda = || {
        let mut cuda = ep::CUDA::default()
            .with_device_id(options.device_id)
            .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested)
            .with_tf32(true)
            .with_cuda_graph(options.cuda_graph && provider.device == Device::Cuda);
        if let Some(mib) = options.gpu_memory {
            cuda = cuda.with_memory_limit(mib << 20);
        }
        cuda.build()
    };
    let chosen = match provider.device {
        Device::Auto | Device::Cpu | Device::WebGpu | Device::TensorRtRtx | Device::OpenVino => vec![],
        Device::Cuda => vec![cuda()],
        // Nodes that TensorRT does not support run on CUDA, not on the processor.
        Device::TensorRt => vec![tensorrt(options, network).build(), cuda()],
        Device::CoreMl => vec![ep::CoreML::default().with_model_cache_dir(cache("coreml")).build()],
        Device::DirectMl => vec![ep::DirectML::default().with_device_id(options.device_id).build()],
    };
    chosen.into_iter().map(ExecutionProviderDispatch::error_on_failure).collect()
}

fn tensorrt(options: &ProviderOptions, network: Option<&NetworkFile>) -> ep::TensorRT {
    let folder = cache("tensorrt");
    let mut tensorrt = ep::TensorRT::default()
        .with_device_id(options.device_id)
        .with_fp16(options.fp16)
        .with_cuda_graph(options.cuda_graph)
        .with_engine_cache(true)
        .with_engine_cache_path(&folder)
        .with_timing_cache(true)
        .with_timing_cache_path(&folder);
    if let Some(file) = network.filter(|file| file.layout == Layout::NhwcU8) {
        // Every input whose size is free needs its range, and grain is one if there is any.
        let has_grain = std::fs::read(&file.path).is_ok_and(|model| has_input(&model, GRAIN));
        let shapes = |size| profile(size, file.styles, has_grain);
        tensorrt = tensorrt
            .with_profile_min_shapes(shapes([1, 1]))
            .with_profile_opt_shapes(shapes(USUAL))
            .with_profile_max_shapes(shapes(LARGEST));
    }
    tensorrt
}

/// The shapes of a network's inputs for pictures of one size, as TensorRT takes them.
fn profile([height, width]: [u32; 2], styles: usize, has_grain: bool) -> String {
    let (rows, columns) = (height.div_ceil(CELL), width.div_ceil(CELL));
    let grain = if has_grain { format!(",{GRAIN}:1x{rows}x{columns}x{CHANNELS}") } else { String::new() };
    format!("image:1x{height}x{width}x3,style:{styles}{grain}")
}

/// A folder for compiled networks in the user's cache. The provider creates it, or works without it.
fn cache(name: &str) -> String {
    library::cache_folder().join(name).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensorrt_gets_the_shapes_of_all_inputs_with_a_free_size() {
        assert_eq!(profile([1, 1], 8, true), "image:1x1x1x3,style:8,grain:1x1x1x4");
        assert_eq!(profile(USUAL, 8, true), "image:1x360x640x3,style:8,grain:1x90x160x4");
        assert_eq!(profile(LARGEST, 8, false), "image:1x2160x3840x3,style:8");
        let path = |name: &str| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
        let takes_grain = |name| has_input(&std::fs::read(path(name)).unwrap(), GRAIN);
        assert!(takes_grain("live.onnx") && takes_grain("live.tiles.onnx"));
        assert!(!has_input(b"not a model", GRAIN));
    }
}
