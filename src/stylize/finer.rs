//! A second pass for large stills: fine strokes within the large ones.
//!
//! The networks paint once more at a larger size, where their strokes are finer in the picture. They see the photo mixed
//! with the first painting, so that the fine strokes follow the large ones. Only what is finer than the first painting is
//! added to it, so its shapes and colours stay.

use crate::error::Result;
use crate::frame::{Frame, Image};
use crate::kernel::resize::Resizer;
use crate::kernel::{blend, enlarge::Enlarger, texture};
use crate::size::Size;

/// How much larger the second pass is than the first, at most, on a side.
const LARGER: f64 = 3.0;

/// A picture this much larger than the first pass gets a second one.
const WORTH: f64 = 1.5;

/// Share of the first painting in what the networks see.
const PAINTING: f32 = 0.6;

/// The second pass. Keeps its tables between pictures, but not the pictures.
#[derive(Default)]
pub struct Finer {
    enlarger: Enlarger,
    resizer: Resizer,
}

impl Finer {
    /// Adds fine strokes to `painted`, the painting of `seen`, which is `input` scaled down, if the input is large enough.
    /// Both then have a larger size.
    ///
    /// # Errors
    /// Those of `networks`, which paints a picture.
    pub fn add(
        &mut self,
        input: &Frame,
        seen: &mut Frame,
        painted: &mut Frame,
        networks: impl FnOnce(Image<'_>, &mut [u8]) -> Result<()>,
    ) -> Result<()> {
        if seen.pixels.is_empty() {
            return Ok(());
        }
        let (small, Size { width, height }) = (seen.size(), larger(seen.size(), input.size()));
        if small == Size::new(width, height) {
            return Ok(());
        }
        let mut larger = Frame::new(width, height);
        self.resizer.resize(input.image(), width, height, &mut larger.pixels)?;
        let mut base = Frame::new(width, height);
        self.enlarger.enlarge(larger.image(), seen.image(), &painted.pixels, 0.0, &mut base.pixels);
        let mut mixed = larger.clone();
        blend::toward(&base.pixels, &mut mixed.pixels, PAINTING);
        let mut fine = Frame::new(width, height);
        networks(mixed.image(), &mut fine.pixels)?;
        // The fine painting without what is fine in it, in the place of the mix.
        let coarse = &mut painted.pixels;
        self.resizer.resize(fine.image(), small.width, small.height, coarse)?;
        self.resizer.resize(painted.image(), width, height, &mut mixed.pixels)?;
        texture::add(&fine.pixels, &mixed.pixels, &mut base.pixels);
        for (from, to) in [(larger, seen), (base, painted)] {
            to.resize(width, height);
            to.pixels = from.pixels;
        }
        Ok(())
    }
}

/// The size of the second pass; `small` itself if it is not worth it.
fn larger(small: Size, full: Size) -> Size {
    let room = f64::from(full.width.min(full.height)) / f64::from(small.width.min(small.height));
    if room < WORTH {
        return small;
    }
    let side = |small: u32, full: u32| ((f64::from(small) * room.min(LARGER)).round() as u32).min(full);
    Size::new(side(small.width, full.width), side(small.height, full.height))
}
