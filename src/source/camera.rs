//! Webcams, through nokhwa.
//!
//! nokhwa's call for a frame has no timeout, so each camera has a thread of its own that keeps only the newest frame, still
//! encoded. The caller waits for it with a timeout and decodes it on its own thread: a frame that nobody takes is never decoded.

mod choice;
mod stamp;
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
use crate::error::{Error, Result, cause};
use crate::frame::{Frame, Rational};
use crate::media::pixels::camera as raw;
use crate::picture::jpeg;
use crate::sync::latest::{Latest, Taken};
use crate::sync::{Stop, lock, threads};

/// How long opening a camera may take; macOS may ask the user first.
const OPENING: Duration = Duration::from_secs(if cfg!(target_os = "macos") { 60 } else { 15 });
/// How long it may deliver no frame.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long closing waits for the camera's thread, which may itself be waiting for a frame; and at the end of a show.
const CLOSING: Duration = Duration::from_secs(1);
const ENDING: Duration = Duration::from_millis(200);
/// How often a silent camera looks for a stop.
const NAP: Duration = Duration::from_millis(50);
/// Consecutive undecodable frames before giving up; MJPEG over a bad cable loses one now and then.
const FAILURES: u32 = 30;
/// The unit of [`Frame::time`] for cameras.
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
    /// Ends all waiting.
    stop: Stop,
    started: Instant,
    delivered: u64,
    /// When the last frame arrived.
    arrived: Option<Instant>,
    undecodable: u64,
    /// Consecutive frames that could not be decoded.
    failures: u32,
}

/// What the camera's thread and its source share.
#[derive(Debug, Default)]
struct Shared {
    newest: Latest<Captured>,
    /// Frames that the driver dropped, and frames that a newer one replaced before they were taken.
    dropped: AtomicU64,
    /// A buffer that can be filled again.
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
    /// The driver's timestamp, or when its buffer was received.
    arrived: Instant,
}

impl Shared {
    /// Puts a copy of `frame` where the source takes it, after `lost` frames that the driver dropped.
    fn offer(&self, frame: &[u8], arrived: Instant, lost: u64) {
        let mut bytes = std::mem::take(&mut *lock(&self.spare));
        bytes.clear();
        bytes.extend_from_slice(frame);
        let replaced = self.newest.put(Captured { bytes, arrived });
        self.dropped.fetch_add(lost + u64::from(replaced.is_some()), Ordering::AcqRel);
        if let Some(replaced) = replaced {
            *lock(&self.spare) = replaced.bytes;
        }
    }
}

/// Finds gaps in the driver's frame counter.
#[derive(Debug, Default)]
struct Gaps {
    last: Option<u32>,
}

impl Gaps {
    /// More than any camera sends in [`PATIENCE`]: such a jump is the driver's mistake, not a loss.
    const MOST: u32 = 2000;

    /// Frames missing between the previous one and the one numbered `sequence`.
    fn before(&mut self, sequence: u32) -> u64 {
        let last = self.last.replace(sequence);
        // Some drivers never count, or start again from 0.
        let step = last.map_or(1, |last| sequence.wrapping_sub(last));
        if (1..=Self::MOST).contains(&step) { u64::from(step - 1) } else { 0 }
    }
}

/// The cameras of this machine and the formats they offer.
///
/// # Errors
/// The system does not list them, for example without a permission.
pub fn cameras() -> Result<Vec<Camera>> {
    #[cfg(target_os = "linux")]
    return Ok(v4l2::cameras());
    #[cfg(not(target_os = "linux"))]
    elsewhere::cameras()
}

