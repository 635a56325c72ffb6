//! `impasto styles`, and what a wrong style, runtime or device gets, through the program itself.

#[path = "common/need.rs"]
mod need;
#[path = "common/user.rs"]
mod user;

use std::fs;
use std::path::Path;

use serde_json::Value;
use user::{LICENCE, User, network, pixels, words};

fn names(listing: &Value) -> Vec<&str> {
    listing["styles"].as_array().unwrap().iter().map(|style| style["name"].as_str().unwrap()).collect()
}

#[test]
fn the_list_names_style_network_licence_and_source() {
    let user = User::new();
    let listing = user.json(&["styles", "list"]);
    let first = &listing["styles"][0];
    for key in ["name", "network", "license", "source"] {
        assert!(!first[key].as_str().unwrap().is_empty(), "{first}");
    }
    assert_eq!(user.run(&["styles"]).stdout, user.run(&["styles", "list"]).stdout);
}

#[test]
fn an_added_network_paints_and_a_removed_one_is_gone() {
    let user = User::new();
    let photo = user.photo();
    let file = network("original_and_negative.onnx");
    let add = [&["styles", "add", &file], LICENCE.as_slice()].concat();
    let added = user.json(&add);
    assert_eq!(added["styles"].as_array().unwrap().len(), 2, "named by the file's own metadata");
    let listing = user.json(&["styles"]);
    assert!(names(&listing).contains(&"negative"));
    let out = user.path("out.png");
    user.json(&["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", "negative"]);
    let negative: Vec<u8> = pixels(Path::new(&photo)).iter().map(|byte| 255 - byte).collect();
    assert_eq!(pixels(&out), negative);

    let error = user.refused(&add, 2);
    assert!(error.contains("--replace"), "{error}");
    user.json(&[&add[..], &["--replace"]].concat());
    user.json(&["styles", "remove", "original_and_negative"]);
    assert!(!names(&user.json(&["styles"])).contains(&"negative"));
    let left: Vec<_> =
        fs::read_dir(user.path("data/impasto/models")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["styles.toml"]);
}

#[test]
fn a_classic_network_is_added_by_its_family() {
    let user = User::new();
    let photo = user.photo();
    let add = ["styles", "add", &network("planar.onnx"), "--like", "pytorch-examples", "--name", "copy"];
    user.json(&[&add[..], &LICENCE].concat());
    let out = user.path("out.png");
    user.json(&["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", "copy"]);
    assert_eq!(pixels(&out), pixels(Path::new(&photo)));
}

/// A field of a protobuf message that holds bytes; short ones, as all here are.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    [&[number << 3 | 2, length as u8 | 0x80, (length >> 7) as u8], content].concat()
}

/// A field that holds a small number.
fn number(field: u8, value: u8) -> [u8; 2] {
    [field << 3, value]
}

/// A network of one convolution by a single pixel, as PyTorch exports it: its weights stand in the file `weights` beside it.
fn network_without_weights(weights: &str) -> Vec<u8> {
    let node = [field(1, b"input"), field(1, b"w"), field(2, b"output"), field(4, b"Conv")].concat();
    let fact = |key: &str, value: &str| field(13, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat());
    let shape = [3, 3, 1, 1].map(|side| number(1, side)).concat();
    let places = [fact("location", weights), fact("offset", "0"), fact("length", "36")].concat();
    let tensor = [&shape[..], &number(2, 1), &field(8, b"w"), &places, &number(14, 1)].concat();
    let picture = |name: &str| {
        let sides = [number(1, 1).to_vec(), number(1, 3).to_vec(), field(2, b"height"), field(2, b"width")];
        let shape = sides.map(|side| field(1, &side)).concat();
        let kind = [&number(1, 1)[..], &field(2, &shape)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &kind))].concat()
    };
    let graph = [
        field(1, &node),
        field(2, b"graph"),
        field(5, &tensor),
        field(11, &picture("input")),
        field(12, &picture("output")),
    ];
    [&number(1, 8)[..], &field(7, &graph.concat()), &field(8, &[&field(1, b"")[..], &number(2, 17)].concat())].concat()
}

