//! What the numbers in a YUV picture mean, and how that is passed on.

use ffmpeg_next::ffi::{AVChromaLocation, AVColorPrimaries, AVColorRange, AVColorSpace, AVColorTransferCharacteristic};
use yuv::{YuvRange, YuvStandardMatrix};

/// The colour tags of a picture or stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorTags {
    pub(super) space: AVColorSpace,
    pub(super) range: AVColorRange,
    pub(super) primaries: AVColorPrimaries,
    pub(super) transfer: AVColorTransferCharacteristic,
    pub(super) chroma: AVChromaLocation,
}

/// Untagged video of this many lines or more is taken for HD, as players do.
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

    /// The matrix that these tags mean for a picture of `lines` rows.
    pub fn matrix(self, lines: u32) -> YuvStandardMatrix {
        match self.resolved_space(lines) {
            AVColorSpace::AVCOL_SPC_BT709 => YuvStandardMatrix::Bt709,
            AVColorSpace::AVCOL_SPC_FCC => YuvStandardMatrix::Fcc,
            AVColorSpace::AVCOL_SPC_SMPTE240M => YuvStandardMatrix::Smpte240,
            AVColorSpace::AVCOL_SPC_BT2020_NCL | AVColorSpace::AVCOL_SPC_BT2020_CL => YuvStandardMatrix::Bt2020,
            _ => YuvStandardMatrix::Bt601,
        }
    }

    /// Full (0 to 255) or limited (16 to 235); untagged is limited.
    pub fn yuv_range(self) -> YuvRange {
        if self.is_full() { YuvRange::Full } else { YuvRange::Limited }
    }

    pub(super) fn is_full(self) -> bool {
        self.range == AVColorRange::AVCOL_RANGE_JPEG
    }

    /// The transfer curve is one of HDR's.
    pub fn is_hdr(self) -> bool {
        use AVColorTransferCharacteristic as Transfer;
        matches!(self.transfer, Transfer::AVCOL_TRC_SMPTE2084 | Transfer::AVCOL_TRC_ARIB_STD_B67)
    }

    /// The tags to write for pictures of `to_lines` rows that came from `from_lines`: the input's own, but a matrix
    /// where none is tagged and the new size would be guessed otherwise, and a YUV matrix for RGB inputs.
    #[must_use]
    pub fn for_output(self, from_lines: u32, to_lines: u32) -> Self {
        let mut tags = self;
        match self.space {
            AVColorSpace::AVCOL_SPC_RGB | AVColorSpace::AVCOL_SPC_YCGCO => {
                tags.space = guessed_space(to_lines);
                tags.range = AVColorRange::AVCOL_RANGE_MPEG;
            }
            AVColorSpace::AVCOL_SPC_UNSPECIFIED if guessed_space(from_lines) != guessed_space(to_lines) => {
                tags.space = guessed_space(from_lines);
            }
            _ => {}
        }
        tags
    }

    /// The tagged space, or the one that players guess.
    pub(super) fn resolved_space(self, lines: u32) -> AVColorSpace {
        match self.space {
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
pub(super) mod tests {
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
    fn untagged_video_that_shrinks_below_720_lines_keeps_its_matrix_by_a_tag() {
        assert_eq!(untagged().for_output(720, 720), untagged());
        let shrunk = untagged().for_output(1080, 360);
        assert_eq!(shrunk.matrix(360), YuvStandardMatrix::Bt709);
    }
}
