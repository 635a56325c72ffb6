//! The only writer to the terminal: words, warnings and progress to standard error, results and JSON to standard output.

mod progress;

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process::Stdio;
use std::sync::Mutex;

use indicatif::ProgressBar;
use serde::Serialize;

pub use self::progress::{Progress, spoken};

use crate::error::Error;
use crate::sync::lock;

/// Makes the process explain itself and exit with code 1 when a library ends it with `abort`. Rust's allocator, ONNX Runtime and
/// encoders do that when memory runs out where they cannot report it; but a bug in one of them looks the same, so memory is
/// blamed only if little of it is left.
pub fn explain_aborts() {
    #[cfg(unix)]
    {
        use std::fs::File;
        use std::mem::ManuallyDrop;
        use std::os::fd::FromRawFd;

        const MEMORY: &[u8] =
            b"impasto: out of memory: a library aborted; close other programs, raise a limit (ulimit -v), or \
choose a smaller picture or --size\n";
        const BUG: &[u8] =
            b"impasto: internal error: a library aborted; please report it, with any lines above this one\n";
        let explain = || {
            // SAFETY: standard error is open, or the write fails; it is not closed.
            let mut standard_error = ManuallyDrop::new(unsafe { File::from_raw_fd(2) });
            // There is nothing left to do about a failure.
            let _ = standard_error.write_all(if is_memory_left() { BUG } else { MEMORY });
            signal_hook::low_level::exit(1);
        };
        // SAFETY: the action calls only mmap, munmap, write and _exit, each of them a plain system call that may interrupt anything.
        // If it cannot be registered, the process ends as it would have ended.
        let _ = unsafe { signal_hook::low_level::register(signal_hook::consts::SIGABRT, explain) };
    }
}

/// Whether the system would still grant more memory than any one buffer needs.
#[cfg(unix)]
fn is_memory_left() -> bool {
    /// A gigabyte: the largest tensors and pictures are smaller.
    const AMPLE: usize = 1 << 30;
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: asks for new memory anywhere, never touches it, and returns it at once.
    unsafe {
        let place = libc::mmap(std::ptr::null_mut(), AMPLE, access, kind, -1, 0);
        place != libc::MAP_FAILED && libc::munmap(place, AMPLE) == 0
    }
}

/// How much to print, and the warnings so far.
#[derive(Debug, Default)]
pub struct Report {
    /// Standard output gets one JSON object instead of text.
    pub json: bool,
    /// Standard error gets errors only.
    pub quiet: bool,
    warnings: Mutex<Vec<String>>,
    /// The bar on screen: text must be written above it.
    bar: Mutex<Option<ProgressBar>>,
}

impl Report {
    /// A report for the flags `--json` and `--quiet`.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet, ..Self::default() }
    }

    /// Prints a remark on standard error; nothing with `--quiet`.
    pub fn say(&self, words: impl AsRef<str>) {
        if !self.quiet {
            self.error_line(words.as_ref());
        }
    }

    /// Warns, once for each text; warnings also appear in the JSON summary.
    pub fn warn(&self, words: impl fmt::Display) {
        let words = words.to_string();
        let mut warnings = lock(&self.warnings);
        if warnings.contains(&words) {
            return;
        }
        if !self.quiet {
            self.error_line(&format!("warning: {words}"));
        }
        warnings.push(words);
    }

    /// All warnings so far.
    pub fn warnings(&self) -> Vec<String> {
        lock(&self.warnings).clone()
    }

    /// Prints a result for people; nothing with `--json` or `--quiet`.
    pub fn print(&self, words: impl AsRef<str>) {
        if !self.json && !self.quiet {
            out_line(words.as_ref());
        }
    }

    /// Prints the result for programs with `--json`; nothing without.
    pub fn print_json(&self, value: &impl Serialize) {
        if self.json {
            self.print_object(value);
        }
    }

    /// Prints `value` as JSON to standard output, whether asked for or not.
    pub fn print_object(&self, value: &impl Serialize) {
        // Plain structs of numbers and strings: they always serialise.
        out_line(&serde_json::to_string(value).expect("a summary is plain data"));
    }

    /// Shows progress over `total` units, called `unit` in the plural: a bar on a terminal, else a line now and then.
    pub fn progress(&self, total: Option<u64>, unit: &str) -> Progress {
        let progress = Progress::new(total, unit, self.quiet);
        *lock(&self.bar) = progress.bar().cloned();
        progress
    }

    fn error_line(&self, words: &str) {
        let bar = lock(&self.bar);
        match bar.as_ref().filter(|bar| !bar.is_finished() && !bar.is_hidden()) {
            Some(bar) => bar.println(words),
            None => error_line(words),
        }
    }
}

/// `1 photo`, `2 photos`: a number with what it counts, named in the singular.
pub fn counted(number: usize, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {singular}{plural}")
}

/// Prints the error that ended the program; nothing if the reader of its output has gone.
pub fn print_error(error: &Error) {
    if matches!(error, Error::ReaderGone) {
        return;
    }
    error_line(&format!("impasto: {error}"));
}

/// Where a program that this one starts may write: to the terminal's people, never among the results.
pub fn output_of_children() -> Stdio {
    Stdio::from(io::stderr())
}

/// Writes finished bytes (a picture asked for with `-o -`) to standard output.
///
/// # Errors
/// The reader has gone away, or the disk behind it is full.
pub fn write_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// Standard output for frames, which programs behind it read as they come.
#[derive(Debug)]
pub struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_bytes(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

fn out_line(words: &str) {
    // A closed standard output (`impasto styles | head -1`) is the reader's choice.
    let _ = writeln!(io::stdout().lock(), "{words}");
}

/// Whether standard error is a terminal, which a bar can be drawn on.
fn on_terminal() -> bool {
    io::stderr().is_terminal()
}

fn error_line(words: &str) {
    // Nowhere to complain to when standard error itself is gone.
    let _ = writeln!(io::stderr().lock(), "{words}");
}
