//! `impasto doctor`: what works here, and what to install for the rest.

use std::fs;
use std::thread;

use serde::Serialize;

use crate::cli::SharedArgs;
use crate::error::{Error, Result};
use crate::media;
use crate::media::write::Codec;
use crate::network::library;
use crate::network::provider::{Device, Provider};
use crate::network::runtime::Runtime;
use crate::network::vgg19;
use crate::report::Report;
use crate::style::catalog::{Catalog, user_folder};
use crate::style::expression::Expression;

#[derive(Serialize)]
struct Summary {
    command: &'static str,
    checks: Vec<Check>,
    warnings: Vec<String>,
}

/// One line of the examination.
#[derive(Serialize)]
struct Check {
    what: String,
    works: bool,
    /// What was found, or what is missing and the cure.
    found: String,
    /// Whether the program is of no use without it.
    required: bool,
}

impl Check {
    fn required(what: &str, result: Result<String>) -> Self {
        Self::new(what, result.map_err(|error| error.to_string()), true)
    }

    fn new(what: &str, result: Result<String, String>, required: bool) -> Self {
        let (works, found) = match result {
            Ok(found) => (true, found),
            Err(missing) => (false, missing),
        };
        Self { what: what.to_owned(), works, found, required }
    }
}

/// Examines everything and prints a line each.
///
/// # Errors
/// Something that the program cannot do without is missing.
pub fn doctor(shared: &SharedArgs, report: &Report) -> Result<()> {
    let mut checks = vec![Check::new("processor", Ok(processor()), true)];
    let runtime = Runtime::load(shared.onnxruntime.as_deref(), true);
    let loaded = runtime.as_ref().map(|runtime| format!("{}, {}", runtime.path.display(), runtime.build_info()));
    checks.push(Check::new("ONNX Runtime", loaded.map_err(ToString::to_string), true));
    if let Ok(runtime) = &runtime {
        for probe in Provider::probe_all(runtime) {
            let found = probe.outcome.map(|()| "runs networks".to_owned());
            checks.push(Check::new(&format!("device {}", probe.device), found, probe.device == Device::Cpu));
        }
    }
    checks.push(Check::required("styles", styles(shared)));
    let pair = Catalog::load(shared.models.as_deref()).and_then(|catalog| {
        let pair = catalog.pair()?;
        pair.verify().map(|()| format!("by {}", pair.network.name))
    });
    checks.push(Check::new("any picture as style", pair.map_err(|error| error.to_string()), false));
    let folder = library::data_folder().join("vgg19");
    let vgg = vgg19::check(&folder).map(|()| folder.display().to_string());
    checks.push(Check::new("VGG-19 for paint", vgg.map_err(|error| error.to_string()), false));
    checks.push(Check::new("FFmpeg", Ok(media::version()), true));
    for codec in Codec::ALL {
        let found = if codec.is_available() {
            Ok("runs".to_owned())
        } else {
            Err("this FFmpeg was built without an encoder for it; install one that has it".to_owned())
        };
        checks.push(Check::new(&format!("encoder {codec}"), found, codec == Codec::H264));
    }
    for (what, folder) in [("user's styles", user_folder()), ("cache", library::cache_folder())] {
        let made = fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder).map(drop));
        let found = made.map(|()| folder.display().to_string()).map_err(|error| Error::writing(&folder, &error));
        checks.push(Check::new(what, found.map_err(|error| error.to_string()), false));
    }
    for check in &checks {
        let mark = if check.works { "ok" } else { "--" };
        report.print(format!("{mark}  {:<20} {}", check.what, check.found));
    }
    let broken: Vec<String> = checks.iter().filter(|c| c.required && !c.works).map(|c| c.what.clone()).collect();
    report.print_json(&Summary { command: "doctor", checks, warnings: report.warnings() });
    if broken.is_empty() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "impasto cannot work here without: {}; the lines above say what to do",
        broken.join(", ")
    )))
}

/// Cores, and the vector instructions that ONNX Runtime's kernels make use of.
fn processor() -> String {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} cores, {}{}", std::env::consts::ARCH, vector_instructions())
}

#[cfg(target_arch = "x86_64")]
fn vector_instructions() -> &'static str {
    if std::arch::is_x86_feature_detected!("avx512f") {
        " with AVX-512"
    } else if std::arch::is_x86_feature_detected!("avx2") {
        " with AVX2"
    } else {
        " without AVX2"
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn vector_instructions() -> &'static str {
    ""
}

/// All styles, their files held to their hashes.
fn styles(shared: &SharedArgs) -> Result<String> {
    let catalog = Catalog::load(shared.models.as_deref())?;
    catalog.default_style()?;
    let styles = catalog.styles();
    for found in &styles {
        catalog.resolve(&Expression::single(&found.style.name))?;
    }
    Ok(format!("{} styles", styles.len()))
}
