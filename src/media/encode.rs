//! Styled frames to a file.

use std::str::FromStr;

/// Video codecs that impasto writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264 / AVC.
    H264,
    /// H.265 / HEVC.
    Hevc,
    /// AV1.
    Av1,
    /// VP9.
    Vp9,
    /// Apple ProRes 422.
    ProRes,
    /// FFV1, lossless.
    Ffv1,
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "h264" => Self::H264,
            "hevc" => Self::Hevc,
            "av1" => Self::Av1,
            "vp9" => Self::Vp9,
            "prores" => Self::ProRes,
            "ffv1" => Self::Ffv1,
            _ => return Err("no such codec; choose h264, hevc, av1, vp9, prores or ffv1".into()),
        })
    }
}
