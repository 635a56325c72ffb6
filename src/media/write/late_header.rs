//! The decoder configuration of encoders that tell it only with their first packet.
//!
//! FFmpeg 5.1's libaom does so. Matroska wants it in the file's header, before any packet, and refuses the packets otherwise.

use std::ptr;

use ffmpeg_next::codec::packet::side_data::Type;
use ffmpeg_next::ffi;
use ffmpeg_next::{Error as FfmpegError, Packet, encoder, frame};

/// Whether `encoder` was opened for a container that wants the configuration in its header, and has none yet.
pub fn is_missing(encoder: &encoder::video::Encoder) -> bool {
    // SAFETY: reads plain fields of an open encoder.
    unsafe {
        let context = encoder.as_ptr();
        (*context).extradata_size == 0 && (*context).flags & ffi::AV_CODEC_FLAG_GLOBAL_HEADER as i32 != 0
    }
}

/// Gives `encoder` the configuration that `twin`, opened with the same settings, tells when it encodes `picture`. Without
/// one, nothing changes.
///
/// # Errors
/// FFmpeg's own: the twin cannot encode.
pub fn learn(
    encoder: &mut encoder::video::Encoder,
    mut twin: encoder::video::Encoder,
    picture: &mut frame::Video,
) -> Result<(), FfmpegError> {
    for plane in 0..picture.planes() {
        picture.data_mut(plane).fill(0);
    }
    picture.set_pts(Some(0));
    twin.send_frame(picture)?;
    twin.send_eof()?;
    let mut packet = Packet::empty();
    twin.receive_packet(&mut packet)?;
    if let Some(told) = packet.side_data().find(|data| data.kind() == Type::NewExtraData) {
        // SAFETY: the encoder has no configuration, and frees this one with itself; the buffer is padded as FFmpeg asks.
        unsafe { set(encoder.as_mut_ptr(), told.data()) };
    }
    Ok(())
}

/// # Safety
/// `context` is that of an encoder without a configuration.
unsafe fn set(context: *mut ffi::AVCodecContext, bytes: &[u8]) {
    let (len, padding) = (bytes.len(), ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize);
    // SAFETY: the caller's; the buffer is long enough, and the rest of it is zero.
    unsafe {
        let buffer = ffi::av_mallocz((len + padding) as _).cast::<u8>();
        if !buffer.is_null() {
            ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, len);
            ((*context).extradata, (*context).extradata_size) = (buffer, len as i32);
        }
    }
}
