use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use super::*;

/// A named pipe in a folder of its own.
fn fifo() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success() && is_pipe(&path) && !is_standard_input(&path));
    (folder, path)
}

#[test]
fn a_named_pipe_waits_for_its_writer_and_gives_every_byte() {
    let (_folder, path) = fifo();
    let sent: Vec<u8> = (0..300_000u32).map(|value| (value % 251) as u8).collect();
    let mut pipe = Pipe::open(&path, Arc::default()).unwrap();
    let mut read = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(120));
            File::options().write(true).open(&path).unwrap().write_all(&sent).unwrap();
        });
        pipe.read_to_end(&mut read).unwrap();
    });
    assert!(read == sent);
}

#[test]
fn a_stop_ends_the_wait_for_a_silent_pipe() {
    let (_folder, path) = fifo();
    let stop: Arc<AtomicBool> = Arc::default();
    let mut pipe = Pipe::open(&path, Arc::clone(&stop)).unwrap();
    let begun = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::Relaxed);
        });
        assert!(pipe.read_to_end(&mut Vec::new()).is_err());
    });
    assert!((Duration::from_millis(100)..Duration::from_secs(5)).contains(&begun.elapsed()));
}
