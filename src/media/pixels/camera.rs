//! Raw camera pictures to RGB: BT.601 in limited range, which is what USB cameras send unless they say otherwise.

use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvPackedImage, YuvRange, YuvStandardMatrix};

use crate::frame::Frame;

/// Fills `frame`, whose size is already set, from YUYV (4:2:2, packed) with `stride` bytes per row.
///
/// # Errors
/// There are too few bytes for the size. The text is a clause, such as "it has 3 bytes instead of 12".
pub fn yuyv_to_rgb(bytes: &[u8], stride: u32, frame: &mut Frame) -> Result<(), String> {
    let Frame { width, height, .. } = *frame;
    let needed = stride as usize * height as usize;
    let yuy = bytes.get(..needed).ok_or_else(|| short(bytes.len(), needed))?;
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    let image = YuvPackedImage { yuy, yuy_stride: stride, width, height };
    yuv::yuyv422_to_rgb(&image, &mut frame.pixels, width * 3, range, matrix).map_err(|error| error.to_string())
}

/// Fills `frame`, whose size is already set, from NV12 (4:2:0: a luma plane, then a plane of chroma pairs) with `stride`
/// bytes per row.
///
/// # Errors
/// There are too few bytes for the size. The text is a clause, such as "it has 3 bytes instead of 12".
pub fn nv12_to_rgb(bytes: &[u8], stride: u32, frame: &mut Frame) -> Result<(), String> {
    let Frame { width, height, .. } = *frame;
    let luma = stride as usize * height as usize;
    let needed = luma + stride as usize * height.div_ceil(2) as usize;
    let picture = bytes.get(..needed).ok_or_else(|| short(bytes.len(), needed))?;
    let (y_plane, uv_plane) = picture.split_at(luma);
    let image = YuvBiPlanarImage { y_plane, y_stride: stride, uv_plane, uv_stride: stride, width, height };
    let (range, matrix, mode) = (YuvRange::Limited, YuvStandardMatrix::Bt601, YuvConversionMode::Balanced);
    yuv::yuv_nv12_to_rgb(&image, &mut frame.pixels, width * 3, range, matrix, mode).map_err(|error| error.to_string())
}

/// Fills `frame`, whose size is already set, from RGB (or BGR if `swapped`) with `stride` bytes per row.
///
/// # Errors
/// There are too few bytes for the size. The text is a clause, such as "it has 3 bytes instead of 12".
pub fn packed_to_rgb(bytes: &[u8], stride: u32, swapped: bool, frame: &mut Frame) -> Result<(), String> {
    let row = frame.width as usize * 3;
    let needed = stride as usize * frame.height as usize;
    let bytes = bytes.get(..needed).ok_or_else(|| short(bytes.len(), needed))?;
    for (to, from) in frame.pixels.chunks_exact_mut(row).zip(bytes.chunks(stride as usize)) {
        to.copy_from_slice(&from[..row]);
        if swapped {
            to.as_chunks_mut::<3>().0.iter_mut().for_each(|pixel| pixel.swap(0, 2));
        }
    }
    Ok(())
}

fn short(have: usize, needed: usize) -> String {
    format!("it has {have} bytes instead of {needed}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Limited-range grey of 50 % is grey in RGB, whatever the size and padding.
    #[test]
    fn grey_stays_grey_at_every_width_and_stride() {
        for width in 1..70u32 {
            for padding in [0, 6] {
                let height = 3;
                let mut frame = Frame::new(width, height);
                let stride = width.div_ceil(2) * 4 + padding;
                let yuyv: Vec<u8> = [126u8, 128].repeat((stride * height / 2) as usize);
                yuyv_to_rgb(&yuyv, stride, &mut frame).unwrap();
                assert!(frame.pixels.iter().all(|&v| v.abs_diff(128) <= 1), "YUYV {width}+{padding}");

                frame.pixels.fill(0);
                let stride = width.next_multiple_of(2) + padding;
                let mut nv12 = vec![126u8; (stride * height) as usize];
                nv12.resize(nv12.len() + (stride * 2) as usize, 128);
                nv12_to_rgb(&nv12, stride, &mut frame).unwrap();
                assert!(frame.pixels.iter().all(|&v| v.abs_diff(128) <= 1), "NV12 {width}+{padding}");
            }
        }
    }

    #[test]
    fn colours_are_those_of_bt601() {
        // Pure red is Y 81, Cb 90, Cr 240.
        let mut frame = Frame::new(2, 1);
        yuyv_to_rgb(&[81, 90, 81, 240], 4, &mut frame).unwrap();
        let red = &frame.pixels[..3];
        assert!(red[0] >= 252 && red[1] <= 3 && red[2] <= 3, "{red:?}");
    }

    #[test]
    fn bgr_is_swapped_and_too_few_bytes_are_an_error() {
        let mut frame = Frame::new(1, 2);
        packed_to_rgb(&[1, 2, 3, 0, 4, 5, 6, 0], 4, true, &mut frame).unwrap();
        assert_eq!(frame.pixels, [3, 2, 1, 6, 5, 4]);
        assert!(packed_to_rgb(&[1, 2, 3], 4, true, &mut frame).is_err());
        assert!(yuyv_to_rgb(&[0; 4], 4, &mut frame).is_err());
        assert!(nv12_to_rgb(&[0; 3], 2, &mut frame).is_err());
    }
}
