//! Finds the ONNX Runtime library, and the user's data and cache folders.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::installation;

/// The oldest ONNX Runtime that has the API that impasto uses, as major and minor version.
pub const MINIMUM: (u32, u32) = (1, 24);

/// The environment variable for the library file; other programs that load ONNX Runtime read it too.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

const CPU_BUILD: &str = "onnxruntime";
const GPU_BUILD: &str = "onnxruntime-gpu";

/// An ONNX Runtime library that exists and, as far as its name tells, is new enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    /// The file, with links resolved: ONNX Runtime looks for its provider libraries beside it.
    pub path: PathBuf,
    /// How it was chosen, or where it was found.
    pub origin: Origin,
}

/// How a library was chosen, or where it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The flag `--onnxruntime`.
    Flag,
    /// The environment variable [`VARIABLE`].
    Environment,
    /// The folder of the program, or `lib/impasto` or `lib` next to it.
    Program,
    /// The Python environment that the program is installed in.
    Python,
    /// The user's data folder, which `scripts/setup` fills.
    UserFolder,
    /// A library folder of the system.
    System,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Flag => "--onnxruntime",
            Self::Environment => VARIABLE,
            Self::Program => "the program's folder",
            Self::Python => "the program's Python environment",
            Self::UserFolder => "the user's data folder",
            Self::System => "the system",
        })
    }
}

/// Why no library can be loaded.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// No library was found.
    #[error(
        "ONNX Runtime was not found; {}, or give --onnxruntime PATH (searched: {})", installation::repair(), list(.searched)
    )]
    NotFound {
        /// The folders that were searched, in this order.
        searched: Vec<PathBuf>,
    },
    /// The path that the user gave holds no library.
    #[error("{by} is '{}', which holds no ONNX Runtime library; correct it, or leave it out to use impasto's own", .path.display())]
    Named {
        /// The path.
        path: PathBuf,
        /// How the user gave it.
        by: Origin,
    },
    /// The only library found is older than [`MINIMUM`].
    #[error(
        "ONNX Runtime {}.{}.{} at '{}' is too old ({}.{} or newer is needed); {}, or give --onnxruntime PATH",
        .found.0, .found.1, .found.2, .path.display(), .need.0, .need.1, installation::repair()
    )]
    TooOld {
        /// The library's file.
        path: PathBuf,
        /// Its version, from its name.
        found: (u32, u32, u32),
        /// The oldest version that is accepted.
        need: (u32, u32),
    },
}

/// Finds the library. It is at `flag` (a file, or the folder that holds it), else at [`VARIABLE`]. Else it is the newest beside the
/// program, in the Python environment that the program belongs to, in the user's data folder, or in the system's folders. If
/// `gpu`, a GPU build in the user's data folder comes before all of these.
///
/// # Errors
/// The given path holds no library, or one below [`MINIMUM`]; or no library that is new enough was found.
pub fn find(flag: Option<&Path>, gpu: bool) -> Result<Library, LibraryError> {
    Places::of_this_process().find(flag, gpu)
}

/// The version in the real name of `path`, as in `libonnxruntime.so.1.32.0` and `libonnxruntime.1.32.0.dylib`;
/// `None` if the name carries none.
pub fn version_of(path: &Path) -> Option<(u32, u32, u32)> {
    let real = fs::canonicalize(path).ok()?;
    let name = real.file_name()?.to_str()?;
    let numbers: Vec<u32> = name.split('.').filter_map(|part| part.parse().ok()).collect();
    match numbers[..] {
        [major, minor, micro] => Some((major, minor, micro)),
        [major, minor] => Some((major, minor, 0)),
        _ => None,
    }
}

/// The user's data folder: the ONNX Runtime library and added styles.
pub fn data_folder() -> PathBuf {
    folder(&|name| env::var_os(name), env::home_dir(), Purpose::Data)
}

/// The user's cache folder, for what can be made or downloaded again: compiled networks, the demo's clips.
pub fn cache_folder() -> PathBuf {
    folder(&|name| env::var_os(name), env::home_dir(), Purpose::Cache)
}

#[derive(Clone, Copy)]
enum Purpose {
    Data,
    Cache,
}

