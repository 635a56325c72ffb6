//! Facts beside a stream: its rotation, stereo layout, HDR mastering.
//!
//! FFmpeg 5.1 to 7 keep them on the stream, 6.1 and later on the codec parameters; functions of one end are missing at
//! the other. A block that imports all of `ffi` finds FFmpeg's function where there is one, and else the stand-in
//! beside it.

use std::ptr;

use ffmpeg_next::ffi::{AVPacketSideDataType, AVStream};
use ffmpeg_next::format::stream::Stream;

/// One fact: FFmpeg's kind and bytes.
pub type SideData = (AVPacketSideDataType, Vec<u8>);

/// Kinds that stay true of a painted stream.
const KEPT: [AVPacketSideDataType; 5] = [
    AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX,
    AVPacketSideDataType::AV_PKT_DATA_STEREO3D,
    AVPacketSideDataType::AV_PKT_DATA_SPHERICAL,
    AVPacketSideDataType::AV_PKT_DATA_MASTERING_DISPLAY_METADATA,
    AVPacketSideDataType::AV_PKT_DATA_CONTENT_LIGHT_LEVEL,
];

/// All facts about `stream`.
pub fn of(stream: &Stream<'_>) -> Vec<SideData> {
    // SAFETY: the entries belong to the stream, which is borrowed.
    stream.side_data().map(|data| (unsafe { (*data.as_ptr()).type_ }, data.data().to_vec())).collect()
}

/// The facts about `stream` that stay true when its pictures are painted.
pub fn kept(stream: &Stream<'_>) -> Vec<SideData> {
    of(stream).into_iter().filter(|(kind, _)| KEPT.contains(kind)).collect()
}

/// Whether players turn the pictures.
pub fn is_rotated(facts: &[SideData]) -> bool {
    let matrix = facts.iter().find(|(kind, _)| *kind == AVPacketSideDataType::AV_PKT_DATA_DISPLAYMATRIX);
    // Three rows of three 16.16 (last column 2.30) fixed-point numbers, in the machine's own order.
    let identity = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30].map(i32::to_ne_bytes).concat();
    matrix.is_some_and(|(_, bytes)| *bytes != identity)
}

/// Adds facts to an output stream before its header is written.
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

unsafe fn new_buffer(stream: *mut AVStream, kind: AVPacketSideDataType, len: usize) -> *mut u8 {
    #[allow(unused_imports, reason = "which of the two functions exists depends on FFmpeg's version")]
    use ffmpeg_next::ffi::*;
    // SAFETY: the caller's.
    unsafe { av_stream_new_side_data(stream, kind, len as _) }
}
