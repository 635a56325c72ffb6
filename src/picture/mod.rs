//! Still pictures: pixels, opacity and metadata in memory, and the file formats that can be written.

pub mod animation;
pub mod color;
pub mod exif;
mod foreign;
pub mod heif;
pub mod jpeg;
mod jpeg_xl;
mod png;
pub mod read;
mod samples;
pub mod tiff;
pub mod write;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::frame::Frame;
use crate::warning::Warning;

/// The longest side that a picture may have, in pixels; JPEG's own limit.
pub const MAX_SIDE: u32 = 65_535;
/// Size limit in bytes, for a picture file and for its decoded pixels.
pub const MAX_BYTES: u64 = 4 << 30;

/// A file format that pictures can be written in.
///
/// Parses from `jpeg`, `png`, `webp` or `tiff` in any case, and from `jpg` and `tif`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG; it has no transparency.
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossless.
    WebP,
    /// TIFF.
    Tiff,
}

impl Format {
    /// The file name extensions that choose a format, for messages.
    pub const ENDINGS: &'static str = ".jpg, .jpeg, .png, .webp, .tif or .tiff";

    /// The format that the extension of `path` stands for; `None` if the extension is unknown or missing.
    pub fn from_name(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        match ending.as_str() {
            "jpg" | "jpeg" | "jpe" | "jfif" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::WebP),
            "tif" | "tiff" => Some(Self::Tiff),
            _ => None,
        }
    }

    /// The media type, as browsers call it.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Tiff => "image/tiff",
        }
    }

    /// The usual file name extension, without the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::Tiff => "tif",
        }
    }

    /// The longest side that the format can write, in pixels.
    pub fn max_side(self) -> u32 {
        match self {
            Self::WebP => 16_383,
            Self::Jpeg | Self::Png | Self::Tiff => MAX_SIDE,
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "jpeg" | "jpg" => Ok(Self::Jpeg),
            "png" => Ok(Self::Png),
            "webp" => Ok(Self::WebP),
            "tiff" | "tif" => Ok(Self::Tiff),
            _ => Err("unknown format; choose jpeg, png, webp or tiff".into()),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
        })
    }
}

/// A picture: pixels that are upright and in sRGB, with the opacity and metadata of the file they came from.
///
/// ```no_run
/// use std::path::Path;
///
/// use impasto::Picture;
///
/// # fn main() -> impasto::Result<()> {
/// let photo = Picture::open(Path::new("photo.jpg"))?;
/// println!("{} x {} pixels", photo.frame.width, photo.frame.height);
/// photo.save(Path::new("copy.png"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The pixels, RGB8.
    pub frame: Frame,
    /// Opacity of each pixel, 0 to 255, `[height][width]`; `None` if the picture is opaque.
    pub alpha: Option<Vec<u8>>,
    /// The format of the file it was read from; JPEG for photos in a format that impasto cannot write (HEIC, AVIF, JPEG XL),
    /// `None` for other pictures in such a format.
    pub format: Option<Format>,
    /// EXIF metadata (camera, date, place) as a TIFF structure. Its orientation and colour space are already set to
    /// upright and sRGB.
    pub exif: Option<Vec<u8>>,
    /// The file had a colour profile, so the written file gets one too: sRGB.
    pub tagged: bool,
    /// How reading changed the picture, for the user: one clause each, without the file name.
    pub notes: Vec<String>,
    /// What may be wrong with the picture.
    pub warnings: Vec<Warning>,
}

impl Picture {
    /// The pixels, with transparent areas laid on white.
    pub fn on_white(&self) -> Frame {
        let mut frame = self.frame.clone();
        let Some(alpha) = &self.alpha else { return frame };
        for (pixel, &opacity) in frame.pixels.chunks_exact_mut(3).zip(alpha) {
            let opacity = u32::from(opacity);
            let laid = |byte: u8| ((u32::from(byte) * opacity + 255 * (255 - opacity) + 127) / 255) as u8;
            pixel.iter_mut().for_each(|byte| *byte = laid(*byte));
        }
        frame
    }

    /// An opaque picture of these pixels, without metadata.
    pub fn new(frame: Frame) -> Self {
        Self { frame, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extension_chooses_the_format_in_any_case() {
        for (name, format) in [("a.JPG", Format::Jpeg), ("b.c.png", Format::Png), ("d.TiFf", Format::Tiff)] {
            assert_eq!(Format::from_name(Path::new(name)), Some(format), "{name}");
        }
        for name in ["png", "a.gif", "a."] {
            assert_eq!(Format::from_name(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn every_format_is_found_by_its_own_extension_and_name() {
        for format in [Format::Jpeg, Format::Png, Format::WebP, Format::Tiff] {
            assert_eq!(Format::from_name(&Path::new("x").with_extension(format.ending())), Some(format));
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }
}
