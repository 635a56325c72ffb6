//! JPEG XL, decoded through `image`'s interface; and what that does not tell.

use std::io::Cursor;

use image::ImageResult;
use jxl_oxide::image::{BitDepth, ExtraChannelInfo};
use jxl_oxide::integration::JxlDecoder;
use jxl_oxide::{AuxBoxData, JxlImage};

use super::samples::Depth;

/// A decoder of the picture in `bytes`.
///
/// # Errors
/// Its header is damaged.
pub fn decoder(bytes: &[u8]) -> ImageResult<JxlDecoder<Cursor<&[u8]>>> {
    JxlDecoder::new(Cursor::new(bytes))
}

/// What else the file says.
pub struct Facts {
    /// The colours are multiplied by their opacity.
    pub is_multiplied: bool,
    /// How deep its samples are.
    pub depth: Depth,
    /// It has more pictures than the first.
    pub is_animated: bool,
    /// It has XMP metadata.
    pub has_xmp: bool,
}

/// Reads the facts; the usual ones of a damaged file, which decoding reports.
pub fn facts(bytes: &[u8]) -> Facts {
    let Ok(mut image) = JxlImage::builder().read(Cursor::new(bytes)) else {
        return Facts { is_multiplied: false, depth: Depth::SIXTEEN, is_animated: false, has_xmp: false };
    };
    // Metadata may stand behind the pixels, which are read and not decoded here.
    let _ = image.finalize();
    let has_xmp = matches!(image.aux_boxes().first_xml(), AuxBoxData::Data(_));
    let metadata = &image.image_header().metadata;
    let (bits, is_float) = match metadata.bit_depth {
        BitDepth::IntegerSample { bits_per_sample } => (bits_per_sample, false),
        BitDepth::FloatSample { bits_per_sample, .. } => (bits_per_sample, true),
    };
    let is_multiplied = metadata.ec_info.iter().find_map(ExtraChannelInfo::alpha_associated).unwrap_or(false);
    Facts { is_multiplied, depth: Depth { bits, is_float }, is_animated: metadata.animation.is_some(), has_xmp }
}
