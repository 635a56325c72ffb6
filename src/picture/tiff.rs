//! Reads TIFF's inks and metadata. The only module that calls the TIFF decoder directly: `image` converts inks to RGB by a
//! simple formula, and loses the colour profiles of small pictures (its limits count a profile against the pixels).

use std::io::Cursor;

use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::MAX_BYTES;

/// Inks as stored, packed `[height][width][4]`; the largest value is full ink.
#[derive(Debug)]
pub enum Inks {
    /// 8 bits each.
    Eight(Vec<u8>),
    /// 16 bits each.
    Sixteen(Vec<u16>),
}

/// The metadata of a file.
#[derive(Debug, Default)]
pub struct Metadata {
    /// The colour profile.
    pub icc: Option<Vec<u8>>,
    /// The file has a directory of EXIF or GPS tags.
    pub exif: bool,
    /// The file has XMP or IPTC metadata.
    pub other: bool,
}

/// Reads the metadata; empty if the file is damaged.
pub fn metadata(bytes: &[u8]) -> Metadata {
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else { return Metadata::default() };
    let mut has = |tag| matches!(decoder.find_tag(tag), Ok(Some(_)));
    let exif = has(Tag::ExifDirectory) || has(Tag::GpsDirectory);
    // XMP and IPTC by their registered numbers.
    let other = has(Tag::from_u16_exhaustive(700)) || has(Tag::from_u16_exhaustive(33_723));
    Metadata { icc: decoder.get_tag_u8_vec(Tag::IccProfile).ok(), exif, other }
}

/// Reads the pixels of a CMYK file.
///
/// # Errors
/// The file is damaged, or is not CMYK of 8 or 16 bits with packed channels. The error is a clause.
pub fn inks(bytes: &[u8]) -> Result<Inks, String> {
    let mut limits = Limits::unlimited();
    limits.decoding_buffer_size = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let decoder = Decoder::new(Cursor::new(bytes)).map(|decoder| decoder.with_limits(limits));
    let mut decoder = decoder.map_err(|error| error.to_string())?;
    let color = decoder.colortype().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions().map_err(|error| error.to_string())?;
    let samples = decoder.read_image().map_err(|error| error.to_string())?;
    let count = width as usize * height as usize * 4;
    match (color, samples) {
        (tiff::ColorType::CMYK(8), DecodingResult::U8(inks)) if inks.len() == count => Ok(Inks::Eight(inks)),
        (tiff::ColorType::CMYK(16), DecodingResult::U16(inks)) if inks.len() == count => Ok(Inks::Sixteen(inks)),
        (color, _) => Err(format!("its inks are stored as {color:?}")),
    }
}
