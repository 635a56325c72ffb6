//! The codecs that impasto writes, and how the options of the command line translate to FFmpeg's encoders.

use std::fmt;
use std::ptr;
use std::str::FromStr;

use ffmpeg_next::encoder;
use ffmpeg_next::ffi::{self, AVCodecID};

use super::container::Container;
use crate::error::{Error, Result};

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
    /// PNG, for sequences of pictures; the ending of their names chooses it.
    Png,
    /// JPEG, as above.
    Jpeg,
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|codec| codec.name() == text);
        found.ok_or_else(|| "no such codec; choose h264, hevc, av1, vp9, prores or ffv1".into())
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One of FFmpeg's encoders, with its options.
pub(super) struct Recipe {
    /// FFmpeg's name.
    pub(super) encoder: &'static str,
    /// The option behind `--preset`, its default, and the list of values for the error message.
    pub(super) preset: Option<(&'static str, &'static str, &'static str)>,
    /// The default and the largest `--crf`.
    pub(super) crf: Option<(u32, u32)>,
    /// The default pixel format.
    pub(super) pixel_format: &'static str,
    /// The default pixel format for HDR, of 10 bits; `None` where players would not show HDR.
    pub(super) hdr_format: Option<&'static str>,
    /// Options that are always set, before all others.
    pub(super) options: &'static [(&'static str, &'static str)],
}

pub(super) const X26X_PRESETS: &str =
    "ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow or placebo";

impl Codec {
    /// Every codec of films.
    pub const ALL: [Self; 6] = [Self::H264, Self::Hevc, Self::Av1, Self::Vp9, Self::ProRes, Self::Ffv1];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::Hevc => "hevc",
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
            Self::ProRes => "prores",
            Self::Ffv1 => "ffv1",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }

    fn id(self) -> AVCodecID {
        match self {
            Self::H264 => AVCodecID::AV_CODEC_ID_H264,
            Self::Hevc => AVCodecID::AV_CODEC_ID_HEVC,
            Self::Av1 => AVCodecID::AV_CODEC_ID_AV1,
            Self::Vp9 => AVCodecID::AV_CODEC_ID_VP9,
            Self::ProRes => AVCodecID::AV_CODEC_ID_PRORES,
            Self::Ffv1 => AVCodecID::AV_CODEC_ID_FFV1,
            Self::Png => AVCodecID::AV_CODEC_ID_PNG,
            Self::Jpeg => AVCodecID::AV_CODEC_ID_MJPEG,
        }
    }

