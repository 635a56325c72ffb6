//! Virtual cameras as other programs see them: what is shown is read back, colours and all.

// V4L2 and PipeWire are Linux's.
#![cfg(target_os = "linux")]

#[path = "common/need.rs"]
mod need;

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use impasto::Frame;
use impasto::Result;
use impasto::internals::sink::Sink;
use impasto::internals::sink::v4l2::V4l2Sink;

/// No multiple of anything that pixel kernels like, but even.
const SIZE: (u32, u32) = (90, 54);
const LEFT: [u8; 3] = [210, 60, 40];

/// A coloured left half, and a right half that is a brighter grey in each frame.
fn frame((width, height): (u32, u32), index: u64) -> Frame {
    let mut frame = Frame::new(width, height);
    let grey = (40 + index * 10 % 160) as u8;
    for (place, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
        let left = (place as u32 % width) < width / 2;
        pixel.copy_from_slice(&if left { LEFT } else { [grey; 3] });
    }
    frame.index = index;
    frame
}

/// A sink that is shown frames all the time, as a show does it.
struct Shown {
    end: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Shown {
    fn begin(mut sink: Box<dyn Sink>, size: (u32, u32)) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let end = Arc::clone(&end);
            move || {
                for index in 0.. {
                    if end.load(Ordering::Acquire) {
                        break;
                    }
                    let frame = frame(size, index);
                    let start = Instant::now();
                    sink.put(&frame)?;
                    assert!(start.elapsed() < Duration::from_secs(1), "put waited {:?}", start.elapsed());
                    sleep(Duration::from_millis(30));
                }
                sink.finish()
            }
        });
        Self { end, thread }
    }

    fn finish(self) {
        self.end.store(true, Ordering::Release);
        self.thread.join().unwrap().unwrap();
    }
}

/// Fails unless these RGB8 frames are those of [`frame`], and move.
fn check(words: &str, bytes: &[u8], (width, height): (u32, u32), count: usize) {
    let len = (width * height * 3) as usize;
    assert_eq!(bytes.len(), count * len, "{words}: {:?} frames of {width}x{height}", bytes.len() as f64 / len as f64);
    let mut greys: Vec<u8> = Vec::new();
    for pixels in bytes.chunks_exact(len) {
        let near = |place: usize, color: [u8; 3]| {
            let seen = &pixels[place * 3..place * 3 + 3];
            let worst = seen.iter().zip(color).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(worst <= 6, "{words}: {seen:?} at {place} instead of {color:?}");
        };
        let grey = pixels[len - 1];
        greys.push(grey);
        for row in 0..height as usize {
            let start = row * width as usize;
            // The columns beside the middle share their chroma where it is halved.
            (0..width as usize / 2 - 2).for_each(|column| near(start + column, LEFT));
            (width as usize / 2 + 2..width as usize).for_each(|column| near(start + column, [grey; 3]));
        }
    }
    // A reader may see a frame twice.
    greys.dedup();
    assert!(greys.len() > 1, "{words}: nothing moves, {greys:?}");
}

