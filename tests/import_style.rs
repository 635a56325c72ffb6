//! Networks of the pytorch/examples family, from their checkpoint through scripts/import_style.py to a picture.

#[path = "common/need.rs"]
mod need;
#[path = "common/python.rs"]
mod python;
#[path = "common/user.rs"]
#[allow(dead_code, reason = "other tests ask more of a user")]
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use python::{python, words};
use tempfile::TempDir;
use user::{LICENCE, User, network, pixels};

/// A folder with small random networks in every format, from tests/common/fast_neural_style.py.
fn networks() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = python(&["tests/common/fast_neural_style.py", folder.path().to_str().unwrap()]);
    assert!(made.status.success(), "{}", words(&made));
    folder
}

fn import(input: &Path, out: &Path) -> Output {
    python(&["scripts/import_style.py", input.to_str().unwrap(), "-o", out.to_str().unwrap()])
}

#[test]
fn a_checkpoint_becomes_a_style_that_paints_pictures_of_any_size() {
    let folder = networks();
    let at = |name: &str| folder.path().join(name);
    let out = at("wave.onnx");
    let imported = import(&at("zip.pth"), &out);
    assert!(imported.status.success(), "{}", words(&imported));
    let user = User::new();
    let add = ["styles", "add", out.to_str().unwrap(), "--like", "pytorch-examples"];
    user.json(&[&add[..], &LICENCE].concat());
    let photo = network("classic.png");
    let painted = at("painted.png");
    user.json(&["image", "-y", &photo, "-o", painted.to_str().unwrap(), "--style", "wave"]);
    let (before, after) = (pixels(photo.as_ref()), pixels(&painted));
    assert_eq!(before.len(), after.len());
    let (least, most) = (*after.iter().min().unwrap(), *after.iter().max().unwrap());
    assert!(most - least > 50, "a picture, not one colour: {least} to {most}");
}

#[test]
fn every_format_of_the_same_weights_gives_the_same_network() {
    let folder = networks();
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
    let folder = networks();
    let at = |name: &str| folder.path().join(name);
    let whole = fs::read(at("plain.pth")).unwrap();
    fs::write(at("cut.pth"), &whole[..whole.len() - 100]).unwrap();
    fs::write(at("text.onnx"), "hello").unwrap();
    fs::copy(network("classic.onnx"), at("other.onnx")).unwrap();
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
