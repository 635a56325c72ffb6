//! Resizes pictures with `fast_image_resize`.

use std::fmt::Display;

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{F32, U8, U8x3, U16x3};
use fast_image_resize::{FilterType, ImageView, ImageViewMut, PixelTrait, ResizeAlg, ResizeOptions};

use crate::error::{Error, Result};
use crate::frame::{Frame, Image, byte_len};

/// Resizes pictures, with antialiasing when it scales down. Keeps its tables and buffers between calls.
#[derive(Default)]
pub struct Resizer {
    inner: fast_image_resize::Resizer,
    /// Rows are averaged in pairs before pictures are made half as high or less, and their means.
    quick: bool,
    means: Vec<u8>,
}

impl Resizer {
    /// One for live pictures. Where it makes them half as high or less, it averages pairs of rows first, which leaves half
    /// the work to the filter; the result is a little smoother.
    pub fn quick() -> Self {
        Self { quick: true, ..Self::default() }
    }

    /// Resizes `image` to `width` x `height` into `out` with a Catmull-Rom filter. `out` is packed RGB8.
    ///
    /// # Errors
    /// A buffer is smaller than its picture.
    pub fn resize(&mut self, image: Image<'_>, width: u32, height: u32, out: &mut [u8]) -> Result<()> {
        if !self.quick || !image.height.is_multiple_of(2) || image.height < 2 * height {
            return self.run(image, (width, height), out, &catmull_rom());
        }
        let mut means = std::mem::take(&mut self.means);
        let stride = image.width as usize * 3;
        means.resize(image.pixels.len() / 2, 0);
        for (mean, pair) in means.chunks_exact_mut(stride).zip(image.pixels.chunks_exact(2 * stride)) {
            average(&pair[..stride], &pair[stride..], mean);
        }
        let halved = Image { height: image.height / 2, pixels: &means, ..image };
        let resized = self.run(halved, (width, height), out, &catmull_rom());
        self.means = means;
        resized
    }

    /// Resizes `from` into `to`, which keeps its size; of one size, copies it.
    ///
    /// # Errors
    /// As [`Self::resize`].
    pub fn scale(&mut self, from: &Frame, to: &mut Frame) -> Result<()> {
        if (from.width, from.height) == (to.width, to.height) {
            to.pixels.copy_from_slice(&from.pixels);
            return Ok(());
        }
        self.resize(from.image(), to.width, to.height, &mut to.pixels)
    }

    /// Resizes the largest centred square of `image` to `side` x `side` into `out` with a Lanczos filter.
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

    /// Resizes packed RGB of 16 bits with a Catmull-Rom filter. `from` and `to` are (width, height).
    ///
    /// # Errors
    /// As [`Self::resize`].
    pub fn deep(&mut self, codes: &[u16], from: (u32, u32), to: (u32, u32)) -> Result<Vec<u16>> {
        let pixels: Vec<U16x3> = codes.as_chunks::<3>().0.iter().copied().map(U16x3::new).collect();
        let source = TypedImageRef::new(from.0, from.1, &pixels).map_err(|error| failed(from, to, &error))?;
        let mut target = TypedImage::<U16x3>::new(to.0, to.1);
        self.typed(&source, &mut target, &catmull_rom())?;
        Ok(target.pixels().iter().flat_map(|pixel| pixel.0).collect())
    }

    /// Resizes one plane of bytes, `[H][W]`, into `out` with a Catmull-Rom filter. `from` and `to` are (width, height).
    ///
    /// # Errors
    /// As [`Self::resize`].
    pub fn plane(&mut self, plane: &[u8], from: (u32, u32), to: (u32, u32), out: &mut [u8]) -> Result<()> {
        let failed = |error| failed(from, to, &error);
        let source = TypedImageRef::<U8>::from_buffer(from.0, from.1, plane).map_err(failed)?;
        let mut target = TypedImage::<U8>::from_buffer(to.0, to.1, out).map_err(failed)?;
        self.typed(&source, &mut target, &catmull_rom())
    }

