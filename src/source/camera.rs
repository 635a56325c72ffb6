//! Webcams, by nokhwa.
//!
//! nokhwa waits for a frame for as long as it takes. So a camera has a thread of its own, which keeps only the newest frame as
//! the camera sent it; whoever asks for the next one waits with patience of his own, and decodes it in his own thread: what
//! is never taken is never decoded.

mod choice;
#[cfg(target_os = "linux")]
mod v4l2;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution};

pub use self::choice::{Camera, Format, Mode, PixelFormat, Wish};
use super::{Source, SourceFormat};
use crate::error::{Error, Result};
use crate::frame::{Frame, Rational};
use crate::media::pixels::camera as raw;
use crate::picture::jpeg;
use crate::sync::latest::{Latest, Taken};
use crate::sync::{lock, threads};

/// How long a camera may take to be opened; macOS may ask the user first.
const OPENING: Duration = Duration::from_secs(if cfg!(target_os = "macos") { 60 } else { 15 });
/// How long it may deliver nothing.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long closing it waits for a thread that is waiting for a frame itself.
const CLOSING: Duration = Duration::from_secs(1);
/// Failures in a row after which the camera is given up; MJPEG over a bad cable loses one now and then.
const FAILURES: u32 = 30;
/// The unit of [`Frame::time`] from cameras.
const MICROSECONDS: Rational = Rational { num: 1, den: 1_000_000 };

/// A running camera. Dropping it ends the camera's thread.
#[derive(Debug)]
pub struct CameraSource {
    camera: Camera,
    mode: Mode,
    /// Bytes from row to row.
    stride: u32,
    shared: Arc<Shared>,
    /// Closed when the camera's thread ends.
    ended: mpsc::Receiver<()>,
    started: Instant,
    delivered: u64,
    dropped: Arc<AtomicU64>,
    /// Frames in a row that could not be decoded.
    failures: u32,
}

/// What the camera's thread and its source have in common.
#[derive(Debug, Default)]
struct Shared {
    newest: Latest<Captured>,
    /// A buffer that has been read and can be filled again.
    spare: Mutex<Vec<u8>>,
    /// Why the thread ended, in nokhwa's words.
    failure: Mutex<Option<String>>,
    stop: AtomicBool,
}

/// A frame as the camera sent it.
#[derive(Debug)]
struct Captured {
    /// In the mode's pixel format.
    bytes: Vec<u8>,
    arrived: Instant,
    /// Place among all that arrived.
    index: u64,
}

/// The cameras of this machine, with what they can send.
///
/// # Errors
/// The system does not tell, as where it wants a permission first.
pub fn cameras() -> Result<Vec<Camera>> {
    #[cfg(target_os = "linux")]
    return Ok(v4l2::cameras());
    #[cfg(not(target_os = "linux"))]
    elsewhere::cameras()
}

