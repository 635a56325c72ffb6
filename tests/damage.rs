//! Damaged and lying files, through the program itself: it ends in time with exit code 0, 1 or 2, never by a signal, in one sentence
//! where it fails, and nothing has its final name that is not whole.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what was tried is said, and scripts/faults makes a table of it"
)]

#[path = "common/damage.rs"]
mod damage;
#[path = "common/need.rs"]
mod need;
#[path = "common/user.rs"]
#[allow(dead_code, reason = "other tests ask more of a user")]
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use damage::{Ended, Random, damaged, each, keep, run, times};
use impasto::internals::media::read::{DecodeOptions, Decoder};
use impasto::internals::picture::read;
use impasto::{Frame, MaxPixels};
use tempfile::TempDir;
use user::User;

fn ffmpeg(folder: &Path, args: &str) {
    let mut command = need::program("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(args.split_whitespace()).current_dir(folder);
    let done = command.output().unwrap();
    assert!(done.status.success(), "ffmpeg {args}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Small pictures of each kind that is read, and of some of their varieties.
fn pictures() -> (TempDir, Vec<PathBuf>) {
    let place = tempfile::tempdir().unwrap();
    let source = "-f lavfi -i testsrc2=s=48x32:d=1 -frames:v 1";
    let kinds = [
        "-pix_fmt rgb24 a.png",
        "-pix_fmt rgba64be deep.png",
        "-pix_fmt pal8 palette.png",
        "-pix_fmt yuvj420p a.jpg",
        "-pix_fmt gray grey.jpg",
        "-c:v libwebp -lossless 1 a.webp",
        "-c:v libwebp -lossless 0 lossy.webp",
        "-pix_fmt rgb24 -compression_algo deflate a.tif",
        "-pix_fmt rgb48le -compression_algo lzw deep.tif",
        "-pix_fmt bgr24 a.bmp",
        "-pix_fmt pal8 palette.bmp",
    ];
    kinds.iter().for_each(|kind| ffmpeg(place.path(), &format!("{source} {kind}")));
    let files = kinds.iter().map(|kind| place.path().join(kind.rsplit(' ').next().unwrap())).collect();
    (place, files)
}

/// Short clips with sound in each container.
fn clips() -> (TempDir, Vec<PathBuf>) {
    let place = tempfile::tempdir().unwrap();
    let source = "-f lavfi -i testsrc2=s=64x48:r=12:d=1 -f lavfi -i sine=d=1 -map 0 -map 1";
    let kinds = [
        "-c:v libx264 -g 6 -bf 2 -c:a aac a.mp4",
        "-c:v libx264 -g 6 -bf 2 -c:a aac -movflags +faststart+frag_keyframe fragments.mp4",
        "-c:v libx264 -g 6 -c:a flac a.mkv",
        "-c:v libvpx-vp9 -deadline realtime -c:a libopus a.webm",
        "-c:v mpeg4 -c:a libmp3lame a.avi",
        "-c:v libx264 -g 6 -c:a aac a.ts",
    ];
    kinds.iter().for_each(|kind| ffmpeg(place.path(), &format!("{source} {kind}")));
    let files = kinds.iter().map(|kind| place.path().join(kind.rsplit(' ').next().unwrap())).collect();
    (place, files)
}

/// Damages each of `files` `count` times, and runs `check` on each damaged file and a name for an output beside it, in a folder of
/// their own that holds nothing else. What `check` says is counted: painted or refused.
fn damage_each(what: &str, files: &[PathBuf], count: usize, check: impl Fn(&Path, &Path, &str) -> Ended + Sync) {
    let painted = std::sync::atomic::AtomicUsize::new(0);
    each(files.len() * count, |number| {
        let whole = &files[number % files.len()];
        let mut random = Random::new(number as u64);
        let place = tempfile::tempdir().unwrap();
        let ending = whole.extension().unwrap().to_str().unwrap();
        let file = place.path().join(format!("{}-{number}.{ending}", whole.file_stem().unwrap().to_str().unwrap()));
        fs::write(&file, damaged(&fs::read(whole).unwrap(), &mut random)).unwrap();
        let output = place.path().join(format!("painted.{ending}"));
        let case = file.file_name().unwrap().to_str().unwrap().to_owned();
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let ended = check(&file, &output, &case);
            assert_eq!(ended.code == 0, output.exists(), "{case}: exit code {}: {}", ended.code, ended.words);
            let left = fs::read_dir(place.path()).unwrap().count();
            assert_eq!(left, 1 + usize::from(ended.code == 0), "{case}: something is left behind: {}", ended.words);
            ended
        }));
        match checked {
            Ok(ended) => {
                painted.fetch_add(usize::from(ended.code == 0), std::sync::atomic::Ordering::Relaxed);
            }
            Err(reason) => {
                eprintln!("{case} is kept as {}", keep(&file));
                std::panic::resume_unwind(reason);
            }
        }
    });
    let (tried, painted) = (files.len() * count, painted.into_inner());
    println!(
        "fault: {what}: {tried} tried: {painted} painted as far as they could be read, {} refused in one sentence",
        tried - painted
    );
    assert!(painted > 0 && painted < tried, "the damage is neither nothing nor all");
}

