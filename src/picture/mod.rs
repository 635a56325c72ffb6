//! Still pictures: what a file holds beside its pixels, and the formats that are written.

pub mod color;
pub mod exif;
pub mod jpeg;
pub mod read;
pub mod tiff;
pub mod write;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::frame::Frame;

/// The longest side that a picture may have, in pixels; JPEG's own limit.
pub const MAX_SIDE: u32 = 65_535;
/// The most bytes that a picture may take as decoded, and a file on disk.
pub const MAX_BYTES: u64 = 4 << 30;

/// A format that pictures are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG; no transparency.
    Jpeg,
    /// PNG.
    Png,
    /// WebP, lossless.
    WebP,
    /// TIFF.
    Tiff,
}

impl Format {
    /// The endings of file names that stand for a format, for messages.
    pub const ENDINGS: &'static str = ".jpg, .jpeg, .png, .webp, .tif or .tiff";

    /// The format that the ending of `path` stands for; none for an unknown ending or none at all.
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

    /// The usual ending of a file name, without the dot.
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
            _ => Err("no such format; choose jpeg, png, webp or tiff".into()),
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

/// A picture, upright and in sRGB.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// Its pixels.
    pub frame: Frame,
    /// Opacity of each pixel, 0 to 255, `[height][width]`; none where the whole picture is opaque.
    pub alpha: Option<Vec<u8>>,
    /// The format that it was read from, where that is one that can be written.
    pub format: Option<Format>,
    /// Camera, date, place and the like: a TIFF structure as in EXIF, already saying "upright, sRGB".
    pub exif: Option<Vec<u8>>,
    /// The file named its colour space, so what is written names it too: sRGB.
    pub tagged: bool,
    /// What was done to the pixels on the way here, for people: one clause each, without the file's name.
    pub notes: Vec<String>,
    /// What may be wrong with the picture: one clause each, without the file's name.
    pub warnings: Vec<String>,
}

impl Picture {
    /// Its pixels, laid on white where it is transparent.
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

    /// An opaque picture with nothing but pixels.
    pub fn new(frame: Frame) -> Self {
        Self { frame, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_format_whatever_its_case() {
        for (name, format) in [("a.JPG", Format::Jpeg), ("b.c.png", Format::Png), ("d.TiFf", Format::Tiff)] {
            assert_eq!(Format::from_name(Path::new(name)), Some(format), "{name}");
        }
        for name in ["png", "a.gif", "a."] {
            assert_eq!(Format::from_name(Path::new(name)), None, "{name}");
        }
    }

    #[test]
    fn a_formats_own_ending_and_name_lead_back_to_it() {
        for format in [Format::Jpeg, Format::Png, Format::WebP, Format::Tiff] {
            assert_eq!(Format::from_name(&Path::new("x").with_extension(format.ending())), Some(format));
            assert_eq!(format.to_string().parse(), Ok(format));
        }
    }
}
