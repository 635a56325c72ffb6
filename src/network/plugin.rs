//! Plugins: libraries that add a device to ONNX Runtime. Loads them, and lists what they can run on.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use ort::AsPointer;
use ort::memory::DeviceType;
use ort::session::builder::SessionBuilder;

use super::card::{card_name, pci_ids};
use super::device::{Device, Route};
use super::library;
use super::plugin_fault::Fault;
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
    if units.is_empty() { Err(Fault::NoUnit { vulkan: has_vulkan() }) } else { Ok(units) }
}

/// Whether the Vulkan loader is there; elsewhere than on Linux, nothing needs it.
fn has_vulkan() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    // SAFETY: the loader has no initialiser that could interfere; it is the library that the plugin itself opens.
    unsafe { libloading::Library::new("libvulkan.so.1") }.is_ok()
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
