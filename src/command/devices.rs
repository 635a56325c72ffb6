//! `impasto devices`: what can run the networks, and the cameras.

use serde::Serialize;

use crate::cli::SharedArgs;
use crate::error::Result;
use crate::network::provider::Provider;
use crate::network::runtime::Runtime;
use crate::report::Report;
use crate::source::camera::{self, Camera, Format};

#[derive(Serialize)]
struct Summary {
    command: &'static str,
    devices: Vec<DeviceLine>,
    cameras: Vec<Camera>,
    warnings: Vec<String>,
}

/// One device of the JSON list.
#[derive(Serialize)]
struct DeviceLine {
    device: String,
    runs: bool,
    /// What is missing, where it does not run.
    missing: Option<String>,
}

/// Lists every device, with what is missing where one does not run, and every camera, with what it can send.
///
/// # Errors
/// ONNX Runtime cannot be loaded; the cameras have been listed then.
pub fn devices(shared: &SharedArgs, report: &Report) -> Result<()> {
    let runtime = Runtime::load(shared.onnxruntime.as_deref(), true);
    let mut devices = Vec::new();
    for probe in runtime.iter().flat_map(Provider::probe_all) {
        let device = probe.device.to_string();
        let missing = probe.outcome.err();
        report.print(match &missing {
            None => format!("{device:<10} runs"),
            Some(missing) => format!("{device:<10} -      {missing}"),
        });
        devices.push(DeviceLine { device, runs: missing.is_none(), missing });
    }
    let cameras = camera::cameras().unwrap_or_else(|error| {
        report.warn(error.to_string());
        Vec::new()
    });
    print_cameras(&cameras, report);
    report.print_json(&Summary { command: "devices", devices, cameras, warnings: report.warnings() });
    runtime.map(drop)
}

fn print_cameras(cameras: &[Camera], report: &Report) {
    if cameras.is_empty() {
        report.print("no camera");
    }
    for camera in cameras {
        let Camera { index, name, path, formats } = camera;
        let path = path.as_deref().unwrap_or_default();
        report.print(format!("camera {index:<3} {name}  {path}"));
        if formats.is_empty() {
            report.print(
                "           what it sends is unknown: it may not be opened, or sends no format that is known here",
            );
        }
        for Format { pixel_format, width, height, frame_rates } in formats {
            let size = format!("{width}x{height}");
            // Two decimals, and none of them zeros: 30, 12.5, 29.97.
            let rates = frame_rates.iter().map(|rate| format!("{}", (rate * 100.0).round() / 100.0));
            let rates = rates.collect::<Vec<_>>().join(", ");
            report.print(format!("           {pixel_format:<6} {size:<10} {rates} fps"));
        }
    }
}