impl CameraSource {
    /// Opens the camera that `which` names by its number ("0"), its path ("/dev/video0") or a part of its name ("c920"), in the mode
    /// that comes nearest to `wish`.
    ///
    /// # Errors
    /// There is no camera, or none of that name; it is busy, forbidden, does not answer, or sends nothing that is known here.
    pub fn open(which: &str, wish: &Wish) -> Result<Self> {
        // Links such as /dev/v4l/by-id/... stay the same when numbers change.
        let target = if which.contains('/') { std::fs::canonicalize(which).ok() } else { None };
        let which = target.as_deref().and_then(Path::to_str).unwrap_or(which);
        let cameras = cameras()?;
        let camera = choice::find(which, &cameras)?.clone();
        let (stride, mode) = negotiate(&camera, wish)?;
        let shared = Arc::new(Shared::default());
        let (opened, opening) = mpsc::sync_channel(1);
        let (alive, ended) = mpsc::sync_channel(0);
        let (index, for_thread) = (camera.index, Arc::clone(&shared));
        let work = move || {
            let _alive: SyncSender<()> = alive;
            // Also when nokhwa panics: nobody may wait for a thread that is gone.
            let _closer = Closer(Arc::clone(&for_thread));
            if let Err(error) = capture(index, mode, &for_thread, &opened) {
                *lock(&for_thread.failure) = Some(error.to_string());
            }
        };
        let started = Instant::now();
        threads::spawn("camera", work)?;
        match opening.recv_timeout(OPENING) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                shared.stop.store(true, Ordering::Release);
                return Err(Error::failed(format!("camera {camera} does not answer; unplug it and plug it in again")));
            }
            Err(RecvTimeoutError::Disconnected) => {
                // The channel closes before the thread has said why.
                shared.newest.take(CLOSING);
                let reason = lock(&shared.failure).take();
                return Err(failure(&camera, &reason.unwrap_or_else(|| "its driver failed".into())));
            }
        }
        let dropped = Arc::default();
        Ok(Self { camera, mode, stride, shared, ended, started, delivered: 0, dropped, failures: 0 })
    }

    /// The camera.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// What was chosen of its formats.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Which camera it is and what was chosen of its formats, for people.
    pub fn chosen(&self) -> String {
        format!("camera {}, {}", self.camera, self.mode)
    }

    /// The instant from which [`Frame::time`] counts microseconds.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// How many frames were left out because a newer one had come, or because they were damaged; grows as frames are taken.
    pub fn dropped(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.dropped)
    }

    /// Fills `frame`, which has its size, from what the camera sent.
    fn decode(&self, bytes: &[u8], frame: &mut Frame) -> Result<(), String> {
        let rows = |bytes_of_a_row: u32| self.stride.max(bytes_of_a_row);
        match self.mode.pixel_format {
            PixelFormat::Mjpeg => jpeg::motion_jpeg(bytes, frame),
            PixelFormat::Yuyv => raw::yuyv_to_rgb(bytes, rows(frame.width.div_ceil(2) * 4), frame),
            PixelFormat::Nv12 => raw::nv12_to_rgb(bytes, rows(frame.width.next_multiple_of(2)), frame),
            PixelFormat::Rgb => raw::packed_to_rgb(bytes, rows(frame.width * 3), false, frame),
            PixelFormat::Bgr => raw::packed_to_rgb(bytes, rows(frame.width * 3), true, frame),
        }
    }
}

impl Source for CameraSource {
    fn format(&self) -> SourceFormat {
        let Mode { width, height, fps, .. } = self.mode;
        let frame_rate = Rational { num: fps.cast_signed(), den: 1 };
        SourceFormat { width, height, frame_rate, time_base: MICROSECONDS, frames: None }
    }

    /// Waits for the newest frame that has not been taken.
    ///
    /// # Errors
    /// The camera was unplugged, failed, or has delivered nothing for five seconds.
    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        loop {
            let captured = match self.shared.newest.take(PATIENCE) {
                Taken::Value(captured) => captured,
                Taken::Nothing => return Err(silent(&self.camera)),
                Taken::Closed => {
                    let reason = lock(&self.shared.failure).clone();
                    return Err(failure(&self.camera, &reason.unwrap_or_else(|| "its driver failed".into())));
                }
            };
            frame.resize(self.mode.width, self.mode.height);
            let decoded = self.decode(&captured.bytes, frame);
            *lock(&self.shared.spare) = captured.bytes;
            match decoded {
                Ok(()) => {
                    frame.index = self.delivered;
                    frame.time = captured.arrived.duration_since(self.started).as_micros() as i64;
                    frame.duration = i64::from(MICROSECONDS.den) / i64::from(self.mode.fps.max(1));
                    self.delivered += 1;
                    self.failures = 0;
                    self.dropped.store(captured.index + 1 - self.delivered, Ordering::Release);
                    return Ok(true);
                }
                Err(_) if self.failures < FAILURES => self.failures += 1,
                Err(reason) => {
                    let (camera, format) = (&self.camera, self.mode.pixel_format);
                    return Err(Error::failed(format!(
                        "camera {camera} sends {format} that cannot be decoded ({reason}); choose another pixel format, or another \
                         cable"
                    )));
                }
            }
        }
    }
}

impl Drop for CameraSource {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // A thread that waits for a camera in vain is let go; should a frame come, it ends then.
        let _ = self.ended.recv_timeout(CLOSING);
    }
}

/// Closes the slot when the camera's thread ends, however it does.
struct Closer(Arc<Shared>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.newest.close();
    }
}

