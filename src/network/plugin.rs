//! Plugins: libraries that add a device to ONNX Runtime. Loads them, and lists what they can run on.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use ort::AsPointer;
use ort::memory::DeviceType;
use ort::session::builder::SessionBuilder;

use super::device::{Device, Route};
use super::library;
use super::plugin_file::find;
use super::runtime::Runtime;
use crate::error::cause;
use crate::sync::lock;

/// What a plugin can run on: a graphics card, a processor or an NPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Vendor and name, as far as the system tells them.
    pub name: String,
    /// It is a processor, which only acts as a graphics card if the device is one for graphics cards.
    pub is_processor: bool,
}

/// Why a plugin gives no device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No library was found.
    NotInstalled,
    /// ONNX Runtime refused the library in this file, for this reason.
    Refused(PathBuf, String),
    /// It was loaded and found nothing to run on.
    NoUnit,
}

/// What became of each plugin in this process. ONNX Runtime crashes later if it was asked for the same library twice, even
/// though it refuses the second time.
static LOADED: Mutex<BTreeMap<Device, Result<PathBuf, Fault>>> = Mutex::new(BTreeMap::new());

/// Held while a session of WebGPU is made or runs: two at once crash on Vulkan.
static TURN: Mutex<()> = Mutex::new(());

/// Waits until no other session uses `device`, where sessions must take turns.
pub(super) fn turn(device: Device) -> Option<MutexGuard<'static, ()>> {
    (device == Device::WebGpu).then(|| lock(&TURN))
}

/// Loads the plugin of `device`, unless it is loaded. Returns its file.
pub(super) fn load(runtime: &Runtime, device: Device) -> Result<PathBuf, Fault> {
    let mut loaded = lock(&LOADED);
    if let Some(outcome) = loaded.get(&device) {
        return outcome.clone();
    }
    let Some(path) = find(device, &runtime.plugins, &runtime.path) else { return Err(Fault::NotInstalled) };
    load_companions(device, &path);
    let outcome = match runtime.environment.register_ep_library(device.to_string(), &path) {
        Ok(()) => Ok(path),
        Err(error) => Err(Fault::Refused(path, cause(&error))),
    };
    loaded.insert(device, outcome.clone());
    outcome
}

/// Loads the libraries beside a plugin that it needs, where it does not say that they are beside it, as NVIDIA's does not. They
/// stay loaded. One that is missing is reported when the plugin itself is loaded.
fn load_companions(device: Device, plugin: &Path) {
    const NVIDIA: [&str; 3] = ["libcudart.so.", "libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"];
    let folder = plugin.parent().filter(|_| device == Device::TensorRtRtx && cfg!(unix));
    for name in NVIDIA {
        let entries = folder.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
        let file = entries.map(|entry| entry.path()).find(|path| {
            path.file_name().and_then(|found| found.to_str()).is_some_and(|found| found.starts_with(name))
        });
        // SAFETY: these are the libraries that the plugin itself names as needed.
        let library = file.and_then(|file| unsafe { libloading::Library::new(file) }.ok());
        if let Some(library) = library {
            Box::leak(Box::new(library));
        }
    }
}

/// What the plugin of `device` can run on; the one to use by default first.
pub(super) fn units(runtime: &Runtime, device: Device) -> Result<Vec<Unit>, Fault> {
    load(runtime, device)?;
    let units: Vec<Unit> = places(runtime, device).iter().map(unit).collect();
    if units.is_empty() { Err(Fault::NoUnit) } else { Ok(units) }
}

/// Adds the device to a session.
pub(super) fn append(
    builder: SessionBuilder,
    runtime: &Runtime,
    device: Device,
    device_id: i32,
    threads: usize,
) -> ort::Result<SessionBuilder> {
    let Route::Plugin { provider, .. } = device.kind().route else { return Ok(builder) };
    if let Err(fault) = load(runtime, device) {
        return Err(ort::Error::new(fault.reason(device)));
    }
    // One device a session: with several, the plugins fail or choose for themselves.
    let wanted = usize::try_from(device_id).unwrap_or(0);
    let mut places = places(runtime, device);
    if wanted >= places.len() {
        return Err(ort::Error::new(format!(
            "there is no {device} device {wanted}; impasto devices lists them, from 0"
        )));
    }
    let place = places.swap_remove(wanted);
    let option = |name: &str, value: String| (format!("{provider}.{name}"), value);
    let cache = || library::cache_folder().join(device.to_string()).to_string_lossy().into_owned();
    let settings = match device {
        Device::WebGpu => vec![option("powerPreference", "high-performance".to_owned())],
        Device::OpenVino => {
            let mut settings = vec![option("cache_dir", cache())];
            if place.hardware_device().ty() == DeviceType::CPU {
                settings.push(option("num_of_threads", threads.to_string()));
            }
            settings
        }
        Device::TensorRtRtx => vec![option("nv_runtime_cache_path", cache())],
        _ => vec![],
    };
    Ok(builder.with_devices([place], Some(&settings))?)
}