fn impasto(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.args(args);
    command
}

#[test]
fn damaged_pictures_are_painted_or_refused() {
    let (_place, files) = pictures();
    damage_each("damaged pictures (png, jpeg, webp, tiff, bmp)", &files, times(20), |file, output, case| {
        let arguments = ["image", "-y", file.to_str().unwrap(), "-o", output.to_str().unwrap(), "--style", "identity"];
        let mut arguments = arguments.to_vec();
        if file.extension().is_some_and(|ending| ending == "bmp") {
            // It is read and not written.
            arguments.extend(["--format", "png"]);
        }
        let ended = run(&mut impasto(&arguments), case);
        if ended.code == 0 {
            let written =
                read::load(output, MaxPixels::default()).unwrap_or_else(|error| panic!("{case}: {error}")).frame;
            assert!(written.width > 0, "{case}");
        }
        ended
    });
}

#[test]
fn damaged_videos_are_painted_as_far_as_they_go_or_refused() {
    let (_place, files) = clips();
    damage_each("damaged videos (mp4, fragmented mp4, mkv, webm, avi, ts)", &files, times(20), |file, output, case| {
        let arguments =
            ["video", file.to_str().unwrap(), "-o", output.to_str().unwrap(), "--style", "identity", "--json"];
        let ended = run(
            &mut impasto(&[&arguments[..], &["--preset", "ultrafast"]].concat()[..if is_webm(file) { 7 } else { 9 }]),
            case,
        );
        if ended.code == 0 {
            let said: serde_json::Value = serde_json::from_str(&ended.json).unwrap();
            assert_eq!(Some(frames_of(output, case)), said["frames"].as_u64(), "{case}: {said}");
        }
        ended
    });
}

fn is_webm(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ending == "webm")
}

/// How many frames can be decoded of what was written, which is whole.
fn frames_of(file: &Path, case: &str) -> u64 {
    let mut decoder = Decoder::open(file, &DecodeOptions::default()).unwrap_or_else(|error| panic!("{case}: {error}"));
    let (mut frame, mut count) = (Frame::default(), 0);
    while decoder.next(&mut frame).unwrap() {
        count += 1;
    }
    assert!(
        decoder.warnings().iter().all(|warning| !warning.to_string().contains("damaged")),
        "{case}: {:?}",
        decoder.warnings()
    );
    count
}

