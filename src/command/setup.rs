//! `impasto setup`: fetches what a package leaves out.

use serde::Serialize;

use crate::cli::{SetupArgs, SharedArgs};
use crate::error::{Error, Result};
use crate::network::device::Device;
use crate::network::library;
use crate::report::Report;
use crate::setup::{self, Installed, Setup};
use crate::studio::{Engine, Machine};

#[derive(Serialize)]
struct SetupReport {
    command: &'static str,
    /// What was asked for, now installed.
    installed: Vec<Line>,
    /// The packages that --cpu removed.
    removed: Vec<&'static str>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    what: String,
    folder: String,
    /// It was there before.
    was_there: bool,
}

/// Installs what the flags ask for, and ONNX Runtime if there is none.
///
/// # Errors
/// Something cannot be downloaded or written; what was installed before it stays.
pub fn setup(args: &SetupArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let SetupArgs { style_images, paint, web, gpu, cpu, from } = args;
    let setup = Setup { offline: from.as_deref() };
    let mut installed = Vec::new();
    let mut note = |what: &str, done: Installed| {
        let Installed { folder, was_there } = done;
        let folder = folder.display().to_string();
        report.print(format!("{what}: {} in {folder}", if was_there { "already" } else { "installed" }));
        installed.push(Line { what: what.to_owned(), folder, was_there });
    };
    let removed = if *cpu { setup::remove_devices()? } else { Vec::new() };
    for package in &removed {
        report.print(format!("removed {package}"));
    }
    if library::find(shared.onnxruntime.as_deref(), false).is_err() {
        note("ONNX Runtime", setup.device(Device::Cpu)?);
    }
    for device in gpu.as_deref().map(|named| chosen(named, report)).transpose()?.unwrap_or_default() {
        note(&format!("device {device}"), setup.device(device)?);
    }
    if *style_images {
        // The trial runs on the processor, which every machine has.
        let (onnxruntime, plugins) = (shared.onnxruntime.clone(), shared.plugin.clone());
        let engine = Engine::load(&Machine { device: Device::Cpu, onnxruntime, plugins, ..Machine::default() })?;
        let (done, warning) = setup.style_images(&engine.opening())?;
        if let Some(warning) = warning {
            report.warn(warning);
        }
        note("--style-image", done);
    }
    if *paint {
        note("impasto paint", setup.paint()?);
    }
    if *web {
        note("--web", setup.web()?);
    }
    if !style_images && !paint && !web && gpu.is_none() && !cpu {
        report.print("impasto is ready; --style-images, --paint, --web and --gpu install more (impasto setup --help)");
    }
    report.print_json(&SetupReport { command: "setup", installed, removed, warnings: report.warnings() });
    Ok(())
}

/// The devices to install for `--gpu`: those that were named, else those that fit this machine.
fn chosen(named: &[Device], report: &Report) -> Result<Vec<Device>> {
    if named.contains(&Device::Auto) || named.contains(&Device::Cpu) {
        return Err(Error::usage(
            "--gpu takes a device other than the processor; leave the name out to choose by this machine",
        ));
    }
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let fitting = setup::fitting();
    if fitting.is_empty() {
        report.print("no graphics card with a driver was found, so there is nothing to install; choose yourself with --gpu DEVICE");
    } else {
        let names: Vec<String> = fitting.iter().map(ToString::to_string).collect();
        report.print(format!(
            "chosen for this machine: {} (--device auto measures which is the fastest)",
            names.join(", ")
        ));
    }
    Ok(fitting)
}
