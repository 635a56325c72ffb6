//! Why a plugin gives no device, and the cure, in words.

use std::path::PathBuf;

use super::device::Device;
use super::library;

/// Why a plugin gives no device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No library was found.
    NotInstalled,
    /// ONNX Runtime refused the library in this file, for this reason.
    Refused(PathBuf, String),
    /// It was loaded and found nothing to run on; whether the Vulkan loader is there.
    NoUnit { vulkan: bool },
}

impl Fault {
    /// What is wrong, as a clause.
    pub fn reason(&self, device: Device) -> String {
        match self {
            Self::NotInstalled => "its plugin is not installed".to_owned(),
            Self::Refused(path, reason) => {
                let path = path.display();
                let reason = short(reason);
                let reason = reason.strip_prefix(&format!("{path}: ")).unwrap_or(reason);
                format!("ONNX Runtime refused the plugin '{path}' ({reason})")
            }
            Self::NoUnit { vulkan } => nothing_found(device, *vulkan).to_owned(),
        }
    }

    /// What to do, as a clause that follows the device's name; `None` if that is what the device needs in any case.
    pub fn cure(&self, device: Device) -> Option<String> {
        match self {
            // A library of the driver's is missing, not the plugin that fits.
            Self::Refused(_, reason) if reason.contains("cannot open shared object file") => None,
            Self::Refused(..) => {
                let wheel = device.wheel()?;
                Some(format!(
                    "needs {} {}, which fits ONNX Runtime {}.{} or newer; run impasto setup --gpu {device}, or leave out --plugin",
                    wheel.package,
                    wheel.version,
                    library::MINIMUM.0,
                    library::MINIMUM.1
                ))
            }
            Self::NoUnit { .. } if device == Device::WebGpu => Some(NO_ADAPTER.to_owned()),
            Self::NoUnit { .. } | Self::NotInstalled => None,
        }
    }
}

/// Why a plugin found nothing to run on.
fn nothing_found(device: Device, vulkan: bool) -> &'static str {
    if device == Device::WebGpu && !vulkan {
        "the Vulkan loader libvulkan.so.1 is missing"
    } else {
        "its plugin found no device"
    }
}

/// What webgpu needs where it finds no graphics card.
const NO_ADAPTER: &str = if cfg!(target_os = "linux") {
    "needs a graphics card with a Vulkan driver: install the loader (package libvulkan1, elsewhere vulkan-loader) and the driver \
     (mesa-vulkan-drivers for AMD and Intel, NVIDIA's own for NVIDIA), or use --device cpu"
} else {
    "needs a graphics card with a current driver; install it from its maker, or use --device cpu"
};

/// A clearer account of what went wrong on a device, and its cure, where ONNX Runtime's own is a stack of its source files.
pub(super) fn explained(device: Device, reason: &str) -> Option<(String, String)> {
    if device != Device::WebGpu {
        return None;
    }
    let (reason, cure) = if reason.contains("Failed to get a WebGPU") {
        ("no graphics card was found", NO_ADAPTER)
    } else if reason.contains(INVALID) {
        (
            "the graphics card has not enough memory",
            "needs a few MiB of it free: close other programs that use the card, or add --device cpu",
        )
    } else {
        return None;
    };
    Some((reason.to_owned(), cure.to_owned()))
}

/// What WebGPU says when memory is short: it goes on with a buffer that is none.
pub(super) const INVALID: &str = "is invalid due to a previous error";

/// The last sentence of ONNX Runtime's account: what comes before are places in its source.
fn short(reason: &str) -> &str {
    let last = reason.trim().lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(reason);
    ["was false. ", "with error: "]
        .iter()
        .fold(last, |rest, mark| rest.rsplit_once(mark).map_or(rest, |(_, it)| it))
        .trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_vulkan_loader_that_is_the_reason_and_the_cure_names_its_package() {
        assert_eq!(nothing_found(Device::WebGpu, false), "the Vulkan loader libvulkan.so.1 is missing");
        assert_eq!(nothing_found(Device::WebGpu, true), "its plugin found no device");
        assert_eq!(nothing_found(Device::OpenVino, false), "its plugin found no device");
        let cure = Fault::NoUnit { vulkan: true }.cure(Device::WebGpu).unwrap();
        assert!(!cfg!(target_os = "linux") || cure.contains("libvulkan1"), "{cure}");
    }

    #[test]
    fn a_plugin_without_its_driver_is_not_told_to_be_installed_again() {
        let refused = |reason: &str| Fault::Refused("a.so".into(), reason.to_owned());
        assert_eq!(refused("libcuda.so.1: cannot open shared object file").cure(Device::TensorRtRtx), None);
        let other = refused("version \"1.20\" is too old").cure(Device::WebGpu).unwrap();
        assert!(other.contains("onnxruntime-ep-webgpu") && other.contains("impasto setup --gpu webgpu"), "{other}");
    }

    #[test]
    fn of_a_long_account_the_last_sentence_counts() {
        let long = "/src/a.cc:393 Make() [ONNXRuntimeError] : 11 : x == y was false. ORT runtime version \"1.20\" is too old\n\n";
        assert_eq!(short(long), "ORT runtime version \"1.20\" is too old");
        assert_eq!(short("Failed to load library a.so with error: a.so: file too short"), "a.so: file too short");
        assert_eq!(short("plain"), "plain");
    }
}