#[test]
fn damaged_networks_are_refused_before_they_are_added() {
    let user = User::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks");
    let files: Vec<PathBuf> =
        ["classic.onnx", "normalised.onnx", "original_and_negative.onnx"].map(|name| folder.join(name)).into();
    let (count, added) = (times(30), std::sync::atomic::AtomicUsize::new(0));
    each(files.len() * count, |number| {
        let whole = &files[number % files.len()];
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("network.onnx");
        fs::write(&file, damaged(&fs::read(whole).unwrap(), &mut Random::new(number as u64))).unwrap();
        let case = format!("{} {number}", whole.display());
        let like = if whole.ends_with("classic.onnx") { "pytorch-examples" } else { "impasto" };
        let styles = if whole.ends_with("original_and_negative.onnx") { "a,b" } else { "a" };
        let mut command = impasto(&["styles", "add", file.to_str().unwrap(), "--like", like, "--styles", styles]);
        command.args(user::LICENCE).args(["--onnxruntime", user.runtime.to_str().unwrap()]);
        command.env("XDG_DATA_HOME", place.path().join("data")).env("XDG_CACHE_HOME", place.path().join("cache"));
        if like == "pytorch-examples" {
            command.args(["--name", "one"]);
        }
        let ended = run(&mut command, &case);
        let models = place.path().join("data/impasto/models");
        let left = fs::read_dir(&models).map_or(0, |files| {
            files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().ends_with("onnx")).count()
        });
        assert_eq!(left > 0, ended.code == 0, "{case}: {}", ended.words);
        added.fetch_add(usize::from(ended.code == 0), std::sync::atomic::Ordering::Relaxed);
    });
    let (tried, added) = (files.len() * count, added.into_inner());
    println!(
        "fault: damaged networks (onnx): {tried} tried: {added} still ran and were added, {} refused in one sentence",
        tried - added
    );
    assert!(added > 0 && added < tried, "the damage is neither nothing nor all");
}

/// Big-endian values and the end of a PNG chunk that nobody needs.
fn png_claiming(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&header);
    png.extend(crc32(&header).to_be_bytes());
    png.extend(b"\0\0\0\x0aIDAT\x78\x9c\x03\0\0\0\0\x01\0\0");
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

