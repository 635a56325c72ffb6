//! Pipes to read from: a stop ends the wait for one that is silent.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How often a silent pipe looks for a stop, in milliseconds.
#[cfg(unix)]
const PATIENCE: i32 = 50;

/// Whether `path` is read as a stream, once and from its start: `-` for standard input, or a named pipe.
pub fn is_pipe(path: &Path) -> bool {
    is_standard_input(path) || fs::metadata(path).is_ok_and(|found| is_named_pipe(&found))
}

/// Whether `path` stands for standard input.
pub fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// The name of a pipe in messages.
pub fn shown(path: &Path) -> String {
    if is_standard_input(path) { "standard input".into() } else { format!("'{}'", path.display()) }
}

/// The reading end of a pipe.
#[derive(Debug)]
pub struct Pipe {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Pipe {
    /// Opens `path`, for which [`is_pipe`] holds. Nothing waits any longer once `stop` is set.
    ///
    /// # Errors
    /// The system refuses to open it.
    pub fn open(path: &Path, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let file = if is_standard_input(path) { standard_input()? } else { named_pipe(path)? };
        Ok(Self { file, stop })
    }
}

impl Read for Pipe {
    /// As any reader; an error if the stop is set before there is something to read.
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        loop {
            wait(&self.file, &self.stop)?;
            match self.file.read(to) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

/// Standard input without the standard library's buffer, which would hide from [`wait`] what it holds.
#[cfg(unix)]
fn standard_input() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(windows)]
fn standard_input() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}

/// Opens a named pipe without waiting for its writer.
#[cfg(unix)]
fn named_pipe(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn named_pipe(path: &Path) -> io::Result<File> {
    File::open(path)
}

#[cfg(unix)]
fn is_named_pipe(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.file_type().is_fifo()
}

#[cfg(not(unix))]
fn is_named_pipe(_: &fs::Metadata) -> bool {
    false
}

/// Waits until `file` has data, or is at its end.
#[cfg(unix)]
fn wait(file: &File, stop: &AtomicBool) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    while !stop.load(Ordering::Relaxed) {
        let mut asked = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which outlives the call.
        match unsafe { libc::poll(&raw mut asked, 1, PATIENCE) } {
            0 => {}
            1.. => return Ok(()),
            _ => match io::Error::last_os_error() {
                signal if signal.kind() == io::ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
    Err(io::Error::other("interrupted"))
}

/// Nothing is known before reading.
#[cfg(not(unix))]
fn wait(_: &File, stop: &AtomicBool) -> io::Result<()> {
    if stop.load(Ordering::Relaxed) { Err(io::Error::other("interrupted")) } else { Ok(()) }
}

#[cfg(all(test, unix))]
mod tests;
