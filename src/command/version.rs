//! `impasto --version --verbose`: what runs here, and where each part was found.

use std::env;

use crate::error::Result;
use crate::media;
use crate::network::provider::{Probe, Provider};
use crate::network::runtime::Runtime;
use crate::report::{Report, counted};
use crate::style::catalog::Catalog;

/// Prints the parts with their versions and places. What is missing is said in its line, with the cure.
pub fn version(report: &Report) -> Result<()> {
    let line = |what: &str, found: String| report.print(format!("  {what:<13} {found}"));
    report.print(concat!("impasto ", env!("CARGO_PKG_VERSION")));
    line("program", env::current_exe().map_or_else(|error| error.to_string(), |path| path.display().to_string()));
    line("networks", networks().unwrap_or_else(|error| error.to_string()));
    let place = media::place().map_or_else(String::new, |path| format!(", in {}", path.display()));
    line("FFmpeg", format!("{}{place}", media::version()));
    match Runtime::load(None, true) {
        Err(error) => line("ONNX Runtime", error.to_string()),
        Ok(runtime) => {
            let (version, path) = (runtime.version(), runtime.path.display());
            line("ONNX Runtime", format!("{version}, in {path} ({})", runtime.origin));
            for Probe { device, outcome } in Provider::probe_all(&runtime) {
                if outcome.is_ok() {
                    let plugin =
                        runtime.plugin(device).map_or_else(String::new, |path| format!(", by {}", path.display()));
                    line("device", format!("{device}{plugin}"));
                }
            }
        }
    }
    Ok(())
}

fn networks() -> Result<String> {
    let catalog = Catalog::load(None)?;
    let folders: Vec<String> = catalog.folders().map(|folder| folder.display().to_string()).collect();
    Ok(format!("{}, in {}", counted(catalog.styles().len(), "style"), folders.join(" and ")))
}
