//! The sources keep the rules that lib.rs states: imports point downwards, and each outside crate has one door.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules by level, from the top. A module imports its own level and lower ones.
const LEVELS: [&[&str]; 5] = [
    &["command"],
    &["cli"],
    &["pipeline", "source", "sink", "segments", "show", "stylize", "style", "paint", "report", "picture"],
    &["network", "kernel", "temporal", "media"],
    &["frame", "error"],
];

/// Where each outside crate may be named.
const DOORS: [(&str, &[&str]); 25] = [
    ("ort", &["network/"]),
    ("ffmpeg_next", &["media/"]),
    ("clap", &["cli/", "command/mod.rs"]),
    ("indicatif", &["report.rs"]),
    ("libc", &["report.rs", "source/camera/v4l2.rs"]),
    ("fast_image_resize", &["kernel/resize.rs"]),
    ("noto_sans_mono_bitmap", &["kernel/label.rs"]),
    ("yuv", &["media/"]),
    // command/mod.rs means the subcommand of that name.
    ("image", &["source/image.rs", "sink/image.rs", "command/mod.rs"]),
    ("moxcms", &["picture/color.rs"]),
    ("tiff", &["picture/tiff.rs"]),
    ("zune_core", &["picture/jpeg.rs"]),
    ("zune_jpeg", &["picture/jpeg.rs"]),
    ("toml", &["style/manifest.rs"]),
    ("crossbeam_channel", &["pipeline/", "command/image/", "command/paint/"]),
    ("axum", &["sink/http"]),
    ("tokio", &["sink/http"]),
    ("jpeg_encoder", &["sink/http"]),
    ("v4l", &["sink/v4l2.rs", "source/camera/v4l2.rs"]),
    ("nokhwa", &["source/camera.rs"]),
    ("pipewire", &["sink/pipewire.rs"]),
    ("minifb", &["sink/window.rs", "sink/window/"]),
    ("raw_window_handle", &["sink/window/"]),
    ("x11_dl", &["sink/window/"]),
    ("libloading", &["sink/window/"]),
];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        (name, fs::read_to_string(&path).unwrap())
    };
    found.into_iter().map(read).collect()
}

/// What the program itself says, without its tests and comments.
fn code(text: &str) -> String {
    let body = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn level(module: &str) -> Option<usize> {
    LEVELS.iter().position(|modules| modules.contains(&module))
}

#[test]
fn imports_point_downwards() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let module = name.split(['/', '.']).next().unwrap();
        let Some(own) = level(module) else { continue };
        for import in code(&text).split("crate::").skip(1) {
            let target: String = import.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if level(&target).is_some_and(|other| other < own) {
                wrong.push(format!("{name} imports {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn each_outside_crate_has_one_door() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let code = code(&text);
        for (outside, doors) in DOORS {
            let named = code.contains(&format!("use {outside}::")) || code.contains(&format!(" {outside}::"));
            if named && !doors.iter().any(|door| name.starts_with(door)) {
                wrong.push(format!("{name} names {outside}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_the_report_writes_to_the_terminal() {
    let printing = ["println!", "print!", "eprintln!", "eprint!", "dbg!", "io::stdout", "io::stderr"];
    let writers: Vec<String> = sources()
        .into_iter()
        .filter(|(name, text)| name != "report.rs" && printing.iter().any(|word| code(text).contains(word)))
        .map(|(name, _)| name)
        .collect();
    assert!(writers.is_empty(), "{writers:?}");
}

#[test]
fn no_file_is_longer_than_600_lines() {
    let long: Vec<String> =
        sources().into_iter().filter(|(_, text)| text.lines().count() > 600).map(|(name, _)| name).collect();
    assert!(long.is_empty(), "{long:?}");
}
