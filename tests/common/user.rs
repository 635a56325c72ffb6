//! A user with folders of their own, who runs the program.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::need;

/// A user of their own: an empty data folder, and the runtime that is installed here.
pub struct User {
    home: TempDir,
    /// The ONNX Runtime library.
    pub runtime: PathBuf,
}

impl User {
    pub fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap(), runtime: need::onnx_runtime() }
    }

    /// A path in the user's home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let runtime = self.runtime.to_str().unwrap();
        self.run_bare(&[args, &["--onnxruntime", runtime]].concat())
    }

    pub fn run_bare(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_impasto"))
            .args(args)
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env_remove("ORT_DYLIB_PATH")
            .output()
            .unwrap()
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", words(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs what must fail with `code`, in one sentence, without a panic; returns the sentence.
    pub fn refused(&self, args: &[&str], code: i32) -> String {
        let output = self.run(args);
        let words = words(&output);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {words}");
        assert!(!words.contains("panicked"), "{words}");
        assert_eq!(words.matches("impasto: ").count(), 1, "{words}");
        words
    }

    pub fn photo(&self) -> String {
        let path = self.path("photo.png");
        let mut frame = impasto::Frame::new(40, 30);
        (0..).zip(frame.pixels.iter_mut()).for_each(|(place, byte)| *byte = (place * 5 % 256) as u8);
        let picture = impasto::Picture::new(frame);
        impasto::internals::picture::write::save(&picture, &path, impasto::pictures::Format::Png, 90).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// What a run said on standard error.
pub fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file of scripts/make_test_networks.py.
pub fn network(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks").join(name).to_str().unwrap().to_owned()
}

pub fn pixels(path: &Path) -> Vec<u8> {
    impasto::internals::picture::read::load(path, impasto::MaxPixels::default()).unwrap().frame.pixels
}

/// Where a network comes from, for `styles add`.
pub const LICENCE: [&str; 4] = ["--license", "CC0-1.0", "--source", "a test"];
