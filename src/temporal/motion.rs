//! Where the scene moves, by what differs from its history and is not noise.

use super::grid::Grid;
use super::noise::NoiseLevel;
use crate::kernel::change::{CELL, CellChange, ColumnSums};

// Scores count in units of the noise's mean absolute difference; see [`Motion::score`].
/// Up to here a difference is noise, from there on movement, and between them it is partly believed.
const STILL: f32 = 1.4;
const MOVED: f32 = 2.0;

/// Gradients in the same units: below the first a cell is plain, from the second on it has texture of its own.
const PLAIN: f32 = 2.0;
const TEXTURED: f32 = 4.0;

/// Movement begins with this and ends at 0; up to 1 it counts in full. The strokes of a network are wider than the edge
/// that moved them, so the surroundings change too.
const REACH: f32 = 1.6;
/// What movement loses at each cell of still texture: it counts in full for 8 pixels and ends after 20.
const TEXTURE_TOLL: f32 = 0.3;
/// What it loses at each plain cell, which shows no sign of being still: the inside of a thing that moves is as plain as
/// the wall behind it, but painted strokes move with it. In full for 24 pixels, ending after 64.
const PLAIN_TOLL: f32 = 0.1;

/// Side of a tile that votes on whether the camera moves, in cells.
const TILE: usize = 8;

/// Measures frames against the history of the scene.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    grid: Grid,
    cells: Vec<CellChange>,
    sums: ColumnSums,
    noise: NoiseLevel,
    /// Cells' differences, as they would be from a perfectly known scene.
    differences: Vec<f32>,
    /// The same of the signed ones.
    shifts: Vec<f32>,
    mean_differences: Vec<f32>,
    mean_shifts: Vec<f32>,
    /// The answer: 0 still to 1 moving, a cell.
    moving: Vec<f32>,
    tolls: Vec<f32>,
}

impl Motion {
    /// Begins a scene of another size.
    pub fn begin(&mut self, grid: Grid) {
        self.grid = grid;
        self.cells.clear();
        self.cells.resize(grid.cells(), CellChange::default());
        for map in [&mut self.differences, &mut self.shifts, &mut self.moving, &mut self.tolls] {
            map.clear();
            map.resize(grid.cells(), 0.0);
        }
        self.noise.reset();
    }

    /// Measures `frame` (packed RGB8, `stride` bytes a row) against `history`, whose cells know the scene as well as
    /// their last `gains` (1: one noisy frame, towards 0: its mean). [`Motion::is_cut`] and [`Motion::moving`] answer.
    pub fn measure(&mut self, frame: &[u8], history: &[i16], stride: usize, gains: &[f32]) {
        let strip = CELL * stride;
        let rows = self.cells.chunks_exact_mut(self.grid.columns);
        for ((frame, history), cells) in frame.chunks(strip).zip(history.chunks(strip)).zip(rows) {
            self.sums.measure(frame, history, stride, cells);
        }
        let maps = self.differences.iter_mut().zip(&mut self.shifts);
        for ((cell, &gain), (difference, shift)) in self.cells.iter().zip(gains).zip(maps) {
            // A history's noise adds to the frame's: the variance of a mean of n frames is 1/n of a frame's, and a
            // history that has just taken n frames has a gain of 1/n.
            let known = 1.0 / (1.0 + gain).sqrt();
            (*difference, *shift) = (cell.difference * known, cell.shift * known);
        }
        let noise = self.noise.follow(&self.cells, &self.differences);
        self.score(1.0 / noise);
        self.find_pan(1.0 / noise);
    }

