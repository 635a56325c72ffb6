//! Reading: files, addresses and screens to RGB frames with exact timestamps.

mod clock;
mod damage;
mod decoder;
mod deinterlace;
mod ending;
mod exr;
mod first_frame;
mod formats;
mod index;
mod joint;
mod open;
mod piped;
mod seek;
mod stream;

pub use decoder::{DecodeOptions, Decoder};
pub use index::Index;
pub(super) use open::{Input, Opening};
pub use open::{RawVideo, Unsaid};