#[test]
fn weights_in_a_file_beside_the_network_are_taken_along() {
    let user = User::new();
    let (photo, file, out) = (user.photo(), user.path("swap.onnx"), user.path("out.png"));
    fs::write(&file, network_without_weights("swap.onnx.data")).unwrap();
    // Red and blue change places.
    let weights = [0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0f32];
    let add = [&["styles", "add", file.to_str().unwrap(), "--like", "pytorch-examples"], LICENCE.as_slice()].concat();
    let error = user.refused(&add, 1);
    assert!(error.contains("swap.onnx.data"), "{error}");
    fs::write(user.path("swap.onnx.data"), weights.map(f32::to_le_bytes).concat()).unwrap();
    user.json(&add);
    // What was added stands alone.
    fs::remove_file(user.path("swap.onnx")).unwrap();
    fs::remove_file(user.path("swap.onnx.data")).unwrap();
    user.json(&["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", "swap"]);
    let swapped =
        pixels(Path::new(&photo)).chunks_exact(3).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect::<Vec<_>>();
    assert_eq!(pixels(&out), swapped);
}

#[test]
fn the_family_and_range_of_a_network_are_detected_and_it_keeps_its_files_name() {
    let user = User::new();
    for (file, like) in [
        ("planar.onnx", "pytorch-examples"),
        ("unit_range.onnx", "pytorch-unit"),
        ("classic.onnx", "pytorch-examples"),
        ("normalised.onnx", "impasto"),
    ] {
        let name = file.trim_end_matches(".onnx");
        let added = user.json(&["styles", "add", &network(file)]);
        assert_eq!(
            (&added["like"], &added["network"], &added["styles"][0]),
            (&like.into(), &name.into(), &name.into())
        );
        assert_eq!(added["warnings"], serde_json::json!([]), "{file}");
    }
    let listing = user.json(&["styles"]);
    let unit = listing["styles"].as_array().unwrap().iter().find(|style| style["name"] == "unit_range").unwrap();
    assert_eq!((&unit["license"], &unit["source"]), (&"unknown".into(), &"unknown".into()));
    let pair = ["styles", "add", &network("any_style.onnx"), "--predictor", &network("any_predictor.onnx")];
    assert_eq!(user.json(&pair)["like"], "magenta");
    let alone = user.refused(&["styles", "add", &network("any_style.onnx")], 2);
    assert!(alone.contains("--predictor FILE.onnx"), "{alone}");
}

#[test]
fn a_network_with_the_wrong_range_is_added_with_a_warning_that_names_the_right_one() {
    let user = User::new();
    let add = ["styles", "add", &network("unit_range.onnx"), "--like", "pytorch-examples"];
    let warnings = user.json(&add)["warnings"].to_string();
    assert!(warnings.contains("nearly one colour") && warnings.contains("--like pytorch-unit --replace"), "{warnings}");
}

#[test]
fn styles_of_a_network_that_names_none_are_asked_for_by_number() {
    let user = User::new();
    let add = ["styles", "add", &network("original_and_negative.onnx"), "--styles", "one"];
    let error = user.refused(&add, 2);
    assert!(error.contains("2 styles") && error.contains("--styles A,B"), "{error}");
}

#[test]
fn styles_of_several_networks_blend() {
    let user = User::new();
    let photo = user.photo();
    user.json(&[&["styles", "add", &network("original_and_negative.onnx")], LICENCE.as_slice()].concat());
    let out = user.path("out.png");
    user.json(&["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", "negative:0.5,identity:0.5"]);
    assert!(pixels(&out).iter().all(|byte| byte.abs_diff(127) <= 2));
}