/// `whole` with the first `from` after `mark` replaced by `to`.
fn with(whole: &[u8], mark: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let find = |bytes: &[u8], wanted: &[u8]| bytes.windows(wanted.len()).position(|part| part == wanted);
    let start = find(whole, mark).unwrap_or_else(|| panic!("no {mark:?}"));
    let at = start + find(&whole[start..], from).unwrap_or_else(|| panic!("no {from:?}"));
    let mut bytes = whole.to_vec();
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

#[test]
fn absurd_sizes_are_refused_before_memory_is_taken() {
    let (pictures, _) = pictures();
    let (clips, _) = clips();
    let picture = |name: &str| fs::read(pictures.path().join(name)).unwrap();
    // Its size is said by the container alone.
    ffmpeg(clips.path(), "-i a.avi -c:v huffyuv plain.avi");
    let clip = |name: &str| fs::read(clips.path().join(name)).unwrap();
    let place = tempfile::tempdir().unwrap();
    let claims: Vec<(&str, Vec<u8>)> = vec![
        ("a.png", png_claiming(60_000, 60_000)),
        ("b.png", png_claiming(u32::MAX >> 1, 1)),
        ("a.jpg", with(&picture("a.jpg"), &[0xFF, 0xC0], &[0, 32, 0, 48], &[0xFF, 0, 0xFF, 0])),
        ("a.bmp", with(&picture("a.bmp"), b"BM", &[48, 0, 0, 0, 32, 0, 0, 0], &[0, 0, 1, 0, 0, 0, 1, 0])),
        (
            "a.tif",
            with(
                &with(&picture("a.tif"), &[0, 1, 4, 0, 1], &[48, 0, 0, 0], &[0xFF, 0xFF]),
                &[1, 1, 4, 0, 1],
                &[32, 0, 0, 0],
                &[0xFF, 0xFF],
            ),
        ),
        ("a.avi", with(&clip("plain.avi"), b"strf", &[64, 0, 0, 0, 48, 0, 0, 0], &[0, 0, 1, 0, 0, 0, 1, 0])),
    ];
    let (tried, mut refused) = (claims.len(), 0);
    for (name, bytes) in claims {
        let file = place.path().join(name);
        fs::write(&file, bytes).unwrap();
        let is_clip = matches!(file.extension().unwrap().to_str(), Some("avi"));
        let (command, output) = if is_clip { ("video", "out.mkv") } else { ("image", "out.png") };
        let output = place.path().join(output);
        // 600 MB of address space: the program fits, and none of the pictures does.
        let line = "ulimit -v 600000; exec \"$0\" \"$@\"";
        let mut limited = Command::new("sh");
        limited.args(["-c", line, env!("CARGO_BIN_EXE_impasto"), command, file.to_str().unwrap(), "-o"]);
        limited.arg(&output).args(["--style", "identity", "--threads", "1"]);
        let ended = run(&mut limited, name);
        assert_eq!(ended.code, 1, "{name}: {}", ended.words);
        let says = |words: &str| ended.words.contains(words);
        assert!(says("claims") || says("unpacks") || says("damaged"), "{name}: {}", ended.words);
        refused += usize::from(!says("damaged"));
        assert!(!output.exists());
    }
    assert!(refused >= 4, "most are refused for what they claim: {refused}");
    println!(
        "fault: sizes of gigapixels claimed by small files: {tried} tried: all refused in one sentence, within 600 MB"
    );
}

#[test]
fn the_limit_is_the_users_to_set() {
    let user = User::new();
    let photo = user.photo();
    let out = user.path("out.png");
    let arguments = ["image", "-y", &photo, "-o", out.to_str().unwrap(), "--style", "identity", "--max-pixels", "0.01"];
    user.json(&arguments);
    let clip = user.path("clip.mp4");
    ffmpeg(user.path("").as_path(), "-f lavfi -i testsrc2=s=160x90:r=10:d=0.5 -c:v libx264 clip.mp4");
    let video = ["video", clip.to_str().unwrap(), "-o", "unwritten.mp4", "--style", "identity", "--max-pixels"];
    let said = user.refused(&[&video[..], &["0.01"]].concat(), 1);
    assert!(said.contains("160 x 90 pixels") && said.contains("--max-pixels 1"), "{said}");
    let larger = user.path("larger.png");
    ffmpeg(user.path("").as_path(), "-f lavfi -i testsrc2=s=160x90:d=1 -frames:v 1 larger.png");
    let said = user.refused(
        &["image", "-y", larger.to_str().unwrap(), "-o", "x.png", "--style", "identity", "--max-pixels", "0.01"],
        1,
    );
    assert!(said.contains("160 x 90") && said.contains("--max-pixels 1"), "{said}");
}

/// Runs the program with so many kilobytes of address space.
fn within(kilobytes: u64, arguments: &[&str]) -> Command {
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -v \"$0\"; exec \"$@\"", &kilobytes.to_string(), env!("CARGO_BIN_EXE_impasto")]);
    limited.args(arguments);
    limited
}

#[test]
fn memory_that_runs_out_is_said_in_one_sentence() {
    let user = User::new();
    let folder = user.path("");
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=2400x1600:d=1 -frames:v 1 large.png");
    ffmpeg(&folder, "-f lavfi -i testsrc2=s=1280x720:r=10:d=0.5 -c:v libx264 large.mp4");
    let at = |name: &str| user.path(name).to_str().unwrap().to_owned();
    let (picture, clip, painting, film, network) =
        (at("large.png"), at("large.mp4"), at("out.png"), at("out.mp4"), user::network("classic.onnx"));
    let runtime = ["--onnxruntime", user.runtime.to_str().unwrap()];
    let jobs: [(&str, Vec<&str>, Option<&str>); 4] = [
        ("image", vec!["image", "-y", &picture, "-o", &painting, "--style", "starry-night"], Some(&painting)),
        ("video", vec!["video", &clip, "-o", &film, "--style", "starry-night", "--restart"], Some(&film)),
        (
            "paint",
            vec!["paint", &picture, &picture, "-o", &painting, "--size", "64", "--iterations", "2"],
            Some(&painting),
        ),
        ("styles add", vec!["styles", "add", &network, "--like", "pytorch-examples", "--replace"], None),
    ];
    let (mut tried, mut done) = (0, 0);
    for (name, mut arguments, output) in jobs {
        arguments.extend(runtime);
        if name == "styles add" {
            arguments.extend(user::LICENCE);
        }
        // From where the libraries can be loaded to where all is done.
        for megabytes in [380, 420, 500, 600, 700, 800, 1000, 1300, 1700, 2200, 3000, 6000] {
            let case = format!("{name} within {megabytes} MB");
            let mut command = within(megabytes * 1000, &arguments);
            command.env("XDG_DATA_HOME", library_home()).env("XDG_CACHE_HOME", user.path("cache"));
            if name == "styles add" {
                command.env("XDG_DATA_HOME", user.path("data"));
            }
            let ended = run(&mut command, &case);
            tried += 1;
            done += usize::from(ended.code == 0);
            if let Some(output) = output {
                assert_eq!(Path::new(output).exists(), ended.code == 0, "{case}: {}", ended.words);
                let _ = fs::remove_file(output);
            }
            assert!(megabytes < 6000 || ended.code == 0, "{case}: {}", ended.words);
        }
    }
    println!(
        "fault: memory limits (ulimit -v): {tried} tried: {done} succeeded, {} failed with one sentence",
        tried - done
    );
    assert!(done > 0 && done < tried);
}

