//! Execution providers: ONNX Runtime's code for each device.

use std::fmt;
use std::str::FromStr;

use ort::ep::{self, ArenaExtendStrategy, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;
use ort::value::Tensor;

use super::runtime::Runtime;
use super::{Layout, NetworkFile, library};
use crate::error::{Error, Result, cause};

/// A device that can run the networks. Parses from the names in [`Device::NAMES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The fastest device that runs here; TensorRT is never chosen, since it takes minutes to build an engine.
    Auto,
    /// The processor.
    Cpu,
    /// NVIDIA graphics card, with CUDA and cuDNN.
    Cuda,
    /// NVIDIA graphics card, with TensorRT.
    TensorRt,
    /// Intel processor or graphics, with OpenVINO.
    OpenVino,
    /// Apple silicon, with Core ML.
    CoreMl,
    /// Any graphics card on Windows, with DirectML.
    DirectMl,
}

impl Device {
    /// All devices with their names on the command line; `auto` first.
    pub const NAMES: [(Self, &'static str); 7] = [
        (Self::Auto, "auto"),
        (Self::Cpu, "cpu"),
        (Self::Cuda, "cuda"),
        (Self::TensorRt, "tensorrt"),
        (Self::OpenVino, "openvino"),
        (Self::CoreMl, "coreml"),
        (Self::DirectMl, "directml"),
    ];
}

impl fmt::Display for Device {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, name) = Self::NAMES.iter().find(|(device, _)| device == self).expect("every device has a name");
        out.pad(name)
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found
            .map(|(device, _)| *device)
            .ok_or_else(|| "unknown device; choose auto, cpu, cuda, tensorrt, openvino, coreml or directml".to_owned())
    }
}

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

/// The result of trying a device.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Never [`Device::Auto`].
    pub device: Device,
    /// Success, or why the device does not run.
    pub outcome: Result<(), Missing>,
}

/// Why a device does not run.
#[derive(Clone, Debug)]
pub struct Missing {
    /// ONNX Runtime's reason; `None` if it was built without the device.
    pub reason: Option<String>,
    /// What the device needs and what to do, to follow the device's name.
    pub cure: &'static str,
}

impl Missing {
    /// What to do, with ONNX Runtime's reason if there is one.
    pub fn advice(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} ({reason})", self.cure),
            None => self.cure.to_owned(),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = self.reason.as_deref().unwrap_or("this ONNX Runtime was built without it");
        write!(out, "{reason}; it {}", self.cure)
    }
}

/// The devices that `auto` tries, fastest first. Not TensorRT: it takes minutes to build an engine, which users should choose
/// themselves.
const AUTO_ORDER: [Device; 4] = [Device::Cuda, Device::CoreMl, Device::DirectMl, Device::OpenVino];

/// A 1x1 convolution of float32 `[1,3,8,8]`: enough to make a device load its libraries and run a kernel. Made by
/// scripts/make_test_networks.py.
const TRIAL: &[u8] = include_bytes!("trial.onnx");