    /// Scores each cell by three tests, each in units of noise, each blind to something that another one sees: the cell
    /// itself (small things; its own noise varies most), 3x3 cells (the finest test for texture that moves), and the
    /// signed mean of 3x3 cells (soft shadows below the noise, which averages away here). `per_noise` is 1 / noise.
    fn score(&mut self, per_noise: f32) {
        self.grid.box_mean(&self.differences, &mut self.mean_differences);
        self.grid.box_mean(&self.shifts, &mut self.mean_shifts);
        let tests = self.differences.iter().zip(&self.mean_differences).zip(&self.mean_shifts);
        let maps = self.moving.iter_mut().zip(&mut self.tolls);
        for ((((own, mean), shift), (moving, toll)), cell) in tests.zip(maps).zip(&self.cells) {
            let score = (0.7 * own).max(*mean).max(1.4 * shift.abs()) * per_noise;
            *moving = smooth_step(score, STILL, MOVED);
            let textured = smooth_step(cell.gradient * per_noise, PLAIN, TEXTURED);
            // Signs of stillness: texture that has not changed.
            *toll = PLAIN_TOLL + (TEXTURE_TOLL - PLAIN_TOLL) * textured * (1.0 - *moving);
        }
    }

    /// When nearly everything that can be seen to move or not to move does move, the camera moves, and plain parts (sky)
    /// do too, with the strokes that a network paints there. Tiles vote, so that a large still wall with little on it
    /// counts for as much as a busy thing before it.
    fn find_pan(&mut self, per_noise: f32) {
        let (columns, rows) = (self.grid.columns.div_ceil(TILE), self.grid.rows.div_ceil(TILE));
        let (mut moving_tiles, mut still_tiles) = (0.0, 0.0);
        for tile in 0..columns * rows {
            let (left, top) = (tile % columns * TILE, tile / columns * TILE);
            let right = (left + TILE).min(self.grid.columns);
            let (mut moving, mut still, mut cells) = (0, 0, 0);
            for row in top..(top + TILE).min(self.grid.rows) {
                let range = row * self.grid.columns + left..row * self.grid.columns + right;
                for (cell, &moves) in self.cells[range.clone()].iter().zip(&self.moving[range]) {
                    moving += usize::from(moves > 0.5);
                    still += usize::from(moves <= 0.5 && cell.gradient * per_noise > (PLAIN + TEXTURED) / 2.0);
                    cells += 1;
                }
            }
            if (moving + still) * 8 >= cells {
                *(if moving > still { &mut moving_tiles } else { &mut still_tiles }) += 1.0;
            }
        }
        let all = (columns * rows) as f32;
        let voters = moving_tiles + still_tiles;
        let pan = smooth_step(moving_tiles / all, 0.3, 0.5) * (1.0 - smooth_step(still_tiles / voters, 0.1, 0.25));
        if pan > 0.0 {
            self.moving.iter_mut().for_each(|moving| *moving = moving.max(pan));
        }
    }

    /// Whether the frame has nothing to do with its history: most of it is new, and the cells differ as much as those of
    /// two pictures do (a pan moves edges, but leaves large shapes where they were). A flash of light counts too.
    pub fn is_cut(&self, frame: &[u8], width: u32) -> bool {
        let count = self.cells.len() as f32;
        let moved = self.moving.iter().filter(|&&moving| moving > 0.5).count() as f32;
        if moved < 0.5 * count {
            return false;
        }
        let apart: f32 = self.cells.iter().map(|cell| cell.shift.abs()).sum();
        let green = || {
            let rows = frame.chunks_exact(width as usize * 3).step_by(CELL);
            rows.flat_map(|row| row.iter().skip(1).step_by(3 * CELL)).map(|&byte| f32::from(byte))
        };
        let mean = green().sum::<f32>() / count;
        let contrast: f32 = green().map(|value| (value - mean).abs()).sum();
        apart > 0.7 * contrast
    }

    /// How much each cell moves, 0 (still) to 1, with the surroundings that a network repaints for it. `stroke_scale`
    /// is how many times its usual width a stroke has.
    pub fn moving(&mut self, stroke_scale: f32) -> &[f32] {
        for (moving, toll) in self.moving.iter_mut().zip(&mut self.tolls) {
            *moving *= REACH;
            *toll /= stroke_scale;
        }
        self.grid.spread(&mut self.moving, &self.tolls);
        &self.moving
    }
}

/// 0 up to `from`, 1 from `to` on, without corners between them.
fn smooth_step(value: f32, from: f32, to: f32) -> f32 {
    let place = ((value - from) / (to - from)).clamp(0.0, 1.0);
    place * place * (3.0 - 2.0 * place)
}
