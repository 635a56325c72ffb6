//! Colour tags: what the numbers in a YUV picture mean.

use ffmpeg_next::ffi::{
    AVChromaLocation, AVColorPrimaries, AVColorRange, AVColorSpace, AVColorTransferCharacteristic, AVPixelFormat,
};
use ffmpeg_next::frame;
use yuv::{YuvRange, YuvStandardMatrix};

use super::format::{is_grey, is_yuv, pixel_format};

/// The colour tags of a picture or stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorTags {
    pub(in crate::media) space: AVColorSpace,
    pub(in crate::media) range: AVColorRange,
    pub(in crate::media) primaries: AVColorPrimaries,
    pub(in crate::media) transfer: AVColorTransferCharacteristic,
    pub(in crate::media) chroma: AVChromaLocation,
}

/// Families of primaries, as far as they differ to the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gamut {
    /// BT.709, and the primaries of SD video.
    Bt709,
    /// BT.2020.
    Bt2020,
    /// P3, of cinemas and phones.
    P3,
}

/// Untagged video with at least this many lines counts as HD, as it does in players.
const HD_LINES: u32 = 720;

impl ColorTags {
    /// HD video: BT.709, limited range.
    pub const BT709: Self = Self {
        space: AVColorSpace::AVCOL_SPC_BT709,
        range: AVColorRange::AVCOL_RANGE_MPEG,
        primaries: AVColorPrimaries::AVCOL_PRI_BT709,
        transfer: AVColorTransferCharacteristic::AVCOL_TRC_BT709,
        chroma: AVChromaLocation::AVCHROMA_LOC_LEFT,
    };

    /// Reads the tags of a decoded frame.
    pub(in crate::media) fn of_frame(picture: &frame::Video) -> Self {
        // SAFETY: reads plain fields of a valid frame.
        let mut tags = unsafe {
            let raw = picture.as_ptr();
            Self {
                space: (*raw).colorspace,
                range: (*raw).color_range,
                primaries: (*raw).color_primaries,
                transfer: (*raw).color_trc,
                chroma: (*raw).chroma_location,
            }
        };
        use AVPixelFormat::*;
        let format = pixel_format(picture);
        if matches!(
            format,
            AV_PIX_FMT_YUVJ420P | AV_PIX_FMT_YUVJ422P | AV_PIX_FMT_YUVJ444P | AV_PIX_FMT_YUVJ440P | AV_PIX_FMT_YUVJ411P
        ) {
            tags.range = AVColorRange::AVCOL_RANGE_JPEG;
        }
        if !is_yuv(format) {
            tags.space = AVColorSpace::AVCOL_SPC_RGB;
        }
        tags
    }

    /// The tags by which a decoded frame is read: its own, where grey without a tag has full range, as FFmpeg reads it.
    pub(in crate::media) fn to_read(picture: &frame::Video) -> Self {
        let mut tags = Self::of_frame(picture);
        if tags.range == AVColorRange::AVCOL_RANGE_UNSPECIFIED && is_grey(pixel_format(picture)) {
            tags.range = AVColorRange::AVCOL_RANGE_JPEG;
        }
        tags
    }

    /// The tags of frames once they are read: those of SDR in BT.709 if they were converted to it.
    pub(in crate::media) fn once_read(self) -> Self {
        let chroma = self.chroma;
        if self.needs_sdr() { Self { chroma, ..Self::BT709 } } else { self }
    }

    /// The tags of a stream that impasto encodes by itself, in BT.709's matrix and limited range: the primaries and the
    /// curve of these, as far as they are known.
    #[must_use]
    pub fn for_stream(self) -> Self {
        let mut tags = Self::BT709;
        if self.primaries != AVColorPrimaries::AVCOL_PRI_UNSPECIFIED {
            tags.primaries = self.primaries;
        }
        if self.transfer != AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED {
            tags.transfer = self.transfer;
        }
        tags
    }

    /// Whether the frames are converted to SDR in BT.709 when they are read: they are HDR, linear light, or have a wide
    /// gamut.
    pub(in crate::media) fn needs_sdr(self) -> bool {
        self.is_hdr()
            || self.transfer == AVColorTransferCharacteristic::AVCOL_TRC_LINEAR
            || self.gamut() != Gamut::Bt709
    }

    /// The gamut that the primaries stand for. HDR without a tag is in BT.2020.
    pub(super) fn gamut(self) -> Gamut {
        use AVColorPrimaries as Primaries;
        match self.primaries {
            Primaries::AVCOL_PRI_BT2020 => Gamut::Bt2020,
            Primaries::AVCOL_PRI_SMPTE431 | Primaries::AVCOL_PRI_SMPTE432 => Gamut::P3,
            Primaries::AVCOL_PRI_UNSPECIFIED if self.is_hdr() => Gamut::Bt2020,
            _ => Gamut::Bt709,
        }
    }

    /// The matrix that these tags mean for a picture of `lines` rows.
    pub(super) fn matrix(self, lines: u32) -> YuvStandardMatrix {
        match self.resolved_space(lines) {
            AVColorSpace::AVCOL_SPC_BT709 => YuvStandardMatrix::Bt709,
            AVColorSpace::AVCOL_SPC_FCC => YuvStandardMatrix::Fcc,
            // By its weights of red and blue: the tables that `yuv` 0.8 has under the name are others.
            AVColorSpace::AVCOL_SPC_SMPTE240M => YuvStandardMatrix::Custom(0.212, 0.087),
            AVColorSpace::AVCOL_SPC_BT2020_NCL | AVColorSpace::AVCOL_SPC_BT2020_CL => YuvStandardMatrix::Bt2020,
            _ => YuvStandardMatrix::Bt601,
        }
    }

