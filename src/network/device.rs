//! The devices: one table of what each is called, how ONNX Runtime gets to it, and what it needs.

use std::fmt;
use std::str::FromStr;

/// A device that can run the networks. Parses from its name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Device {
    /// The fastest device of this machine, as measured with the network and the size of the job.
    Auto,
    /// The processor.
    Cpu,
    /// Any graphics card, through Vulkan, Metal or Direct3D 12.
    WebGpu,
    /// NVIDIA graphics card, with CUDA and cuDNN.
    Cuda,
    /// NVIDIA graphics card, with TensorRT.
    TensorRt,
    /// NVIDIA RTX graphics card, with TensorRT for RTX.
    TensorRtRtx,
    /// Intel processor, graphics or NPU, with OpenVINO.
    OpenVino,
    /// Apple silicon, with Core ML.
    CoreMl,
    /// Any graphics card on Windows, with DirectML.
    DirectMl,
}

/// How ONNX Runtime gets to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// It is part of ONNX Runtime itself, or of some builds of it.
    Built,
    /// A library of its own, which ONNX Runtime loads.
    Plugin {
        /// The name of its file without the parts that differ between systems.
        stem: &'static str,
        /// ONNX Runtime's name for the execution provider in it.
        provider: &'static str,
        /// The folder that its wheel unpacks.
        folder: &'static str,
    },
}

/// What is known of a device.
pub(super) struct Kind {
    device: Device,
    /// Its name on the command line.
    name: &'static str,
    pub route: Route,
    /// What it needs and what to do; follows its name in a sentence.
    pub cure: &'static str,
    /// Whether `auto` tries it. Not TensorRT, which takes minutes to build an engine: users choose that themselves.
    pub automatic: bool,
}

/// In the order of what `auto` would guess to be the fastest.
const KINDS: [Kind; 9] = [
    Kind {
        device: Device::Auto,
        name: "auto",
        route: Route::Built,
        cure: "needs a working ONNX Runtime; run impasto setup",
        automatic: false,
    },
    Kind {
        device: Device::Cpu,
        name: "cpu",
        route: Route::Built,
        cure: "needs a working ONNX Runtime; run impasto setup",
        automatic: true,
    },
    Kind {
        device: Device::Cuda,
        name: "cuda",
        route: Route::Built,
        cure: "needs an NVIDIA card with its driver, CUDA 13 and cuDNN 9; then run impasto setup --gpu cuda",
        automatic: true,
    },
    Kind {
        device: Device::TensorRt,
        name: "tensorrt",
        route: Route::Built,
        cure: "needs everything that cuda needs, and TensorRT 10; then run impasto setup --gpu cuda",
        automatic: false,
    },
    Kind {
        device: Device::TensorRtRtx,
        name: "tensorrt-rtx",
        route: Route::Plugin {
            stem: "onnxruntime_providers_nv_tensorrt_rtx",
            provider: "NvTensorRTRTXExecutionProvider",
            folder: "onnxruntime_ep_nv_tensorrt_rtx",
        },
        cure: "needs an NVIDIA RTX 30 or newer with a driver for CUDA 13, and the plugin onnxruntime-ep-nv-tensorrt-rtx-cu13; run \
               impasto setup --gpu tensorrt-rtx",
        automatic: false,
    },
    Kind {
        device: Device::OpenVino,
        name: "openvino",
        route: Route::Plugin {
            stem: "onnxruntime_providers_openvino_plugin",
            provider: "OpenVINOExecutionProvider",
            folder: "onnxruntime_ep_openvino",
        },
        cure: "needs an Intel processor, graphics or NPU with its driver, and the plugin onnxruntime-ep-openvino; run \
               impasto setup --gpu openvino",
        automatic: true,
    },
    Kind {
        device: Device::CoreMl,
        name: "coreml",
        route: Route::Built,
        cure: "runs on Macs with Apple silicon only",
        automatic: true,
    },
    Kind {
        device: Device::DirectMl,
        name: "directml",
        route: Route::Built,
        cure: "runs on Windows 10 or newer only, with an ONNX Runtime that has DirectML",
        automatic: true,
    },
    Kind {
        device: Device::WebGpu,
        name: "webgpu",
        route: Route::Plugin {
            stem: "onnxruntime_providers_webgpu",
            provider: "WebGpuExecutionProvider",
            folder: "onnxruntime_ep_webgpu",
        },
        cure: "needs a graphics card with a current driver (on Linux also the Vulkan loader, package libvulkan1) and the plugin \
               onnxruntime-ep-webgpu; run impasto setup --gpu webgpu",
        automatic: true,
    },
];

/// A package that `impasto setup` or `scripts/setup` installs files of: a Python wheel, or an archive of npm's registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wheel {
    /// What it is for: a device by name, or a flag of `impasto setup`.
    pub what: &'static str,
    /// The name of the package.
    pub package: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The system and the processor, as `uname` calls them, or `any`.
    pub platform: &'static str,
    /// The platform in the name of the wheel, `any`, or `npm` for an archive of npm's registry.
    pub tag: &'static str,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: &'static str,
}

/// Every wheel that is pinned.
pub fn wheels() -> impl Iterator<Item = Wheel> {
    include_str!("wheels.txt").lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        let mut next = || words.next();
        Some(Wheel {
            what: next()?,
            package: next()?,
            version: next()?,
            platform: next()?,
            tag: next()?,
            sha256: next()?,
        })
    })
}

impl Device {
    /// All devices, `auto` first, then the processor.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|kind| kind.device)
    }

    /// Those that can run a network: all but `auto`.
    pub fn real() -> impl Iterator<Item = Self> {
        Self::all().filter(|&device| device != Self::Auto)
    }

    pub(super) fn kind(self) -> &'static Kind {
        KINDS.iter().find(|kind| kind.device == self).expect("every device is in the table")
    }

    /// The pinned package of its plugin; it has the same name and version on every platform.
    pub(super) fn wheel(self) -> Option<Wheel> {
        wheels().find(|wheel| wheel.what == self.kind().name)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.kind().name)
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = KINDS.iter().find(|kind| kind.name == text);
        found.map(|kind| kind.device).ok_or_else(|| {
            let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
            let (last, others) = names.split_last().unwrap_or((&"auto", &[]));
            format!("unknown device; choose {} or {last}", others.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_device_is_in_the_table_once_and_parses_from_its_name() {
        for device in Device::all() {
            assert_eq!(KINDS.iter().filter(|kind| kind.device == device).count(), 1, "{device}");
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        let refused = "vulkan".parse::<Device>().unwrap_err();
        assert!(
            refused.contains("auto, cpu, cuda") && refused.ends_with("openvino, coreml, directml or webgpu"),
            "{refused}"
        );
    }

    #[test]
    fn every_plugin_has_a_wheel_and_its_cure_says_how_to_install_it() {
        for kind in KINDS.iter().filter(|kind| matches!(kind.route, Route::Plugin { .. })) {
            let wheel = kind.device.wheel().expect(kind.name);
            assert!(kind.cure.contains(wheel.package), "{}", kind.cure);
            assert!(kind.cure.contains(&format!("impasto setup --gpu {}", kind.name)), "{}", kind.cure);
        }
        for wheel in wheels() {
            assert_eq!(wheel.what.parse::<Device>().is_ok(), wheel.platform != "any", "{wheel:?}");
            let mut same = wheels().filter(|other| other.package == wheel.package);
            assert!(same.all(|other| other.version == wheel.version), "{wheel:?}");
            assert!(wheels().filter(|other| other.sha256 == wheel.sha256).count() == 1, "{wheel:?}");
        }
    }
}
