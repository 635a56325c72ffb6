//! Downloads pinned archives of npm's registry with curl, so that a download that was interrupted resumes. npm, or its variable,
//! says where the registry is.

use std::env;
use std::fs;
use std::io::{IsTerminal, stderr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::digest;
use crate::error::{Error, Result, cause};
use crate::network::device::Wheel;
use crate::report;
use crate::whole;

/// What the table says instead of a wheel's platform.
const TAG: &str = "npm";
/// npm's own variable for its registry.
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
    let file = cache.join(file_name(package));
    let part = file.with_extension("tgz.part");
    let Wheel { package: name, version, sha256, .. } = package;
    // One that was interrupted after its last byte.
    let is_complete = || Ok(part.is_file() && digest::of_file(&part)? == *sha256);
    if !is_complete()? {
        let registry = registry().ok_or_else(|| {
            Error::failed(format!(
                "npm is needed to say where {name} is downloaded from; install it (package npm), set {VARIABLE} to the address of npm's \
                 registry, or give --from a folder with the archive: npm pack {name}@{version}"
            ))
        })?;
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
    whole::rename(&part, &file).map_err(|error| Error::writing(&file, &error))?;
    Ok(file)
}

/// The address of npm's registry: the user's own, or the usual one.
fn registry() -> Option<String> {
    let own = env::var(VARIABLE).ok();
    let own = own.or_else(|| {
        // On Windows it is a script, which only a shell starts.
        let (program, first) = if cfg!(windows) { ("cmd", ["/c", "npm"].as_slice()) } else { ("npm", [].as_slice()) };
        let asked = Command::new(program).args(first).args(["config", "get", "registry"]).stdin(Stdio::null()).output();
        asked.ok().filter(|asked| asked.status.success()).and_then(|asked| String::from_utf8(asked.stdout).ok())
    })?;
    let own = own.trim().trim_end_matches('/');
    own.starts_with("http").then(|| own.to_owned())
}
