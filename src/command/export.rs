//! `impasto styles export`: a style as a network of its own.

use serde::Serialize;

use crate::cli::{ExportArgs, SharedArgs};
use crate::error::{Error, Result};
use crate::network::provider::Device;
use crate::network::standalone::{self, Standalone};
use crate::report::Report;
use crate::size::Size;
use crate::studio::Machine;
use crate::style::catalog::Catalog;

#[derive(Serialize)]
struct Exported {
    command: &'static str,
    output: String,
    style: String,
    width: u32,
    height: u32,
    range: u32,
    warnings: Vec<String>,
}

/// Writes the network.
///
/// # Errors
/// The style is unknown or of several networks, its network is not impasto's own, or the file cannot be written.
pub fn export(args: &ExportArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let output = args.output.display().to_string();
    let (Some(width), Some(height)) = (args.size.width, args.size.height) else {
        return Err(Error::usage("--size needs both sides, such as 640x360"));
    };
    if args.output.exists() && !args.overwrite {
        return Err(Error::usage(format!("'{output}' exists; add --overwrite (-y) to replace it")));
    }
    let choices = Catalog::load(shared.models.as_deref())?.resolve(&args.style)?;
    let [choice] = choices.as_slice() else {
        return Err(Error::usage(format!(
            "'{}' blends several networks, and only one can be exported; choose styles of one network, as impasto styles lists them",
            args.style
        )));
    };
    let Some(file) = &choice.network else {
        return Err(Error::usage(format!("'{}' is no network, so there is nothing to export", args.style)));
    };
    let onnxruntime = shared.onnxruntime.clone();
    let runtime = Machine { onnxruntime, device: Device::Cpu, ..Machine::default() }.runtime()?;
    let range = if args.range == "255" { 255 } else { 1 };
    let how = Standalone { size: Size::new(width, height), range: range as f32, seed: args.seed };
    standalone::write(&runtime, file, &choice.weights, how, &args.output)?;
    let style = args.style.to_string();
    report.print(format!(
        "{output}: {style} for pictures of {width}x{height}, float32 [1,3,{height},{width}], 0 to {range}"
    ));
    let warnings = report.warnings();
    report.print_json(&Exported { command: "styles export", output, style, width, height, range, warnings });
    Ok(())
}
