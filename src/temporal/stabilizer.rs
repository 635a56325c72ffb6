//! Keeps the painting of a still scene still.
//!
//! A network turns a little sensor noise into strokes that flicker. Its normalisation takes statistics over the entire
//! frame, so an object that enters the picture changes the colours of everything else. An average over the last frames
//! removes both, but smears movement. So each cell is treated separately: where the *input* is still, the painting is
//! averaged over up to 16 frames; where the input moves, the new painting is shown unchanged. Only the input decides,
//! never the painting, because the flicker of the painting is what has to go.
//!
//! 1. Compare the frame with the average of the input so far, in cells of 4x4 pixels. Judge the differences by the
//!    camera's noise ([`super::noise`], [`super::movement`]). Differences from an average are clearer than differences
//!    from the last frame, and slow movements add up.
//! 2. Each cell has a gain: the weight of the new frame. It follows a Kalman filter's rule: n frames after a movement,
//!    each of the n frames has the same weight, until the longest average is reached.
//! 3. Both averages, of the input and of the painting, follow their frames by these gains.
//!
//! There is no optical flow and no warping, whose errors would be visible.

use super::grid::{Grid, PixelGains};
use super::movement::Movement;
use crate::frame::Frame;
use crate::kernel::history;
use crate::size::Size;

/// Default of `--stabilize`: averages over 13 frames.
pub const DEFAULT_AMOUNT: f32 = 0.8;

/// Frames in the longest average besides the newest, at full amount.
const LONGEST: f32 = 15.0;

/// Removes flicker from painted frames, which it must get in order.
#[derive(Clone, Debug)]
pub struct Stabilizer {
    amount: f32,
    /// The size of the scene's frames; 0x0 before the first one.
    size: Size,
    movement: Movement,
    /// The last gain of each cell, above 0 and up to 1.
    gains: Vec<f32>,
    pixel_gains: PixelGains,
    /// Averages of the input and of the painting: one value as in [`history`] for each byte of the frame.
    input: Vec<i16>,
    styled: Vec<i16>,
}

impl Stabilizer {
    /// A stabiliser of strength `amount`: 0 leaves frames unchanged, 1 averages still areas over 16 frames.
    pub fn new(amount: f32) -> Self {
        Self {
            amount: amount.clamp(0.0, 1.0),
            size: Size::default(),
            movement: Movement::default(),
            gains: Vec::new(),
            pixel_gains: PixelGains::default(),
            input: Vec::new(),
            styled: Vec::new(),
        }
    }

    /// Stabilises `styled`, the painting of `input`, which has the same size. The first frame, and the first after a
    /// cut or a change of shape, stays unchanged. Frames of another size and the same shape continue the scene.
    ///
    /// `styled` must be the picture that will be shown, after colours were kept and the original was mixed in. An
    /// original that is mixed in afterwards would bring its noise back.
    pub fn stabilize(&mut self, input: &Frame, styled: &mut Frame) {
        debug_assert_eq!((input.width, input.height), (styled.width, styled.height));
        if self.amount == 0.0 || input.pixels.is_empty() {
            return;
        }
        if !of_one_shape(self.size, input.size()) {
            return self.begin(input, styled);
        }
        if self.size != input.size() {
            self.resize(input.size());
        }
        let stride = input.width as usize * 3;
        self.movement.measure(&input.pixels, &self.input, stride, &self.gains);
        if self.movement.is_cut(&input.pixels, input.width) {
            return self.begin(input, styled);
        }
        let least = 1.0 / (1.0 + LONGEST * self.amount);
        for (gain, &moving) in self.gains.iter_mut().zip(self.movement.moving()) {
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

    /// Starts the averages again, for a change of style: the next paintings are shown nearly unchanged.
    pub fn restart(&mut self) {
        self.gains.fill(1.0);
    }

    /// Brings the averages to another size, so that a still scene turns over into paintings of that size.
    fn resize(&mut self, size: Size) {
        let (from, to) = ((self.size.width, self.size.height), (size.width, size.height));
        let grids = [Grid::of(from.0, from.1), Grid::of(to.0, to.1)];
        let at = |place: usize, from: usize, to: usize| place * from / to;
        let cells = (0..grids[1].rows).flat_map(|row| (0..grids[1].columns).map(move |column| (row, column)));
        let old = |(row, column)| {
            let row = at(row, grids[0].rows, grids[1].rows);
            self.gains[row * grids[0].columns + at(column, grids[0].columns, grids[1].columns)]
        };
        self.gains = cells.map(old).collect();
        self.movement.resize(grids[1]);
        for values in [&mut self.input, &mut self.styled] {
            *values = history::resized(values, from, to);
        }
        self.size = size;
    }

    /// Starts a scene with its first frame.
    fn begin(&mut self, input: &Frame, styled: &Frame) {
        self.size = input.size();
        let grid = Grid::of(input.width, input.height);
        self.movement.begin(grid);
        self.gains.clear();
        self.gains.resize(grid.cells(), 1.0);
        for (values, frame) in [(&mut self.input, input), (&mut self.styled, styled)] {
            values.resize(frame.pixels.len(), 0);
            history::begin(values, &frame.pixels);
        }
    }
}

/// Whether the sides have the same ratio, but for rounding.
fn of_one_shape(a: Size, b: Size) -> bool {
    let (across, down) = (f64::from(a.width) * f64::from(b.height), f64::from(b.width) * f64::from(a.height));
    (across - down).abs() < 0.05 * across.min(down)
}

#[cfg(test)]
mod tests;
