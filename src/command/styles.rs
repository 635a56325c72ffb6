//! `impasto styles`: list, sheet, add, remove, export.

use serde::Serialize;

use crate::cli::{AddArgs, RemoveArgs, SharedArgs, StylesAction, StylesArgs};
use crate::error::Result;
use crate::network::contest;
use crate::network::provider::Device;
use crate::report::Report;
use crate::size::Size;
use crate::studio::{Engine, Machine};
use crate::style::catalog::{Catalog, Pair, user_folder};
use crate::style::expression::Expression;
use crate::style::install::{self, Added, Addition};
use crate::style::manifest::NetworkEntry;
use crate::warning::Warning;

/// Runs the action of `impasto styles`; lists without one.
pub fn styles(args: &StylesArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    match &args.action {
        None | Some(StylesAction::List) => list(shared, report),
        Some(StylesAction::Sheet(args)) => super::sheet::sheet(args, shared, report),
        Some(StylesAction::Add(args)) => add(args, shared, report),
        Some(StylesAction::Remove(args)) => remove(args, report),
        Some(StylesAction::Export(args)) => super::export::export(args, shared, report),
    }
}

#[derive(Serialize)]
struct Listing {
    command: &'static str,
    styles: Vec<StyleLine>,
    /// What paints `--style-image`, if it is installed.
    style_image: Option<PairLine>,
    warnings: Vec<String>,
}

/// The arbitrary-style pair of the JSON list.
#[derive(Serialize)]
struct PairLine {
    network: String,
    license: String,
    source: String,
}

/// One style of the JSON list.
#[derive(Serialize)]
struct StyleLine {
    name: String,
    network: String,
    license: String,
    source: String,
    title: Option<String>,
}

fn list(shared: &SharedArgs, report: &Report) -> Result<()> {
    let catalog = Catalog::load(shared.models.as_deref())?;
    let mut styles = Vec::new();
    let mut table = vec![["style", "network", "licence", ""].map(str::to_owned)];
    for found in catalog.styles() {
        let (style, network) = (found.style, found.network);
        let title = style.title.as_deref().unwrap_or(&network.source);
        table.push([&style.name, &network.name, &network.license, title].map(str::to_owned));
        styles.push(StyleLine {
            name: style.name.clone(),
            network: network.name.clone(),
            license: network.license.clone(),
            source: network.source.clone(),
            title: style.title.clone(),
        });
    }
    table.push(["identity", "(built in)", "-", "The picture, unchanged"].map(str::to_owned));
    let style_image = catalog.pair().ok().map(|Pair { network, .. }| {
        let NetworkEntry { name, license, source, .. } = network;
        let any = format!("any picture as the style; {source}");
        table.push(["--style-image", name, license, &any].map(str::to_owned));
        PairLine { network: name.clone(), license: license.clone(), source: source.clone() }
    });
    print(&table, report);
    report.print_json(&Listing { command: "styles", styles, style_image, warnings: report.warnings() });
    Ok(())
}

/// Prints a table whose columns are as wide as their longest entry.
fn print(table: &[[String; 4]], report: &Report) {
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (style, network, licence) = (width(0), width(1), width(2));
    for [a, b, c, last] in table {
        report.print(format!("{a:<style$}  {b:<network$}  {c:<licence$}  {last}").trim_end());
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    command: &'static str,
    network: &'a str,
    /// The family of a network that was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    like: Option<String>,
    styles: Vec<String>,
    folder: String,
    warnings: Vec<String>,
}

fn add(args: &AddArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    // The trial runs on the processor: a network that runs only on a graphics card is not portable.
    let (onnxruntime, plugins) = (shared.onnxruntime.clone(), shared.plugin.clone());
    let machine = Machine { device: Device::Cpu, onnxruntime, plugins, ..Machine::default() };
    let engine = Engine::load(&machine)?;
    // Before anything is copied: a device that does not run is a mistake in the command.
    let other = args.device.map(|device| Engine::new(engine.runtime.clone(), &Machine { device, ..machine }, None));
    let other = other.transpose()?;
    let addition = Addition {
        file: args.file.clone(),
        predictor: args.predictor.clone(),
        family: args.like,
        name: args.name.clone(),
        styles: args.styles.clone(),
        license: args.license.clone(),
        source: args.source.clone(),
        replace: args.replace,
    };
    let Added { entry, family, warning } = install::add(&addition, &engine.opening())?;
    if let Some(warning) = warning {
        report.warn(warning);
    }
    let folder = user_folder().display().to_string();
    let usage = match entry.styles.as_slice() {
        [] => "--style-image PICTURE".to_owned(),
        [style] => format!("--style {style}"),
        styles => format!("--style NAME: {}", styles.join(", ")),
    };
    if let (Some(other), Some(style)) = (other, entry.styles.first()) {
        compare(style, &engine, &other, report)?;
    }
    report.print(format!("added {}, a network like {family}, to {folder}; use it with {usage}", entry.name));
    let (network, like) = (entry.name.as_str(), Some(family.to_string()));
    let warnings = report.warnings();
    report.print_json(&Changed { command: "styles add", network, like, styles: entry.styles, folder, warnings });
    Ok(())
}

/// Says whether an added style paints on a device what it paints on the processor.
fn compare(style: &str, processor: &Engine, other: &Engine, report: &Report) -> Result<()> {
    let choices = Catalog::load(None)?.resolve(&Expression::single(style))?;
    let Some((file, weights)) = choices.into_iter().find_map(|choice| Some((choice.network?, choice.weights))) else {
        return Ok(());
    };
    let size = Size::new(64, 36);
    let device = other.provider.device;
    let reference = contest::measure(&file, &weights, size, &processor.opening())?;
    match contest::measure(&file, &weights, size, &other.opening()) {
        Err(error) => report.warn(Warning::AddedButNot { device: device.to_string(), reason: error.to_string() }),
        Ok(painted) if painted.difference(&reference) > contest::TOLERANCE => {
            report.warn(Warning::AddedDiffers { device: device.to_string(), levels: painted.difference(&reference) });
        }
        Ok(_) => report.say(format!("{device} paints what the processor paints")),
    }
    Ok(())
}

fn remove(args: &RemoveArgs, report: &Report) -> Result<()> {
    install::remove(&args.network)?;
    let folder = user_folder().display().to_string();
    report.print(format!("removed {} from {folder}", args.network));
    let (network, warnings) = (args.network.as_str(), report.warnings());
    report.print_json(&Changed { command: "styles remove", network, like: None, styles: vec![], folder, warnings });
    Ok(())
}