/// The entries of ONNX Runtime's list that belong to the plugin: graphics cards, then processors, then NPUs, which do not run
/// networks of any size.
fn places(runtime: &Runtime, device: Device) -> Vec<ort::device::Device<'_>> {
    let Route::Plugin { provider, .. } = device.kind().route else { return Vec::new() };
    let mut places: Vec<_> = runtime.environment.devices().filter(|place| place.ep().ok() == Some(provider)).collect();
    places.sort_by_key(|place| match place.hardware_device().ty() {
        DeviceType::GPU => 0,
        DeviceType::CPU => 1,
        _ => 2,
    });
    places
}

fn unit(place: &ort::device::Device<'_>) -> Unit {
    let hardware = place.hardware_device();
    let is_processor = hardware.ty() == DeviceType::CPU;
    // SAFETY: the pointers are of a device in the environment's list, which lives as long as the environment.
    let described = unsafe {
        let api = ort::api();
        let of_plugin = (api.EpDevice_EpMetadata)(place.ptr());
        let of_system = (api.HardwareDevice_Metadata)(hardware.ptr());
        value(of_plugin, "FULL_DEVICE_NAME").or_else(|| value(of_system, "Description"))
    };
    let vendor = hardware.vendor().unwrap_or_default().trim().to_owned();
    // SAFETY: as above.
    let vendor_id = unsafe { (ort::api().HardwareDevice_VendorId)(hardware.ptr()) };
    let name = match described {
        Some(name) => name,
        None if is_processor => format!("{vendor} processor, as software").trim().to_owned(),
        None => card_name(vendor_id, hardware.id(), &vendor, &pci_ids()),
    };
    Unit { name, is_processor }
}

/// The value of `key`, unless it is absent or empty.
///
/// # Safety
/// `pairs` is null or a live list of ONNX Runtime's.
unsafe fn value(pairs: *const ort::sys::OrtKeyValuePairs, key: &str) -> Option<String> {
    let key = CString::new(key).ok()?;
    if pairs.is_null() {
        return None;
    }
    // SAFETY: the list is live, and the key ends with a zero byte.
    let text = unsafe { (ort::api().GetKeyValue)(pairs, key.as_ptr()) };
    if text.is_null() {
        return None;
    }
    // SAFETY: ONNX Runtime's strings end with a zero byte and live as long as the list.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy().trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// The system's list of PCI devices; empty where there is none.
fn pci_ids() -> String {
    let places = ["/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids"];
    places
        .iter()
        .find_map(|path| fs::read(path).ok())
        .map_or_else(String::new, |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The vendor and the name of a graphics card, from its PCI numbers.
fn card_name(vendor_id: u32, card: u32, vendor: &str, list: &str) -> String {
    const VENDORS: [(u32, &str); 6] = [
        (0x1002, "AMD"),
        (0x106b, "Apple"),
        (0x10de, "NVIDIA"),
        (0x13b5, "Arm"),
        (0x5143, "Qualcomm"),
        (0x8086, "Intel"),
    ];
    let known = VENDORS.iter().find(|(id, _)| *id == vendor_id).map(|(_, name)| *name);
    let vendor = known.or(Some(vendor).filter(|vendor| !vendor.is_empty()));
    // `8086  Intel Corporation`, then lines that begin with one tab: `\t9a49  TigerLake-LP GT2 [Iris Xe Graphics]`.
    let (heading, wanted) = (format!("{vendor_id:04x} "), format!("\t{card:04x} "));
    let name = list
        .lines()
        .skip_while(|line| !line.starts_with(&heading))
        .skip(1)
        .take_while(|line| line.starts_with(['\t', '#']))
        .find_map(|line| line.strip_prefix(&wanted));
    // What stands in brackets is the name that it is sold under.
    let name = name.map(|name| match (name.find('['), name.rfind(']')) {
        (Some(begin), Some(end)) if begin < end => &name[begin + 1..end],
        _ => name.trim(),
    });
    match (vendor, name) {
        (Some(vendor), Some(name)) => format!("{vendor} {name}"),
        (Some(vendor), None) => format!("{vendor} {card:04x}"),
        (None, _) => format!("graphics card {vendor_id:04x}:{card:04x}"),
    }
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
            Self::NoUnit => nothing_found(device, has_vulkan()).to_owned(),
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
                    "needs {} {}, which fits ONNX Runtime {}.{} or newer; run scripts/setup --gpu {device}, or leave out --plugin",
                    wheel.package,
                    wheel.version,
                    library::MINIMUM.0,
                    library::MINIMUM.1
                ))
            }
            Self::NoUnit if device == Device::WebGpu => Some(NO_ADAPTER.to_owned()),
            Self::NoUnit | Self::NotInstalled => None,
        }
    }
}

