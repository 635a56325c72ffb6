//! What a test needs beyond Cargo: programs, libraries and packages that the scripts install.
//!
//! A test without its component fails and says what is missing and which command installs it. The few that may be skipped
//! on a developer's machine say so, and fail in CI, where nobody would read it.

#![allow(dead_code, reason = "each test uses its share of it")]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use impasto::internals::network::library;

/// What `scripts/setup` installs for everyone; `scripts/setup --tests` installs all other programs.
const FOR_EVERYONE: [&str; 5] = ["cc", "curl", "ffmpeg", "ffprobe", "python3"];

/// `name`, ready to be given arguments.
#[track_caller]
pub fn program(name: &str) -> Command {
    let folders = env::var_os("PATH").unwrap_or_default();
    let file = format!("{name}{}", env::consts::EXE_SUFFIX);
    let found = env::split_paths(&folders).any(|folder| folder.join(&file).is_file());
    let cure = if FOR_EVERYONE.contains(&name) { "scripts/setup" } else { "scripts/setup --tests" };
    assert!(found, "{}", missing(&format!("the program {name}"), cure));
    Command::new(name)
}

/// The ONNX Runtime library.
#[track_caller]
pub fn onnx_runtime() -> PathBuf {
    find_onnx_runtime().unwrap_or_else(|missing| panic!("{missing}"))
}

/// The folder of VGG-19's graphs.
#[track_caller]
pub fn vgg19() -> PathBuf {
    let folder = library::data_folder().join("vgg19");
    assert!(folder.join("weights.bin").is_file(), "{}", missing("VGG-19", "scripts/setup --paint"));
    folder
}

/// ONNX Runtime for browsers.
#[track_caller]
pub fn onnxruntime_web() {
    let found = impasto::internals::network::web::is_installed();
    assert!(found, "{}", missing("ONNX Runtime for browsers", "scripts/setup --web"));
}

/// A graphics card in software: the folder of the webgpu plugin, and Chromium's Vulkan driver.
pub struct SoftwareCard {
    pub plugin: PathBuf,
    /// The driver's library.
    pub driver: PathBuf,
    /// Its description, for Vulkan's loader.
    pub icd: PathBuf,
}

/// The graphics card in software.
#[track_caller]
pub fn software_card() -> SoftwareCard {
    let wheel = impasto::internals::network::device::wheels().find(|wheel| wheel.what == "webgpu").unwrap();
    let plugin = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(format!("webgpu-{}", wheel.version));
    assert!(plugin.is_dir(), "{}", missing("the plugin for webgpu", "scripts/setup --tests"));
    let folder = Path::new("/usr/lib/chromium");
    let (driver, icd) = (folder.join("libvk_swiftshader.so"), folder.join("vk_swiftshader_icd.json"));
    for file in [&driver, &icd] {
        assert!(file.is_file(), "{}", missing(&file.display().to_string(), "scripts/setup --tests"));
    }
    SoftwareCard { plugin, driver, icd }
}

/// A folder of Python packages below `target/`.
#[track_caller]
pub fn python_packages(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(name);
    assert!(folder.join("packages").is_file(), "{}", missing(&format!("target/{name}"), "scripts/test"));
    folder
}

/// The distribution's PyTorch.
#[track_caller]
pub fn pytorch() {
    let found = Command::new("/usr/bin/python3").args(["-c", "import torch"]).output();
    let found = found.is_ok_and(|output| output.status.success());
    assert!(found, "{}", missing("PyTorch for /usr/bin/python3", "scripts/setup --tests"));
}

/// The ONNX Runtime library for something that may be skipped: `None` says that it was, and fails in CI.
#[track_caller]
pub fn onnx_runtime_or_skip(what: &str) -> Option<PathBuf> {
    find_onnx_runtime().map_err(|missing| skip(what, &missing)).ok()
}

/// Says that `what` is skipped, and why; fails in CI.
#[track_caller]
#[expect(clippy::print_stderr, reason = "it is meant for whoever runs the tests")]
pub fn skip(what: &str, why: &str) {
    assert!(!in_ci(), "{what} must not be skipped in CI: {why}");
    eprintln!("SKIPPED {what}: {why}");
}

/// CI services set the variable CI. Empty or `false` counts as not set.
fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false")
}

fn find_onnx_runtime() -> Result<PathBuf, String> {
    library::find(None, false).map(|found| found.path).map_err(|error| error.to_string())
}

fn missing(what: &str, cure: &str) -> String {
    format!("{what} is missing; run {cure} to install it")
}
