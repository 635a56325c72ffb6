//! Keeps the painting of a still scene still.
//!
//! A network turns a little noise of a sensor into strokes that flicker, and a thing that enters the picture changes the
//! colours of everything else, through the statistics that its normalisation takes over the whole frame. Both are gone in
//! an average over the last frames; but an average smears what moves. So every place has its own: where the *input* is
//! still, the painting is averaged over up to 16 frames, and where the input moves, the new painting is shown as it is.
//! Only what the camera saw decides, never the painting: its flicker is what is to go away.
//!
//! 1. The frame is compared with the average of the input so far, in cells of 4x4 pixels; differences are judged by the
//!    camera's own noise ([`super::noise`], [`super::motion`]). Against an average they are clearer than against the
//!    last frame, and slow movements add up.
//! 2. Each cell has a gain: the share of the new frame. It follows a Kalman filter's rule, so that n frames after a
//!    movement each of the n frames has the same weight, until the longest average is reached.
//! 3. Both averages, of the input and of the painting, follow their frames by these gains.
//!
//! Nothing is estimated that could fail in a way that shows: no optical flow, no warped pixels.

use super::grid::{Grid, PixelGains};
use super::motion::Motion;
use crate::frame::Frame;
use crate::kernel::history;
use crate::size::Size;

/// What `--stabilize` is unless it is given: averages over 13 frames.
pub const DEFAULT_AMOUNT: f32 = 0.8;

/// Frames that the longest average has beyond the newest, at full amount.
const LONGEST: f32 = 15.0;

/// Takes the flicker out of painted frames, one after the other, in their order.
#[derive(Clone, Debug)]
pub struct Stabilizer {
    amount: f32,
    stroke_scale: f32,
    /// Columns and rows of the scene; (0, 0) before the first frame.
    size: Size,
    motion: Motion,
    /// Last gain of each cell, above 0 to 1.
    gains: Vec<f32>,
    pixel_gains: PixelGains,
    /// Averages of the input and of the painting, values as in [`history`], packed as the frames are.
    input: Vec<i16>,
    styled: Vec<i16>,
}

impl Stabilizer {
    /// `amount` 0 leaves frames alone, 1 averages still things over 16 frames.
    pub fn new(amount: f32) -> Self {
        Self {
            amount: amount.clamp(0.0, 1.0),
            stroke_scale: 1.0,
            size: Size::default(),
            motion: Motion::default(),
            gains: Vec::new(),
            pixel_gains: PixelGains::default(),
            input: Vec::new(),
            styled: Vec::new(),
        }
    }

    /// Tells that strokes have `scale` times their usual width, as [`crate::stylize::Look::scale`] does: what moves is
    /// repainted further around it.
    #[must_use]
    pub fn with_stroke_scale(self, scale: f32) -> Self {
        Self { stroke_scale: scale, ..self }
    }

    /// Steadies `styled`, the painting of `input`, of the same size. After a cut or a change of size it stays as it is.
    ///
    /// `styled` is what will be shown, colours kept or mixed with the original as asked: then what is shown is still as
    /// a whole, while an original mixed in afterwards would bring its noise along.
    pub fn stabilize(&mut self, input: &Frame, styled: &mut Frame) {
        debug_assert_eq!((input.width, input.height), (styled.width, styled.height));
        if self.amount == 0.0 || input.pixels.is_empty() {
            return;
        }
        if self.size != input.size() {
            return self.begin(input, styled);
        }
        let stride = input.width as usize * 3;
        self.motion.measure(&input.pixels, &self.input, stride, &self.gains);
        if self.motion.is_cut(&input.pixels, input.width) {
            return self.begin(input, styled);
        }
        let least = 1.0 / (1.0 + LONGEST * self.amount);
        for (gain, &moving) in self.gains.iter_mut().zip(self.motion.moving(self.stroke_scale)) {
            *gain = (*gain / (1.0 + *gain)).max(least).max(moving.min(1.0));
        }
        self.pixel_gains.load(&self.gains, Grid::of(input.width, input.height), input.width);
        let styled = styled.pixels.chunks_exact_mut(stride).zip(self.styled.chunks_exact_mut(stride));
        let inputs = input.pixels.chunks_exact(stride).zip(self.input.chunks_exact_mut(stride));
        for (y, ((styled, styled_history), (input, input_history))) in styled.zip(inputs).enumerate() {
            let gains = self.pixel_gains.row(y);
            history::follow(input_history, input, gains);
            history::follow_and_show(styled_history, styled, gains);
        }
    }

    /// Forgets how long things have been still: the next paintings are shown nearly as they are. For a change of style.
    pub fn restart(&mut self) {
        self.gains.fill(1.0);
    }

    /// Begins a scene with its first frame.
    fn begin(&mut self, input: &Frame, styled: &Frame) {
        self.size = input.size();
        let grid = Grid::of(input.width, input.height);
        self.motion.begin(grid);
        self.gains.clear();
        self.gains.resize(grid.cells(), 1.0);
        for (values, frame) in [(&mut self.input, input), (&mut self.styled, styled)] {
            values.resize(frame.pixels.len(), 0);
            history::begin(values, &frame.pixels);
        }
    }
}

#[cfg(test)]
mod tests;
