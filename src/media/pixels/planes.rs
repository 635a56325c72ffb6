//! FFmpeg's pictures as planes for the `yuv` crate.

use std::slice;

use ffmpeg_next::ffi::AVPixelFormat;
use ffmpeg_next::frame;
use yuv::{BufferStoreMut, YuvBiPlanarImage, YuvError, YuvPlanarImage, YuvPlanarImageMut};

use super::format::{descriptor, pixel_format, pixel_format_name};
use crate::error::Error;

/// The error for a conversion that `yuv` refused.
pub fn failed(format: AVPixelFormat, error: YuvError) -> Error {
    Error::internal(format!("cannot convert the pixel format {} ({error})", pixel_format_name(format)))
}

/// Width and height of plane `index` of `picture`, in samples.
fn plane_size(picture: &frame::Video, index: usize) -> (usize, usize) {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    match descriptor(pixel_format(picture)) {
        Some(descriptor) if index > 0 => {
            (width.div_ceil(1 << descriptor.log2_chroma_w), height.div_ceil(1 << descriptor.log2_chroma_h))
        }
        _ => (width, height),
    }
}

/// One plane and its stride in samples of `T`, with `samples` per column. `None` for pictures that are stored upside
/// down or whose rows do not start at a sample boundary: swscale can read those.
fn plane<T>(picture: &frame::Video, index: usize, samples: usize) -> Option<(&[T], u32)> {
    let (columns, rows) = plane_size(picture, index);
    // SAFETY: reads two fields of a valid frame.
    let (data, stride) = unsafe { ((*picture.as_ptr()).data[index], (*picture.as_ptr()).linesize[index]) };
    let stride = usize::try_from(stride).ok()?;
    let size = size_of::<T>();
    if data.is_null()
        || stride < columns * samples * size
        || stride % size != 0
        || data.align_offset(align_of::<T>()) != 0
    {
        return None;
    }
    let len = stride / size * (rows - 1) + columns * samples;
    // SAFETY: the plane has `rows` rows `stride` bytes apart, of which the last holds at least its columns; the pointer is
    // aligned, and the data lives as long as the borrowed picture.
    Some((unsafe { slice::from_raw_parts(data.cast::<T>().cast_const(), len) }, (stride / size) as u32))
}

type Converted = Result<(), YuvError>;

/// Calls `convert` with the three planes of `picture`; `None` if swscale has to read it.
pub fn planar<T: Copy + std::fmt::Debug>(
    picture: &frame::Video,
    convert: impl FnOnce(&YuvPlanarImage<'_, T>) -> Converted,
) -> Option<Converted> {
    let (y_plane, y_stride) = plane(picture, 0, 1)?;
    let (u_plane, u_stride) = plane(picture, 1, 1)?;
    let (v_plane, v_stride) = plane(picture, 2, 1)?;
    let (width, height) = (picture.width(), picture.height());
    Some(convert(&YuvPlanarImage { y_plane, y_stride, u_plane, u_stride, v_plane, v_stride, width, height }))
}

/// Calls `convert` with the luma plane and the chroma plane of `picture`; `None` if swscale has to read it.
pub fn biplanar<T: Copy + std::fmt::Debug>(
    picture: &frame::Video,
    convert: impl FnOnce(&YuvBiPlanarImage<'_, T>) -> Converted,
) -> Option<Converted> {
    let (y_plane, y_stride) = plane(picture, 0, 1)?;
    let (uv_plane, uv_stride) = plane(picture, 1, 2)?;
    let (width, height) = (picture.width(), picture.height());
    Some(convert(&YuvBiPlanarImage { y_plane, y_stride, uv_plane, uv_stride, width, height }))
}

/// Calls `convert` with the three planes of `picture`, which was made by [`super::format::allocate`].
pub fn planar_mut(
    picture: &mut frame::Video,
    convert: impl FnOnce(&mut YuvPlanarImageMut<'_, u8>) -> Converted,
) -> Converted {
    let (width, height) = (picture.width(), picture.height());
    let [y, u, v] = [0, 1, 2].map(|index| {
        let (_, rows) = plane_size(picture, index);
        // SAFETY: the frame was allocated here with three planes of whole rows, top row first, rows `linesize` bytes apart;
        // the planes do not overlap, and live as long as the borrowed picture. `yuv` skips a last row that is cut short.
        unsafe {
            let raw = picture.as_mut_ptr();
            let stride = (*raw).linesize[index] as usize;
            (slice::from_raw_parts_mut((*raw).data[index], stride * rows), stride as u32)
        }
    });
    convert(&mut YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y.0),
        y_stride: y.1,
        u_plane: BufferStoreMut::Borrowed(u.0),
        u_stride: u.1,
        v_plane: BufferStoreMut::Borrowed(v.0),
        v_stride: v.1,
        width,
        height,
    })
}
