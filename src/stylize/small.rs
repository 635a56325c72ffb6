//! A painting at the size that the networks see, and its way back to the size of the frame.

use crate::error::Result;
use crate::frame::Frame;
use crate::kernel::enlarge::Enlarger;
use crate::kernel::resize::Resizer;
use crate::size::Size;

/// A painting at the size that the networks see.
#[derive(Clone, Debug, Default)]
pub struct Small {
    /// The frame at that size; empty if it has it already.
    pub(super) seen: Frame,
    /// What they painted.
    pub painted: Frame,
    /// Share of the original in the picture, 0 to 1, whose detail it keeps.
    pub(super) detail: f32,
    /// The frame was brought to the painting's size already.
    ready: bool,
}

impl Small {
    /// `original` at the size of the painting.
    pub fn seen<'a>(&'a self, original: &'a Frame) -> &'a Frame {
        if self.seen.pixels.is_empty() { original } else { &self.seen }
    }

    /// Brings `input` to the size that the networks see, `size`, so that [`Stylizer::sketch`](super::Stylizer::sketch) need
    /// not do it.
    ///
    /// # Errors
    /// Those of [`Resizer::resize`].
    pub fn see(&mut self, input: &Frame, size: Size, resizer: &mut Resizer) -> Result<()> {
        if input.size() == size {
            self.seen.resize(0, 0);
        } else {
            self.seen.resize(size.width, size.height);
            self.seen.stamp_from(input);
            resizer.resize(input.image(), size.width, size.height, &mut self.seen.pixels)?;
        }
        self.ready = true;
        Ok(())
    }

    /// Whether `input` was brought to `size`. It is asked once: the next frame is another one.
    pub(super) fn take_ready(&mut self, input: &Frame, size: Size) -> bool {
        std::mem::take(&mut self.ready) && self.seen(input).size() == size
    }
}

/// Brings small paintings back to the size of their frames. Keeps its buffers between frames.
#[derive(Default)]
pub struct FullSize {
    enlarger: Enlarger,
    resizer: Resizer,
}

impl FullSize {
    /// Brings `small`, the painting of `original`, to its size, into `output`. The painting is taken out of `small` if it has
    /// that size already.
    ///
    /// # Errors
    /// Those of [`Resizer::resize`].
    pub fn restore(&mut self, original: &Frame, small: &mut Small, output: &mut Frame) -> Result<()> {
        let Small { seen, painted, detail, .. } = small;
        if seen.pixels.is_empty() {
            std::mem::swap(painted, output);
        } else {
            output.resize(original.width, original.height);
            if seen.width > original.width || seen.height > original.height {
                self.resizer.resize(painted.image(), original.width, original.height, &mut output.pixels)?;
            } else {
                self.enlarger.enlarge(original.image(), seen.image(), &painted.pixels, *detail, &mut output.pixels);
            }
        }
        output.stamp_from(original);
        Ok(())
    }
}
