//! Which OpenEXR pictures are damaged: FFmpeg leaves a block that it cannot decode as the memory was, and says nothing. So
//! memory is filled beforehand with a number that no picture holds.

use std::ffi::c_int;
use std::slice;

use ffmpeg_next::{codec, ffi, frame};

use crate::media::pixels::{is_float, pixel_format};

/// A NaN that no calculation gives.
const UNWRITTEN: u32 = 0x7FA5_5AA5;
const MARK: [u8; 4] = UNWRITTEN.to_ne_bytes();

/// Makes a decoder that is not open yet mark the memory of its pictures.
pub fn watch(context: &mut codec::Context) {
    // SAFETY: a plain field of an own context.
    unsafe { (*context.as_mut_ptr()).get_buffer2 = Some(marked_buffer) };
}

/// Whether all of a `picture` was written. Of integers, which hold no colours in this format, nothing is known.
pub fn is_whole(picture: &frame::Video) -> bool {
    !is_float(pixel_format(picture))
        || (0..picture.planes()).all(|plane| {
            let row = picture.plane_width(plane) as usize * MARK.len();
            let rows = picture.data(plane).chunks(picture.stride(plane).max(1));
            rows.take(picture.plane_height(plane) as usize)
                .all(|bytes| bytes.get(..row).is_some_and(|bytes| !bytes.as_chunks::<4>().0.contains(&MARK)))
        })
}

unsafe extern "C" fn marked_buffer(
    context: *mut ffi::AVCodecContext,
    picture: *mut ffi::AVFrame,
    flags: c_int,
) -> c_int {
    // SAFETY: FFmpeg's own allocator, with what FFmpeg passed.
    let allocated = unsafe { ffi::avcodec_default_get_buffer2(context, picture, flags) };
    if allocated < 0 {
        return allocated;
    }
    // SAFETY: each buffer of the picture has the size that it says, and nobody else has seen it.
    unsafe {
        for buffer in (*picture).buf {
            if let Some(buffer) = buffer.as_ref() {
                slice::from_raw_parts_mut(buffer.data, buffer.size).as_chunks_mut::<4>().0.fill(MARK);
            }
        }
    }
    allocated
}
