//! Side data: facts that accompany a stream, such as its rotation, stereo layout and HDR mastering.
//!
//! FFmpeg 5.1 to 7 keep side data in the stream, 6.1 and later in the codec parameters, so that some functions exist only
//! in old or only in new versions. A block that imports all of `ffi` finds FFmpeg's function if there is one, and
//! otherwise the stand-in outside it.

use std::ptr;

use ffmpeg_next::ffi::{self, AVPacketSideDataType, AVStream};
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::frame;

use crate::kernel::turn::Turn;

/// One item: FFmpeg's kind and bytes.
pub type SideData = (AVPacketSideDataType, Vec<u8>);

/// Kinds that remain true when the pictures are painted.
const KEPT: [AVPacketSideDataType; 5] = [
    AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX,
    AVPacketSideDataType::AV_PKT_DATA_STEREO3D,
    AVPacketSideDataType::AV_PKT_DATA_SPHERICAL,
    AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
    AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
];

/// Kinds that are no longer true of HDR once it is SDR.
const OF_HDR: [AVPacketSideDataType; 2] = [
    AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
    AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
];

/// Removes what describes HDR.
pub fn forget_hdr(facts: &mut Vec<SideData>) {
    facts.retain(|(kind, _)| !OF_HDR.contains(kind));
}

/// Kinds that say how the pictures are laid out for two eyes or around the viewer, and what messages call them.
const LAYOUTS: [(AVPacketSideDataType, &str); 2] = [
    (AVPacketSideDataType::AV_PKT_DATA_STEREO3D, "stereo layout"),
    (AVPacketSideDataType::AV_PKT_DATA_SPHERICAL, "spherical layout"),
];

/// Adds to `facts` what `picture` says of HDR and the file does not.
pub fn add_hdr(facts: &mut Vec<SideData>, picture: &frame::Video) {
    use frame::side_data::Type;
    add_noted(facts, picture, OF_HDR.into_iter().zip([Type::MasteringDisplayMetadata, Type::ContentLightLevel]));
}

/// Adds to `facts` what `picture` says of its layout and the file does not.
pub fn add_layout(facts: &mut Vec<SideData>, picture: &frame::Video) {
    use frame::side_data::Type;
    let kinds = LAYOUTS.into_iter().map(|(kind, _)| kind);
    add_noted(facts, picture, kinds.zip([Type::Stereo3D, Type::Spherical]));
}

/// The layouts in `facts`, as messages call them.
pub fn layouts(facts: &[SideData]) -> Vec<&'static str> {
    let is_there = |kind| facts.iter().any(|(known, _)| *known == kind);
    LAYOUTS.into_iter().filter(|(kind, _)| is_there(*kind)).map(|(_, name)| name).collect()
}

fn add_noted(
    facts: &mut Vec<SideData>,
    picture: &frame::Video,
    kinds: impl Iterator<Item = (AVPacketSideDataType, frame::side_data::Type)>,
) {
    for (kind, noted) in kinds {
        if facts.iter().all(|(known, _)| *known != kind)
            && let Some(found) = picture.side_data(noted)
        {
            facts.push((kind, found.data().to_vec()));
        }
    }
}

/// What `facts` say of HDR, as x265's parameters: `master-display=...:max-cll=...`; empty without any.
///
/// FFmpeg's `AVMasteringDisplayMetadata` is made of integers: x and y of red, green, blue and white, the least and the largest
/// luminance, each as a ratio; then whether the chromaticities and the luminances are known. `AVContentLightMetadata` is
/// the light level of the brightest pixel and that of the brightest frame.
pub fn for_x265(facts: &[SideData]) -> String {
    let of = |kind| facts.iter().find(|(known, _)| *known == kind).map(|(_, bytes)| bytes.as_slice());
    let [mastering, light] = OF_HDR.map(of);
    let number = |bytes: &[u8], place: usize| Some(i32::from_ne_bytes(*bytes.get(place * 4..)?.first_chunk()?));
    let mastered = mastering.and_then(|bytes| {
        let ratio = |place: usize, unit: f64| {
            let (num, den) = (number(bytes, 2 * place)?, number(bytes, 2 * place + 1)?);
            (den != 0).then(|| (f64::from(num) / f64::from(den) * unit).round() as i64)
        };
        let known = number(bytes, 20)? != 0 && number(bytes, 21)? != 0;
        let point = |place: usize| Some(format!("({},{})", ratio(place, 50_000.0)?, ratio(place + 1, 50_000.0)?));
        let (red, green, blue, white) = (point(0)?, point(2)?, point(4)?, point(6)?);
        let (least, most) = (ratio(8, 10_000.0)?, ratio(9, 10_000.0)?);
        known.then(|| format!("master-display=G{green}B{blue}R{red}WP{white}L({most},{least})"))
    });
    let light = light.and_then(|bytes| Some(format!("max-cll={},{}", number(bytes, 0)?, number(bytes, 1)?)));
    [mastered, light].into_iter().flatten().collect::<Vec<_>>().join(":")
}

