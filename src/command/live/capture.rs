//! From `--camera` to a source of live frames.

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::cli::LiveArgs;
use crate::error::{Error, Result};
use crate::frame::MaxPixels;
use crate::media::decode::DecodeOptions;
use crate::media::options::Size;
use crate::pipeline::Stop;
use crate::pipeline::live::{Capture, OpenSource};
use crate::source::Source;
use crate::source::camera::{CameraSource, Wish};
use crate::source::paced::PacedSource;
use crate::source::synthetic::SyntheticSource;
use crate::source::video::VideoSource;

/// The size requested from a camera without `--resolution`.
const USUAL: (u32, u32) = (640, 360);

/// Opens the source of `--camera`; `stop` ends all waiting for it, now and later.
///
/// # Errors
/// It does not exist, is busy or forbidden, is not a video, or claims more than `most` pixels.
pub fn open<'a>(args: &'a LiveArgs, most: MaxPixels, stop: &Stop) -> Result<Capture<'a>> {
    let name = args.camera.as_str();
    let size = args.resolution;
    let (width, height) = size.map_or(USUAL, |size| size.of(USUAL.0, USUAL.1));
    let give_up = stop.flag();
    let is_file = Path::new(name).is_file();
    let (returns, mut open): (bool, OpenSource<'_>) = if name == "synthetic" {
        let rate = args.fps.map(|wish| wish.0);
        (false, Box::new(move || Ok(Box::new(PacedSource::new(SyntheticSource::at(width, height, rate))))))
    } else if name.contains("://") {
        let open = move || VideoSource::open_address(name, None, &[], size, most, Arc::clone(&give_up));
        (true, Box::new(move || Ok(Box::new(open()?))))
    } else if name == "screen" {
        (true, Box::new(move || open_screen(args, size, most, Arc::clone(&give_up))))
    } else if is_file {
        let options = DecodeOptions { threads: Some(1), max_pixels: most, ..DecodeOptions::default() };
        let path = Path::new(name);
        (false, Box::new(move || Ok(Box::new(PacedSource::new(VideoSource::open(path, &options, size, None)?)))))
    } else {
        let wish = Wish {
            size: Some((width, height)),
            fps: args.fps.map(|wish| wish.0.as_f64()),
            pixel_format: args.pixel_format,
        };
        (true, Box::new(move || Ok(Box::new(CameraSource::open(name, &wish)?))))
    };
    let source = open()?;
    Ok(Capture { name: name.to_owned(), source, open, returns, repeats: is_file && args.repeat })
}

/// The screen.
fn open_screen(
    args: &LiveArgs,
    size: Option<Size>,
    most: MaxPixels,
    give_up: Arc<AtomicBool>,
) -> Result<Box<dyn Source>> {
    let rate = args.fps.map_or(30.0, |wish| wish.0.as_f64());
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
