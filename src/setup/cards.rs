//! Which devices beyond the processor fit this machine.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::network::device::Device;

const NVIDIA: &str = "0x10de";
const INTEL: &str = "0x8086";

/// The devices whose libraries this machine can use, the likely fastest first; none without a graphics card that has a driver.
pub fn fitting() -> Vec<Device> {
    if cfg!(target_os = "macos") {
        return vec![Device::WebGpu];
    }
    // The driver is what counts: without it, a card cannot compute.
    let driver = Command::new("nvidia-smi").arg("-L").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if driver.is_ok_and(|status| status.success()) {
        return vec![Device::Cuda, Device::WebGpu];
    }
    let processor = fs::read_to_string("/proc/cpuinfo").is_ok_and(|text| text.contains("GenuineIntel"));
    fitting_by(
        &vendors(Path::new("/sys/class/drm"), "card"),
        &vendors(Path::new("/sys/class/accel"), "accel"),
        processor,
    )
}

/// By the vendors of graphics cards and NPUs, as PCI numbers, and whether the processor is Intel's.
fn fitting_by(cards: &[String], npus: &[String], intel_processor: bool) -> Vec<Device> {
    let mut devices = Vec::new();
    if cards.iter().any(|vendor| vendor != NVIDIA) {
        devices.push(Device::WebGpu);
    }
    if intel_processor || cards.iter().chain(npus).any(|vendor| vendor == INTEL) {
        devices.push(Device::OpenVino);
    }
    devices
}

/// The vendors of the devices in `folder` whose names begin so: `card0`, and not its outputs, `card0-HDMI-A-1`.
fn vendors(folder: &Path, beginning: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_it = |name: &str| name.strip_prefix(beginning).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    let devices = entries.filter(|entry| is_it(&entry.file_name().to_string_lossy()));
    devices
        .filter_map(|entry| fs::read_to_string(entry.path().join("device/vendor")).ok())
        .map(|vendor| vendor.trim().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_told_by_their_vendors_and_without_a_driver_an_nvidia_card_brings_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for (name, vendor) in [("card0", "0x1002\n"), ("card0-HDMI-A-1", "0x8086\n"), ("renderD128", "0x8086\n")] {
            let device = folder.path().join(name).join("device");
            fs::create_dir_all(&device).unwrap();
            fs::write(device.join("vendor"), vendor).unwrap();
        }
        let cards = vendors(folder.path(), "card");
        assert_eq!(cards, ["0x1002"]);
        assert_eq!(fitting_by(&cards, &[], false), [Device::WebGpu]);
        assert_eq!(fitting_by(&[INTEL.to_owned()], &[], false), [Device::WebGpu, Device::OpenVino]);
        assert_eq!(fitting_by(&[], &[], true), [Device::OpenVino]);
        assert_eq!(fitting_by(&[NVIDIA.to_owned()], &[], false), []);
    }
}
