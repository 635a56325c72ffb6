//! `impasto devices`: what can run the networks.

use serde::Serialize;

use crate::cli::SharedArgs;
use crate::error::Result;
use crate::network::provider::Provider;
use crate::network::runtime::Runtime;
use crate::report::Report;

#[derive(Serialize)]
struct Summary {
    command: &'static str,
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

/// Lists every device, with what is missing where one does not run.
pub fn devices(shared: &SharedArgs, report: &Report) -> Result<()> {
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
    report.print_json(&Summary { command: "devices", devices, warnings: report.warnings() });
    Ok(())
}