#[test]
fn what_is_no_style_network_is_not_added_and_leaves_nothing() {
    let user = User::new();
    let text = user.path("text.onnx");
    fs::write(&text, "hello").unwrap();
    for (file, reason) in [
        (network("classifier.onnx"), "features"),
        (network("planar_fixed.onnx"), "64x64 only"),
        (text.to_str().unwrap().to_owned(), "not an ONNX file"),
        (user.path("gone.onnx").to_str().unwrap().to_owned(), "no file"),
    ] {
        let error = user.refused(&[&["styles", "add", &file, "--styles", "s"], LICENCE.as_slice()].concat(), 1);
        assert!(error.contains(reason), "{error}");
    }
    let add = ["styles", "add", &network("nan.onnx"), "--like", "pytorch-examples"];
    let error = user.refused(&[&add[..], &LICENCE].concat(), 1);
    assert!(error.contains("not numbers"), "{error}");
    let folder = user.path("data/impasto/models");
    assert!(!folder.exists() || fs::read_dir(folder).unwrap().next().is_none());
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let user = User::new();
    let listing = user.json(&["styles"]);
    let first = names(&listing)[0].to_owned();
    let add = ["styles", "add", &network("planar.onnx"), "--like", "pytorch-examples", "--styles", &first];
    let error = user.refused(&[&add[..], &LICENCE].concat(), 2);
    assert!(error.contains(&first), "{error}");
}

#[test]
fn an_unknown_style_gets_the_nearest_names_and_exit_code_2() {
    let user = User::new();
    let photo = user.photo();
    let out = user.path("out.png");
    let error = user.refused(&["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", "stary-nigth"], 2);
    assert!(error.contains("no style 'stary-nigth'; did you mean 'starry-night'"), "{error}");
    assert!(!out.exists());
}

#[test]
fn values_that_are_not_numbers_are_said_with_the_picture() {
    let user = User::new();
    let photo = user.photo();
    // Past the trial run of `styles add`: as if the file had been damaged in its values only.
    let folder = user.path("own");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(network("nan.onnx"), folder.join("nan.onnx")).unwrap();
    let hash = impasto::internals::digest::sha256(&fs::read(folder.join("nan.onnx")).unwrap());
    let manifest = format!(
        "[[network]]\nname = \"nan\"\nfile = \"nan.onnx\"\nlayout = \"nchw-f32\"\nkind = \"single\"\nstyles = [\"nan\"]\n\
         license = \"CC0-1.0\"\nsource = \"a test\"\nsha256 = \"{hash}\"\n[[style]]\nname = \"nan\"\nnetwork = \"nan\"\nindex = 0\n"
    );
    fs::write(folder.join("styles.toml"), manifest).unwrap();
    let out = user.path("out.png");
    let models = folder.to_str().unwrap();
    let args = ["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", "nan", "--models", models];
    let error = user.refused(&args, 1);
    assert!(error.contains("photo.png") && error.contains("not numbers") && !error.contains("frame"), "{error}");
    assert!(!out.exists());
}

#[test]
fn a_folder_without_styles_is_refused_by_name() {
    let user = User::new();
    let empty = user.path("empty");
    fs::create_dir_all(&empty).unwrap();
    let error = user.refused(&["styles", "--models", empty.to_str().unwrap()], 2);
    assert!(error.contains("holds no styles.toml"), "{error}");
}

#[test]
fn a_missing_or_too_old_runtime_is_named_with_the_cure() {
    let user = User::new();
    let old = user.path("libonnxruntime.so.1.18.0");
    fs::copy(&user.runtime, &old).unwrap();
    let text = user.path("libonnxruntime.so");
    fs::write(&text, "not a library").unwrap();
    for (path, reason) in [(user.path("nowhere"), "nowhere"), (old, "1.18"), (text, "libonnxruntime.so")] {
        let output = user.run_bare(&["devices", "--onnxruntime", path.to_str().unwrap()]);
        let words = words(&output);
        assert_eq!(output.status.code(), Some(1), "{words}");
        let cure = ["scripts/setup", "leave it out"].iter().any(|cure| words.contains(cure));
        assert!(words.contains(reason) && cure, "{words}");
        assert!(!words.contains("panicked"), "{words}");
    }
}

#[test]
fn doctor_says_what_works_and_fails_only_without_what_is_needed() {
    let user = User::new();
    let examined = user.json(&["doctor"]);
    let check = |what: &str| examined["checks"].as_array().unwrap().iter().find(|check| check["what"] == what).cloned();
    assert_eq!(check("device cpu").unwrap()["works"], true);
    assert_eq!(check("device directml").unwrap()["works"], false);
    assert!(check("device directml").unwrap()["found"].as_str().unwrap().contains("Windows"));
    assert_eq!(check("styles").unwrap()["works"], true);
}