impl CameraSource {
    /// Opens the camera with this number ("0"), path ("/dev/video0") or part of its name ("c920"), in the mode nearest to `wish`.
    /// A request on `stop` ends all waiting for it, now and later.
    ///
    /// # Errors
    /// There is no such camera; it is busy, forbidden or silent; or it offers no format that can be decoded.
    pub fn open(which: &str, wish: &Wish, stop: &Stop) -> Result<Self> {
        // Links such as /dev/v4l/by-id/... survive when numbers change.
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
            // Even if nokhwa panics: nobody may wait for a thread that is gone.
            let _closer = Closer(Arc::clone(&for_thread));
            if let Err(error) = capture(index, mode, &for_thread, &opened) {
                *lock(&for_thread.failure) = Some(error.to_string());
            }
        };
        let started = Instant::now();
        threads::spawn("camera", work)?;
        let answer = loop {
            match opening.recv_timeout(NAP) {
                Err(RecvTimeoutError::Timeout) if started.elapsed() < OPENING && !stop.requested() => {}
                answer => break answer,
            }
        };
        match answer {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => {
                shared.stop.store(true, Ordering::Release);
                return Err(Error::failed(format!("camera {camera} does not respond; unplug it and plug it in again")));
            }
            Err(RecvTimeoutError::Disconnected) => {
                // The channel closes before the thread has stored the reason.
                shared.newest.take(CLOSING);
                let reason = lock(&shared.failure).take();
                return Err(failure(&camera, &reason.unwrap_or_else(|| "its driver failed".into())));
            }
        }
        let mut source = Self::of(camera, mode, stride, shared, ended, started);
        source.stop = stop.clone();
        Ok(source)
    }

    fn of(
        camera: Camera,
        mode: Mode,
        stride: u32,
        shared: Arc<Shared>,
        ended: mpsc::Receiver<()>,
        started: Instant,
    ) -> Self {
        let (stop, delivered, arrived, undecodable, failures) = (Stop::default(), 0, None, 0, 0);
        Self { camera, mode, stride, shared, ended, stop, started, delivered, arrived, undecodable, failures }
    }

    /// The camera.
    pub fn camera(&self) -> &Camera {
        &self.camera
    }

    /// The chosen format.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The camera and its chosen format, for people.
    pub fn chosen(&self) -> String {
        format!("camera {}, {}", self.camera, self.mode)
    }

    /// The instant from which [`Frame::time`] counts microseconds.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// Fills `frame`, already of the right size, from what the camera sent.
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

    /// Waits for a frame newer than the last one.
    ///
    /// # Errors
    /// The camera was unplugged, failed, or delivered nothing for five seconds.
    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        let mut silent_since = Instant::now();
        loop {
            let captured = match self.shared.newest.take(NAP) {
                Taken::Value(captured) => captured,
                Taken::Nothing if silent_since.elapsed() < PATIENCE && !self.stop.requested() => continue,
                Taken::Nothing => return Err(silent(&self.camera)),
                Taken::Closed => {
                    let reason = lock(&self.shared.failure).clone();
                    return Err(failure(&self.camera, &reason.unwrap_or_else(|| "its driver failed".into())));
                }
            };
            silent_since = Instant::now();
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
                    self.arrived = Some(captured.arrived);
                    return Ok(true);
                }
                Err(reason) => {
                    self.undecodable += 1;
                    self.failures += 1;
                    if self.failures > FAILURES {
                        let (camera, format) = (&self.camera, self.mode.pixel_format);
                        return Err(Error::failed(format!(
                            "camera {camera} sends {format} that cannot be decoded ({reason}); choose another pixel format \
                             (--pixel-format), or try another cable"
                        )));
                    }
                }
            }
        }
    }

    fn arrived(&self) -> Option<Instant> {
        self.arrived
    }

    fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Acquire) + self.undecodable
    }
}

impl Drop for CameraSource {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        // A thread stuck waiting for a frame is abandoned; it ends by itself if one arrives.
        let _ = self.ended.recv_timeout(if self.stop.requested() { ENDING } else { CLOSING });
    }
}

/// Closes the slot when the camera's thread ends, however it ends.
struct Closer(Arc<Shared>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.newest.close();
    }
}

/// Bytes from row to row (0: no padding), and the mode.
fn negotiate(camera: &Camera, wish: &Wish) -> Result<(u32, Mode)> {
    #[cfg(target_os = "linux")]
    if let Some(path) = &camera.path {
        // If it may not be asked for its formats, the reason matters more than their absence.
        if camera.formats.is_empty() {
            std::fs::File::open(path).map_err(|error| failure(camera, &error.to_string()))?;
        }
        let mode = choice::choose(camera, wish)?;
        let stride = v4l2::prepare(Path::new(path), mode).map_err(|error| failure(camera, &error.to_string()))?;
        return Ok((stride, mode));
    }
    choice::choose(camera, wish).map(|mode| (0, mode))
}

