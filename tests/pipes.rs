//! `impasto video` between other programs: frames in and out through pipes.
#![cfg(unix)]

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clips::{Folder, output};

/// Runs `command` with the file `input` of the folder coming through a pipe, which nothing can seek in.
fn fed(folder: &Folder, input: &str, args: &str) -> Output {
    let mut cat = Command::new("cat").arg(folder.path(input)).stdout(Stdio::piped()).spawn().unwrap();
    let mut command = plain(folder, args);
    let done = output(command.stdin(cat.stdout.take().unwrap()));
    // It holds the pipe's other end.
    drop(command);
    cat.wait().unwrap();
    done
}

/// `impasto video` without `--json`.
fn plain(folder: &Folder, args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.args(["video", "--style", "identity", "--stabilize", "0"]).args(args.split_whitespace());
    command.current_dir(folder.0.path());
    command
}

fn ok(done: Output) -> Vec<u8> {
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

fn errors(done: &Output) -> String {
    String::from_utf8_lossy(&done.stderr).into_owned()
}

#[test]
fn y4m_goes_in_and_out_and_keeps_rate_shape_and_range() {
    let folder = Folder::new();
    for range in ["pc", "tv"] {
        let full = format!("scale=in_range=tv:out_range={range},setsar=64/45");
        folder.ffmpeg(&format!("-f lavfi -i testsrc2=s=90x50:r=30000/1001:d=0.4 -vf {full} -pix_fmt yuv444p -c:v ffv1 -color_range {range} in.mkv"));
        folder.ffmpeg(&format!("-i in.mkv -color_range {range} -strict -1 -f yuv4mpegpipe in.y4m"));
        let out = ok(fed(&folder, "in.y4m", "- -o - --pix-fmt yuv444p"));
        let header = String::from_utf8_lossy(&out[..out.iter().position(|&byte| byte == b'\n').unwrap()]).into_owned();
        let own = if range == "pc" { "FULL" } else { "LIMITED" };
        for part in ["YUV4MPEG2 W90 H50 F30000:1001 ", "A64:45", "C444", &format!("XCOLORRANGE={own}")] {
            assert!(header.contains(part), "{part}: {header}");
        }
        fs::write(folder.path("out.y4m"), &out).unwrap();
        assert_eq!(folder.times("out.y4m").len(), 12);
        assert!(folder.psnr("in.y4m", "out.y4m") > 38.0, "{range}: {}", folder.psnr("in.y4m", "out.y4m"));
    }
}

#[test]
fn a_stream_that_is_cut_off_in_a_frame_is_said_to_be() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=90x50:r=25:d=0.48 -pix_fmt yuv420p -f yuv4mpegpipe whole.y4m");
    folder.ffmpeg("-i whole.y4m -pix_fmt rgb24 -f rawvideo whole.raw");
    let whole = fs::read(folder.path("whole.y4m")).unwrap();
    let frame = b"FRAME\n".len() + 90 * 50 * 3 / 2;
    for (left, frames, is_cut) in [(0, 12, false), (1, 11, true), (frame - 3, 11, true), (frame, 11, false)] {
        fs::write(folder.path("cut.y4m"), &whole[..whole.len() - left]).unwrap();
        for (done, name) in [
            (fed(&folder, "cut.y4m", "- -o pipe.mkv -y"), "standard input"),
            (output(&mut plain(&folder, "cut.y4m -o pipe.mkv -y")), "cut.y4m"),
        ] {
            let words = errors(&done);
            let told = words.contains(&format!("{name}' is damaged or cut off: {frames} frames"));
            assert_eq!(told, is_cut, "{left}: {words}");
            assert_eq!(folder.times("pipe.mkv").len(), frames, "{left}");
        }
    }
    folder.clip("whole.mkv", 1.0, "");
    folder.clip("whole.ts", 1.0, "");
    folder.clip("whole.nut", 1.0, "-an -c:v mpeg4");
    for name in ["whole.mkv", "whole.ts", "whole.nut"] {
        let whole = fs::read(folder.path(name)).unwrap();
        // The last byte of NUT belongs to its index, behind all pictures.
        let last = if name == "whole.nut" { 1000 } else { 1 };
        for left in [0, whole.len() / 3 / 188 * 188 + 1, last] {
            fs::write(folder.path("cut"), &whole[..whole.len() - left]).unwrap();
            let words = errors(&fed(&folder, "cut", "- -o film.mkv -y"));
            assert_eq!(words.contains("standard input' is damaged or cut off"), left > 0, "{name} {left}: {words}");
        }
    }
    let raw = fs::read(folder.path("whole.raw")).unwrap();
    fs::write(folder.path("cut.raw"), &raw[..raw.len() - 7]).unwrap();
    let words = errors(&fed(&folder, "cut.raw", "- --raw-input 90x50:rgb24 -o raw.mkv"));
    assert!(words.contains("damaged"), "{words}");
    assert_eq!(folder.times("raw.mkv").len(), 11);
}