    /// Full (0 to 255) or limited (16 to 235); untagged means limited.
    pub(super) fn yuv_range(self) -> YuvRange {
        if self.is_full() { YuvRange::Full } else { YuvRange::Limited }
    }

    pub(in crate::media) fn is_full(self) -> bool {
        self.range == AVColorRange::AVCOL_RANGE_JPEG
    }

    /// Whether the transfer curve is PQ or HLG.
    pub fn is_hdr(self) -> bool {
        use AVColorTransferCharacteristic as Transfer;
        matches!(self.transfer, Transfer::AVCOL_TRC_SMPTE2084 | Transfer::AVCOL_TRC_ARIB_STD_B67)
    }

    /// The tags to write when pictures of `from_lines` rows become pictures of `to_lines` rows: the input's own, with
    /// two exceptions. If the input has no matrix tag and players would guess another matrix at the new size, the tag is
    /// set. RGB input gets a YUV matrix.
    #[must_use]
    pub fn for_output(self, from_lines: u32, to_lines: u32) -> Self {
        let mut tags = self;
        match self.space {
            AVColorSpace::AVCOL_SPC_RGB | AVColorSpace::AVCOL_SPC_YCGCO => {
                let hdr = AVColorSpace::AVCOL_SPC_BT2020_NCL;
                tags.space = if self.is_hdr() { hdr } else { guessed_space(to_lines) };
                tags.range = AVColorRange::AVCOL_RANGE_MPEG;
            }
            AVColorSpace::AVCOL_SPC_UNSPECIFIED if guessed_space(from_lines) != guessed_space(to_lines) => {
                tags.space = guessed_space(from_lines);
            }
            _ => {}
        }
        tags
    }

    /// The tags of HDR video made of pictures of `lines` rows with these: nothing is left for players to guess.
    pub(in crate::media) fn for_hdr(self, lines: u32) -> Self {
        use AVColorSpace as Space;
        let mut tags = self;
        tags.space = match self.resolved_space(lines) {
            known @ (Space::AVCOL_SPC_BT709 | Space::AVCOL_SPC_BT470BG | Space::AVCOL_SPC_SMPTE170M) => known,
            _ => Space::AVCOL_SPC_BT2020_NCL,
        };
        if tags.primaries == AVColorPrimaries::AVCOL_PRI_UNSPECIFIED {
            tags.primaries = AVColorPrimaries::AVCOL_PRI_BT2020;
        }
        if !tags.is_full() {
            tags.range = AVColorRange::AVCOL_RANGE_MPEG;
        }
        tags
    }

    /// The tags of pictures in files of their own, in RGB or as `jpeg`: programs show these as sRGB and look for no tags of
    /// video. FFmpeg would write BT.709's curve into a PNG as a gamma that makes the picture darker than the film.
    #[must_use]
    pub(in crate::media) fn for_pictures(self, jpeg: bool) -> Self {
        Self {
            space: if jpeg { AVColorSpace::AVCOL_SPC_BT470BG } else { AVColorSpace::AVCOL_SPC_RGB },
            range: AVColorRange::AVCOL_RANGE_JPEG,
            primaries: AVColorPrimaries::AVCOL_PRI_UNSPECIFIED,
            transfer: AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED,
            chroma: AVChromaLocation::AVCHROMA_LOC_UNSPECIFIED,
        }
    }

    /// The tagged space, or the one that players guess. HDR without a tag is in BT.2020.
    pub(super) fn resolved_space(self, lines: u32) -> AVColorSpace {
        match self.space {
            AVColorSpace::AVCOL_SPC_UNSPECIFIED if self.is_hdr() => AVColorSpace::AVCOL_SPC_BT2020_NCL,
            AVColorSpace::AVCOL_SPC_UNSPECIFIED | AVColorSpace::AVCOL_SPC_RESERVED | AVColorSpace::AVCOL_SPC_RGB => {
                guessed_space(lines)
            }
            tagged => tagged,
        }
    }
}

fn guessed_space(lines: u32) -> AVColorSpace {
    if lines >= HD_LINES { AVColorSpace::AVCOL_SPC_BT709 } else { AVColorSpace::AVCOL_SPC_SMPTE170M }
}

#[cfg(test)]
pub(in crate::media) mod tests {
    use super::*;

    pub fn untagged() -> ColorTags {
        ColorTags {
            space: AVColorSpace::AVCOL_SPC_UNSPECIFIED,
            range: AVColorRange::AVCOL_RANGE_UNSPECIFIED,
            primaries: AVColorPrimaries::AVCOL_PRI_UNSPECIFIED,
            transfer: AVColorTransferCharacteristic::AVCOL_TRC_UNSPECIFIED,
            chroma: AVChromaLocation::AVCHROMA_LOC_UNSPECIFIED,
        }
    }

    #[test]
    fn untagged_video_is_bt601_below_720_lines_and_bt709_above() {
        assert_eq!(untagged().matrix(719), YuvStandardMatrix::Bt601);
        assert_eq!(untagged().matrix(720), YuvStandardMatrix::Bt709);
    }

    #[test]
    fn untagged_video_scaled_below_720_lines_gets_a_tag_that_keeps_its_matrix() {
        assert_eq!(untagged().for_output(720, 720), untagged());
        let shrunk = untagged().for_output(1080, 360);
        assert_eq!(shrunk.matrix(360), YuvStandardMatrix::Bt709);
    }
}
