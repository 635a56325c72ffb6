//! JPEG XL, decoded through `image`'s interface; and what that does not tell.

use std::io::Cursor;

use image::ImageResult;
use jxl_oxide::JxlImage;
use jxl_oxide::image::ExtraChannelInfo;
use jxl_oxide::integration::JxlDecoder;

/// A decoder of the picture in `bytes`.
///
/// # Errors
/// Its header is damaged.
pub fn decoder(bytes: &[u8]) -> ImageResult<JxlDecoder<Cursor<&[u8]>>> {
    JxlDecoder::new(Cursor::new(bytes))
}

/// Whether the colours are multiplied by their opacity.
pub fn is_multiplied(bytes: &[u8]) -> bool {
    let Ok(image) = JxlImage::builder().read(Cursor::new(bytes)) else { return false };
    let channels = &image.image_header().metadata.ec_info;
    channels.iter().find_map(ExtraChannelInfo::alpha_associated).unwrap_or(false)
}
