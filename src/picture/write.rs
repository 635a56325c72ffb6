//! Writes JPEG, PNG, WebP and TIFF. A file has a temporary name until it is complete.

use std::fs;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::tiff::TiffEncoder;
use image::codecs::webp::WebPEncoder;
use image::{ExtendedColorType, ImageEncoder, ImageResult};

use super::{Format, Picture, color};
use crate::error::{Error, Result, cause};
use crate::warning::Warning;
use crate::whole;

/// A JPEG marker segment holds 65535 bytes; its length field and EXIF's name take 8 of them.
const MAX_JPEG_EXIF: usize = 65_527;

/// A picture in its file format, and what was lost on the way.
#[derive(Debug)]
pub struct Encoded {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// Metadata that was left out: one clause each, without the file name.
    pub notes: Vec<String>,
    /// How the pixels were changed.
    pub warnings: Vec<Warning>,
}

impl Picture {
    /// Writes the picture to `path`. The extension chooses the format; without one it is PNG. JPEG quality is 92. The
    /// file appears under its name only when it is complete; a file that exists is replaced.
    ///
    /// # Errors
    /// The extension is not that of a [`Format`](crate::pictures::Format), the format cannot hold a picture of this size, a
    /// buffer does not fit the size, or the file cannot be written. No partial file is left behind.
    pub fn save(&self, path: &Path) -> Result<()> {
        let format = format_for(path, None)?.unwrap_or(Format::Png);
        save(self, path, format, 92)
    }
}

/// The format to write `path` in: `requested`, else the one of its extension; `None` if it has no extension.
///
/// # Errors
/// The extension is unknown and no format was requested.
pub fn format_for(path: &Path, requested: Option<Format>) -> Result<Option<Format>> {
    match (requested.or(Format::from_name(path)), path.extension()) {
        (None, Some(_)) => {
            let (path, endings) = (path.display(), Format::ENDINGS);
            Err(Error::usage(format!("the extension of '{path}' is no picture format; use {endings}, or add --format")))
        }
        (format, _) => Ok(format),
    }
}

/// Writes `picture` to `path` in `format`, at JPEG `quality` 1 to 100.
///
/// # Errors
/// The format cannot hold a picture of this size, or the file cannot be written. No partial file is left behind.
pub fn save(picture: &Picture, path: &Path, format: Format, quality: u8) -> Result<()> {
    write(path, &encode(picture, format, quality)?.bytes)
}

/// Checks that `format` can hold a picture of this size.
///
/// # Errors
/// It cannot.
pub fn check_size(format: Format, width: u32, height: u32) -> Result<()> {
    let most = format.max_side();
    if width.max(height) <= most {
        return Ok(());
    }
    Err(Error::failed(format!(
        "{width} x {height} pixels do not fit into {format} (at most {most} a side); choose --format png"
    )))
}

/// Encodes `picture` in `format`, at JPEG `quality` 1 to 100, with opacity and metadata as far as the format has room for
/// them.
///
/// # Errors
/// The format cannot hold a picture of this size, or a buffer does not fit the size.
pub fn encode(picture: &Picture, format: Format, quality: u8) -> Result<Encoded> {
    let (width, height) = (picture.frame.width, picture.frame.height);
    check_size(format, width, height)?;
    picture.frame.check()?;
    if picture.alpha.as_ref().is_some_and(|alpha| alpha.len() * 3 != picture.frame.pixels.len()) {
        return Err(Error::usage(format!("the alpha of a picture of {width}x{height} needs one byte a pixel")));
    }
    let mut encoded = Encoded { bytes: Vec::new(), notes: Vec::new(), warnings: Vec::new() };
    let (pixels, color) = pixels(picture, format, &mut encoded.warnings);
    let exif = picture.exif.clone().filter(|exif| {
        let fits = match format {
            Format::Jpeg => exif.len() <= MAX_JPEG_EXIF,
            Format::Tiff => false,
            Format::Png | Format::WebP => true,
        };
        if !fits {
            encoded.notes.push(format!("its EXIF metadata is left out of the {format} file"));
        }
        fits
    });
    let icc = picture.tagged.then(color::srgb_icc);
    let encodable = Encodable { pixels: &pixels, width, height, color, icc, exif };
    let bytes = &mut encoded.bytes;
    match format {
        Format::Jpeg => encodable.encode_with(JpegEncoder::new_with_quality(bytes, quality)),
        Format::Png => {
            encodable.encode_with(PngEncoder::new_with_quality(bytes, CompressionType::Fast, FilterType::Adaptive))
        }
        Format::WebP => encodable.encode_with(WebPEncoder::new_lossless(bytes)),
        Format::Tiff => encodable.encode_with(TiffEncoder::new(Cursor::new(bytes))),
    }
    .map_err(|error| {
        let reason = cause(&error);
        Error::failed(format!(
            "{format} cannot hold {width}x{height} pixels ({reason}); choose another format with --format"
        ))
    })?;
    Ok(encoded)
}

/// The pixels to write: with opacity if there is some and the format supports it, else laid on white.
fn pixels<'a>(
    picture: &'a Picture,
    format: Format,
    warnings: &mut Vec<Warning>,
) -> (std::borrow::Cow<'a, [u8]>, ExtendedColorType) {
    let colors = &picture.frame.pixels;
    let Some(alpha) = &picture.alpha else { return (colors.into(), ExtendedColorType::Rgb8) };
    if format == Format::Jpeg {
        warnings.push(Warning::PictureTransparency { format: format.to_string() });
        return (picture.on_white().pixels.into(), ExtendedColorType::Rgb8);
    }
    let pixels = colors.as_chunks::<3>().0.iter().zip(alpha);
    (pixels.flat_map(|(&[r, g, b], &opacity)| [r, g, b, opacity]).collect(), ExtendedColorType::Rgba8)
}

/// Pixels and metadata, ready for any of the encoders.
struct Encodable<'a> {
    pixels: &'a [u8],
    width: u32,
    height: u32,
    color: ExtendedColorType,
    icc: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
}

impl Encodable<'_> {
    fn encode_with(self, mut encoder: impl ImageEncoder) -> ImageResult<()> {
        if let Some(icc) = self.icc {
            encoder.set_icc_profile(icc).map_err(image::ImageError::Unsupported)?;
        }
        if let Some(exif) = self.exif {
            encoder.set_exif_metadata(exif).map_err(image::ImageError::Unsupported)?;
        }
        encoder.write_image(self.pixels, self.width, self.height, self.color)
    }
}

/// Writes `bytes` to `path`, completely or not at all. A device or pipe is written directly; a link stays a link, and its
/// target is replaced.
///
/// # Errors
/// The folder is missing or read-only, `path` is a folder, or the disk is full. No partial file is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    put(path, bytes).map_err(|error| Error::writing(path, &error))
}

/// Checks that files can be created in the folder of `path`, so that a job fails before its work, not after.
///
/// # Errors
/// As [`write()`].
pub fn probe(path: &Path) -> Result<()> {
    let try_it = || match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => Ok(()),
        _ => whole::probe(&resolve(path)?),
    };
    try_it().map_err(|error| Error::writing(path, &error))
}

fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        let mut device = fs::OpenOptions::new().write(true).open(path)?;
        return device.write_all(bytes);
    }
    whole::write(&resolve(path)?, bytes)
}

/// The file that `path` refers to, with links resolved.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if path.exists() { fs::canonicalize(path) } else { Ok(path.to_owned()) }
}
