//! scripts/evaluate.py on networks whose numbers are known: the picture itself and its negative.

#[path = "common/need.rs"]
mod need;
#[path = "common/python.rs"]
mod python;

use std::fs;
use std::path::Path;
use std::process::Output;

use python::{python, words};
use serde_json::Value;
use tempfile::TempDir;

/// A styles.toml of one network.
fn manifest(name: &str, files: &str, styles: &str) -> String {
    format!("[[network]]\nname = \"{name}\"\n{files}\nlayout = \"nhwc-u8\"\nkind = \"multi\"\nstyles = [{styles}]\n")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with a manifest, a photo, a painting, weights and a README.
fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let networks = root().join("tests/networks");
    fs::create_dir(at("photos")).unwrap();
    fs::copy(networks.join("classic.png"), at("photos/photo.png")).unwrap();
    fs::copy(networks.join("classic.out.png"), at("painting.png")).unwrap();
    fs::copy(networks.join("original_and_negative.onnx"), at("original_and_negative.onnx")).unwrap();
    let pair = manifest("pair", r#"file = "original_and_negative.onnx""#, r#""original", "negative""#);
    fs::write(at("styles.toml"), pair).unwrap();
    fs::write(at("README.md"), "before\n<!-- evaluate: begin -->\nold\n<!-- evaluate: end -->\nafter\n").unwrap();
    let made = python(&["tests/common/tiny_vgg.py", at("vgg.npz").to_str().unwrap()]);
    assert!(made.status.success(), "{}", words(&made));
    folder
}

fn evaluate(folder: &Path, more: &[&str]) -> Output {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (photos, manifest, vgg) = (at("photos"), at("styles.toml"), at("vgg.npz"));
    let common = ["scripts/evaluate.py", "--photos", &photos, "--manifest", &manifest, "--vgg", &vgg];
    python(&[&common, more].concat())
}

#[test]
fn a_network_that_changes_nothing_measures_as_nothing() {
    let folder = place();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let painting = format!("original={}", at("painting.png"));
    let yardstick = format!("copy={}", root().join("tests/networks/planar.onnx").display());
    let more = ["--paintings", &painting, "--yardstick", &yardstick, "--speed", "--json", &at("out.json")];
    let output = evaluate(folder.path(), &[&more[..], &["--write", &at("README.md")]].concat());
    assert!(output.status.success(), "{}", words(&output));

    let numbers: Value = serde_json::from_slice(&fs::read(at("out.json")).unwrap()).unwrap();
    let number = |row: usize, key: &str| numbers["styles"][row][key].as_f64().unwrap();
    for row in [0, 2] {
        assert_eq!(number(row, "content"), 0.0);
        assert!((number(row, "subject") - 1.0).abs() < 1e-6);
        assert!((number(row, "ssim") - 1.0).abs() < 1e-9);
        assert_eq!(number(row, "still_gain"), 1.0);
        assert!(number(row, "motion") < 0.5, "only rounding is left");
        assert_eq!(number(row, "pumping"), 0.0);
        assert!(number(row, "ms_p50") > 0.0);
    }
    for key in ["gap_closed", "local", "coarse"] {
        assert_eq!(number(0, key), 0.0, "{key}");
    }
    assert!(number(0, "flat") > 0.0);
    assert!(numbers["styles"][1]["gap_closed"].is_null(), "a style without a painting has no gap");
    assert!(number(1, "content") > 0.1 && number(1, "subject") < 0.9 && number(1, "ssim") < 0.5);
    assert!((number(1, "grid") - number(0, "grid")).abs() < 1e-6, "a grid is as strong in the negative");

    let text = fs::read_to_string(at("README.md")).unwrap();
    assert!(text.starts_with("before\n<!-- evaluate: begin -->\n1 photo, "), "{text}");
    assert!(text.ends_with("<!-- evaluate: end -->\nafter\n") && !text.contains("old"), "{text}");
    assert!(!text.contains(folder.path().to_str().unwrap()), "the table names no machine's paths");
}

#[test]
fn normalisation_pumps_unless_its_statistics_are_fixed() {
    let folder = place();
    for file in ["normalised.onnx", "normalised.tiles.onnx"] {
        fs::copy(root().join("tests/networks").join(file), folder.path().join(file)).unwrap();
    }
    let files = "file = \"normalised.onnx\"\ntiles = \"normalised.tiles.onnx\"";
    fs::write(folder.path().join("styles.toml"), manifest("normalised", files, "\"flat\"")).unwrap();
    let json = folder.path().join("out.json");
    let output = evaluate(folder.path(), &["--fixed-statistics", "--json", json.to_str().unwrap()]);
    assert!(output.status.success(), "{}", words(&output));
    let numbers: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let [own, fixed] = numbers["styles"].as_array().unwrap().as_slice() else { panic!("{numbers}") };
    assert_eq!(fixed["network"], "normalised, fixed statistics");
    assert!(own["pumping"].as_f64().unwrap() > 1.0, "{own}");
    assert_eq!(fixed["pumping"], 0.0);
}

#[test]
fn a_halo_is_a_seam_beside_an_even_area_and_strokes_all_over_are_none() {
    let code = "import sys, numpy; sys.path.insert(0, 'scripts'); from evaluation.halo import halo\n\
        y, x = numpy.mgrid[:160, :160]; thing = numpy.hypot(y - 80, x - 80) < 40; photo = numpy.where(thing, 60.0, 180.0)\n\
        seam = photo + 30 * ((numpy.hypot(y - 80, x - 80) < 52) & ~thing)\n\
        strokes = photo + numpy.random.default_rng(0).normal(0, 30, photo.shape)\n\
        print(halo(photo, photo), halo(photo, seam), halo(photo, strokes), halo(numpy.full((160, 160), 9.0), seam))";
    let told = python(&["-c", code]);
    assert!(told.status.success(), "{}", words(&told));
    let told = String::from_utf8(told.stdout).unwrap();
    let [none, seam, strokes, even] = told.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{told}") };
    let [none, seam, strokes] = [none, seam, strokes].map(|word| word.parse::<f64>().unwrap());
    assert!(none == 0.0 && seam > 10.0 && strokes < 5.0 && even == "None", "{told}");
}

#[test]
fn a_gatys_optimum_is_painted_once_for_its_photo_its_painting_and_its_settings() {
    let folder = place();
    let file = folder.path().join("optima.json").display().to_string();
    let output = python(&["tests/common/kept_optima.py", &file]);
    assert!(output.status.success(), "{}", words(&output));
    let refused = format!("'{file}' does not hold the numbers of optima; name another file as --optima\n");
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("1\n1\n2\nanew\n{refused}{refused}"));
}

