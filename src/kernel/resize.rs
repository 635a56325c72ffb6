//! Resizing, through `fast_image_resize`.

use fast_image_resize::images::{Image as Target, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions};

use crate::error::{Error, Result};
use crate::frame::{Image, byte_len};

/// Resizes RGB8 pictures, antialiased downwards; keeps its tables and scratch between calls.
#[derive(Default)]
pub struct Resizer {
    inner: fast_image_resize::Resizer,
}

impl Resizer {
    /// Resizes `image` to `width` x `height` into `out` with a Catmull-Rom filter.
    ///
    /// # Errors
    /// A side is 0, or a buffer is not of its picture's size.
    pub fn resize(&mut self, image: Image<'_>, width: u32, height: u32, out: &mut [u8]) -> Result<()> {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
        self.run(image, (width, height), out, &options)
    }

    /// Resizes the largest square in the middle of `image` to `side` x `side` into `out` with a Lanczos filter.
    ///
    /// # Errors
    /// As [`Self::resize`].
    pub fn square(&mut self, image: Image<'_>, side: u32, out: &mut [u8]) -> Result<()> {
        let least = image.width.min(image.height);
        let (left, top) = ((image.width - least) / 2, (image.height - least) / 2);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
            left.into(),
            top.into(),
            least.into(),
            least.into(),
        );
        self.run(image, (side, side), out, &options)
    }

    /// Resizes one plane of bytes, `[H][W]`, with a Catmull-Rom filter into `out` (`[height][width]`).
    ///
    /// # Errors
    /// As [`Self::resize`].
    pub fn plane(&mut self, plane: &[u8], from: (u32, u32), to: (u32, u32), out: &mut [u8]) -> Result<()> {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
        let failed = |error: &dyn std::fmt::Display| Error::failed(format!("cannot resize a plane: {error}"));
        let source = ImageRef::new(from.0, from.1, plane, PixelType::U8).map_err(|error| failed(&error))?;
        let mut target = Target::from_slice_u8(to.0, to.1, out, PixelType::U8).map_err(|error| failed(&error))?;
        self.inner.resize(&source, &mut target, Some(&options)).map_err(|error| failed(&error))
    }

    /// Resizes planes of floats, `[N][H][W]`, with a Catmull-Rom filter.
    ///
    /// # Errors
    /// A side is 0, or the planes are not of their size.
    pub fn planes(&mut self, planes: &[f32], from: (usize, usize), to: (usize, usize)) -> Result<Vec<f32>> {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
        let mut all = Vec::new();
        for plane in planes.chunks_exact((from.0 * from.1).max(1)) {
            let bytes: Vec<u8> = plane.iter().flat_map(|value| value.to_ne_bytes()).collect();
            let failed = |error: &dyn std::fmt::Display| Error::failed(format!("cannot resize a picture: {error}"));
            let source =
                Target::from_vec_u8(from.0 as u32, from.1 as u32, bytes, PixelType::F32).map_err(|e| failed(&e))?;
            let mut target = Target::new(to.0 as u32, to.1 as u32, PixelType::F32);
            self.inner.resize(&source, &mut target, Some(&options)).map_err(|e| failed(&e))?;
            all.extend(target.buffer().as_chunks::<4>().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)));
        }
        Ok(all)
    }

    fn run(
        &mut self,
        image: Image<'_>,
        (width, height): (u32, u32),
        out: &mut [u8],
        options: &ResizeOptions,
    ) -> Result<()> {
        debug_assert_eq!(out.len(), byte_len(width, height));
        let failed = |error: &dyn std::fmt::Display| {
            let Image { width: from_width, height: from_height, .. } = image;
            Error::failed(format!("cannot resize {from_width}x{from_height} to {width}x{height}: {error}"))
        };
        let source =
            ImageRef::new(image.width, image.height, image.pixels, PixelType::U8x3).map_err(|error| failed(&error))?;
        let mut target = Target::from_slice_u8(width, height, out, PixelType::U8x3).map_err(|error| failed(&error))?;
        self.inner.resize(&source, &mut target, Some(options)).map_err(|error| failed(&error))
    }
}
