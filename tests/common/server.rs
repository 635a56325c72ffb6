//! `impasto serve` as a user starts it, and curl as its client.

#![allow(dead_code, reason = "each test uses its share of it")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::need;

/// How long something may take on a machine that is busy with other tests.
pub const LONG: Duration = Duration::from_secs(180);

/// A server with a folder of its own. It is killed when it is dropped.
pub struct Server {
    process: Child,
    pub address: String,
    home: tempfile::TempDir,
}

/// What curl got.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&self.body)))
    }

    /// The sentence of a refusal.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        let words = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{words}");
        assert!(self.head.contains("content-type: application/problem+json"), "{}", self.head);
        self.json()["detail"].as_str().unwrap().to_owned()
    }
}

impl Server {
    /// A server on a free port of this machine.
    pub fn new(args: &[&str]) -> Self {
        Self::with_env(args, &[])
    }

    /// The same with environment variables.
    pub fn with_env(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::at_home(tempfile::tempdir().unwrap(), args, env)
    }

    fn at_home(home: tempfile::TempDir, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_impasto"))
            .args(["serve", "127.0.0.1:0", "--json", "--quiet", "--folder"])
            .arg(home.path().join("jobs"))
            .arg("--onnxruntime")
            .arg(need::onnx_runtime())
            .args(args)
            .env("XDG_CACHE_HOME", home.path().join("cache"))
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("it did not start: {line}"));
        let address = said["address"].as_str().unwrap().split('?').next().unwrap().trim_end_matches('/').to_owned();
        Self { process, address, home }
    }

    /// Kills it as a power cut would, and starts it again with the same folder.
    pub fn after_a_kill(mut self, args: &[&str]) -> Self {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let home = std::mem::replace(&mut self.home, tempfile::tempdir().unwrap());
        Self::at_home(home, args, &[])
    }

    /// `127.0.0.1:1234`
    pub fn host(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    /// The folder of the jobs.
    pub fn jobs_folder(&self) -> PathBuf {
        self.home.path().join("jobs")
    }

    /// Asks for `path`, with more arguments for curl.
    pub fn curl(&self, path: &str, args: &[&str]) -> Answer {
        let folder = tempfile::tempdir().unwrap();
        let (head, body) = (folder.path().join("head"), folder.path().join("body"));
        let mut command = need::program("curl");
        command.args(["--silent", "--max-time", "170", "-H", "Expect:", "-D"]).arg(&head).arg("-o").arg(&body);
        let done =
            command.args(["-w", "%{http_code}"]).args(args).arg(format!("{}{path}", self.address)).output().unwrap();
        let status = String::from_utf8_lossy(&done.stdout).parse().unwrap();
        let read = |path: &Path| std::fs::read(path).unwrap_or_default();
        Answer { status, head: String::from_utf8_lossy(&read(&head)).to_lowercase(), body: read(&body) }
    }

    /// Asks for `path` with a form: `field=text`, or `field=@file`.
    pub fn form(&self, path: &str, fields: &[&str]) -> Answer {
        self.curl(path, &fields.iter().flat_map(|field| ["-F", field]).collect::<Vec<_>>())
    }

    /// Sends a job that is accepted; gives its identity.
    #[track_caller]
    pub fn job(&self, fields: &[&str]) -> String {
        let answer = self.form("/api/v1/jobs", fields);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The job once `is_there` says so.
    #[track_caller]
    pub fn job_when(&self, id: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let job = self.curl(&format!("/api/v1/jobs/{id}"), &[]).json();
            if is_there(&job) {
                return job;
            }
            assert!(start.elapsed() < LONG && job["state"] != "failed", "{job:#}");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
