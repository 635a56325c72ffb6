//! Finds the libraries of plugins.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::device::{Device, Route};
use super::library;
use crate::error::{Error, Result};
use crate::installation;

/// The paths of `--plugin`, checked: each is a plugin's library, or a folder that holds some.
///
/// # Errors
/// A path holds no plugin that is known here.
pub(super) fn check(given: &[PathBuf]) -> Result<()> {
    for path in given {
        if !Device::all().any(|device| within(device, path).is_some()) {
            let names: Vec<String> =
                Device::all().filter(|device| file_name(*device).is_some()).map(|device| device.to_string()).collect();
            return Err(Error::failed(format!(
                "--plugin is '{}', which holds no plugin for {}; give its library or the folder of its wheel, or leave it out to \
                 use the one that impasto setup --gpu installs",
                path.display(),
                names.join(", ")
            )));
        }
    }
    Ok(())
}

/// The file name of a device's plugin on this system.
fn file_name(device: Device) -> Option<String> {
    let Route::Plugin { stem, .. } = device.kind().route else { return None };
    Some(format!("{}{stem}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX))
}

/// The plugin of `device` at `path`, which may be its file or a folder that holds it.
fn within(device: Device, path: &Path) -> Option<PathBuf> {
    let Route::Plugin { folder, .. } = device.kind().route else { return None };
    let name = file_name(device)?;
    let is_it = path.is_file() && path.file_name().is_some_and(|found| found == name.as_str());
    let candidates = [path.join(&name), path.join(folder).join(&name)];
    if is_it { Some(path.to_owned()) } else { candidates.into_iter().find(|file| file.is_file()) }
}

/// The plugin's library: at a path of `given`, beside the program, where `impasto setup` installs it, beside ONNX Runtime, or
/// in a Python environment.
pub(super) fn find(device: Device, given: &[PathBuf], library: &Path) -> Option<PathBuf> {
    let mut folders = given.to_vec();
    if let Some(beside) = installation::program_folder() {
        folders.push(beside.clone());
        folders.extend(beside.parent().into_iter().flat_map(|above| [above.join("lib/impasto"), above.join("lib")]));
    }
    if let Some(wheel) = device.wheel() {
        folders.push(library::data_folder().join(wheel.package).join(wheel.version));
    }
    if let Some(beside) = library.parent() {
        folders.push(beside.to_owned());
        // In a wheel, the library is in onnxruntime/capi; the plugins are beside onnxruntime.
        folders.extend(beside.ancestors().nth(2).map(Path::to_owned));
    }
    folders.extend(site_packages());
    let found = folders.iter().find_map(|folder| within(device, folder))?;
    // ONNX Runtime takes a relative path as one beside its own library. Links are followed, since a plugin looks for its other
    // libraries beside itself; not on Windows, where canonical paths have a prefix that not every loader accepts.
    let real = if cfg!(windows) { std::path::absolute(&found) } else { fs::canonicalize(&found) };
    Some(real.unwrap_or(found))
}

/// Where Python's packages are: the active environment's, the user's, the system's.
fn site_packages() -> Vec<PathBuf> {
    let bases = [
        env::var_os("VIRTUAL_ENV").map(PathBuf::from),
        env::home_dir().map(|home| home.join(".local")),
        Some("/usr/local".into()),
        Some("/usr".into()),
    ];
    let bases = bases.into_iter().flatten().filter(|base| base.is_absolute());
    bases.flat_map(|base| library::python_packages(&base)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_found_as_a_file_in_its_folder_and_in_site_packages() {
        let place = tempfile::tempdir().unwrap();
        let name = file_name(Device::WebGpu).unwrap();
        let folder = place.path().join("onnxruntime_ep_webgpu");
        fs::create_dir(&folder).unwrap();
        let file = folder.join(&name);
        assert_eq!(within(Device::WebGpu, place.path()), None);
        fs::write(&file, "").unwrap();
        for path in [&file, &folder, &place.path().to_owned()] {
            assert_eq!(within(Device::WebGpu, path).as_ref(), Some(&file), "{}", path.display());
            assert_eq!(within(Device::OpenVino, path), None);
            assert_eq!(within(Device::Cuda, path), None);
        }
        // Beside an ONNX Runtime that is a wheel itself.
        let library = place.path().join("onnxruntime/capi/libonnxruntime.so.1.32.0");
        assert_eq!(find(Device::WebGpu, &[], &library), Some(fs::canonicalize(file).unwrap()));
    }

    #[test]
    fn a_path_without_a_plugin_is_refused_with_the_cure() {
        let place = tempfile::tempdir().unwrap();
        let error = check(&[place.path().to_owned()]).unwrap_err().to_string();
        assert!(error.starts_with("--plugin is '") && error.contains("tensorrt-rtx, openvino, webgpu"), "{error}");
        assert!(error.contains("impasto setup --gpu"), "{error}");
        assert!(check(&[]).is_ok());
    }
}