/// Where scripts/setup has put VGG-19.
fn library_home() -> PathBuf {
    impasto::internals::network::library::data_folder().parent().unwrap().to_owned()
}

#[test]
fn a_damaged_list_of_styles_is_refused_or_read() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let whole = fs::read(models.join("styles.toml")).unwrap();
    let count = 3 * times(20);
    let listed = std::sync::atomic::AtomicUsize::new(0);
    each(count, |number| {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("styles.toml"), damaged(&whole, &mut Random::new(number as u64))).unwrap();
        let arguments = ["styles", "list", "--json", "--models", place.path().to_str().unwrap()];
        let ended = run(&mut impasto(&arguments), &format!("styles.toml {number}"));
        listed.fetch_add(usize::from(ended.code == 0), std::sync::atomic::Ordering::Relaxed);
    });
    let listed = listed.into_inner();
    println!(
        "fault: damaged styles.toml: {count} tried: {listed} still readable, {} refused in one sentence",
        count - listed
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_cannot_be_read_any_more_costs_only_what_is_on_it() {
    let place = tempfile::tempdir().unwrap();
    let shim = place.path().join("eio.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/eio.c");
    let made = need::program("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(source).arg("-ldl").status();
    assert!(made.unwrap().success());
    let source = "-f lavfi -i testsrc2=s=160x90:r=25:d=12 -f lavfi -i sine=d=12 -map 0 -map 1 -g 25 -c:a aac -b:v 600k";
    let (mut tried, mut kept) = (0, 0);
    for name in ["film.mkv", "film.ts", "film.mp4", "film.avi"] {
        ffmpeg(place.path(), &format!("{source} -c:v libx264 -movflags +faststart {name}"));
        let film = place.path().join(name);
        let size = fs::metadata(&film).unwrap().len();
        for tenth in 0..10 {
            let output = place.path().join("painted.mkv");
            let case = format!("{name} at {tenth} tenths");
            let mut command = impasto(&["video", film.to_str().unwrap(), "-o", output.to_str().unwrap(), "--json"]);
            command.args(["--style", "identity", "--preset", "ultrafast"]);
            command.env("LD_PRELOAD", &shim).env("FAIL_FILE", name).env("FAIL_AT", (size * tenth / 10).to_string());
            let ended = run(&mut command, &case);
            assert_eq!(ended.code == 0, output.exists(), "{case}: {}", ended.words);
            tried += 1;
            if ended.code == 0 {
                let said: serde_json::Value = serde_json::from_str(&ended.json).unwrap();
                let frames = said["frames"].as_u64().unwrap();
                assert_eq!(frames_of(&output, &case), frames, "{case}");
                assert!(frames < 300 && said["warnings"].to_string().contains("damaged or cut off"), "{case}: {said}");
                kept += 1;
                fs::remove_file(&output).unwrap();
            }
        }
    }
    println!(
        "fault: read errors in the middle of the input: {tried} tried: {kept} painted up to the error, which was reported, {} refused",
        tried - kept
    );
    assert!(kept >= 12, "{kept}");
}
