//! The project's Python scripts, run with the packages that scripts/test puts into target/python.

use std::path::Path;
use std::process::{Command, Output};

use crate::need;

/// Runs a script, named from the top of the repository, with its arguments.
pub fn python(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = need::python_packages("python");
    need::program("python3").args(arguments).current_dir(root).env("PYTHONPATH", packages).output().unwrap()
}

/// Runs a script that needs PyTorch: with the distribution's own, and the onnx that scripts/test puts beside it.
#[allow(dead_code, reason = "one test trains")]
pub fn python_with_torch(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = need::python_packages("python-train");
    need::pytorch();
    let mut command = Command::new("/usr/bin/python3");
    // The distribution's PyTorch knows ONNX's messages itself, which protobuf's C++ side would take for the package's.
    command.env("PYTHONPATH", packages).env("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python");
    command.args(arguments).current_dir(root).output().unwrap()
}

/// What it said.
pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