/// Bytes from row to row (0: as many as the pixels need), and the mode.
fn negotiate(camera: &Camera, wish: &Wish) -> Result<(u32, Mode)> {
    #[cfg(target_os = "linux")]
    if let Some(path) = &camera.path {
        // Where it may not be asked for its formats, the reason is what counts.
        if camera.formats.is_empty() {
            std::fs::File::open(path).map_err(|error| failure(camera, &error.to_string()))?;
        }
        let mode = choice::choose(camera, wish)?;
        let stride = v4l2::prepare(Path::new(path), mode).map_err(|error| failure(camera, &error.to_string()))?;
        return Ok((stride, mode));
    }
    choice::choose(camera, wish).map(|mode| (0, mode))
}

/// The camera's thread: opens it, says so, and keeps its newest frame until it is told to stop.
fn capture(index: u32, mode: Mode, shared: &Shared, opened: &SyncSender<()>) -> Result<(), nokhwa::NokhwaError> {
    let format = frame_format(mode.pixel_format);
    let exact = CameraFormat::new(Resolution::new(mode.width, mode.height), format, mode.fps);
    let formats = [format];
    let wanted = RequestedFormat::with_formats(RequestedFormatType::Exact(exact), &formats);
    let mut camera = nokhwa::Camera::new(CameraIndex::Index(index), wanted)?;
    camera.open_stream()?;
    // Nobody may be there any more: then the stop flag is set.
    let _ = opened.try_send(());
    let (mut index, mut retries) = (0, 0);
    while !shared.stop.load(Ordering::Acquire) {
        let frame = match camera.frame_raw() {
            Ok(frame) => frame,
            // A signal, or a frame lost on its way: nokhwa's queue of buffers is out of step then, and starts anew.
            Err(error) if retries < 3 && matches!(os_error(&error.to_string()), Some(EINTR | EIO)) => {
                retries += 1;
                camera.stop_stream()?;
                camera.open_stream()?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let arrived = Instant::now();
        let mut bytes = std::mem::take(&mut *lock(&shared.spare));
        bytes.clear();
        bytes.extend_from_slice(&frame);
        if let Some(stale) = shared.newest.put(Captured { bytes, arrived, index }) {
            *lock(&shared.spare) = stale.bytes;
        }
        index += 1;
        retries = 0;
    }
    camera.stop_stream()
}

fn frame_format(format: PixelFormat) -> FrameFormat {
    match format {
        PixelFormat::Yuyv => FrameFormat::YUYV,
        PixelFormat::Nv12 => FrameFormat::NV12,
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
        PixelFormat::Rgb => FrameFormat::RAWRGB,
        PixelFormat::Bgr => FrameFormat::RAWBGR,
    }
}

// Linux's numbers; nokhwa hands errors on as text.
const EINTR: i32 = 4;
const EIO: i32 = 5;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;

/// The system's number in an error's text, as Rust writes it there.
fn os_error(text: &str) -> Option<i32> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    rest.split(')').next()?.parse().ok()
}

/// What stopped the camera, with its cure; `text` is the error below.
fn failure(camera: &Camera, text: &str) -> Error {
    let is_gone = camera.path.as_ref().is_some_and(|path| !Path::new(path).exists());
    Error::failed(match os_error(text).filter(|_| cfg!(target_os = "linux")) {
        Some(EACCES) => format!(
            "camera {camera} may not be opened; add yourself to its group (sudo usermod -aG video $USER) and log in again"
        ),
        Some(EBUSY) => {
            let program =
                holder(camera).map_or_else(|| "another program".to_owned(), |name| format!("the program {name}"));
            format!("camera {camera} is in use; close {program} first")
        }
        Some(ENODEV) => unplugged(camera),
        _ if is_gone => unplugged(camera),
        _ if cfg!(target_os = "linux") => format!("camera {camera} failed: {text}; unplug it and plug it in again"),
        _ => format!(
            "camera {camera} failed: {text}; close other programs that use it, and allow this one to use it in the system's privacy \
             settings"
        ),
    })
}

/// The camera has delivered nothing for some time.
fn silent(camera: &Camera) -> Error {
    match &camera.path {
        Some(path) if !Path::new(path).exists() => Error::failed(unplugged(camera)),
        _ => Error::failed(format!(
            "camera {camera} has delivered nothing for {} seconds; see whether it is switched on or covered, or unplug it and plug \
             it in again",
            PATIENCE.as_secs()
        )),
    }
}

fn unplugged(camera: &Camera) -> String {
    format!("camera {camera} was unplugged; plug it in again")
}

fn holder(camera: &Camera) -> Option<String> {
    #[cfg(target_os = "linux")]
    return camera.path.as_ref().and_then(|path| v4l2::holder(Path::new(path)));
    #[cfg(not(target_os = "linux"))]
    {
        let _ = camera;
        None
    }
}

/// Listing by nokhwa alone.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::*;

    pub fn cameras() -> Result<Vec<Camera>> {
        permission()?;
        let failed =
            |error: nokhwa::NokhwaError| Error::failed(format!("the system does not list its cameras: {error}"));
        let found = nokhwa::query(nokhwa::utils::ApiBackend::Auto).map_err(failed)?;
        let camera = |info: nokhwa::utils::CameraInfo| {
            let index = info.index().as_index().ok()?;
            Some(Camera { index, name: info.human_name(), path: None, formats: formats(info.index().clone()) })
        };
        Ok(found.into_iter().filter_map(camera).collect())
    }

    /// Nothing where the camera cannot be opened now.
    fn formats(index: CameraIndex) -> Vec<Format> {
        let all = PixelFormat::NAMES.map(|(format, _)| frame_format(format));
        let any = RequestedFormat::with_formats(RequestedFormatType::None, &all);
        let mut formats: Vec<Format> = Vec::new();
        let found = nokhwa::Camera::new(index, any).and_then(|mut camera| camera.compatible_camera_formats());
        for one in found.unwrap_or_default() {
            let of = |(format, _): &(PixelFormat, &str)| frame_format(*format) == one.format();
            let Some((pixel_format, _)) = PixelFormat::NAMES.into_iter().find(of) else { continue };
            let (width, height, rate) = (one.width(), one.height(), f64::from(one.frame_rate()));
            let same = |f: &&mut Format| (f.pixel_format, f.width, f.height) == (pixel_format, width, height);
            match formats.iter_mut().find(same) {
                Some(format) if format.frame_rates.contains(&rate) => {}
                Some(format) => format.frame_rates.push(rate),
                None => formats.push(Format { pixel_format, width, height, frame_rates: vec![rate] }),
            }
        }
        formats.iter_mut().for_each(|format| format.frame_rates.sort_by(|a, b| b.total_cmp(a)));
        formats
    }

    /// macOS asks the user, once; elsewhere nokhwa says yes at once.
    fn permission() -> Result<()> {
        if nokhwa::nokhwa_check() {
            return Ok(());
        }
        let (answer, answered) = mpsc::sync_channel(1);
        nokhwa::nokhwa_initialize(move |granted| {
            let _ = answer.try_send(granted);
        });
        match answered.recv_timeout(OPENING) {
            Ok(true) => Ok(()),
            _ => Err(Error::failed(
                "cameras are forbidden to this program; allow it in System Settings, Privacy & Security, Camera",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera() -> Camera {
        Camera { index: 0, name: "C920".into(), path: Some("/dev/null".into()), formats: Vec::new() }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn each_failure_names_its_cure() {
        let words = |text: &str| failure(&camera(), text).to_string();
        assert!(words("Permission denied (os error 13)").contains("usermod -aG video"));
        assert!(words("x: Device or resource busy (os error 16)").contains("is in use; close "));
        assert!(words("No such device (os error 19)").contains("was unplugged"));
        assert!(words("odd").contains("failed: odd; unplug it"));
        assert!(silent(&camera()).to_string().contains("delivered nothing for 5 seconds"));
        let gone = Camera { path: Some("/dev/none".into()), ..camera() };
        assert!(silent(&gone).to_string().contains("was unplugged"));
        assert!(failure(&gone, "odd").to_string().contains("was unplugged"));
    }

    #[test]
    fn the_systems_number_is_read_from_an_errors_text() {
        assert_eq!(os_error("Could not: busy (os error 16)"), Some(16));
        assert_eq!(os_error("Could not: busy"), None);
    }
}
