//! `--device webgpu` on a graphics card in software, Chromium's SwiftShader: everything that paints runs on it, and each of
//! its failures ends in one sentence or, in a show, with the processor.

#![cfg(target_os = "linux")]

#[path = "common/clips.rs"]
mod clips;
#[path = "common/difference.rs"]
mod difference;
#[path = "common/need.rs"]
mod need;
#[path = "common/user.rs"]
#[allow(dead_code, reason = "only a share of it is used here")]
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clips::Folder;
use difference::largest_difference;
use need::SoftwareCard;
use serde_json::Value;

/// The largest difference to the processor's painting, in levels.
const TOLERANCE: u8 = 2;

/// A folder with a picture, and a machine whose only graphics card is one in software.
struct Machine {
    folder: Folder,
    card: SoftwareCard,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: Folder::new(), card: need::software_card() };
        machine.folder.ffmpeg("-f lavfi -i mandelbrot=s=64x36 -frames:v 1 photo.png");
        machine
    }

    /// The program with the card; `args` are separated by spaces.
    fn command(&self, args: &str) -> Command {
        let mut command = self.without_card(args);
        command.env("VK_DRIVER_FILES", &self.card.icd);
        command
    }

    /// The program where Vulkan has no driver.
    fn without_card(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command
            .args(args.split_whitespace())
            .args(["--onnxruntime".as_ref(), need::onnx_runtime().as_os_str()])
            .current_dir(self.folder.0.path())
            .env("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER", "1")
            .env("VK_DRIVER_FILES", "/nowhere.json")
            .env("XDG_DATA_HOME", self.folder.path("data"))
            .env("XDG_CACHE_HOME", self.folder.path("cache"));
        if !args.contains("--plugin") {
            command.args(["--plugin".as_ref(), self.card.plugin.as_os_str()]);
        }
        command
    }

    /// The program with a card that fails as `fault` says; see `tests/common/failing_gpu.c`.
    fn failing(&self, fault: (&str, &str), args: &str) -> Command {
        let driver = compiled(&self.folder, "failing_gpu.c");
        let icd = self.folder.path("failing.json");
        let text = format!(
            r#"{{"file_format_version": "1.0.0", "ICD": {{"library_path": "{}", "api_version": "1.0.5"}}}}"#,
            driver.display()
        );
        fs::write(&icd, text).unwrap();
        let mut command = self.command(args);
        command.env("VK_DRIVER_FILES", icd).env("REAL_DRIVER", &self.card.driver).env(fault.0, fault.1);
        command
    }

    /// Adds a small network, which a card in software runs many times a second, as the style `mine`.
    fn add_small_network(&self) {
        let args = format!("styles add {} --name mine", user::network("planar.onnx"));
        let output = self.without_card(&args).args(user::LICENCE).output().unwrap();
        assert!(output.status.success(), "{}", user::words(&output));
    }

    fn pixels(&self, name: &str) -> Vec<u8> {
        user::pixels(&self.folder.path(name))
    }
}

/// A library made from a C file of tests/common.
fn compiled(folder: &Folder, name: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common").join(name);
    let library = folder.path(&format!("lib{}.so", source.file_stem().unwrap().display()));
    if !library.exists() {
        let mut command = need::program("cc");
        let done = command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output().unwrap();
        assert!(done.status.success(), "{}", user::words(&done));
    }
    library
}

/// Runs what must succeed; returns its JSON, the last line of it.
#[track_caller]
fn json(command: &mut Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", user::words(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

/// Runs what must fail, in one sentence; returns it.
#[track_caller]
fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    sentence(&output)
}

