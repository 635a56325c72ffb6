//! Pixel formats: what decoders, encoders and cameras call a picture, from and to RGB.
//!
//! The common formats go through the `yuv` crate, which is several times faster than swscale; the rest goes through
//! swscale.

pub mod camera;
mod color;
mod format;
mod from_rgb;
mod hdr;
mod planes;
mod scaler;
mod sdr;
mod to_rgb;
mod yuyv;

pub use color::ColorTags;
pub(super) use format::{allocate, descriptor, is_float, is_transparent, pixel_format, pixel_format_name};
pub use from_rgb::FromRgb;
pub use sdr::photo_to_sdr;
pub use to_rgb::ToRgb;
pub use yuyv::{ToYuyv, even_width};