#[test]
fn a_named_pipe_is_read_like_standard_input() {
    let folder = Folder::new();
    folder.clip("in.ts", 1.0, "");
    assert!(Command::new("mkfifo").arg(folder.path("pipe")).status().unwrap().success());
    let mut cat = Command::new("sh").args(["-c", "cat in.ts > pipe"]).current_dir(folder.0.path()).spawn().unwrap();
    let done = output(&mut plain(&folder, "pipe -o out.mkv"));
    cat.wait().unwrap();
    assert!(errors(&done).contains("which a pipe cannot keep"), "{}", errors(&done));
    ok(done);
    assert_eq!(folder.times("out.mkv").len(), 25);
    folder.ffmpeg("-i in.ts -frames:v 1 photo.png");
    let mut cat = Command::new("sh").args(["-c", "cat photo.png > pipe"]).current_dir(folder.0.path()).spawn().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.args("image pipe -o copy.png --style identity".split(' ')).current_dir(folder.0.path());
    ok(output(&mut command));
    cat.wait().unwrap();
    assert_eq!(folder.pictures("copy.png"), folder.pictures("photo.png"));
}

#[test]
fn ctrl_c_ends_the_wait_for_a_silent_pipe_at_once() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=90x50:r=25:d=8 -pix_fmt yuv420p -f yuv4mpegpipe in.y4m");
    let film = fs::read(folder.path("in.y4m")).unwrap();
    // Nothing at all, or a film that stops coming in its middle.
    for (sent, args) in [
        (0, "video - -o a.mkv"),
        (0, "video - --raw-input 90x50 -o a.mkv"),
        (0, "video - -o -"),
        (0, "image - -o a.png"),
        (film.len() / 2, "video - -o b.mkv --segment-frames 32 --stabilize 0"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.args(args.split(' ')).args(["--style", "identity"]).current_dir(folder.0.path());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        until_it_listens(&child);
        to.write_all(&film[..sent]).unwrap();
        if sent > 0 {
            let begun = Instant::now();
            while !folder.path("b.mkv.parts/000000.json").exists() && begun.elapsed() < Duration::from_secs(60) {
                thread::sleep(Duration::from_millis(20));
            }
        }
        thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "{args} waits");
        let asked = Instant::now();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let done = child.wait_with_output().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(2), "{args}: {:?}", asked.elapsed());
        assert_eq!(done.status.code(), Some(130), "{args}: {}", errors(&done));
        assert_eq!(errors(&done).lines().filter(|line| line.contains("interrupted")).count(), 1, "{}", errors(&done));
        drop(to);
    }
    assert!(!folder.path("a.mkv").exists() && !folder.path("a.png").exists() && !folder.path("b.mkv").exists());
    // What came before is kept, and is not taken for the whole film.
    let done = fed(&folder, "in.y4m", "- -o b.mkv --segment-frames 32");
    assert!(errors(&done).contains("resuming"), "{}", errors(&done));
    assert_eq!(folder.times("b.mkv").len(), 200);
}

/// Waits until the process handles SIGINT itself.
fn until_it_listens(child: &Child) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(60) {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigCgt:")?.trim(), 16).ok());
        if caught.is_some_and(|signals| signals & 2 != 0) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn raw_frames_go_in_and_out_to_the_byte() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=90x50:r=25:d=0.4 -pix_fmt rgb24 -f rawvideo in.rgb");
    let args = "- -o - --raw-input 90x50:rgb24 --format raw --fps 24";
    let raw = fs::read(folder.path("in.rgb")).unwrap();
    assert_eq!(raw.len(), 10 * 90 * 50 * 3);
    assert!(ok(fed(&folder, "in.rgb", args)) == raw);
    // The same from a file, to a film of that rate.
    let run = folder.paint("in.rgb -o film.mkv --raw-input 90x50 --fps 24 --codec ffv1 --pix-fmt bgr0").ok();
    assert_eq!((run.frames(), folder.facts("film.mkv", "avg_frame_rate").as_str()), (10, "24/1"));
    for (layout, words) in [("90:rgb24", "is no raw video"), ("90x50:puce", "no pixel format 'puce'")] {
        let done = output(&mut plain(&folder, &format!("in.rgb -o a.mkv --raw-input {layout}")));
        assert!(done.status.code() == Some(2) && errors(&done).contains(words), "{}", errors(&done));
    }
}

#[test]
fn a_pipe_becomes_a_file_and_its_sound_is_said_to_be_lost() {
    let folder = Folder::new();
    folder.clip("in.mkv", 2.0, "");
    let done = fed(&folder, "in.mkv", "- -o a.mp4 --segment-frames 32");
    assert!(errors(&done).contains("the input has 1 more stream"), "{}", errors(&done));
    assert!(ok(done).is_empty());
    assert_eq!(folder.times("a.mp4").len(), 50);
    assert_eq!(folder.names(), ["a.mp4", "in.mkv"]);
    // No index at the front: this cannot be read without seeking.
    folder.clip("in.mp4", 4.0, "-s 640x360 -qp 10");
    let done = fed(&folder, "in.mp4", "- -o b.mp4");
    assert_eq!(done.status.code(), Some(1));
    assert!(errors(&done).contains("name the file itself"), "{}", errors(&done));
    fs::write(folder.path("noise"), vec![7; 5000]).unwrap();
    let done = fed(&folder, "noise", "- -o -");
    assert!(errors(&done).contains("--raw-input") && done.stdout.is_empty(), "{}", errors(&done));
}