fn folder(variable: &dyn Fn(&str) -> Option<OsString>, home: Option<PathBuf>, purpose: Purpose) -> PathBuf {
    // A relative path is invalid and ignored, as the XDG base directory specification asks.
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // Never the folder for temporary files: libraries are loaded from here, and other users could put one there.
    let home = home.unwrap_or_else(|| PathBuf::from(std::path::MAIN_SEPARATOR_STR));
    if cfg!(windows) {
        let local = absolute("LOCALAPPDATA").unwrap_or_else(|| home.join("AppData").join("Local"));
        return local.join("impasto").join(match purpose {
            Purpose::Data => "data",
            Purpose::Cache => "cache",
        });
    }
    let base = match (cfg!(target_os = "macos"), purpose) {
        (true, Purpose::Data) => home.join("Library/Application Support"),
        (true, Purpose::Cache) => home.join("Library/Caches"),
        (false, Purpose::Data) => absolute("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")),
        (false, Purpose::Cache) => absolute("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache")),
    };
    base.join("impasto")
}

/// All places to search for the library, as plain values so that tests can make their own.
struct Places {
    variable: Option<PathBuf>,
    program: Option<PathBuf>,
    data: PathBuf,
    system: Vec<PathBuf>,
}

impl Places {
    fn of_this_process() -> Self {
        let system = if cfg!(windows) {
            // Windows ships an ONNX Runtime among its system libraries, and it is old.
            Vec::new()
        } else if cfg!(target_os = "macos") {
            vec!["/usr/local/lib".into(), "/opt/homebrew/lib".into()]
        } else {
            vec![
                "/usr/local/lib".into(),
                format!("/usr/lib/{}-linux-gnu", env::consts::ARCH).into(),
                "/usr/lib64".into(),
                "/usr/lib".into(),
            ]
        };
        Self {
            variable: env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from),
            program: env::current_exe().ok(),
            data: data_folder(),
            system,
        }
    }

    fn find(&self, flag: Option<&Path>, gpu: bool) -> Result<Library, LibraryError> {
        if let Some(path) = flag {
            return named(path, Origin::Flag);
        }
        if let Some(path) = &self.variable {
            return named(path, Origin::Environment);
        }
        let mut searched = Vec::new();
        let mut too_old = None;
        for (folders, origin) in self.groups(gpu) {
            match newest(&folders) {
                Some(path) => match accepted(path, origin) {
                    Ok(library) => return Ok(library),
                    Err(error) => too_old = too_old.or(Some(error)),
                },
                None => searched.extend(folders),
            }
        }
        Err(too_old.unwrap_or(LibraryError::NotFound { searched }))
    }

    /// The folders to search, in order; within a group, the newest library is used.
    fn groups(&self, gpu: bool) -> Vec<(Vec<PathBuf>, Origin)> {
        let users = |build| (version_folders(&self.data.join(build)), Origin::UserFolder);
        let mut groups = Vec::new();
        // A package brings the build for the processor; who installed the other wants it.
        if gpu {
            groups.push(users(GPU_BUILD));
        }
        if let Some(beside) = self.program.as_deref().and_then(Path::parent) {
            groups.push((vec![beside.to_path_buf()], Origin::Program));
            if let Some(above) = beside.parent() {
                groups.push((vec![above.join("lib/impasto")], Origin::Program));
                groups.push((vec![above.join("lib")], Origin::Program));
                let wheels = python_packages(above).map(|packages| packages.join("onnxruntime/capi"));
                groups.push((wheels.collect(), Origin::Python));
            }
        }
        groups.push(users(CPU_BUILD));
        // It runs on the processor too, so it is used if it is the only one.
        if !gpu {
            groups.push(users(GPU_BUILD));
        }
        groups.extend(self.system.iter().map(|folder| (vec![folder.clone()], Origin::System)));
        groups
    }
}

/// The folders of Python's packages in the environment `base`: `lib/python3.11/site-packages`, on Windows `Lib/site-packages`.
pub(super) fn python_packages(base: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let versions = entries(&base.join("lib"))
        .filter(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"python3")));
    // Debian's own Python has packages under the second name.
    let folders = versions.flat_map(|version| ["site-packages", "dist-packages"].map(|name| version.join(name)));
    folders.chain([base.join("Lib/site-packages")]).filter(|folder| folder.is_dir())
}

/// `folder` and the version folders in it.
fn version_folders(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_path_buf()];
    folders.extend(entries(folder).filter(|path| path.is_dir() && !is_hidden(path)));
    folders
}

/// `scripts/setup` fills a folder under a hidden name before it renames it.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

fn named(path: &Path, by: Origin) -> Result<Library, LibraryError> {
    let file = if path.is_dir() { newest(&[path.to_path_buf()]) } else { Some(path.to_path_buf()) };
    match file.filter(|file| file.is_file()) {
        Some(file) => accepted(file, by),
        None => Err(LibraryError::Named { path: path.to_path_buf(), by }),
    }
}

