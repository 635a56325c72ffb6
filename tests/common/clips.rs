//! Clips made on the spot, `impasto video` run on them, and `ffprobe`'s look at what came out.

#![allow(dead_code, reason = "each test uses its share of it")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::need;

/// A folder of its own for a test, with its clips and outputs.
pub struct Folder(pub tempfile::TempDir);

/// How a run of impasto ended.
pub struct Run {
    pub code: i32,
    pub json: serde_json::Value,
    pub errors: String,
}

pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"))
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `ffmpeg` in the folder; `args` are separated by spaces.
    pub fn ffmpeg(&self, args: &str) {
        let mut command = need::program("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-y"]).args(args.split_whitespace()).current_dir(self.0.path());
        let done = output(&mut command);
        assert!(done.status.success(), "ffmpeg {args}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A clip of test patterns with B-frames and, unless `video` says otherwise, 160x90 at 25 frames a second.
    pub fn clip(&self, name: &str, seconds: f64, options: &str) {
        let source = format!("-f lavfi -i testsrc2=s=160x90:r=25:d={seconds} -f lavfi -i sine=d={seconds}");
        self.ffmpeg(&format!("{source} -map 0 -map 1 -c:v libx264 -g 12 -bf 2 -c:a aac {options} {name}"));
    }

    /// `impasto video IN -o OUT` with the style that copies pixels; `args` are separated by spaces.
    pub fn paint(&self, args: &str) -> Run {
        finish(&mut self.command(args))
    }

    pub fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.args(["video", "--json", "--style", "identity"]).args(args.split_whitespace());
        command.current_dir(self.0.path());
        command
    }

    /// Fields of `ffprobe`'s entries, one entry a line.
    pub fn probe(&self, name: &str, args: &str) -> Vec<String> {
        let mut command = need::program("ffprobe");
        command.args(["-v", "error", "-of", "csv=p=0"]).args(args.split_whitespace()).arg(self.path(name));
        let done = output(&mut command);
        assert!(done.status.success(), "ffprobe {name}: {}", String::from_utf8_lossy(&done.stderr));
        let text = String::from_utf8(done.stdout).unwrap();
        text.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Presentation times of all frames of the first video stream, in seconds.
    pub fn times(&self, name: &str) -> Vec<f64> {
        let lines = self.probe(name, "-select_streams v:0 -show_entries frame=pts_time");
        // Facts beside a frame come as lines of their own.
        lines.iter().filter_map(|line| line.split(',').next()?.parse().ok()).collect()
    }

    /// Time and size of all packets of the streams that `which` selects.
    pub fn packets(&self, name: &str, which: &str) -> Vec<String> {
        self.probe(name, &format!("-select_streams {which} -show_entries packet=pts_time,duration_time,size"))
    }

    /// The least time of all packets of the streams that `which` selects, in seconds.
    pub fn first(&self, name: &str, which: &str) -> f64 {
        let packets = self.packets(name, which);
        packets.iter().map(|line| line.split(',').next().unwrap().parse().unwrap()).fold(f64::INFINITY, f64::min)
    }

    /// The first video stream's facts that `entries` names.
    pub fn facts(&self, name: &str, entries: &str) -> String {
        self.probe(name, &format!("-select_streams v:0 -show_entries stream={entries}")).concat()
    }

    /// PSNR of the luma of two videos, in decibels.
    pub fn psnr(&self, a: &str, b: &str) -> f64 {
        let luma = |name: &str| {
            let mut command = need::program("ffmpeg");
            command.args(["-v", "error", "-nostdin", "-i"]).arg(self.path(name));
            command.args("-map 0:v:0 -vsync passthrough -vf extractplanes=y -f rawvideo -".split(' '));
            output(&mut command).stdout
        };
        let (a, b) = (luma(a), luma(b));
        assert_eq!(a.len(), b.len(), "the same number of frames");
        assert!(!a.is_empty());
        let squares: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
        10.0 * (255.0 * 255.0 * a.len() as f64 / squares.max(1e-9)).log10()
    }

    /// All frames of a video, as the bytes that its decoder gives.
    pub fn pictures(&self, name: &str) -> Vec<Vec<u8>> {
        let mut command = need::program("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-i"]).arg(self.path(name));
        command.args("-map 0:v:0 -vsync passthrough -f rawvideo -".split(' '));
        let bytes = output(&mut command).stdout;
        let count = self.times(name).len();
        assert_eq!(bytes.len() % count, 0, "{count} frames of one size");
        bytes.chunks_exact(bytes.len() / count).map(<[u8]>::to_vec).collect()
    }

    /// Names of the folder's files.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A wrong run says one sentence with `words`, ends with `code`, and leaves the folder as it was.
    pub fn refuses(&self, args: &str, code: i32, words: &str) {
        let before = self.names();
        let run = self.paint(args);
        assert_eq!(run.code, code, "{args}: {}", run.errors);
        assert!(run.errors.contains(words), "{args}: {}", run.errors);
        assert_eq!(run.errors.trim_end().lines().count(), 1, "{args}: {}", run.errors);
        assert_eq!(self.names(), before, "{args} leaves nothing behind");
    }
}

impl Run {
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}", self.errors);
        self
    }

    pub fn frames(&self) -> usize {
        self.json["frames"].as_u64().unwrap() as usize
    }

    pub fn warnings(&self) -> String {
        self.json["warnings"].to_string()
    }

    pub fn without_warnings(self) -> Self {
        let run = self.ok();
        assert_eq!(run.json["warnings"].as_array().map(Vec::len), Some(0), "{}", run.json);
        run
    }
}

pub fn finish(command: &mut Command) -> Run {
    let done = output(command);
    let json = serde_json::from_slice(&done.stdout).unwrap_or_default();
    let errors = String::from_utf8_lossy(&done.stderr).into_owned();
    Run { code: done.status.code().unwrap_or(-1), json, errors }
}