/// Why a plugin found nothing to run on.
fn nothing_found(device: Device, has_vulkan: bool) -> &'static str {
    if device == Device::WebGpu && !has_vulkan {
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

/// Whether the Vulkan loader is there; elsewhere than on Linux, nothing needs it.
fn has_vulkan() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    // SAFETY: the loader has no initialiser that could interfere; it is the library that the plugin itself opens.
    unsafe { libloading::Library::new("libvulkan.so.1") }.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "# A comment\n1002  Advanced Micro Devices, Inc.\n\t9a49  Not this one\n8086  Intel Corporation\n\
                        \t9a49  TigerLake-LP GT2 [Iris Xe Graphics]\n\t\t1028 0a21  A board\n\t9a60  TigerLake-H GT1\n";

    #[test]
    fn a_card_has_the_name_that_it_is_sold_under() {
        assert_eq!(card_name(0x8086, 0x9a49, "", LIST), "Intel Iris Xe Graphics");
        assert_eq!(card_name(0x8086, 0x9a60, "Intel", LIST), "Intel TigerLake-H GT1");
        assert_eq!(card_name(0x10de, 0x2684, "", LIST), "NVIDIA 2684");
        assert_eq!(card_name(0x1234, 0x1, "Maker", ""), "Maker 0001");
        assert_eq!(card_name(0x1234, 0x1, "", ""), "graphics card 1234:0001");
    }

    #[test]
    fn without_the_vulkan_loader_that_is_the_reason_and_the_cure_names_its_package() {
        assert_eq!(nothing_found(Device::WebGpu, false), "the Vulkan loader libvulkan.so.1 is missing");
        assert_eq!(nothing_found(Device::WebGpu, true), "its plugin found no device");
        assert_eq!(nothing_found(Device::OpenVino, false), "its plugin found no device");
        let cure = Fault::NoUnit.cure(Device::WebGpu).unwrap();
        assert!(!cfg!(target_os = "linux") || cure.contains("libvulkan1"), "{cure}");
    }

    #[test]
    fn a_plugin_without_its_driver_is_not_told_to_be_installed_again() {
        let refused = |reason: &str| Fault::Refused("a.so".into(), reason.to_owned());
        assert_eq!(refused("libcuda.so.1: cannot open shared object file").cure(Device::TensorRtRtx), None);
        let other = refused("version \"1.20\" is too old").cure(Device::WebGpu).unwrap();
        assert!(other.contains("onnxruntime-ep-webgpu") && other.contains("scripts/setup --gpu webgpu"), "{other}");
    }

    #[test]
    fn of_a_long_account_the_last_sentence_counts() {
        let long = "/src/a.cc:393 Make() [ONNXRuntimeError] : 11 : x == y was false. ORT runtime version \"1.20\" is too old\n\n";
        assert_eq!(short(long), "ORT runtime version \"1.20\" is too old");
        assert_eq!(short("Failed to load library a.so with error: a.so: file too short"), "a.so: file too short");
        assert_eq!(short("plain"), "plain");
    }
}
