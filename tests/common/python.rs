//! The project's Python scripts, run with the packages that scripts/test puts into target/python.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a script, named from the top of the repository, with its arguments.
pub fn python(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = root.join("target/python");
    assert!(packages.join("packages").exists(), "target/python is missing: scripts/test makes it");
    Command::new("python3").args(arguments).current_dir(root).env("PYTHONPATH", packages).output().unwrap()
}

/// What it said.
pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
