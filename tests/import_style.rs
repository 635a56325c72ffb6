//! Networks of the pytorch/examples family, from their checkpoint through scripts/import_style.py to a picture.
//!
//! The script's packages lie in target/python, where scripts/test puts them; without them these tests say so and pass.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use impasto::network::library;
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with small random networks in every format, from tests/common/fast_neural_style.py; none without packages.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn networks() -> Option<TempDir> {
    if !root().join("target/python/onnx").exists() {
        eprintln!("skipped: target/python is missing; scripts/test makes it");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = python(&["tests/common/fast_neural_style.py", folder.path().to_str().unwrap()]);
    assert!(made.status.success(), "{}", words(&made));
    Some(folder)
}

fn python(arguments: &[&str]) -> Output {
    let packages = root().join("target/python");
    Command::new("python3").args(arguments).current_dir(root()).env("PYTHONPATH", packages).output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn import(input: &Path, out: &Path) -> Output {
    python(&["scripts/import_style.py", input.to_str().unwrap(), "-o", out.to_str().unwrap()])
}

fn impasto(home: &Path, arguments: &[&str]) {
    let runtime = library::find(None, false).expect("scripts/setup has installed ONNX Runtime").path;
    let output = Command::new(env!("CARGO_BIN_EXE_impasto"))
        .args(arguments)
        .arg("--onnxruntime")
        .arg(runtime)
        .env("XDG_DATA_HOME", home.join("data"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", words(&output));
}

#[test]
fn a_checkpoint_becomes_a_style_that_paints_pictures_of_any_size() {
    let Some(folder) = networks() else { return };
    let at = |name: &str| folder.path().join(name);
    let out = at("wave.onnx");
    let imported = import(&at("zip.pth"), &out);
    assert!(imported.status.success(), "{}", words(&imported));
    let licence = ["--license", "CC0-1.0", "--source", "a test"];
    let add = ["styles", "add", out.to_str().unwrap(), "--like", "pytorch-examples"];
    impasto(folder.path(), &[&add[..], &licence].concat());
    let photo = root().join("tests/networks/classic.png");
    let painted = at("painted.png");
    impasto(folder.path(), &["image", photo.to_str().unwrap(), "-o", painted.to_str().unwrap(), "--style", "wave"]);
    let (before, after) = (pixels(&photo), pixels(&painted));
    assert_eq!(before.len(), after.len());
    let (least, most) = (*after.iter().min().unwrap(), *after.iter().max().unwrap());
    assert!(most - least > 50, "a picture, not one colour: {least} to {most}");
}

fn pixels(path: &Path) -> Vec<u8> {
    impasto::source::image::load(path).unwrap().frame.pixels
}

#[test]
fn every_format_of_the_same_weights_gives_the_same_network() {
    let Some(folder) = networks() else { return };
    let graphs = ["zip.pth", "plain.pth", "fixed.onnx"].map(|name| {
        let out: PathBuf = folder.path().join("same.onnx");
        let imported = import(&folder.path().join(name), &out);
        assert!(imported.status.success(), "{name}: {}", words(&imported));
        fs::read(out).unwrap()
    });
    assert!(graphs[0] == graphs[1], "the old checkpoint format differs from the new one");
    assert!(graphs[0] == graphs[2], "ONNX differs from the checkpoint");
}

#[test]
fn what_is_no_such_network_is_refused_in_one_sentence_and_nothing_of_it_runs() {
    let Some(folder) = networks() else { return };
    let at = |name: &str| folder.path().join(name);
    let whole = fs::read(at("plain.pth")).unwrap();
    fs::write(at("cut.pth"), &whole[..whole.len() - 100]).unwrap();
    fs::write(at("text.onnx"), "hello").unwrap();
    fs::copy(root().join("tests/networks/classic.onnx"), at("other.onnx")).unwrap();
    for (name, reason) in [
        ("evil.pth", "names io.open"),
        ("short.pth", "deconv3.conv2d.bias is missing"),
        ("cut.pth", "cut off"),
        ("missing.pth", "No such file"),
        ("text.onnx", "not an ONNX file"),
        ("other.onnx", "4 convolutions"),
    ] {
        let output = import(&at(name), &at("out.onnx"));
        let words = words(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {words}");
        assert!(words.starts_with("import_style: ") && words.contains(reason), "{name}: {words}");
        assert_eq!(words.lines().count(), 1, "{name}: {words}");
        assert!(!at("out.onnx").exists(), "{name}");
    }
    assert!(!at("executed").exists(), "the checkpoint's code was run");
}