/// What another program reads.
fn read(words: &str, command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

// --- v4l2loopback -----------------------------------------------------------------------------------------

fn device(variable: &str) -> PathBuf {
    let named = env::var_os(variable);
    named.unwrap_or_else(|| panic!("{variable} is not set; run scripts/test-cameras, which has cameras")).into()
}

fn read_device(device: &Path, words: &str) -> Vec<u8> {
    let mut ffmpeg = need::program("ffmpeg");
    ffmpeg.args(["-v", "error", "-f", "v4l2", "-i"]).arg(device);
    // Each frame once, not as often as its time says.
    ffmpeg.args(["-fps_mode", "passthrough", "-frames:v", "6", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]);
    read(words, &mut ffmpeg)
}

/// IMPASTO_TEST_LOOPBACK is a v4l2loopback device (exclusive_caps=1) that nobody uses. One test, for there is one device.
#[test]
#[ignore = "needs a v4l2loopback device: run scripts/test-cameras"]
fn a_loopback_device_is_a_camera_that_programs_read_while_they_come_and_go() {
    let device = device("IMPASTO_TEST_LOOPBACK");
    for size in [SIZE, (SIZE.0 + 1, SIZE.1 + 1)] {
        assert!(impasto::internals::sink::v4l2::find().is_ok());
        let sink = V4l2Sink::open(&device, size.0, size.1, 30).unwrap();
        assert!(!sink.label().is_empty());
        let shown = Shown::begin(Box::new(sink), size);
        let even = (size.0 & !1, size.1);
        check("a first reader", &read_device(&device, "ffmpeg"), even, 6);
        let error = V4l2Sink::open(&device, size.0, size.1, 30).unwrap_err().to_string();
        assert!(error.contains("another program is using '/dev/"), "{error}");
        assert_ne!(impasto::internals::sink::v4l2::find().ok().as_ref(), Some(&device));
        check("a second reader", &read_device(&device, "ffmpeg"), even, 6);
        let reader = File::open(&device).unwrap();
        shown.finish();
        // Who stays holds the size.
        let error = V4l2Sink::open(&device, 128, 96, 30).unwrap_err().to_string();
        assert!(error.contains(&format!("stays at {}x{}", even.0, even.1)), "{error}");
        drop(reader);
        // Another writer comes and goes.
        let mut ffmpeg = need::program("ffmpeg");
        ffmpeg.args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=128x96", "-frames:v", "3"]);
        read("a writer", ffmpeg.args(["-pix_fmt", "yuyv422", "-f", "v4l2"]).arg(&device));
    }
}

#[test]
fn a_device_that_takes_no_pictures_is_named_with_the_cure() {
    let error = |path: &str| V4l2Sink::open(Path::new(path), 64, 48, 30).unwrap_err().to_string();
    assert!(error("/dev/video4711").contains("no device '/dev/video4711'"));
    assert_eq!(error("/dev/null"), "'/dev/null' is not a video device; name one like /dev/video10");
}

#[test]
#[ignore = "needs a camera: run scripts/test-cameras"]
fn a_real_camera_is_not_taken_for_a_virtual_one() {
    let camera = device("IMPASTO_TEST_CAMERA");
    let error = V4l2Sink::open(&camera, 64, 48, 30).unwrap_err().to_string();
    assert!(error.contains("is a real camera") && error.contains("modprobe v4l2loopback"), "{error}");
}

#[test]
fn a_size_that_no_camera_has_is_refused() {
    let error = V4l2Sink::open(Path::new("/dev/video10"), 1, 48, 30).unwrap_err().to_string();
    assert!(error.contains("cannot show 1x48 pixels"), "{error}");
}

// --- PipeWire ---------------------------------------------------------------------------------------------

#[cfg(feature = "pipewire")]
mod pipewire {
    use std::process::Child;

    use impasto::internals::sink::pipewire::PipewireSink;
    use impasto::internals::sink::virtual_camera::VirtualCamera;

    use super::*;

    /// Set in the process that [`alone`] starts.
    const ALONE: &str = "IMPASTO_VIRTUAL_CAMERA_TEST";
    /// There, the process id of PipeWire.
    const DAEMON: &str = "IMPASTO_TEST_PIPEWIRE";

    /// A session bus, PipeWire and its session manager in a folder of their own; they end with it.
    struct Session {
        processes: Vec<Child>,
        folder: tempfile::TempDir,
    }

    impl Session {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut session = Self { processes: Vec::new(), folder };
            let bus = session.folder.path().join("bus");
            session.start("dbus-daemon", &["--session", "--nofork", &format!("--address=unix:path={}", bus.display())]);
            session.wait("D-Bus", |_| bus.exists());
            session.start("pipewire", &[]);
            session.wait("PipeWire", |folder| folder.join("pipewire-0").exists());
            session.start("wireplumber", &[]);
            session.wait("WirePlumber", |folder| {
                let mut list = need::program("pw-cli");
                environment(&mut list, folder);
                let output = list.args(["ls", "Client"]).output().unwrap();
                String::from_utf8_lossy(&output.stdout).to_lowercase().contains("wireplumber")
            });
            session
        }

        fn start(&mut self, program: &str, arguments: &[&str]) {
            let mut command = need::program(program);
            environment(&mut command, self.folder.path());
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            self.processes.push(command.spawn().unwrap());
        }

        fn wait(&self, name: &str, mut there: impl FnMut(&Path) -> bool) {
            let start = Instant::now();
            while !there(self.folder.path()) {
                assert!(start.elapsed() < Duration::from_secs(20), "{name} did not start");
                sleep(Duration::from_millis(20));
            }
        }
    }

    impl Drop for Session {
        fn drop(&mut self) {
            for process in self.processes.iter_mut().rev() {
                let _ = process.kill();
                let _ = process.wait();
            }
        }
    }

    /// Makes a program speak to what runs in `folder`, and to nothing of the user's.
    fn environment(command: &mut Command, folder: &Path) {
        for unwanted in ["PIPEWIRE_REMOTE", "PIPEWIRE_RUNTIME_DIR", "PULSE_SERVER", "DISPLAY"] {
            command.env_remove(unwanted);
        }
        command
            .env("XDG_RUNTIME_DIR", folder)
            .env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", folder.join("bus").display()));
        for own in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env(own, folder.join(own));
        }
    }

    /// Runs `body`, which is that of `test`, in a process of its own: threads share their environment.
    fn alone(test: &str, session: impl FnOnce() -> Option<Session>, body: fn()) {
        if env::var_os(ALONE).is_some() {
            return body();
        }
        let session = session();
        let mut command = Command::new(env::current_exe().unwrap());
        let empty = tempfile::tempdir().unwrap();
        environment(&mut command, session.as_ref().map_or(empty.path(), |session| session.folder.path()));
        if let Some(session) = &session {
            command.env(DAEMON, session.processes[1].id().to_string());
        }
        let output =
            command.args(["--exact", &format!("pipewire::{test}"), "--nocapture"]).env(ALONE, "1").output().unwrap();
        let words = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
        assert!(output.status.success() && words.contains("1 passed"), "{words}");
    }

    fn read_camera(name: &str, caps: &str, count: usize) -> Vec<u8> {
        need::program("gst-launch-1.0");
        let mut gst = Command::new("timeout");
        gst.args(["30", "gst-launch-1.0", "-q", "pipewiresrc", &format!("target-object={name}")]);
        gst.args([&format!("num-buffers={count}"), "!", caps, "!", "videoconvert", "!"]);
        gst.args(["video/x-raw,format=RGB", "!", "fdsink", "fd=1"]);
        read(caps, &mut gst)
    }

    impl Shown {
        /// The error that a later frame meets.
        fn error(self) -> String {
            let start = Instant::now();
            while !self.thread.is_finished() && start.elapsed() < Duration::from_secs(20) {
                sleep(Duration::from_millis(10));
            }
            self.end.store(true, Ordering::Release);
            self.thread.join().unwrap().expect_err("the camera is gone, and no frame says so").to_string()
        }
    }

    /// GStreamer pads rows to four bytes.
    const SIZE: (u32, u32) = (92, 54);

    #[test]
    fn a_camera_of_pipewire_is_read_by_programs_that_come_and_go() {
        alone(
            "a_camera_of_pipewire_is_read_by_programs_that_come_and_go",
            || Some(Session::new()),
            || {
                let name = "test camera";
                let sink = PipewireSink::open(name, SIZE.0, SIZE.1, 30).unwrap();
                let shown = Shown::begin(Box::new(sink), SIZE);
                for caps in ["video/x-raw,format=BGRx", "video/x-raw,format=YUY2", "video/x-raw"] {
                    check(caps, &read_camera(name, caps, 8), SIZE, 8);
                }
                let two: Vec<_> = (0..2)
                    .map(|_| thread::spawn(move || check("two at once", &read_camera(name, "video/x-raw", 8), SIZE, 8)))
                    .collect();
                two.into_iter().for_each(|reader| reader.join().unwrap());
                shown.finish();

                // It is gone, and one of an odd size takes its place.
                let (sink, words) = VirtualCamera::Pipewire.open(91, 53, 30).unwrap();
                assert_eq!(words, "the camera \"impasto\" (PipeWire)");
                let dump = String::from_utf8(read("pw-dump", &mut need::program("pw-dump"))).unwrap();
                assert!(dump.contains("\"impasto\"") && !dump.contains("\"test camera\""));
                for property in ["\"media.class\": \"Video/Source\"", "\"media.role\": \"Camera\""] {
                    assert!(dump.contains(property), "{dump}");
                }
                let shown = Shown::begin(sink, (91, 53));
                assert_eq!(read_camera("impasto", "video/x-raw,format=YUY2", 3).len(), 3 * 53 * 272);

                let daemon = env::var(DAEMON).unwrap();
                assert!(Command::new("kill").arg(daemon).status().unwrap().success());
                let error = shown.error();
                assert!(error.starts_with("PipeWire removed the camera (") && error.contains("systemctl"), "{error}");
            },
        );
    }

    #[test]
    fn without_pipewire_one_sentence_names_the_cure() {
        alone(
            "without_pipewire_one_sentence_names_the_cure",
            || None,
            || {
                let cure = "PipeWire does not run for this user; start it: systemctl --user start pipewire wireplumber";
                let error = VirtualCamera::Pipewire.open(64, 48, 30).map(drop).unwrap_err();
                assert_eq!((error.to_string().as_str(), error.exit_code()), (cure, 1));
                if env::var_os("IMPASTO_TEST_LOOPBACK").is_none() {
                    let error = VirtualCamera::Auto.open(64, 48, 30).map(drop).unwrap_err().to_string();
                    assert!(error.starts_with("there is no virtual camera: ") && error.ends_with(cure), "{error}");
                }
            },
        );
    }
}
