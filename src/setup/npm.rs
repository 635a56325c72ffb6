//! Downloads pinned archives of npm's registry with curl, which most machines have and Node.js is not on. A download that was
//! interrupted resumes.

use std::env;
use std::fs;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::digest;
use crate::error::{Error, Result, cause};
use crate::network::device::Wheel;
use crate::report;

/// What the table says instead of a wheel's platform.
const TAG: &str = "npm";
const REGISTRY: &str = "https://registry.npmjs.org";
/// npm's own variable for another registry.
const VARIABLE: &str = "npm_config_registry";

/// Whether this package is of npm's registry.
pub fn is_of_npm(package: &Wheel) -> bool {
    package.tag == TAG
}

/// The name of the archive.
pub fn file_name(package: &Wheel) -> String {
    format!("{}-{}.tgz", package.package, package.version)
}

/// Downloads the archive into `cache`.
///
/// # Errors
/// curl is missing or fails, or the bytes are not the pinned ones.
pub fn download(package: &Wheel, cache: &Path) -> Result<PathBuf> {
    let registry = env::var(VARIABLE).ok().filter(|registry| !registry.is_empty());
    let registry = registry.as_deref().unwrap_or(REGISTRY).trim_end_matches('/');
    let file = cache.join(file_name(package));
    let part = file.with_extension("tgz.part");
    let Wheel { package: name, version, sha256, .. } = package;
    // One that was interrupted after its last byte.
    let is_complete = || Ok(part.is_file() && digest::of_file(&part)? == *sha256);
    if !is_complete()? {
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--location", "--retry", "3", "--continue-at", "-", "--output"]).arg(&part);
        curl.args(if stderr().is_terminal() { ["--progress-bar"].as_slice() } else { &["--silent", "--show-error"] });
        curl.arg(format!("{registry}/{name}/-/{}", file_name(package)));
        let done = curl.stdin(Stdio::null()).stdout(report::output_of_children()).status();
        let status = done.map_err(|error| {
            let reason = cause(&error);
            Error::failed(format!(
                "curl, which downloads {name}, cannot be started ({reason}); install it, or give --from a folder with the archive: \
                 npm pack {name}@{version}"
            ))
        })?;
        if !status.success() {
            return Err(Error::failed(format!(
                "{name} {version} could not be downloaded; see curl's message above, check the network, and run the same command \
                 again: it resumes"
            )));
        }
        if !is_complete()? {
            // It would be resumed otherwise, and never come right.
            fs::remove_file(&part).map_err(|error| Error::writing(&part, &error))?;
            return Err(Error::failed(format!(
                "{name} {version} from {registry} is not the pinned file (its SHA-256 differs); run the same command again, or set \
                 {VARIABLE} to another registry"
            )));
        }
    }
    fs::rename(&part, &file).map_err(|error| Error::writing(&file, &error))?;
    Ok(file)
}
