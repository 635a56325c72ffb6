//! `impasto devices`: the cameras, and what can run the networks.

use serde::Serialize;

use crate::cli::SharedArgs;
use crate::error::Result;
use crate::network::provider::Provider;
use crate::network::runtime::Runtime;
use crate::report::Report;
use crate::source::camera::{self, Camera, CameraFormat};

#[derive(Serialize)]
struct Summary {
    command: &'static str,
    cameras: Vec<Camera>,
    devices: Vec<DeviceLine>,
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

/// Lists every camera with its formats, and every device, with what is missing where one does not run.
pub fn devices(shared: &SharedArgs, report: &Report) -> Result<()> {
    let cameras = camera::cameras();
    for Camera { index, name, path, formats } in &cameras {
        report.print(format!("camera {index}   {name} ({path})"));
        for CameraFormat { pixel_format, sizes } in formats {
            let sizes: Vec<String> = sizes.iter().map(|(width, height)| format!("{width}x{height}")).collect();
            report.print(format!("           {pixel_format}   {}", sizes.join(" ")));
        }
    }
    if cameras.is_empty() {
        report.print("camera     -      none was found; impasto live --camera synthetic needs none");
    }
    let runtime = Runtime::load(shared.onnxruntime.as_deref(), true)?;
    let mut devices = Vec::new();
    for probe in Provider::probe_all(&runtime) {
        let device = probe.device.to_string();
        let missing = probe.outcome.err();
        report.print(match &missing {
            None => format!("{device:<10} runs"),
            Some(missing) => format!("{device:<10} -      {missing}"),
        });
        devices.push(DeviceLine { device, runs: missing.is_none(), missing });
    }
    report.print_json(&Summary { command: "devices", cameras, devices, warnings: report.warnings() });
    Ok(())
}