/// Rejects a version that is too old by its name. A name without a version is accepted: loading checks it.
fn accepted(path: PathBuf, origin: Origin) -> Result<Library, LibraryError> {
    if let Some(found) = version_of(&path)
        && (found.0, found.1) < MINIMUM
    {
        return Err(LibraryError::TooOld { path, found, need: MINIMUM });
    }
    // Not on Windows, where canonical paths have a prefix that not every loader accepts.
    let real = if cfg!(windows) { None } else { fs::canonicalize(&path).ok() };
    Ok(Library { path: real.unwrap_or(path), origin })
}

/// The newest library file in `folders`; one without a version in its name counts as the oldest.
fn newest(folders: &[PathBuf]) -> Option<PathBuf> {
    folders
        .iter()
        .flat_map(|folder| entries(folder))
        .filter(|path| is_library(path) && path.is_file())
        .max_by_key(|path| version_of(path))
}

fn is_library(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // The provider libraries are called libonnxruntime_providers_*.
    if cfg!(windows) {
        name.eq_ignore_ascii_case("onnxruntime.dll")
    } else if cfg!(target_os = "macos") {
        name.strip_prefix("libonnxruntime.").is_some_and(|rest| rest.ends_with("dylib"))
    } else {
        name.strip_prefix("libonnxruntime.so").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// The paths in `folder`; none if it cannot be read, since no library could be loaded from it either.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A simulated machine: all places exist and are empty.
    struct Machine {
        root: TempDir,
        places: Places,
    }

    impl Machine {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let at = |path: &str| root.path().join(path);
            let places = Places {
                variable: None,
                program: Some(at("app/bin/impasto")),
                data: at("data"),
                system: vec![at("usr/lib")],
            };
            Self { root, places }
        }

        /// Creates an empty library of `version` in `folder` and returns its real path.
        fn install(&self, folder: &str, version: &str) -> PathBuf {
            let folder = self.root.path().join(folder);
            fs::create_dir_all(&folder).unwrap();
            let path = fs::canonicalize(folder).unwrap().join(file_name(version));
            fs::write(&path, "").unwrap();
            path
        }

        fn find(&self, gpu: bool) -> Result<Library, LibraryError> {
            self.places.find(None, gpu)
        }
    }

    fn file_name(version: &str) -> String {
        if cfg!(windows) {
            "onnxruntime.dll".into()
        } else if cfg!(target_os = "macos") {
            format!("libonnxruntime.{version}.dylib")
        } else {
            format!("libonnxruntime.so.{version}")
        }
    }

    #[test]
    fn without_a_library_the_error_says_what_to_run() {
        let machine = Machine::new();
        let error = machine.find(false).unwrap_err();
        let LibraryError::NotFound { searched } = &error else { panic!("{error}") };
        assert!(searched.contains(&machine.root.path().join("data/onnxruntime")));
        let cure = "ONNX Runtime was not found; run scripts/setup, or give --onnxruntime PATH";
        assert!(error.to_string().starts_with(cure), "{error}");
    }

    #[test]
    fn the_places_are_searched_in_order() {
        let mut machine = Machine::new();
        let order = [
            ("usr/lib", Origin::System),
            ("data/onnxruntime/1.32.0", Origin::UserFolder),
            ("app/lib/python3.11/site-packages/onnxruntime/capi", Origin::Python),
            ("app/lib", Origin::Program),
            ("app/lib/impasto", Origin::Program),
            ("app/bin", Origin::Program),
            ("by-variable", Origin::Environment),
            ("by-flag", Origin::Flag),
        ];
        let mut flag = None;
        for (folder, origin) in order {
            let path = machine.install(folder, "1.32.0");
            match origin {
                Origin::Flag => flag = Some(path.clone()),
                Origin::Environment => machine.places.variable = Some(path.clone()),
                _ => {}
            }
            let found = machine.places.find(flag.as_deref(), false);
            assert_eq!(found, Ok(Library { path, origin }));
        }
    }

    #[test]
    fn the_flag_may_be_a_folder() {
        let machine = Machine::new();
        let path = machine.install("mine", "1.25.0");
        let found = machine.places.find(path.parent(), false).unwrap();
        assert_eq!(found, Library { path, origin: Origin::Flag });
    }

    #[test]
    fn a_given_path_without_a_library_is_an_error_even_if_there_is_another() {
        let mut machine = Machine::new();
        machine.install("data/onnxruntime/1.32.0", "1.32.0");
        let nowhere = machine.root.path().join("nowhere.so");
        let empty = machine.root.path().join("data");
        machine.places.variable = Some(nowhere.clone());
        let error = machine.find(false).unwrap_err();
        assert!(error.to_string().starts_with("ORT_DYLIB_PATH is '"), "{error}");
        assert_eq!(error, LibraryError::Named { path: nowhere, by: Origin::Environment });
        let error = machine.places.find(Some(&empty), false).unwrap_err();
        assert_eq!(error, LibraryError::Named { path: empty, by: Origin::Flag });
    }

    #[test]
    #[cfg(not(windows))]
    fn the_newest_version_of_the_user_folder_wins() {
        let machine = Machine::new();
        machine.install("data/onnxruntime/1.9.0", "1.9.0");
        machine.install("data/onnxruntime/1.24.0", "1.24.0");
        let newest = machine.install("data/onnxruntime/1.100.0", "1.100.0");
        machine.install("data/onnxruntime/.incoming.x/new", "1.200.0");
        assert_eq!(machine.find(false).unwrap().path, newest);
    }

    #[test]
    fn the_gpu_build_comes_first_only_on_request() {
        let machine = Machine::new();
        let gpu = machine.install("data/onnxruntime-gpu/1.31.1", "1.31.1");
        assert_eq!(machine.find(false).unwrap().path, gpu, "it is the only one");
        let cpu = machine.install("data/onnxruntime/1.32.0", "1.32.0");
        assert_eq!(machine.find(false).unwrap().path, cpu);
        assert_eq!(machine.find(true).unwrap().path, gpu);
    }

    #[test]
    #[cfg(not(windows))]
    fn a_version_that_is_too_old_is_skipped_and_reported_if_it_is_the_only_one() {
        let machine = Machine::new();
        let old = machine.install("app/bin", "1.23.2");
        let error = machine.find(false).unwrap_err();
        assert_eq!(
            error,
            LibraryError::TooOld {
                path: machine.root.path().join("app/bin").join(old.file_name().unwrap()),
                found: (1, 23, 2),
                need: MINIMUM
            }
        );
        assert!(error.to_string().contains("1.24 or newer is needed); run scripts/setup"));
        let new = machine.install("usr/lib", "1.24.0");
        assert_eq!(machine.find(false).unwrap().path, new);
    }

    #[test]
    #[cfg(not(windows))]
    fn a_provider_library_is_not_the_runtime() {
        let machine = Machine::new();
        let folder = machine.root.path().join("usr/lib");
        fs::create_dir_all(&folder).unwrap();
        for name in ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_shared.dylib"] {
            fs::write(folder.join(name), "").unwrap();
        }
        assert!(machine.find(false).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_followed_to_the_file_with_the_version() {
        let machine = Machine::new();
        let real = machine.install("opt/onnxruntime", "1.32.0");
        let link = machine.root.path().join("usr/lib").join(file_name("1").replace(".1", ""));
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert_eq!(version_of(&link), Some((1, 32, 0)));
        assert_eq!(machine.find(false).unwrap().path, real);
    }

    #[test]
    fn a_name_without_a_version_has_none() {
        let machine = Machine::new();
        let path = machine.root.path().join("mine.so");
        assert_eq!(version_of(&path), None, "a file that does not exist");
        fs::write(&path, "").unwrap();
        assert_eq!(version_of(&path), None);
        let found = machine.places.find(Some(&path), false).unwrap();
        assert_eq!(found.origin, Origin::Flag);
    }

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_users_folders_follow_xdg() {
        let home = || Some(PathBuf::from("/home/someone"));
        let unset = |_: &str| None;
        let moved = |name: &str| Some(OsString::from(format!("/mnt/{name}")));
        let relative = |_: &str| Some(OsString::from("here"));
        let data = "/home/someone/.local/share/impasto";
        assert_eq!(folder(&unset, home(), Purpose::Data), Path::new(data));
        assert_eq!(folder(&relative, home(), Purpose::Data), Path::new(data));
        assert_eq!(folder(&moved, home(), Purpose::Data), Path::new("/mnt/XDG_DATA_HOME/impasto"));
        assert_eq!(folder(&unset, home(), Purpose::Cache), Path::new("/home/someone/.cache/impasto"));
        assert_eq!(folder(&moved, home(), Purpose::Cache), Path::new("/mnt/XDG_CACHE_HOME/impasto"));
    }
}
