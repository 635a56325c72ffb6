//! Side data: facts that accompany a stream, such as its rotation, stereo layout and HDR mastering.
//!
//! FFmpeg 5.1 to 7 keep side data in the stream, 6.1 and later in the codec parameters, so that some functions exist only
//! in old or only in new versions. A block that imports all of `ffi` finds FFmpeg's function if there is one, and
//! otherwise the stand-in outside it.

use std::ptr;

use ffmpeg_next::ffi::{self, AVPacketSideDataType, AVStream};
use ffmpeg_next::format::stream::Stream;

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

/// All side data of `stream`.
pub fn of(stream: &Stream<'_>) -> Vec<SideData> {
    // SAFETY: the entries belong to the stream, which is borrowed.
    stream.side_data().map(|data| (unsafe { (*data.as_ptr()).type_ }, data.data().to_vec())).collect()
}

/// The side data of `stream` that remains true when its pictures are painted.
pub fn kept(stream: &Stream<'_>) -> Vec<SideData> {
    of(stream).into_iter().filter(|(kind, _)| KEPT.contains(kind)).collect()
}

/// Whether players rotate the pictures.
pub fn is_rotated(facts: &[SideData]) -> bool {
    let matrix = facts.iter().find(|(kind, _)| *kind == AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX);
    // Three rows of three 16.16 (last column 2.30) fixed-point numbers, in the machine's own order.
    let identity = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30].map(i32::to_ne_bytes).concat();
    matrix.is_some_and(|(_, bytes)| *bytes != identity)
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
