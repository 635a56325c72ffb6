//! What every command that paints says first: the device.

use crate::network::provider::Device;
use crate::report::Report;
use crate::studio::Studio;

/// Says which device runs the networks, if the program chose it.
pub fn say_device(studio: &Studio, report: &Report) {
    match (studio.machine().device, studio.chosen_device()) {
        // What was measured is said; why nothing was is for `impasto devices` to tell.
        (Device::Auto, Some((Device::Cpu, reason))) if reason.contains(" ms") => {
            report.say(format!("painting on the processor ({reason})"));
        }
        (Device::Auto, Some((Device::Cpu, _))) => report.say("painting on the processor"),
        (Device::Auto, Some((device, reason))) => report.say(format!("painting on {device} ({reason})")),
        _ => {}
    }
}
