//! `impasto doctor`: what works here, and what to install for the rest.

use std::fs;
use std::thread;

use serde::Serialize;

use crate::cli::SharedArgs;
use crate::error::{Error, Result};
use crate::media;
use crate::media::write::Codec;
use crate::network::library;
use crate::network::plugin::Unit;
use crate::network::provider::{Device, Probe, Provider};
use crate::network::runtime::Runtime;
use crate::network::vgg19;
use crate::report::{Report, counted};
use crate::style::catalog::{Catalog, user_folder};
use crate::style::expression::Expression;

#[derive(Serialize)]
struct DoctorReport {
    command: &'static str,
    checks: Vec<Check>,
    warnings: Vec<String>,
}

/// One thing that was examined.
#[derive(Serialize)]
struct Check {
    what: String,
    works: bool,
    /// What was found, or what is missing and the cure.
    found: String,
    /// Whether impasto cannot work without it.
    required: bool,
    /// The flag of `impasto setup` that installs it.
    #[serde(skip)]
    setup: Option<&'static str>,
}

impl Check {
    fn required<E: ToString>(what: &str, result: Result<String, E>) -> Self {
        Self { required: true, ..Self::optional(what, result) }
    }

    fn optional<E: ToString>(what: &str, result: Result<String, E>) -> Self {
        let (works, found) = match result {
            Ok(found) => (true, found),
            Err(missing) => (false, missing.to_string()),
        };
        Self { what: what.to_owned(), works, found, required: false, setup: None }
    }

    /// What `impasto setup` installs with this flag.
    fn installed_by(self, flag: &'static str) -> Self {
        Self { setup: Some(flag), ..self }
    }
}

/// Examines everything; prints what works, what is missing, and what to do.
///
/// # Errors
/// Something that the program cannot do without is missing.
pub fn doctor(shared: &SharedArgs, report: &Report) -> Result<()> {
    let mut checks = vec![Check::required("processor", Ok::<_, Error>(processor()))];
    let runtime = Runtime::load(shared.onnxruntime.as_deref(), true);
    let runtime = runtime.and_then(|runtime| runtime.with_plugins(&shared.plugin));
    let loaded = runtime.as_ref().map(|runtime| format!("{} at {}", runtime.version(), runtime.path.display()));
    checks.push(Check::required("ONNX Runtime", loaded).installed_by(""));
    let probes: Vec<Probe> = runtime.iter().flat_map(Provider::probe_all).collect();
    for Probe { device, outcome } in probes {
        let (what, found) = (format!("device {device}"), outcome.map(|units| running(&units)));
        let required = device == Device::Cpu;
        checks.push(Check { required, ..Check::optional(&what, found) });
    }
    checks.push(Check::required("styles", styles(shared)));
    checks.push(Check::optional("any picture as style", style_image(shared)).installed_by("--style-images"));
    let folder = vgg19::folder();
    let vgg = vgg19::check(&folder).map(|()| folder.display().to_string());
    checks.push(Check::optional("VGG-19 for paint", vgg).installed_by("--paint"));
    checks.push(Check::required("FFmpeg", Ok::<_, Error>(media::version())));
    for codec in Codec::ALL {
        let cure = "this FFmpeg has no encoder for it; install one that has";
        let found = if codec.is_available() { Ok("runs".to_owned()) } else { Err(cure) };
        let required = codec == Codec::H264;
        checks.push(Check { required, ..Check::optional(&format!("encoder {codec}"), found) });
    }
    for (what, folder) in [("user's styles", user_folder()), ("cache", library::cache_folder())] {
        let made = fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder).map(drop));
        let found = made.map(|()| folder.display().to_string()).map_err(|error| Error::writing(&folder, &error));
        checks.push(Check::optional(what, found));
    }
    print(&checks, report);
    let broken: Vec<String> = checks.iter().filter(|c| c.required && !c.works).map(|c| c.what.clone()).collect();
    report.print_json(&DoctorReport { command: "doctor", checks, warnings: report.warnings() });
    if broken.is_empty() {
        return Ok(());
    }
    let first = "see above for what to install";
    Err(Error::failed(format!("impasto cannot work here without {}; {first}", broken.join(", "))))
}

/// How the finding begins for a device that says what it runs on.
const ON: &str = "runs networks on ";

/// What a device that works runs on.
fn running(units: &[Unit]) -> String {
    if units.is_empty() {
        return "runs networks".to_owned();
    }
    format!("{ON}{}", units.iter().map(|unit| unit.name.as_str()).collect::<Vec<_>>().join(", "))
}

/// Lists what works, then what is missing, then the one command that installs what can be installed.
fn print(checks: &[Check], report: &Report) {
    let list = |heading: &str, chosen: &dyn Fn(&Check) -> bool| {
        let chosen: Vec<&Check> = checks.iter().filter(|check| chosen(check)).collect();
        if !chosen.is_empty() {
            report.print(heading);
        }
        for (what, found) in gathered(&chosen) {
            report.print(format!("  {what:<21} {found}"));
        }
    };
    list("works:", &|check| check.works);
    list("missing, and needed:", &|check| !check.works && check.required);
    list("optional, not installed:", &|check| !check.works && !check.required);
    let flags: Vec<&str> = checks.iter().filter(|check| !check.works).filter_map(|check| check.setup).collect();
    if !flags.is_empty() {
        report.print(format!("to do: {}", ["impasto setup", flags.join(" ").trim()].join(" ").trim()));
    }
}

/// The lines of a list: devices and encoders of which there is the same to say share one.
fn gathered(checks: &[&Check]) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for check in checks {
        let family = ["device", "encoder"].into_iter().find_map(|family| {
            let name = check.what.strip_prefix(family)?.trim_start();
            // Devices that say what they run on are worth it.
            let on = check.found.strip_prefix(ON).map_or_else(String::new, |on| format!(" ({on})"));
            Some((format!("{family}s"), format!("{name}{on}")))
        });
        let Some((family, name)) = family else {
            lines.push((check.what.clone(), check.found.clone()));
            continue;
        };
        match lines.last_mut() {
            Some((what, names)) if *what == family => names.push_str(&format!(", {name}")),
            _ => lines.push((family, name)),
        }
    }
    for (what, names) in &mut lines {
        if what == "devices" && checks.iter().all(|check| !check.works) {
            names.push_str(" (impasto devices says what each needs)");
        }
        if what == "encoders" && checks.iter().all(|check| !check.works) {
            names.push_str(" (install an FFmpeg that has them)");
        }
    }
    lines
}

/// Cores, and the vector instructions that matter to ONNX Runtime.
fn processor() -> String {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{}, {}{}", counted(cores, "core"), std::env::consts::ARCH, vector_instructions())
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

/// What paints in the style of any picture.
fn style_image(shared: &SharedArgs) -> Result<String> {
    let catalog = Catalog::load(shared.models.as_deref())?;
    let pair = catalog.pair()?;
    pair.verify().map(|()| format!("by {}", pair.network.name))
}

/// All styles, after their files were checked against their hashes.
fn styles(shared: &SharedArgs) -> Result<String> {
    let catalog = Catalog::load(shared.models.as_deref())?;
    catalog.default_style()?;
    let styles = catalog.styles();
    for found in &styles {
        catalog.resolve(&Expression::single(&found.style.name))?;
    }
    Ok(counted(styles.iter().filter(|found| !found.style.unstyled).count(), "style"))
}
