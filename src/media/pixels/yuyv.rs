//! RGB to YUYV, the packed 4:2:2 format that webcams deliver and that every program with camera support reads.

use yuv::{BufferStoreMut, YuvConversionMode, YuvPackedImageMut, YuvPlanarImage, YuvPlanarImageMut};
use yuv::{YuvRange, YuvStandardMatrix};

use crate::error::{Error, Result};
use crate::frame::Image;

/// `width` rounded down to an even number: two pixels share their chroma, so an odd last column is dropped.
pub fn even_width(width: u32) -> u32 {
    width & !1
}

/// Converts RGB to YUYV; keeps its buffer between pictures.
#[derive(Debug, Default)]
pub struct ToYuyv {
    /// Y, U and V of the last picture, one plane after the other.
    planes: Vec<u8>,
}

impl ToYuyv {
    /// Writes `image` to `packed` as `Y0 U Y1 V`, BT.601 in limited range. `packed` has as many rows as the image, of
    /// `stride` bytes each; a row holds [`even_width`] pixels of two bytes.
    ///
    /// # Errors
    /// The image is less than two pixels wide, or `packed` is not exactly `stride` times its height.
    pub fn convert(&mut self, image: Image<'_>, stride: u32, packed: &mut [u8]) -> Result<()> {
        let (width, height) = (even_width(image.width), image.height);
        let failed = |error| Error::internal(format!("cannot convert a {width}x{height} picture to YUYV ({error})"));
        let luma = width as usize * height as usize;
        self.planes.resize(luma * 2, 0);
        let (y, chroma) = self.planes.split_at_mut(luma);
        let (u, v) = chroma.split_at_mut(luma / 2);
        let mut planar = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(y),
            y_stride: width,
            u_plane: BufferStoreMut::Borrowed(u),
            u_stride: width / 2,
            v_plane: BufferStoreMut::Borrowed(v),
            v_stride: width / 2,
            width,
            height,
        };
        let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
        yuv::rgb_to_yuv422(&mut planar, image.pixels, image.width * 3, range, matrix, YuvConversionMode::Balanced)
            .map_err(failed)?;
        let planar = YuvPlanarImage {
            y_plane: y,
            y_stride: width,
            u_plane: u,
            u_stride: width / 2,
            v_plane: v,
            v_stride: width / 2,
            width,
            height,
        };
        let yuy = BufferStoreMut::Borrowed(packed);
        yuv::yuv422_to_yuyv422(&mut YuvPackedImageMut { yuy, yuy_stride: stride, width, height }, &planar)
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;

    /// The YUYV bytes of pixels of these colours in one row.
    fn row(colors: &[[u8; 3]]) -> Vec<u8> {
        let width = colors.len() as u32;
        let mut packed = vec![0; even_width(width) as usize * 2];
        let stride = packed.len() as u32;
        let image = Image { width, height: 1, pixels: &colors.concat() };
        ToYuyv::default().convert(image, stride, &mut packed).unwrap();
        packed
    }

    #[test]
    fn known_colours_have_their_bt601_numbers_at_every_width() {
        // ITU-R BT.601-7, limited range, rounded: white, black, red, green, blue.
        let known: [([u8; 3], [u8; 3]); 5] = [
            ([255; 3], [235, 128, 128]),
            ([0; 3], [16, 128, 128]),
            ([255, 0, 0], [81, 90, 240]),
            ([0, 255, 0], [145, 54, 34]),
            ([0, 0, 255], [41, 240, 110]),
        ];
        for (rgb, [y, u, v]) in known {
            for width in (2..70).chain([127, 128, 129, 255, 256, 257]) {
                let packed = row(&vec![rgb; width]);
                let near = |byte: u8, place: usize| byte.abs_diff([y, u, y, v][place % 4]) <= 1;
                assert!(
                    packed.iter().enumerate().all(|(place, byte)| near(*byte, place)),
                    "{rgb:?} {width} {packed:?}"
                );
            }
        }
    }

    #[test]
    fn every_pixel_keeps_its_own_luma_and_an_odd_last_column_is_dropped() {
        let packed = row(&[[255; 3], [0; 3], [0; 3], [255; 3], [255, 0, 0]]);
        assert_eq!(packed, [235, 128, 16, 128, 16, 128, 235, 128]);
    }

    #[test]
    fn rows_start_at_their_stride() {
        let mut frame = Frame::new(3, 2);
        frame.pixels[9..].fill(255);
        let mut packed = [7; 16];
        ToYuyv::default().convert(frame.image(), 8, &mut packed).unwrap();
        assert_eq!((&packed[..4], &packed[8..12]), (&[16, 128, 16, 128][..], &[235, 128, 235, 128][..]));
    }

    #[test]
    fn a_buffer_of_the_wrong_size_is_an_error() {
        let frame = Frame::new(4, 2);
        assert!(ToYuyv::default().convert(frame.image(), 8, &mut [0; 15]).is_err());
        assert!(ToYuyv::default().convert(Frame::new(1, 2).image(), 0, &mut []).is_err());
    }
}
