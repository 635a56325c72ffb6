//! `impasto serve`: the page and the API for people without a command line.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::cli::{ServeArgs, SharedArgs};
use crate::error::Result;
use crate::report::Report;
use crate::service::{self, Service};
use crate::studio::Studio;
use crate::sync::{Stop, lock};
use crate::warning::Warning;

/// How often the terminal is told what happened.
const LOOK: Duration = Duration::from_millis(200);

/// What `--json` prints: once at the start, once at the end.
#[derive(Serialize)]
struct Serving {
    command: &'static str,
    /// What to open in a browser.
    address: String,
    warnings: Vec<String>,
}

/// Serves until Ctrl-C.
///
/// # Errors
/// The port is taken, or the styles cannot be read.
pub fn serve(args: &ServeArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let stop = Stop::at_ctrl_c()?;
    let studio = Studio::open(args.run.machine(shared))?;
    let device = args.run.device.to_string();
    let failures: Arc<Mutex<Vec<Warning>>> = Arc::default();
    let told = Arc::clone(&failures);
    let failed = move |error: &crate::error::Error| {
        let (device, reason) = (device.clone(), error.to_string());
        lock(&told).push(Warning::DeviceFailed { device, reason });
    };
    let folder = args.folder.clone().unwrap_or_else(service::usual_folder);
    let service = Service::open(studio, args.address, args.token.clone(), &folder, args.limits(), failed)?;
    let print = |report: &Report| {
        let (command, address) = ("serve", service.address().to_owned());
        report.print_json(&Serving { command, address, warnings: report.warnings() });
    };
    report.say(format!("open {} in a browser; press Ctrl-C to end", service.address()));
    print(report);
    while stop.sleep_until(Instant::now() + LOOK) {
        lock(&failures).drain(..).for_each(|warning| report.warn(warning));
    }
    print(report);
    Ok(())
}
