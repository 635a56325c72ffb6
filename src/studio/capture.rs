//! Opens a camera, video file, stream or screen as a source of live frames.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::{Error, Result};
use crate::frame::MaxPixels;
use crate::media::options::{Deinterlace, FrameRate, SizeRequest};
use crate::media::read::DecodeOptions;
use crate::pipeline::live::{Capture, OpenSource};
use crate::size::Size;
use crate::source::Source;
use crate::source::camera::{CameraSource, PixelFormat, Wish};
use crate::source::paced::PacedSource;
use crate::source::synthetic::SyntheticSource;
use crate::source::video::VideoSource;
use crate::sync::Stop;

/// The size to request from a camera by default.
const USUAL: Size = Size::new(640, 360);

/// Which camera, file, stream or screen to open with [`open_source`], and how. The default is the first camera.
///
/// ```
/// use impasto::Stop;
/// use impasto::live::{SourceSettings, open_source};
///
/// # fn main() -> impasto::Result<()> {
/// let settings = SourceSettings { name: "synthetic".into(), ..SourceSettings::default() };
/// let source = open_source(&settings, &Stop::default())?;
/// assert_eq!((source.format().width, source.format().height), (640, 360));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSettings {
    /// One of:
    /// - a camera: its number from 0, its path, or a fragment of its name;
    /// - `synthetic`: a moving test scene;
    /// - `screen`: the screen of this computer;
    /// - a video file, played in real time;
    /// - an address that FFmpeg opens, such as `rtsp://`, `http://` or `udp://`.
    pub name: String,
    /// The size of the frames, which is also requested from a camera. Default: 640x360 for a camera and the test scene, else
    /// the source's own size.
    pub size: Option<SizeRequest>,
    /// The frame rate to request from a camera or the screen.
    pub fps: Option<FrameRate>,
    /// The pixel format to request from a camera.
    pub pixel_format: Option<PixelFormat>,
    /// Restart a video file when it ends.
    pub repeat: bool,
    /// How to deinterlace a video file or a stream; `None` leaves it as it is.
    pub deinterlace: Option<Deinterlace>,
    /// Reject files and streams with more pixels per frame.
    pub max_pixels: MaxPixels,
}

impl Default for SourceSettings {
    /// The first camera.
    fn default() -> Self {
        let (size, fps, pixel_format, max_pixels) = (None, None, None, MaxPixels::default());
        Self { name: "0".into(), size, fps, pixel_format, repeat: false, deinterlace: None, max_pixels }
    }
}

/// Opens a source of live frames. A request on `stop` interrupts all waiting for the source, now and later.
///
/// # Errors
/// The source does not exist, is in use by another program, may not be read, is not a video, or has too many pixels.
pub fn open_source(settings: &SourceSettings, stop: &Stop) -> Result<Box<dyn Source>> {
    Ok(open(settings, stop)?.source)
}

/// Opens a source that can be reopened when it is lost. A request on `stop` interrupts all waiting for it, now and later.
///
/// # Errors
/// Those of [`open_source`].
pub(crate) fn open<'a>(settings: &'a SourceSettings, stop: &Stop) -> Result<Capture<'a>> {
    let SourceSettings { name, size, fps, pixel_format, repeat, deinterlace, max_pixels: most } = settings;
    let (name, size, fps, deinterlace, most) = (name.as_str(), *size, *fps, *deinterlace, *most);
    let Size { width, height } = size.map_or(USUAL, |size| size.of(USUAL));
    let (give_up, stop) = (stop.flag(), stop.clone());
    let is_file = Path::new(name).is_file();
    let (returns, mut open): (bool, OpenSource<'_>) = if name == "synthetic" {
        let rate = fps.map(|rate| rate.0);
        let open = move || PacedSource::new(SyntheticSource::at(width, height, rate), stop.clone());
        (false, Box::new(move || Ok(Box::new(open()))))
    } else if name.contains("://") {
        let open = move || VideoSource::open_address(name, None, &[], size, (most, deinterlace), Arc::clone(&give_up));
        (true, Box::new(move || Ok(Box::new(open()?))))
    } else if name == "screen" {
        (true, Box::new(move || open_screen(fps, size, most, Arc::clone(&give_up))))
    } else if is_file {
        let options = DecodeOptions { threads: Some(1), max_pixels: most, deinterlace, ..DecodeOptions::default() };
        let path = Path::new(name);
        let open = move || Ok(PacedSource::new(VideoSource::open_show(path, &options, size)?, stop.clone()));
        (false, Box::new(move || open().map(|source| Box::new(source) as Box<dyn Source>)))
    } else {
        let request =
            Wish { size: Some((width, height)), fps: fps.map(|rate| rate.0.as_f64()), pixel_format: *pixel_format };
        (true, Box::new(move || Ok(Box::new(CameraSource::open(name, &request, &stop)?))))
    };
    let source = open()?;
    Ok(Capture { name: name.to_owned(), source, open, returns, repeats: is_file && *repeat })
}

/// Opens the screen of this computer as a source.
fn open_screen(
    fps: Option<FrameRate>,
    size: Option<SizeRequest>,
    most: MaxPixels,
    give_up: Arc<AtomicBool>,
) -> Result<Box<dyn Source>> {
    let rate = fps.map_or(30.0, |rate| rate.0.as_f64());
    let (format, address) = if cfg!(target_os = "macos") {
        ("avfoundation", "Capture screen 0:none".to_owned())
    } else if cfg!(windows) {
        ("gdigrab", "desktop".to_owned())
    } else {
        let display = env::var("DISPLAY").ok().filter(|display| !display.is_empty());
        let cure = "start impasto from an X11 desktop or under XWayland";
        (
            "x11grab",
            display
                .ok_or_else(|| Error::failed(format!("there is no screen to capture: DISPLAY is not set; {cure}")))?,
        )
    };
    let requests = [("framerate", format!("{rate}"))];
    Ok(Box::new(VideoSource::open_address(&address, Some(format), &requests, size, (most, None), give_up)?))
}