#[test]
fn a_film_from_a_pipe_resumes_when_it_is_sent_again_and_refuses_another() {
    let folder = Folder::new();
    folder.clip("in.mkv", 4.0, "");
    folder.ffmpeg("-f lavfi -i mandelbrot=s=160x90:r=25 -t 4 -c:v libx264 other.mkv");
    // Two segments, and the job is not finished.
    let first = "- -o a.mkv --codec ffv1 --segment-frames 32";
    assert!(fed(&folder, "in.mkv", &format!("{first} --segments 0..2")).status.success());
    let done = fed(&folder, "other.mkv", first);
    assert!(errors(&done).contains("differs from what it was"), "{}", errors(&done));
    let done = fed(&folder, "in.mkv", first);
    assert!(errors(&done).contains("resuming 'a.mkv' at frame 64"), "{}", errors(&done));
    ok(done);
    folder.paint("in.mkv -o whole.mkv --codec ffv1 --stabilize 0").ok();
    assert!(folder.pictures("a.mkv") == folder.pictures("whole.mkv"));
}

#[test]
fn a_film_goes_to_a_pipe_with_nothing_but_frames_on_standard_output() {
    let folder = Folder::new();
    folder.clip("in.mp4", 1.0, "");
    let done = output(&mut plain(&folder, "in.mp4 -o -"));
    assert!(errors(&done).contains("the audio and other streams"), "{}", errors(&done));
    let out = ok(done);
    fs::write(folder.path("out.y4m"), &out).unwrap();
    let line = out.iter().position(|&byte| byte == b'\n').unwrap() + 1;
    assert_eq!(out.len(), line + 25 * (6 + 160 * 90 * 3 / 2));
    assert!(folder.psnr("in.mp4", "out.y4m") > 40.0, "{}", folder.psnr("in.mp4", "out.y4m"));
    let refused = |args: &str, words: &str| {
        let done = output(&mut plain(&folder, args));
        assert_eq!(done.status.code(), Some(2), "{args}: {}", errors(&done));
        assert!(errors(&done).contains(words) && done.stdout.is_empty(), "{args}: {}", errors(&done));
    };
    refused("in.mp4 -o - --json", "both the frames and --json");
    refused("in.mp4 -o - --codec h264", "--codec is for files");
    refused("in.mp4 -o - --pix-fmt rgb24", "--format raw");
    refused("in.mp4 -o a.y4m", "-o - > 'a.y4m'");
}

#[test]
fn a_reader_that_goes_away_ends_the_job_quietly() {
    let folder = Folder::new();
    folder.clip("in.mp4", 8.0, "-s 640x360");
    let mut child =
        plain(&folder, "in.mp4 -o - --quiet").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; 1000]).unwrap();
    drop(out);
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), errors(&done).as_str()), (Some(141), ""));
    folder.ffmpeg("-i in.mp4 -frames:v 1 photo.png");
    let mut image = Command::new(env!("CARGO_BIN_EXE_impasto"));
    image.args(["image", "photo.png", "-o", "-", "--style", "identity", "--quiet"]).current_dir(folder.0.path());
    let mut child = image.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), errors(&done).as_str()), (Some(141), ""));
}

#[test]
fn a_named_pipe_is_written_to_by_video_and_image_and_stays() {
    use std::os::unix::fs::FileTypeExt;
    let folder = Folder::new();
    folder.clip("in.mp4", 0.4, "");
    folder.ffmpeg("-i in.mp4 -frames:v 1 photo.png");
    for (name, command, args) in [
        ("pipe.mkv", "video", "in.mp4 -o pipe.mkv"),
        ("pipe.mp4", "video", "in.mp4 -o pipe.mp4"),
        ("pipe", "video", "in.mp4 -o pipe"),
        ("pipe.png", "image", "photo.png -o pipe.png"),
    ] {
        let path = folder.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::read(path).unwrap()
        });
        let mut impasto = Command::new(env!("CARGO_BIN_EXE_impasto"));
        impasto.args([command, "--style", "identity"]).args(args.split_whitespace()).current_dir(folder.0.path());
        ok(output(&mut impasto));
        let bytes = reader.join().unwrap();
        assert!(fs::metadata(&path).unwrap().file_type().is_fifo(), "{name} stays a pipe");
        fs::write(folder.path("read"), bytes).unwrap();
        assert_eq!(folder.facts("read", "width,height"), "160,90", "{name}");
    }
    assert!(File::open(folder.path("pipe.mkv.parts")).is_err(), "nothing else is left");
}
