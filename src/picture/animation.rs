//! Animated WebP, frame by frame. FFmpeg knows its pictures and not its animations.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, Frames, ImageDecoder};

use super::Picture;
use crate::error::{Error, Result};
use crate::frame::{Frame, MaxPixels};

/// A shorter delay means none was set; browsers then wait this long.
const USUAL: u32 = 100;

/// An open animation.
pub struct Animation {
    name: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Some of a frame so far was transparent. That the file has opacity says nothing: its frames may leave pixels as they were.
    pub is_transparent: bool,
    frames: Frames<'static>,
}

impl Animation {
    /// Opens the animated WebP at `path`; `None` if it is something else.
    ///
    /// # Errors
    /// It is an animated WebP with more than `most` pixels.
    pub fn open(path: &Path, most: MaxPixels) -> Result<Option<Self>> {
        let Some(file) = may_be_one(path) else { return Ok(None) };
        let Ok(decoder) = WebPDecoder::new(BufReader::new(file)) else { return Ok(None) };
        if !decoder.has_animation() {
            return Ok(None);
        }
        let (name, size) = (format!("'{}'", path.display()), decoder.dimensions());
        most.check(&name, size.0, size.1)?;
        Ok(Some(Self { name, size, is_transparent: false, frames: decoder.into_frames() }))
    }

    /// The next frame, laid on white, and for how many milliseconds it is shown; `None` at the end.
    ///
    /// # Errors
    /// The file is damaged.
    pub fn next(&mut self) -> Result<Option<(Frame, u32)>> {
        let Some(frame) = self.frames.next() else { return Ok(None) };
        let frame = frame.map_err(|error| {
            Error::failed(format!("{} is a damaged animation ({error}); use an undamaged copy", self.name))
        })?;
        let (numerator, denominator) = frame.delay().numer_denom_ms();
        let delay = numerator / denominator.max(1);
        let delay = if delay <= 10 { USUAL } else { delay };
        let (width, height) = self.size;
        let pixels = frame.into_buffer().into_raw();
        let alpha: Vec<u8> = pixels.iter().skip(3).step_by(4).copied().collect();
        self.is_transparent |= alpha.iter().any(|&opacity| opacity < 255);
        let colors = pixels.as_chunks::<4>().0.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]).collect();
        let frame = Frame { width, height, pixels: colors, ..Frame::default() };
        let picture = Picture { frame, alpha: Some(alpha), ..Picture::default() };
        Ok(Some((picture.on_white(), delay)))
    }
}

/// The file, if it begins as a WebP does.
fn may_be_one(path: &Path) -> Option<File> {
    if !path.is_file() {
        return None;
    }
    let (mut file, mut start) = (File::open(path).ok()?, [0; 12]);
    file.read_exact(&mut start).ok()?;
    file.rewind().ok()?;
    (start.starts_with(b"RIFF") && start.ends_with(b"WEBP")).then_some(file)
}
