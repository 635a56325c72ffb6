//! What every command that paints says first: the device.

use crate::network::provider::Device;
use crate::report::Report;
use crate::studio::Studio;

/// Says which device runs the networks, if the program chose it.
pub fn say_device(studio: &Studio, report: &Report) {
    if let (Device::Auto, Some((device, reason))) = (studio.machine().device, studio.chosen_device()) {
        report.say(format!("device: {device} ({reason})"));
    }
}