    /// Resizes planes of floats, `[N][H][W]`, with a Catmull-Rom filter. `from` and `to` are (width, height).
    ///
    /// # Errors
    /// As [`Self::resize`].
    pub fn planes(&mut self, planes: &[f32], from: (usize, usize), to: (usize, usize)) -> Result<Vec<f32>> {
        let (from_sides, to_sides) = ((from.0 as u32, from.1 as u32), (to.0 as u32, to.1 as u32));
        let mut all = Vec::new();
        for plane in planes.chunks_exact((from.0 * from.1).max(1)) {
            let pixels: Vec<F32> = plane.iter().copied().map(F32::new).collect();
            let source = TypedImageRef::new(from_sides.0, from_sides.1, &pixels)
                .map_err(|error| failed(from_sides, to_sides, &error))?;
            let mut target = TypedImage::<F32>::new(to_sides.0, to_sides.1);
            self.typed(&source, &mut target, &catmull_rom())?;
            all.extend(target.pixels().iter().map(|pixel| pixel.0));
        }
        Ok(all)
    }

    fn run(&mut self, image: Image<'_>, to: (u32, u32), out: &mut [u8], options: &ResizeOptions) -> Result<()> {
        debug_assert_eq!(out.len(), byte_len(to.0, to.1));
        let from = (image.width, image.height);
        let failed = |error| failed(from, to, &error);
        let source = TypedImageRef::<U8x3>::from_buffer(from.0, from.1, image.pixels).map_err(failed)?;
        let mut target = TypedImage::<U8x3>::from_buffer(to.0, to.1, out).map_err(failed)?;
        self.typed(&source, &mut target, options)
    }

    /// Resizes with a pixel type that is fixed at compile time. Choosing it at run time would compile the library's
    /// kernels for all thirteen types.
    fn typed<P: PixelTrait>(
        &mut self,
        source: &impl ImageView<Pixel = P>,
        target: &mut impl ImageViewMut<Pixel = P>,
        options: &ResizeOptions,
    ) -> Result<()> {
        let (from, to) = ((source.width(), source.height()), (target.width(), target.height()));
        self.inner.resize_typed(source, target, options).map_err(|error| failed(from, to, &error))
    }
}

fn average(a: &[u8], b: &[u8], out: &mut [u8]) {
    for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *out = ((u16::from(a) + u16::from(b) + 1) >> 1) as u8;
    }
}

fn catmull_rom() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
}

fn failed(from: (u32, u32), to: (u32, u32), error: &dyn Display) -> Error {
    Error::internal(format!("cannot resize {}x{} to {}x{} ({error})", from.0, from.1, to.0, to.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_resizer_makes_nearly_the_same_picture_of_a_large_one_and_the_same_of_others() {
        let wave = |at: usize, step: f32| ((at as f32 * step).sin() + 1.0) * 60.0;
        for (size, to, most) in
            [((400, 240), (160, 90), 1.0), ((400, 240), (300, 180), 0.0), ((401, 241), (80, 48), 0.0)]
        {
            let pixels: Vec<u8> = (0..size.0 * size.1)
                .flat_map(|at| {
                    [0.05, 0.11, 0.17].map(|step| (wave(at % size.0, step) + wave(at / size.0, 0.2 - step)) as u8)
                })
                .collect();
            let image = Image { width: size.0 as u32, height: size.1 as u32, pixels: &pixels };
            let resized = |mut resizer: Resizer| {
                let mut out = vec![0; byte_len(to.0, to.1)];
                resizer.resize(image, to.0, to.1, &mut out).unwrap();
                out
            };
            let (usual, quick) = (resized(Resizer::default()), resized(Resizer::quick()));
            let apart =
                usual.iter().zip(&quick).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / usual.len() as f64;
            assert!(apart <= most, "{size:?} to {to:?}: {apart:.2} levels");
        }
    }
}
