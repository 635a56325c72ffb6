//! FFmpeg behind plain types: no other module names FFmpeg.
//!
//! - [`read`] opens files, addresses and screens, and decodes them to RGB frames with exact timestamps.
//! - [`write`](mod@write) encodes frames and writes them to a container: a complete file, a recording that plays while it
//!   grows, or a network stream. It also copies audio, subtitles and everything else from the input.
//! - [`pixels`] converts between RGB and the pixel formats of cameras, decoders and encoders.
//! - [`sequence`] finds numbered pictures.
//! - [`options`] parses times, sizes, frame rates and field orders.

mod ffmpeg;
mod info;
pub mod options;
pub mod pixels;
pub mod read;
pub mod sequence;
mod side_data;
pub mod write;

pub use ffmpeg::{place, version};
pub use info::{FrameFormat, VideoInfo};
