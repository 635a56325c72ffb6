//! `impasto devices`: what can run the networks, and which cameras there are.

use serde::Serialize;

use crate::cli::SharedArgs;
use crate::error::Result;
use crate::network::provider::{Probe, Provider};
use crate::network::runtime::Runtime;
use crate::report::Report;
use crate::source::camera::{self, Camera, Format};

#[derive(Serialize)]
struct DeviceReport {
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
    /// Vendor and name of each that it can run on, in the order of `--device-id`; empty if it does not tell.
    names: Vec<String>,
    /// Why it does not run and what it needs; none if it runs.
    missing: Option<String>,
}

/// Lists what runs here, then what does not and what it needs, and every camera with what it can send.
///
/// # Errors
/// ONNX Runtime cannot be loaded; the cameras have been listed then.
pub fn devices(shared: &SharedArgs, report: &Report) -> Result<()> {
    let runtime = Runtime::load(shared.onnxruntime.as_deref(), true);
    let runtime = runtime.and_then(|runtime| runtime.with_plugins(&shared.plugin));
    let probes: Vec<Probe> = runtime.iter().flat_map(Provider::probe_all).collect();
    for Probe { device, outcome } in &probes {
        let Ok(units) = outcome else { continue };
        match units.as_slice() {
            [] => report.print(format!("{device:<12} runs")),
            [unit] => report.print(format!("{device:<12} runs on {}", unit.name)),
            units => {
                for (place, unit) in units.iter().enumerate() {
                    report.print(format!("{device:<12} runs on {} (--device-id {place})", unit.name));
                }
            }
        }
    }
    for probe in &probes {
        if let Err(missing) = &probe.outcome {
            report.print(format!("{:<12} -  {}", probe.device, missing.advice()));
        }
    }
    let cameras = camera::cameras().unwrap_or_else(|error| {
        report.warn(error);
        Vec::new()
    });
    print_cameras(&cameras, report);
    let devices = probes.into_iter().map(DeviceLine::from).collect();
    report.print_json(&DeviceReport { command: "devices", devices, cameras, warnings: report.warnings() });
    runtime.map(drop)
}

impl From<Probe> for DeviceLine {
    fn from(probe: Probe) -> Self {
        let device = probe.device.to_string();
        match probe.outcome {
            Ok(units) => {
                Self { device, runs: true, names: units.into_iter().map(|unit| unit.name).collect(), missing: None }
            }
            Err(missing) => Self { device, runs: false, names: Vec::new(), missing: Some(missing.to_string()) },
        }
    }
}

fn print_cameras(cameras: &[Camera], report: &Report) {
    if cameras.is_empty() {
        report.print("no camera; impasto live --camera synthetic paints a moving test picture");
    }
    for camera in cameras {
        let Camera { index, name, path, formats } = camera;
        let path = path.as_deref().unwrap_or_default();
        report.print(format!("camera {index:<3} {name}  {path}"));
        if formats.is_empty() {
            report.print("           formats unknown: it cannot be opened, or sends none that impasto reads");
        }
        for Format { pixel_format, width, height, frame_rates } in formats {
            let size = format!("{width}x{height}");
            // At most two decimals: 30, 12.5, 29.97.
            let rates = frame_rates.iter().map(|rate| format!("{}", (rate * 100.0).round() / 100.0));
            let rates = rates.collect::<Vec<_>>().join(", ");
            report.print(format!("           {pixel_format:<6} {size:<10} {rates} fps"));
        }
    }
}
