//! Execution providers: what runs a network.

use std::fmt;
use std::str::FromStr;

/// What is asked to run the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The fastest that can.
    Auto,
    /// The processor.
    Cpu,
    /// NVIDIA, by CUDA and cuDNN.
    Cuda,
    /// NVIDIA, by TensorRT.
    TensorRt,
    /// Intel, by OpenVINO.
    OpenVino,
    /// Apple, by Core ML.
    CoreMl,
    /// Windows, by DirectML.
    DirectMl,
}

impl Device {
    /// Every device with the name it has on the command line; `auto` first.
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
        let (_, name) = Self::NAMES.iter().find(|(device, _)| device == self).expect("every device is named");
        out.pad(name)
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found
            .map(|(device, _)| *device)
            .ok_or_else(|| "no such device; choose auto, cpu, cuda, tensorrt, openvino, coreml or directml".to_owned())
    }
}

/// Options of a device, from the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProviderOptions {
    /// Which graphics card, from 0.
    pub device_id: i32,
    /// Compute in 16-bit floats (TensorRT).
    pub fp16: bool,
    /// Capture the network as a CUDA graph.
    pub cuda_graph: bool,
    /// Limit of the memory arena in MiB (CUDA).
    pub gpu_memory: Option<usize>,
}

/// A device that was chosen and is known to run.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Never [`Device::Auto`].
    pub device: Device,
    /// Its options.
    pub options: ProviderOptions,
}