#[track_caller]
fn sentence(output: &Output) -> String {
    let words = user::words(output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    let sentences: Vec<&str> = words.lines().filter(|line| line.starts_with("impasto: ")).collect();
    let [sentence] = sentences[..] else { panic!("not one sentence: {words}") };
    // ONNX Runtime's own accounts name its source files.
    assert!(!sentence.contains(".cc:") && !sentence.contains("onnxruntime_src"), "{sentence}");
    sentence.to_owned()
}

#[test]
fn every_own_network_paints_the_processors_picture() {
    let machine = Machine::new();
    let styles = json(&mut machine.without_card("styles"));
    let mut networks = Vec::new();
    for style in styles["styles"].as_array().unwrap() {
        let (name, network) = (style["name"].as_str().unwrap(), style["network"].as_str().unwrap());
        if networks.contains(&network) || name == "identity" {
            continue;
        }
        networks.push(network);
        for device in ["cpu", "webgpu"] {
            let args = format!("image photo.png -o {device}.png -y --device {device} --style {name}");
            assert_eq!(json(&mut machine.command(&args))["device"], device);
        }
        let levels = largest_difference(&machine.pixels("cpu.png"), &machine.pixels("webgpu.png"));
        assert!(levels <= i32::from(TOLERANCE), "{network} differs by {levels}");
        assert!(
            largest_difference(&machine.pixels("photo.png"), &machine.pixels("webgpu.png")) > 20,
            "{network} paints nothing"
        );
    }
    assert!(networks.len() >= 2, "{networks:?}");
}

#[test]
fn devices_and_doctor_name_what_webgpu_runs_on() {
    let machine = Machine::new();
    let listed = json(&mut machine.command("devices"));
    let device = |listed: &Value, name: &str| {
        let devices = listed["devices"].as_array().unwrap();
        devices.iter().find(|device| device["device"] == name).unwrap().clone()
    };
    let webgpu = device(&listed, "webgpu");
    assert_eq!(webgpu["runs"], true, "{webgpu}");
    let name = webgpu["names"][0].as_str().unwrap().to_owned();
    assert!(name.ends_with("processor, as software"), "{name}");
    let doctor = json(&mut machine.command("doctor"));
    let checks = doctor["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["what"] == "device webgpu").unwrap();
    assert_eq!(check["found"], format!("runs networks on {name}"));
    // Without the variable that allows software, and without the plugin.
    let strict = json(machine.command("devices").env_remove("ORT_WEBGPU_EP_ALLOW_SOFTWARE_ADAPTER"));
    let missing = device(&strict, "webgpu")["missing"].as_str().unwrap().to_owned();
    assert!(missing.contains("found no device") && missing.contains("mesa-vulkan-drivers"), "{missing}");
}

#[test]
fn a_film_paints_and_resumes_on_the_processor_after_the_card_was_lost() {
    let machine = Machine::new();
    machine.add_small_network();
    machine.folder.ffmpeg("-f lavfi -i testsrc2=s=64x36:r=20:d=5 clip.mp4");
    let args = "video clip.mp4 -o film.mkv --segment-frames 32 --codec ffv1 --style mine";
    let lost = refused(&mut machine.failing(("LOSE_AFTER", "150"), &format!("{args} --device webgpu")));
    assert!(lost.contains("the graphics card was lost"), "{lost}");
    assert!(lost.contains("run the same command again") && lost.contains("--device cpu"), "{lost}");
    assert!(!machine.folder.path("film.mkv").exists());
    let resumed = json(&mut machine.without_card(&format!("{args} --device cpu")));
    assert_eq!(resumed["resumed"], 32, "{resumed}");
    let warnings = resumed["warnings"].to_string();
    assert!(warnings.contains("--device is 'cpu' and was 'webgpu'"), "{warnings}");
    assert!(machine.folder.path("film.mkv").exists());
}

#[test]
fn a_show_continues_on_the_processor_when_the_card_is_lost() {
    let machine = Machine::new();
    machine.add_small_network();
    let args =
        "live --camera synthetic --resolution 64x36 --fps 10 --no-window --duration 5 --device webgpu --style mine";
    let shown = json(&mut machine.failing(("LOSE_AFTER", "80"), args));
    let warnings = shown["warnings"].to_string();
    assert!(warnings.contains("webgpu failed") && warnings.contains("continues on the processor"), "{warnings}");
    assert!(shown["frames"].as_u64().unwrap() >= 5, "{shown}");
}

#[test]
fn an_added_network_is_tried_on_the_device_that_was_asked_for() {
    let machine = Machine::new();
    let network = user::network("planar.onnx");
    let args = format!("styles add {network} --name mine --device webgpu");
    let output = machine.command(&args).args(user::LICENCE).output().unwrap();
    assert!(output.status.success(), "{}", user::words(&output));
    let said = [output.stdout, output.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("webgpu paints what the processor paints"), "{said:?}");
    let args = format!("styles add {network} --name other --device webgpu");
    let refused = refused(machine.without_card(&args).args(user::LICENCE));
    assert!(refused.contains("webgpu cannot run here: no graphics card was found"), "{refused}");
}

#[test]
fn without_a_driver_the_sentence_says_which_to_install() {
    let machine = Machine::new();
    let words = refused(&mut machine.without_card("image photo.png -o out.png --device webgpu"));
    assert!(words.contains("no graphics card was found"), "{words}");
    assert!(words.contains("libvulkan1") && words.contains("mesa-vulkan-drivers"), "{words}");
}

#[test]
fn a_plugin_of_another_version_is_refused_with_the_one_that_fits() {
    let machine = Machine::new();
    let folder = machine.folder.path("newer");
    fs::create_dir(&folder).unwrap();
    let plugin = folder.join("libonnxruntime_providers_webgpu.so");
    fs::copy(compiled(&machine.folder, "stub_plugin.c"), &plugin).unwrap();
    let args = format!("image photo.png -o out.png --device webgpu --plugin {}", folder.display());
    let run = || refused(&mut machine.command(&args));
    let words = run();
    assert!(words.contains("below the minimum required version"), "{words}");
    assert!(words.contains("impasto setup --gpu webgpu"), "{words}");
    // A file that is no library at all.
    fs::write(&plugin, "not a library").unwrap();
    let words = run();
    assert!(words.contains("refused the plugin") && words.contains("impasto setup --gpu webgpu"), "{words}");
    let nowhere = refused(&mut machine.command("devices --plugin nowhere"));
    assert!(nowhere.contains("--plugin is 'nowhere', which holds no plugin"), "{nowhere}");
}

#[test]
fn too_little_memory_on_the_card_is_said_with_the_cure() {
    let machine = Machine::new();
    machine.add_small_network();
    machine.folder.ffmpeg("-f lavfi -i testsrc2=s=1920x1080 -frames:v 1 large.png");
    // Too little for the trial, and for a large picture.
    for (memory, says) in [
        ("5000000", "webgpu cannot run here: the graphics card has not enough memory"),
        ("14000000", "the graphics card has not enough memory for the network 'mine'"),
    ] {
        let args = "image large.png -o out.png --device webgpu --style mine --scale 1px --tile-above 0";
        let words = refused(&mut machine.failing(("MEMORY", memory), args));
        assert!(words.contains(says) && words.contains("--device cpu"), "{memory}: {words}");
    }
}

#[test]
fn auto_measures_once_takes_the_processor_and_says_the_numbers() {
    let machine = Machine::new();
    machine.add_small_network();
    let paint = || {
        let output = machine.command("image photo.png -o out.png -y --style mine").output().unwrap();
        assert!(output.status.success(), "{}", user::words(&output));
        user::words(&output)
    };
    let said = paint();
    let numbers =
        said.lines().find(|line| line.contains("painting on the processor (cpu ")).unwrap_or_else(|| panic!("{said}"));
    assert!(numbers.contains(" ms, webgpu (") && numbers.contains("as software) "), "{numbers}");
    let kept = fs::read(machine.folder.path("cache/impasto/devices.json")).unwrap();
    // The second time the same numbers come from the cache, in no time.
    assert!(paint().contains(numbers.trim()), "the numbers changed");
    assert_eq!(fs::read(machine.folder.path("cache/impasto/devices.json")).unwrap(), kept);
}

#[test]
fn bench_of_all_devices_counts_what_the_processor_runs_for_webgpu() {
    let machine = Machine::new();
    machine.add_small_network();
    let measured = json(&mut machine.command("bench --device all --style mine --size 64x36 --seconds 0.05"));
    let rows = measured["results"].as_array().unwrap();
    let row = |device: &str| rows.iter().find(|row| row["device"] == device).unwrap_or_else(|| panic!("{measured}"));
    assert!(row("cpu")["on_processor"].is_null(), "{measured}");
    assert!(row("webgpu")["on_processor"].as_u64().is_some(), "{measured}");
    assert!(row("webgpu")["difference"].as_u64().unwrap() <= u64::from(TOLERANCE), "{measured}");
}
