//! Loads ONNX Runtime, once per process.

use std::error::Error as _;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ort::LoadDynamicError;
use ort::environment::Environment;

use super::device::Device;
use super::library::Origin;
use super::{library, plugin_file};
use crate::error::{Error, Result, cause};
use crate::installation;

/// The loaded library; clones share it.
#[derive(Clone)]
pub struct Runtime {
    pub(super) environment: Environment,
    /// The file that it was loaded from.
    pub path: PathBuf,
    /// How that was chosen, or where it was found.
    pub origin: Origin,
    /// Where the user says that plugins are.
    pub(super) plugins: Arc<[PathBuf]>,
}

impl Runtime {
    /// Finds and loads ONNX Runtime: from `path` if given, else where [`library::find`] finds it, the GPU build first if
    /// `gpu`.
    ///
    /// # Errors
    /// It is not found, cannot be loaded, or is older than 1.24; the error says what to do.
    pub fn load(path: Option<&Path>, gpu: bool) -> Result<Self> {
        let library = library::find(path, gpu).map_err(|error| Error::failed(error.to_string()))?;
        let library::Library { path, origin } = library;
        if is_truncated(&path) {
            return Err(Error::failed(format!("ONNX Runtime at '{}' is incomplete; {}", path.display(), cure())));
        }
        let environment = ort::init_from(&path)
            .map_err(|error| Error::failed(describe(&path, &error)))?
            .with_name("impasto")
            // Its makers' own build counts its uses and sends them that if it is not told otherwise; main.rs tells it earlier.
            .with_telemetry(false)
            .build()
            .map_err(|error| Error::failed(not_started(&path, &error)))?;
        Ok(Self { environment, path, origin, plugins: Arc::new([]) })
    }

    /// Looks for plugins at these paths first: libraries, or folders that hold some.
    ///
    /// # Errors
    /// A path holds no plugin.
    pub fn with_plugins(self, paths: &[PathBuf]) -> Result<Self> {
        plugin_file::check(paths)?;
        Ok(Self { plugins: paths.into(), ..self })
    }

    /// Identifies the build: the version in the file name, if there is one, and the commit.
    pub fn version(&self) -> String {
        let commit =
            ort::info().split(", ").find_map(|part| part.strip_prefix("git-commit-id=")).unwrap_or("unknown commit");
        match library::version_of(&self.path) {
            Some((major, minor, micro)) => format!("{major}.{minor}.{micro} ({commit})"),
            None => commit.to_owned(),
        }
    }

    /// The file of the plugin that adds `device`, if it comes from one that is found.
    pub fn plugin(&self, device: Device) -> Option<PathBuf> {
        plugin_file::find(device, &self.plugins, &self.path)
    }

    /// How ONNX Runtime describes its own build.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }
}

/// What to do about a library that does not work.
fn cure() -> String {
    format!("{}, or choose another library with --onnxruntime PATH", installation::repair())
}

/// Whether a 64-bit ELF library ends before its section headers do: the system would load it, and the process die of a bus error.
fn is_truncated(path: &Path) -> bool {
    let mut header = [0; 64];
    let Ok(mut file) = File::open(path) else { return false };
    let Ok(size) = file.metadata().map(|found| found.len()) else { return false };
    if file.read_exact(&mut header).is_err() || !header.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let number =
        |at: usize, bytes: usize| header[at..at + bytes].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte));
    let (start, each, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    start.saturating_add(each * count) > size
}

fn not_started(path: &Path, error: &ort::Error) -> String {
    format!("ONNX Runtime at '{}' did not start ({}); {}", path.display(), cause(error), cure())
}

fn describe(path: &Path, error: &LoadDynamicError) -> String {
    let (path, cure) = (path.display(), cure());
    match error {
        LoadDynamicError::BadVersion { version_str, .. } => {
            format!("ONNX Runtime {version_str} at '{path}' is too old (1.24 or newer is needed); {cure}")
        }
        LoadDynamicError::Dlopen { error, .. } => {
            // The error itself is "dlopen failed"; the system's reason is its source and begins with the path.
            let reason = error.source().map_or_else(|| cause(error), |source| cause(&source));
            let reason = reason.strip_prefix(&format!("{path}: ")).unwrap_or(&reason);
            format!("'{path}' cannot be loaded as ONNX Runtime ({reason}); {cure}")
        }
        LoadDynamicError::MissingApi { .. } | LoadDynamicError::InvalidVersionString => {
            format!("'{path}' is not ONNX Runtime; {cure}")
        }
    }
}
