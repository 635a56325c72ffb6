//! Frames as JPEG, quickly: for streams.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use crate::error::{Error, Result};
use crate::frame::Frame;

/// Encodes `frame` at `quality`, 1 to 100.
///
/// # Errors
/// A side is too long for JPEG.
pub fn encode(frame: &Frame, quality: u8) -> Result<Bytes> {
    let failed = |reason: &dyn std::fmt::Display| {
        Error::failed(format!("cannot send the picture as JPEG: {reason}; make it smaller"))
    };
    let (width, height) = (u16::try_from(frame.width), u16::try_from(frame.height));
    let (Ok(width), Ok(height)) = (width, height) else {
        return Err(failed(&"its sides are limited to 65535 pixels"));
    };
    let mut bytes = Vec::with_capacity(frame.pixels.len() / 8);
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(&frame.pixels, width, height, ColorType::Rgb).map_err(|error| failed(&error))?;
    Ok(bytes.into())
}