#[test]
fn devices_and_doctor_say_first_what_works_and_repeat_no_path() {
    let user = User::new();
    let printed = |command: &str| {
        let output = user.run(&[command]);
        assert!(output.status.success(), "{}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let devices = printed("devices");
    let lines: Vec<&str> = devices.lines().collect();
    assert!(lines[0].starts_with("cpu") && lines[0].ends_with("runs"), "{devices}");
    assert!(!devices.contains(user.runtime.to_str().unwrap()), "{devices}");
    let doctor = printed("doctor");
    assert!(doctor.starts_with("works:\n"), "{doctor}");
    let (works, missing) = doctor.split_once("optional, not installed").unwrap();
    assert!(works.contains("ONNX Runtime") && missing.contains("directml"), "{doctor}");
    assert!(doctor.matches(user.runtime.to_str().unwrap()).count() <= 1, "{doctor}");
    assert!(doctor.trim_end().ends_with("to do: impasto setup --style-images --paint"), "{doctor}");
}

#[test]
fn devices_lists_every_device() {
    let listed = User::new().json(&["devices"]);
    let devices: Vec<&str> =
        listed["devices"].as_array().unwrap().iter().map(|device| device["device"].as_str().unwrap()).collect();
    assert_eq!(devices, ["cpu", "cuda", "tensorrt", "tensorrt-rtx", "openvino", "coreml", "directml", "webgpu"]);
    assert!(listed["cameras"].is_array());
}

#[test]
fn a_sheet_of_some_styles_has_those_columns_and_an_unknown_name_is_said() {
    let user = User::new();
    let photo = user.photo();
    let out = user.path("sheet.png");
    let arguments = ["styles", "sheet", &photo, "-o", out.to_str().unwrap(), "--cell", "40"];
    let sheet = user.json(&[&arguments[..], &["--style", "scream,identity,fine-scream"]].concat());
    assert_eq!(sheet["styles"], serde_json::json!(["scream", "identity", "fine-scream"]));
    let said = user.refused(&[&arguments[..], &["--style", "screm"]].concat(), 2);
    assert!(said.contains("did you mean 'scream'"), "{said}");
}

#[test]
fn the_sheet_of_one_photo_wraps_and_that_of_several_is_a_table_in_blocks() {
    let user = User::new();
    let photo = user.photo();
    let out = user.path("sheet.png");
    let sheet = |photos: &[&str]| {
        let flags = ["-o", out.to_str().unwrap(), "--cell", "120", "--width", "400"];
        let styles = ["--style", "scream,udnie,identity,metzinger"];
        let summary = user.json(&[&["styles", "sheet"], photos, &flags, &styles].concat());
        let frame = impasto::internals::picture::read::load(&out, impasto::MaxPixels::default()).unwrap().frame;
        assert_eq!(summary["width"].as_u64(), Some(u64::from(frame.width)));
        (frame.width, frame.height)
    };
    // Pictures of 120x90 in gaps of 6, and a line of names 26 high: the photo and its four paintings in lines of 3 and 2.
    assert_eq!(sheet(&[&photo]), (3 * 126 + 6, 6 + 2 * (26 + 96)));
    // Two blocks of the photo and two paintings, each with two photos below one line of names.
    assert_eq!(sheet(&[&photo, &photo]), (3 * 126 + 6, 6 + 2 * (26 + 2 * 96)));
    let said = user.run(&["styles", "sheet", &photo, "-o", out.to_str().unwrap(), "--cell", "40", "--style", "scream"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("1 photo in 1 style,"), "{said:?}");
}

#[test]
fn bench_measures_network_and_pipeline() {
    let measured = User::new().json(&["bench", "--seconds", "0.1", "--size", "64x48"]);
    let row = &measured["results"][0];
    assert_eq!((row["width"].as_u64(), row["height"].as_u64()), (Some(64), Some(48)));
    assert!(row["network_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert!(row["network_ms"]["p99"].as_f64() >= row["network_ms"]["p50"].as_f64());
    assert!(row["pipeline_fps"].as_f64().unwrap() > 0.0);
}