impl Provider {
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
            Ok(()) => Ok(provider),
            Err(missing) => Err(Error::failed(format!("{device} cannot run here: {missing}; or use --device auto"))),
        }
    }

    fn best(runtime: &Runtime, options: ProviderOptions) -> Self {
        let mut refused = Vec::new();
        for device in AUTO_ORDER {
            let provider = Self { device, options, reason: "the fastest that runs here".to_owned() };
            match provider.probe(runtime) {
                Probe { outcome: Ok(()), .. } => return provider,
                Probe { outcome: Err(Missing { reason: None, .. }), .. } => {}
                Probe { outcome: Err(missing), .. } => refused.push(format!("{device} cannot run: {missing}")),
            }
        }
        if refused.is_empty() {
            refused.push("this ONNX Runtime has no graphics card support".to_owned());
        }
        Self { device: Device::Cpu, options, reason: refused.join("; ") }
    }

    /// Tries every device with default options.
    pub fn probe_all(runtime: &Runtime) -> Vec<Probe> {
        let devices = Device::NAMES.iter().map(|(device, _)| *device).filter(|&device| device != Device::Auto);
        let options = ProviderOptions::default();
        devices.map(|device| Self { device, options, reason: String::new() }.probe(runtime)).collect()
    }

    /// Runs a tiny network on this device only.
    fn probe(&self, runtime: &Runtime) -> Probe {
        let device = self.device;
        // `is_available` says what the library was built with, not what the machine can run.
        let built_in = match device {
            Device::Auto | Device::Cpu => Ok(true),
            Device::Cuda => ep::CUDA::is_available(),
            Device::TensorRt => ep::TensorRT::is_available(),
            Device::OpenVino => ep::OpenVINO::is_available(),
            Device::CoreMl => ep::CoreML::is_available(),
            Device::DirectMl => ep::DirectML::is_available(),
        }
        .unwrap_or(false);
        let missing = |reason| Missing { reason, cure: device.cure() };
        let outcome = if built_in {
            self.try_out(runtime).map_err(|error| missing(Some(cause(&error))))
        } else {
            Err(missing(None))
        };
        Probe { device, outcome }
    }

    fn try_out(&self, runtime: &Runtime) -> ort::Result<()> {
        // A fallback to the processor would prove nothing.
        let mut builder = Session::builder(&runtime.environment)?.with_intra_threads(1)?;
        if self.device != Device::Cpu {
            builder = builder.with_disable_cpu_fallback()?.with_execution_providers(dispatch(self, None))?;
        }
        let mut session = builder.commit_from_memory(TRIAL)?;
        let input = Tensor::from_array(([1usize, 3, 8, 8], vec![0.5f32; 3 * 8 * 8]))?;
        session.run(ort::inputs![input])?;
        Ok(())
    }
}

impl Device {
    /// What the device needs and what to do; follows its name in a sentence.
    fn cure(self) -> &'static str {
        match self {
            Self::Auto | Self::Cpu => "needs a working ONNX Runtime; run scripts/setup",
            Self::Cuda => "needs an NVIDIA card with its driver, CUDA 13 and cuDNN 9; then run scripts/setup --gpu",
            Self::TensorRt => "needs everything that cuda needs, and TensorRT 10; then run scripts/setup --gpu",
            Self::OpenVino => {
                "needs an ONNX Runtime with OpenVINO (the wheel onnxruntime-openvino); then give --onnxruntime PATH"
            }
            Self::CoreMl => "runs on Macs with Apple silicon only",
            Self::DirectMl => "runs on Windows 10 or newer only, with an ONNX Runtime that has DirectML",
        }
    }
}

/// The largest frame that a TensorRT engine accepts, as `[H,W]`, and the typical one that it is tuned for.
const LARGEST: [u32; 2] = [2160, 3840];
const USUAL: [u32; 2] = [360, 640];

/// The execution providers for a session. `network` is given if its input shapes matter. A provider that does not work is
/// an error: by default, `ort` would silently run on the processor.
pub(super) fn dispatch(provider: &Provider, network: Option<&NetworkFile>) -> Vec<ExecutionProviderDispatch> {
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
        Device::Auto | Device::Cpu => vec![],
        Device::Cuda => vec![cuda()],
        // Nodes that TensorRT does not support run on CUDA, not on the processor.
        Device::TensorRt => vec![tensorrt(options, network).build(), cuda()],
        Device::OpenVino => vec![ep::OpenVINO::default().with_cache_dir(cache("openvino")).build()],
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
    if let Some(NetworkFile { layout: Layout::NhwcU8, styles, .. }) = network {
        let shapes = |[height, width]: [u32; 2]| format!("image:1x{height}x{width}x3,style:{styles}");
        tensorrt = tensorrt
            .with_profile_min_shapes(shapes([1, 1]))
            .with_profile_opt_shapes(shapes(USUAL))
            .with_profile_max_shapes(shapes(LARGEST));
    }
    tensorrt
}

/// A folder for compiled networks in the user's cache. The provider creates it, or works without it.
fn cache(name: &str) -> String {
    library::cache_folder().join(name).to_string_lossy().into_owned()
}