/// All side data of `stream`.
pub fn of(stream: &Stream<'_>) -> Vec<SideData> {
    // SAFETY: the entries belong to the stream, which is borrowed.
    stream.side_data().map(|data| (unsafe { (*data.as_ptr()).type_ }, data.data().to_vec())).collect()
}

/// The side data of `stream` that remains true when its pictures are painted.
pub fn kept(stream: &Stream<'_>) -> Vec<SideData> {
    of(stream).into_iter().filter(|(kind, _)| KEPT.contains(kind)).collect()
}

/// What a stream says of Dolby Vision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DolbyVision {
    /// Its profile.
    pub profile: u8,
    /// The pictures by themselves are HDR10, HLG or SDR, as other decoders show them.
    pub is_compatible: bool,
}

/// What `stream` says of Dolby Vision: bytes 2 and 7 of FFmpeg's `AVDOVIDecoderConfigurationRecord`.
pub fn dolby_vision(stream: &Stream<'_>) -> Option<DolbyVision> {
    let (_, bytes) = of(stream).into_iter().find(|(kind, _)| *kind == AVPacketSideDataType::AV_PKT_DATA_DOVI_CONF)?;
    Some(DolbyVision { profile: *bytes.get(2)?, is_compatible: *bytes.get(7)? != 0 })
}

/// Whether this kind says how players rotate the pictures.
pub fn is_matrix(kind: AVPacketSideDataType) -> bool {
    kind == AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX
}

/// Whether players rotate the pictures.
pub fn is_rotated(facts: &[SideData]) -> bool {
    let matrix = facts.iter().find(|(kind, _)| is_matrix(*kind));
    matrix.is_some_and(|(_, bytes)| turn(bytes) != Some(Turn::default()))
}

/// Takes the rotation out of `facts` if it is by quarter turns and mirrors alone: the pixels are turned instead.
pub fn take_turn(facts: &mut Vec<SideData>) -> Option<Turn> {
    let place = facts.iter().position(|(kind, _)| is_matrix(*kind))?;
    let turn = turn(&facts[place].1)?;
    facts.remove(place);
    Some(turn)
}

/// The turn that a display matrix stands for; `None` if it rotates by another angle, or stretches.
///
/// It is three rows of three 16.16 (last column 2.30) fixed-point numbers in the machine's own order, by which the vector
/// `(x, y, 1)` of a stored pixel is multiplied from the left to give its place on the screen.
pub fn turn(matrix: &[u8]) -> Option<Turn> {
    let number = |place: usize| Some(i64::from(i32::from_ne_bytes(*matrix.get(place * 4..)?.first_chunk()?)));
    let (a, b, c, d) = (number(0)?, number(1)?, number(3)?, number(4)?);
    // A hundredth of a full step: files round cosines.
    let near = |left: i64, right: i64| (left.abs() - right.abs()).abs() * 50 < left.abs() + right.abs();
    let small = |value: i64, beside: i64| value.abs() * 100 < beside.abs();
    let (transposed, right, down) = match () {
        () if near(a, d) && small(b, a) && small(c, a) => (false, a, d),
        () if near(b, c) && small(a, b) && small(d, b) => (true, c, b),
        () => return None,
    };
    Some(Turn { transposed, mirrored: right < 0, flipped: down < 0 })
}

