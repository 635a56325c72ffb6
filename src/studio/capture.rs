//! From the name of a camera, file, stream or screen to a source of live frames.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::{Error, Result};
use crate::frame::MaxPixels;
use crate::media::options::{FrameRate, SizeRequest};
use crate::media::read::DecodeOptions;
use crate::pipeline::live::{Capture, OpenSource};
use crate::size::Size;
use crate::source::Source;
use crate::source::camera::{CameraSource, PixelFormat, Wish};
use crate::source::paced::PacedSource;
use crate::source::synthetic::SyntheticSource;
use crate::source::video::VideoSource;
use crate::sync::Stop;

/// What a camera is asked for unless a size is given.
const USUAL: Size = Size::new(640, 360);

/// Where live frames come from.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSettings {
    /// A camera by its number, path or a part of its name; `synthetic`, a moving test scene; a video file, in real time;
    /// `screen`; or an address that FFmpeg opens (`rtsp://`, `http://`, `udp://` ...).
    pub name: String,
    /// The size to ask a camera for, and of the frames. Default: 640x360 of a camera, else the source's own.
    pub size: Option<SizeRequest>,
    /// The frame rate to ask for.
    pub fps: Option<FrameRate>,
    /// What a camera is to send.
    pub pixel_format: Option<PixelFormat>,
    /// Start a video file again at its end.
    pub repeat: bool,
    /// Files and streams that claim more pixels are refused.
    pub max_pixels: MaxPixels,
}

impl Default for SourceSettings {
    /// The first camera.
    fn default() -> Self {
        let (size, fps, pixel_format, max_pixels) = (None, None, None, MaxPixels::default());
        Self { name: "0".into(), size, fps, pixel_format, repeat: false, max_pixels }
    }
}

/// Opens a source of live frames; `stop` ends all waiting for it.
///
/// # Errors
/// It is not there, is busy or forbidden, is no video, or claims too many pixels.
pub fn open_source(settings: &SourceSettings, stop: &Stop) -> Result<Box<dyn Source>> {
    Ok(open(settings, stop)?.source)
}

/// Opens a source that can be opened again when it is lost; `stop` ends all waiting for it, now and later.
///
/// # Errors
/// As [`open_source`].
pub(crate) fn open<'a>(settings: &'a SourceSettings, stop: &Stop) -> Result<Capture<'a>> {
    let SourceSettings { name, size, fps, pixel_format, repeat, max_pixels: most } = settings;
    let (name, size, fps, most) = (name.as_str(), *size, *fps, *most);
    let Size { width, height } = size.map_or(USUAL, |size| size.of(USUAL));
    let give_up = stop.flag();
    let is_file = Path::new(name).is_file();
    let (returns, mut open): (bool, OpenSource<'_>) = if name == "synthetic" {
        let rate = fps.map(|wish| wish.0);
        (false, Box::new(move || Ok(Box::new(PacedSource::new(SyntheticSource::at(width, height, rate))))))
    } else if name.contains("://") {
        let open = move || VideoSource::open_address(name, None, &[], size, most, Arc::clone(&give_up));
        (true, Box::new(move || Ok(Box::new(open()?))))
    } else if name == "screen" {
        (true, Box::new(move || open_screen(fps, size, most, Arc::clone(&give_up))))
    } else if is_file {
        let options = DecodeOptions { threads: Some(1), max_pixels: most, ..DecodeOptions::default() };
        let path = Path::new(name);
        (false, Box::new(move || Ok(Box::new(PacedSource::new(VideoSource::open(path, &options, size, None)?)))))
    } else {
        let wish =
            Wish { size: Some((width, height)), fps: fps.map(|wish| wish.0.as_f64()), pixel_format: *pixel_format };
        (true, Box::new(move || Ok(Box::new(CameraSource::open(name, &wish)?))))
    };
    let source = open()?;
    Ok(Capture { name: name.to_owned(), source, open, returns, repeats: is_file && *repeat })
}

/// What is on the screen.
fn open_screen(
    fps: Option<FrameRate>,
    size: Option<SizeRequest>,
    most: MaxPixels,
    give_up: Arc<AtomicBool>,
) -> Result<Box<dyn Source>> {
    let rate = fps.map_or(30.0, |wish| wish.0.as_f64());
    let (format, address) = if cfg!(target_os = "macos") {
        ("avfoundation", "Capture screen 0:none".to_owned())
    } else if cfg!(windows) {
        ("gdigrab", "desktop".to_owned())
    } else {
        let display = env::var("DISPLAY").ok().filter(|display| !display.is_empty());
        let cure = "start it from a desktop, or under XWayland";
        ("x11grab", display.ok_or_else(|| Error::failed(format!("there is no screen: DISPLAY is not set; {cure}")))?)
    };
    let wishes = [("framerate", format!("{rate}"))];
    Ok(Box::new(VideoSource::open_address(&address, Some(format), &wishes, size, most, give_up)?))
}