#[test]
fn what_cannot_be_measured_is_said_in_one_sentence() {
    let folder = place();
    let painting = root().join("tests/networks/classic.png").display().to_string();
    let no_marks = root().join("LICENSE").display().to_string();
    let icon = folder.path().join("icons");
    fs::create_dir(&icon).unwrap();
    let mut ffmpeg = need::program("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc=s=32x32", "-frames:v", "1"]).arg(icon.join("icon.png"));
    assert!(ffmpeg.status().unwrap().success());
    let cases: [(&[&str], &str); 6] = [
        (&["--photos", icon.to_str().unwrap()], "icon.png' is 32x32: photos have sides of 40 pixels or more"),
        (&["--network", "other"], "no network 'other'; there are: pair"),
        (&["--paintings", &format!("scream={painting}")], "no such style; there are: original, negative"),
        (&["--paintings", "original=missing.png"], "No such file"),
        (&["--yardstick", &format!("a={painting}")], "not a network that ONNX Runtime runs"),
        (&["--write", &no_marks], "no place for the table"),
    ];
    for (more, reason) in cases {
        let output = evaluate(folder.path(), more);
        let words = words(&output);
        assert_eq!(output.status.code(), Some(1), "{more:?}: {words}");
        assert!(words.starts_with("evaluate: ") && words.contains(reason), "{more:?}: {words}");
        assert_eq!(words.trim_end().lines().count(), 1, "{more:?}: {words}");
    }
}