/// The camera's thread: opens it, reports that, and keeps its newest frame until told to stop.
fn capture(index: u32, mode: Mode, shared: &Shared, opened: &SyncSender<()>) -> Result<(), nokhwa::NokhwaError> {
    let format = frame_format(mode.pixel_format);
    let exact = CameraFormat::new(Resolution::new(mode.width, mode.height), format, mode.fps);
    let formats = [format];
    let wanted = RequestedFormat::with_formats(RequestedFormatType::Exact(exact), &formats);
    let mut camera = nokhwa::Camera::new(CameraIndex::Index(index), wanted)?;
    camera.open_stream()?;
    // The other end may be gone; then the stop flag is set.
    let _ = opened.try_send(());
    #[cfg(target_os = "linux")]
    let buffers = v4l2::Buffers::of(index);
    let (mut gaps, mut retries) = (Gaps::default(), 0);
    while !shared.stop.load(Ordering::Acquire) {
        let frame = match camera.frame_raw() {
            Ok(frame) => frame,
            // A signal, or a lost frame: nokhwa's buffer queue is out of step then and has to be restarted.
            Err(error) if retries < 3 && matches!(os_error(&error.to_string()), Some(EINTR | EIO)) => {
                retries += 1;
                camera.stop_stream()?;
                camera.open_stream()?;
                gaps = Gaps::default();
                continue;
            }
            Err(error) => return Err(error),
        };
        let now = Instant::now();
        #[cfg(target_os = "linux")]
        let stamp = buffers.as_ref().and_then(v4l2::Buffers::taken);
        #[cfg(not(target_os = "linux"))]
        let stamp: Option<stamp::DriverStamp> = None;
        let lost = stamp.map_or(0, |stamp| gaps.before(stamp.sequence));
        let arrived = stamp.and_then(|stamp| now.checked_sub(stamp.age?)).unwrap_or(now);
        shared.offer(&frame, arrived, lost);
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

// Linux's numbers; nokhwa passes errors on as text.
const EINTR: i32 = 4;
const EIO: i32 = 5;
const EACCES: i32 = 13;
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;

/// The system's error number, as Rust writes it in an error's text.
fn os_error(text: &str) -> Option<i32> {
    let (_, rest) = text.rsplit_once("(os error ")?;
    rest.split(')').next()?.parse().ok()
}

/// Why the camera stopped, and the cure; `text` is the underlying error.
fn failure(camera: &Camera, text: &str) -> Error {
    let is_gone = camera.path.as_ref().is_some_and(|path| !Path::new(path).exists());
    Error::failed(match os_error(text).filter(|_| cfg!(target_os = "linux")) {
        Some(EACCES) => format!(
            "no permission to open camera {camera}; add yourself to its group (sudo usermod -aG video $USER) and log in again"
        ),
        Some(EBUSY) => {
            let program =
                holder(camera).map_or_else(|| "another program".to_owned(), |name| format!("the program {name}"));
            format!("camera {camera} is in use; close {program} first")
        }
        Some(ENODEV) => unplugged(camera),
        _ if is_gone => unplugged(camera),
        _ if cfg!(target_os = "linux") => {
            format!("camera {camera} failed ({}); unplug it and plug it in again", cause(&text))
        }
        _ => format!(
            "camera {camera} failed ({}); close other programs that use it, and allow impasto to use cameras in the system's \
             privacy settings",
            cause(&text)
        ),
    })
}

/// The camera has delivered no frame for some time.
fn silent(camera: &Camera) -> Error {
    match &camera.path {
        Some(path) if !Path::new(path).exists() => Error::failed(unplugged(camera)),
        _ => Error::failed(format!(
            "camera {camera} has delivered nothing for {} seconds; check that it is switched on, or unplug it and plug it in \
             again",
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
        let failed = |error: nokhwa::NokhwaError| {
            Error::failed(format!(
                "the system does not list its cameras ({}); allow impasto to use them in the system's privacy settings",
                cause(&error)
            ))
        };
        let found = nokhwa::query(nokhwa::utils::ApiBackend::Auto).map_err(failed)?;
        let camera = |info: nokhwa::utils::CameraInfo| {
            let index = info.index().as_index().ok()?;
            Some(Camera { index, name: info.human_name(), path: None, formats: formats(info.index().clone()) })
        };
        Ok(found.into_iter().filter_map(camera).collect())
    }

    /// Empty if the camera cannot be opened now.
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

    /// macOS asks the user once; elsewhere nokhwa agrees at once.
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
                "impasto may not use cameras; allow it in System Settings, Privacy & Security, Camera",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

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
        assert!(words("odd (os error 71)").contains("failed (odd); unplug it"));
        assert!(silent(&camera()).to_string().contains("delivered nothing for 5 seconds"));
        let gone = Camera { path: Some("/dev/none".into()), ..camera() };
        assert!(silent(&gone).to_string().contains("was unplugged"));
        assert!(failure(&gone, "odd").to_string().contains("was unplugged"));
    }

    /// A source without a device, whose frames the test offers: 2x2 pixels of RGB.
    fn source() -> (CameraSource, Arc<Shared>) {
        let shared = Arc::new(Shared::default());
        let mode = Mode { pixel_format: PixelFormat::Rgb, width: 2, height: 2, fps: 30 };
        let (_, ended) = mpsc::sync_channel(0);
        (CameraSource::of(camera(), mode, 0, Arc::clone(&shared), ended, Instant::now()), shared)
    }

    const GOOD: [u8; 12] = [7; 12];

    #[test]
    fn a_silent_camera_does_not_hold_up_the_end_of_a_show() {
        let (mut source, _shared) = source();
        let start = Instant::now();
        source.stop.request();
        assert!(source.next(&mut Frame::default()).is_err());
        assert!(start.elapsed() < PATIENCE / 2);
    }

    #[test]
    fn a_frame_counts_from_its_arrival_however_long_it_waits_to_be_taken() {
        let (mut source, shared) = source();
        let (arrived, wait) = (Instant::now(), Duration::from_millis(50));
        shared.offer(&GOOD, arrived, 0);
        thread::sleep(wait);
        assert!(source.next(&mut Frame::default()).unwrap());
        assert_eq!(source.arrived(), Some(arrived));
        assert!(arrived.elapsed() >= wait);
    }

    #[test]
    fn replaced_undecodable_and_lost_frames_all_count_as_dropped() {
        let (mut source, shared) = source();
        let mut frame = Frame::default();
        shared.offer(&GOOD, Instant::now(), 0);
        assert!(source.next(&mut frame).unwrap());
        assert_eq!(source.dropped(), 0);
        // Two are replaced before anyone takes them.
        (0..3).for_each(|_| shared.offer(&GOOD, Instant::now(), 0));
        assert!(source.next(&mut frame).unwrap());
        assert_eq!(source.dropped(), 2);
        // One cannot be decoded; the source gives the next one instead.
        shared.offer(&GOOD[..5], Instant::now(), 0);
        thread::scope(|scope| {
            let taken = scope.spawn(|| source.next(&mut frame).unwrap());
            while lock(&shared.spare).len() != 5 {
                thread::yield_now();
            }
            shared.offer(&GOOD, Instant::now(), 0);
            assert!(taken.join().unwrap());
        });
        assert_eq!((source.dropped(), frame.index), (3, 2));
        // The driver lost four.
        shared.offer(&GOOD, Instant::now(), 4);
        assert!(source.next(&mut frame).unwrap());
        assert_eq!(source.dropped(), 7);
    }

    #[test]
    fn a_camera_that_sends_only_garbage_is_given_up() {
        let (mut source, shared) = source();
        let reason = thread::scope(|scope| {
            let failed = scope.spawn(|| source.next(&mut Frame::default()).unwrap_err().to_string());
            while !failed.is_finished() {
                shared.offer(&GOOD[..5], Instant::now(), 0);
                thread::yield_now();
            }
            failed.join().unwrap()
        });
        assert!(reason.contains("sends rgb that cannot be decoded") && reason.contains("--pixel-format"), "{reason}");
        assert!(source.dropped() > u64::from(FAILURES));
    }

    #[test]
    fn gaps_in_the_drivers_counter_are_lost_frames_and_a_counter_that_restarts_is_not() {
        let mut gaps = Gaps::default();
        let lost = [7, 8, 10, 10, 15, 0, 1, u32::MAX, 1].map(|sequence| gaps.before(sequence));
        assert_eq!(lost, [0, 0, 1, 0, 4, 0, 0, 0, 1]);
    }

    #[test]
    fn the_systems_number_is_read_from_an_errors_text() {
        assert_eq!(os_error("Could not: busy (os error 16)"), Some(16));
        assert_eq!(os_error("Could not: busy"), None);
    }
}
