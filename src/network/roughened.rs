//! A network without an input for grain, which gets its grain within the picture.

use super::Network;
use crate::error::Result;
use crate::frame::Image;
use crate::kernel::grain::{CELL, CHANNELS, Grain};
use crate::kernel::roughen::Roughener;
use crate::size::Size;

/// Shows its network pictures whose flat parts have grain: [`crate::kernel::roughen`].
pub struct Roughened<N> {
    network: N,
    roughener: Roughener,
    cells: Vec<f32>,
    seen: Vec<u8>,
}

impl<N> Roughened<N> {
    pub fn new(network: N) -> Self {
        Self { network, roughener: Roughener::default(), cells: Vec::new(), seen: Vec::new() }
    }
}

impl<N: Network> Network for Roughened<N> {
    fn style_count(&self) -> usize {
        self.network.style_count()
    }

    fn takes_grain(&self) -> bool {
        true
    }

    fn run(&mut self, image: Image<'_>, weights: &[f32], grain: &Grain, out: &mut [u8]) -> Result<()> {
        let size = Size::new(image.width, image.height);
        let [columns, rows] = [size.width, size.height].map(|side| side.div_ceil(CELL));
        self.cells.resize((columns * rows) as usize * CHANNELS, 0.0);
        grain.fill(size, 0..columns, 0..rows, &mut self.cells);
        self.seen.resize(image.pixels.len(), 0);
        self.roughener.roughen(image, &self.cells, &mut self.seen);
        self.network.run(Image { pixels: &self.seen, ..image }, weights, grain, out)
    }
}
