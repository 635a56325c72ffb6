//! Damaged and lying files, through the program itself: it ends in time with exit code 0, 1 or 2, never by a signal, in one sentence
//! where it fails, and nothing has its final name that is not whole.

#[path = "common/damage.rs"]
mod damage;
#[path = "common/user.rs"]
#[allow(dead_code, reason = "other tests ask more of a user")]
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use damage::{Ended, Random, damaged, each, keep, run, times};
use impasto::frame::{Frame, MaxPixels};
use impasto::media::decode::{DecodeOptions, Decoder};
use impasto::source::image;
use tempfile::TempDir;
use user::User;

fn ffmpeg(folder: &Path, args: &str) {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y"]).args(args.split_whitespace()).current_dir(folder);
    let done = command.output().expect("ffmpeg is installed");
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
        let arguments = ["image", file.to_str().unwrap(), "-o", output.to_str().unwrap(), "--style", "identity"];
        let mut arguments = arguments.to_vec();
        if file.extension().is_some_and(|ending| ending == "bmp") {
            // It is read and not written.
            arguments.extend(["--format", "png"]);
        }
        let ended = run(&mut impasto(&arguments), case);
        if ended.code == 0 {
            let written =
                image::load(output, MaxPixels::default()).unwrap_or_else(|error| panic!("{case}: {error}")).frame;
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
    assert!(decoder.warnings().iter().all(|warning| !warning.contains("damaged")), "{case}: {:?}", decoder.warnings());
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
        let mut command = impasto(&["styles", "add", file.to_str().unwrap(), "--like", like, "--styles", "a,b"]);
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
        "fault: damaged networks (onnx): {tried} tried: {added} still run and were added, {} refused in one sentence",
        tried - added
    );
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
                &with(&picture("a.tif"), &[0, 1, 3, 0, 1], &[48, 0], &[0xFF, 0xFF]),
                &[1, 1, 3, 0, 1],
                &[32, 0],
                &[0xFF, 0xFF],
            ),
        ),
        ("a.mp4", with(&clip("a.mp4"), b"avc1\0\0\0\0\0\0", &[0, 64, 0, 48], &[0xFF, 0, 0xFF, 0])),
        ("a.avi", with(&clip("a.avi"), b"strf", &[64, 0, 0, 0, 48, 0, 0, 0], &[0, 0, 1, 0, 0, 0, 1, 0])),
    ];
    let mut refused = 0;
    for (name, bytes) in claims {
        let file = place.path().join(name);
        fs::write(&file, bytes).unwrap();
        let is_clip = matches!(file.extension().unwrap().to_str(), Some("mp4" | "avi"));
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
        assert!(says("claims") || says("damaged"), "{name}: {}", ended.words);
        refused += usize::from(says("claims"));
        assert!(!output.exists());
    }
    assert!(refused >= 5, "most are refused for what they claim: {refused}");
    println!("fault: sizes of gigapixels claimed by small files: 7 tried: all refused in one sentence, within 600 MB");
}

#[test]
fn the_limit_is_the_users_to_set() {
    let user = User::new();
    let photo = user.photo();
    let out = user.path("out.png");
    let arguments = ["image", &photo, "-o", out.to_str().unwrap(), "--style", "identity", "--max-pixels", "0.01"];
    user.json(&arguments);
    let clip = user.path("clip.mp4");
    ffmpeg(user.path("").as_path(), "-f lavfi -i testsrc2=s=160x90:r=10:d=0.5 -c:v libx264 clip.mp4");
    let video = ["video", clip.to_str().unwrap(), "-o", "unwritten.mp4", "--style", "identity", "--max-pixels"];
    let said = user.refused(&[&video[..], &["0.01"]].concat(), 1);
    assert!(said.contains("160 x 90 pixels a frame") && said.contains("--max-pixels 1"), "{said}");
    let larger = user.path("larger.png");
    ffmpeg(user.path("").as_path(), "-f lavfi -i testsrc2=s=160x90:d=1 -frames:v 1 larger.png");
    let said = user
        .refused(&["image", larger.to_str().unwrap(), "-o", "x.png", "--style", "identity", "--max-pixels", "0.01"], 1);
    assert!(said.contains("160 x 90") && said.contains("--max-pixels 1"), "{said}");
}
