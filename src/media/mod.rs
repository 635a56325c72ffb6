//! FFmpeg behind plain types: nothing outside this folder names it.
//!
//! [`decode::Decoder`] gives RGB frames with exact timestamps, [`encode::Encoder`] takes them, [`file::VideoFile`] is an
//! output under its temporary name, [`encoded::EncodedFile`] one of painted pictures alone. [`joined::Joined`] makes one
//! file of several of those, and [`copied::CopiedStreams`] brings the sound and everything else over as it is.

mod codec;
pub mod color;
mod container;
pub mod convert;
pub mod copied;
pub mod decode;
pub mod encode;
pub mod encoded;
pub mod file;
mod formats;
mod input;
pub mod joined;
pub mod options;
pub mod raw;
mod scaler;
mod side_data;
pub mod stream;
pub mod yuyv;

use ffmpeg_next::ffi;

use crate::error::{Error, Result};
use crate::frame::Rational;

/// The version of the FFmpeg libraries in use, as they name it themselves.
pub fn version() -> String {
    // SAFETY: FFmpeg returns a pointer to a static string that ends in zero.
    let version = unsafe { std::ffi::CStr::from_ptr(ffi::av_version_info()) };
    version.to_string_lossy().into_owned()
}

/// FFmpeg's words for an error, for the end of a sentence.
fn words(error: ffmpeg_next::Error) -> String {
    error.to_string().trim().to_owned()
}

/// Whether a container refuses a packet for what it is, rather than that it cannot be written.
fn is_refusal(error: ffmpeg_next::Error) -> bool {
    matches!(error, ffmpeg_next::Error::InvalidData | ffmpeg_next::Error::Other { errno: ffmpeg_next::error::EINVAL })
}

/// An error for a negative answer of FFmpeg's.
fn check(answer: i32, what: &str) -> Result<()> {
    if answer < 0 { Err(Error::failed(format!("{what}: {}", words(answer.into())))) } else { Ok(()) }
}

impl From<ffmpeg_next::Rational> for Rational {
    fn from(ratio: ffmpeg_next::Rational) -> Self {
        Self { num: ratio.numerator(), den: ratio.denominator() }
    }
}

impl From<Rational> for ffmpeg_next::Rational {
    fn from(ratio: Rational) -> Self {
        Self::new(ratio.num, ratio.den)
    }
}

/// `ticks` of `from` in ticks of `to`, rounded to nearest.
fn rescale(ticks: i64, from: Rational, to: Rational) -> i64 {
    use ffmpeg_next::Rescale;
    ticks.rescale(ffmpeg_next::Rational::from(from), ffmpeg_next::Rational::from(to))
}

/// FFmpeg's `AV_TIME_BASE`: microseconds.
const MICROSECONDS: Rational = Rational { num: 1, den: ffi::AV_TIME_BASE };