/// Adds side data to an output stream before its header is written.
///
/// # Safety
/// `stream` is a valid stream of an output that has not written its header.
pub unsafe fn add(stream: *mut AVStream, facts: &[SideData]) {
    for (kind, bytes) in facts {
        // SAFETY: the caller's; the returned buffer has the length that was asked for.
        unsafe {
            let buffer = new_buffer(stream, *kind, bytes.len());
            if !buffer.is_null() {
                ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, bytes.len());
            }
        }
    }
}

/// Stands in for FFmpeg's `av_stream_new_side_data` in versions that lack it and do not need it: they take side data from
/// the codec parameters.
#[allow(dead_code, reason = "shadowed where FFmpeg has it")]
unsafe fn av_stream_new_side_data(_: *mut AVStream, _: AVPacketSideDataType, _: usize) -> *mut u8 {
    ptr::null_mut()
}

unsafe fn new_buffer(stream: *mut AVStream, kind: AVPacketSideDataType, len: usize) -> *mut u8 {
    #[allow(unused_imports, reason = "shadows the stand-in above where FFmpeg has the function")]
    use ffmpeg_next::ffi::*;
    // SAFETY: the caller's.
    unsafe { av_stream_new_side_data(stream, kind, len as _) }
}

/// Gives `picture` these captions, in place of those that it had.
pub fn caption(picture: &mut frame::Video, captions: &[u8]) {
    let kind = ffi::AVFrameSideDataType::AV_FRAME_DATA_A53_CC;
    // SAFETY: the frame is an own one; the new buffer has the length that was asked for.
    unsafe {
        ffi::av_frame_remove_side_data(picture.as_mut_ptr(), kind);
        if captions.is_empty() {
            return;
        }
        if let Some(data) = ffi::av_frame_new_side_data(picture.as_mut_ptr(), kind, captions.len() as _).as_mut() {
            ptr::copy_nonoverlapping(captions.as_ptr(), data.data, captions.len());
        }
    }
}

/// Adds side data to an open encoder, from which FFmpeg 6.1 and later copy it to the stream.
///
/// # Safety
/// `context` is that of an open encoder.
pub unsafe fn add_to_encoder(context: *mut ffi::AVCodecContext, facts: &[SideData]) {
    for (kind, bytes) in facts {
        // SAFETY: the caller's; the array grows by one entry before that is written, and all memory is FFmpeg's own, which
        // frees it with the context.
        unsafe {
            let count = (*context).nb_coded_side_data as usize;
            let entries =
                ffi::av_realloc_array((*context).coded_side_data.cast(), count + 1, size_of::<ffi::AVPacketSideData>());
            if entries.is_null() {
                return;
            }
            (*context).coded_side_data = entries.cast();
            let data = ffi::av_memdup(bytes.as_ptr().cast(), bytes.len()).cast::<u8>();
            if data.is_null() {
                return;
            }
            let entry = ffi::AVPacketSideData { data, size: bytes.len() as _, type_: *kind };
            (*context).coded_side_data.add(count).write(entry);
            (*context).nb_coded_side_data += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(numbers: [i32; 4]) -> Vec<u8> {
        let [a, b, c, d] = numbers.map(|number| number << 16);
        [a, b, 0, c, d, 0, 0, 0, 1 << 30].map(i32::to_ne_bytes).concat()
    }

    #[test]
    fn a_display_matrix_is_a_turn_and_other_angles_are_none() {
        let turned = |transposed, mirrored, flipped| Some(Turn { transposed, mirrored, flipped });
        assert_eq!(turn(&matrix([1, 0, 0, 1])), turned(false, false, false));
        // A phone held upright: a quarter turn clockwise.
        assert_eq!(turn(&matrix([0, 1, -1, 0])), turned(true, true, false));
        assert_eq!(turn(&matrix([-1, 0, 0, -1])), turned(false, true, true));
        assert_eq!(turn(&matrix([0, -1, 1, 0])), turned(true, false, true));
        assert_eq!(turn(&matrix([-1, 0, 0, 1])), turned(false, true, false));
        for numbers in [[3, 3, -3, 3], [2, 0, 0, 1], [0, 0, 0, 0]] {
            assert_eq!(turn(&matrix(numbers)), None, "{numbers:?}");
        }
        assert_eq!(turn(&[1, 2, 3]), None);
    }
}
