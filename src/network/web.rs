//! ONNX Runtime for browsers: `impasto setup --web` installs it, and `impasto serve` gives it to its page.

use std::path::PathBuf;

use super::device::{Wheel, wheels};
use super::library;

/// What it is called in the table of packages.
pub const WHAT: &str = "web";
/// What installs it.
pub const CURE: &str = "run impasto setup --web to install it";

/// The files that a browser loads: for the processor, and for the graphics card.
pub const FILES: [&str; 6] = [
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
    "ort.webgpu.min.mjs",
    "ort-wasm-simd-threaded.asyncify.mjs",
    "ort-wasm-simd-threaded.asyncify.wasm",
];

/// The pinned package.
pub fn package() -> Wheel {
    wheels().find(|wheel| wheel.what == WHAT).expect("the table lists it")
}

/// Where `impasto setup --web` puts its files.
pub fn folder() -> PathBuf {
    let Wheel { package, version, .. } = package();
    library::data_folder().join(package).join(version)
}

/// Whether they are there.
pub fn is_installed() -> bool {
    let folder = folder();
    FILES.iter().all(|file| folder.join(file).is_file())
}
