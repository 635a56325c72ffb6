//! A screen in memory for windows: Xvfb.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::need;

pub const SCREEN: (u32, u32) = (800, 600);

/// A screen in memory, and the number that it was given.
pub struct Screen {
    server: Child,
    pub display: String,
}

impl Screen {
    pub fn new() -> Self {
        let size = format!("{}x{}x24", SCREEN.0, SCREEN.1);
        let mut server = need::program("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &size, "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut number = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.trim().is_empty(), "Xvfb did not start");
        Self { server, display: format!(":{}", number.trim()) }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