    /// Encoders for it, the best first.
    pub(super) fn recipes(self) -> &'static [Recipe] {
        match self {
            Self::H264 => &[Recipe {
                encoder: "libx264",
                preset: Some(("preset", "veryfast", X26X_PRESETS)),
                crf: Some((20, 51)),
                pixel_format: "yuv420p",
                hdr_format: None,
                options: &[],
            }],
            Self::Hevc => &[Recipe {
                encoder: "libx265",
                preset: Some(("preset", "veryfast", X26X_PRESETS)),
                crf: Some((23, 51)),
                pixel_format: "yuv420p",
                hdr_format: Some("yuv420p10le"),
                // Otherwise it writes to the terminal itself.
                options: &[("x265-params", "log-level=none")],
            }],
            // libaom first: SVT-AV1 1.4.1, which Debian 12 has, now and then crashes on busy cores, and `lp=1` still leaves it
            // some twenty threads. In real time both are as fast on two cores.
            Self::Av1 => &[
                Recipe {
                    encoder: "libaom-av1",
                    preset: Some(("cpu-used", "7", "0 (slow) to 8 (fast)")),
                    crf: Some((30, 63)),
                    pixel_format: "yuv420p",
                    hdr_format: Some("yuv420p10le"),
                    options: &[("usage", "realtime"), ("row-mt", "1"), ("b", "0")],
                },
                Recipe {
                    encoder: "libsvtav1",
                    preset: Some(("preset", "10", "0 (slow) to 13 (fast)")),
                    crf: Some((30, 63)),
                    pixel_format: "yuv420p",
                    hdr_format: Some("yuv420p10le"),
                    options: &[("svtav1-params", "lp=1")],
                },
            ],
            Self::Vp9 => &[Recipe {
                encoder: "libvpx-vp9",
                preset: Some(("cpu-used", "6", "-8 to 8, faster from 0 upwards")),
                crf: Some((28, 63)),
                pixel_format: "yuv420p",
                hdr_format: Some("yuv420p10le"),
                options: &[("deadline", "realtime"), ("row-mt", "1"), ("b", "0")],
            }],
            Self::ProRes => &[Recipe {
                encoder: "prores_ks",
                preset: Some(("profile", "auto", "proxy, lt, standard, hq, 4444 or 4444xq")),
                crf: None,
                pixel_format: "yuv422p10le",
                hdr_format: Some("yuv422p10le"),
                options: &[("vendor", "apl0")],
            }],
            Self::Ffv1 => &[Recipe {
                encoder: "ffv1",
                preset: None,
                crf: None,
                pixel_format: "yuv444p",
                hdr_format: Some("yuv444p10le"),
                options: &[("level", "3"), ("slicecrc", "1"), ("g", "1")],
            }],
            Self::Png => &[Recipe {
                encoder: "png",
                preset: None,
                crf: None,
                pixel_format: "rgb24",
                hdr_format: None,
                options: &[("pred", "mixed")],
            }],
            Self::Jpeg => &[Recipe {
                encoder: "mjpeg",
                preset: None,
                crf: None,
                pixel_format: "yuvj444p",
                hdr_format: None,
                // FFmpeg's -q:v 2.
                options: &[("flags", "+qscale"), ("global_quality", "236"), ("huffman", "optimal")],
            }],
        }
    }

    /// The best encoder for it that this FFmpeg has.
    pub(super) fn recipe(self) -> Option<(&'static Recipe, ffmpeg_next::Codec)> {
        self.recipes().iter().find_map(|recipe| Some((recipe, encoder::find_by_name(recipe.encoder)?)))
    }

    /// Whether this FFmpeg can write it.
    pub fn is_available(self) -> bool {
        self.recipe().is_some()
    }

    /// Whether players show HDR in it.
    fn holds_hdr(self) -> bool {
        self.recipes().iter().all(|recipe| recipe.hdr_format.is_some())
    }

    /// Whether closed captions survive in its pictures: its encoder has FFmpeg's option for them.
    pub fn takes_captions(self) -> bool {
        let Some((_, codec)) = self.recipe() else { return false };
        // SAFETY: the class is static data of the encoder, or null; FFmpeg looks its options up without an object.
        unsafe {
            let class = (*codec.as_ptr()).priv_class;
            let object = (&raw const class).cast_mut().cast();
            let place = ffi::AV_OPT_SEARCH_FAKE_OBJ;
            !class.is_null() && !ffi::av_opt_find(object, c"a53cc".as_ptr(), ptr::null(), 0, place).is_null()
        }
    }

    /// The codec to write to `container`: the `requested` one; else H.264 if it fits, VP9 for WebM, or the first that fits.
    /// For `hdr`, HEVC takes the place of H.264.
    ///
    /// # Errors
    /// The container cannot hold the requested codec, or none at all; or the codec cannot hold HDR.
    pub fn choose(requested: Option<Self>, container: Container, hdr: bool) -> Result<Self> {
        match (container.pictures(), requested) {
            (Some(_), _) if hdr => {
                return Err(Error::usage("pictures in .png and .jpg hold no HDR film; omit --hdr keep, or write .mkv"));
            }
            (Some(AVCodecID::AV_CODEC_ID_MJPEG), None) => return Ok(Self::Jpeg),
            (Some(_), None) => return Ok(Self::Png),
            (Some(_), Some(codec)) => {
                return Err(Error::usage(format!(
                    "a sequence of pictures is not encoded as {codec}; omit --codec: the ending chooses .png or .jpg"
                )));
            }
            (None, _) => {}
        }
        if let Some(codec) = requested.filter(|codec| hdr && !codec.holds_hdr()) {
            let others = alternatives(Self::ALL.iter().filter(|codec| codec.holds_hdr()).map(|codec| codec.name()));
            return Err(Error::usage(format!(
                "{codec} does not carry HDR that players show; choose --codec {others}, or omit --hdr keep"
            )));
        }
        let fits = |codec: &Self| container.takes(codec.id()) && (!hdr || codec.holds_hdr());
        let fitting: Vec<Self> = Self::ALL.into_iter().filter(fits).collect();
        let name = container.name();
        let Some(&first) = fitting.first() else {
            let what = if hdr { "HDR in any codec" } else { "any codec" };
            return Err(Error::usage(format!(
                "{name} files cannot hold {what} that impasto writes; use .mp4, .mkv, .mov or .webm"
            )));
        };
        match requested {
            Some(codec) if fitting.contains(&codec) => Ok(codec),
            Some(codec) => {
                let fitting = alternatives(fitting.iter().map(|codec| codec.name()));
                let cure = "or write .mkv, which holds all codecs";
                Err(Error::usage(format!("{name} files cannot hold {codec}; choose --codec {fitting}, {cure}")))
            }
            // AV1 comes first in the list, but more players support VP9 in .webm.
            None if fitting.contains(&Self::Vp9) && !container.takes(Self::H264.id()) => Ok(Self::Vp9),
            None => Ok(first),
        }
    }
}

/// "a, b or c".
pub(super) fn alternatives<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webm_gets_vp9_and_mp4_gets_h264_by_default() {
        let of = |ending| Container::named(ending).unwrap();
        assert_eq!(Codec::choose(None, of("webm"), false).unwrap(), Codec::Vp9);
        assert_eq!(Codec::choose(None, of("mp4"), false).unwrap(), Codec::H264);
        assert_eq!(Codec::choose(Some(Codec::Av1), of("mp4"), false).unwrap(), Codec::Av1);
        let error = Codec::choose(Some(Codec::H264), of("webm"), false).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("choose --codec av1 or vp9"), "{error}");
        assert!(Codec::choose(None, of("gif"), false).is_err());
    }

    #[test]
    fn hdr_gets_hevc_by_default_and_never_h264() {
        let of = |ending| Container::named(ending).unwrap();
        for (ending, codec) in [("mp4", Codec::Hevc), ("mkv", Codec::Hevc), ("mov", Codec::Hevc), ("webm", Codec::Vp9)]
        {
            assert_eq!(Codec::choose(None, of(ending), true).unwrap(), codec, "{ending}");
        }
        assert_eq!(Codec::choose(Some(Codec::Av1), of("mp4"), true).unwrap(), Codec::Av1);
        let error = Codec::choose(Some(Codec::H264), of("mp4"), true).unwrap_err().to_string();
        assert!(error.contains("choose --codec hevc, av1, vp9, prores or ffv1, or omit --hdr keep"), "{error}");
    }

    #[test]
    fn alternatives_read_as_a_sentence() {
        assert_eq!(alternatives(["a", "b", "c"].into_iter()), "a, b or c");
        assert_eq!(alternatives(["a"].into_iter()), "a");
    }
}
