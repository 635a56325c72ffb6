//! Finds where the scene moves: where it differs from its history by more than noise.

use super::grid::Grid;
use super::noise::NoiseLevels;
use super::smooth_step;
use crate::kernel::change::{CELL, CellChange, ColumnSums};

// Scores are in units of the mean absolute difference of the noise; see [`Movement::score`].
/// A score up to this is noise.
const STILL: f32 = 1.4;
/// A score from this on is movement. Between the two, movement counts in part.
const MOVED: f32 = 2.0;

/// Gradients in the same units. Up to `PLAIN` a cell is plain; from `TEXTURED` on it has texture.
const PLAIN: f32 = 2.0;
const TEXTURED: f32 = 4.0;

/// Movement spreads from this value down to 0, and counts in full down to 1. The strokes of a network are wider than
/// the edge that moved them, so the surroundings change too.
const REACH: f32 = 1.6;
/// What movement loses per cell of still texture. It counts in full for 8 pixels and ends after 20.
const TEXTURE_TOLL: f32 = 0.3;
/// What movement loses per plain cell. Nothing shows that a plain cell is still: the inside of a moving object is as
/// plain as the wall behind it, but painted strokes move with the object. Movement counts in full for 24 pixels and
/// ends after 64.
const PLAIN_TOLL: f32 = 0.1;

/// Side, in cells, of the tiles that vote on whether the camera moves.
const TILE: usize = 8;

/// Finds movement by comparing frames with the history of the scene.
#[derive(Clone, Debug, Default)]
pub struct Movement {
    grid: Grid,
    cells: Vec<CellChange>,
    sums: ColumnSums,
    noise: NoiseLevels,
    /// The cells' differences, corrected for the noise of the history; in units of the noise once that is known.
    differences: Vec<f32>,
    /// The cells' signed differences, likewise.
    shifts: Vec<f32>,
    mean_differences: Vec<f32>,
    mean_shifts: Vec<f32>,
    /// The result for each cell, from 0 (still) to 1 (moving).
    moving: Vec<f32>,
    tolls: Vec<f32>,
}

impl Movement {
    /// Starts a new scene, with the grid of its frames.
    pub fn begin(&mut self, grid: Grid) {
        self.resize(grid);
        self.noise.reset();
    }

    /// Continues the scene with frames of another size.
    pub fn resize(&mut self, grid: Grid) {
        self.grid = grid;
        self.cells.clear();
        self.cells.resize(grid.cells(), CellChange::default());
        for map in [&mut self.differences, &mut self.shifts, &mut self.moving, &mut self.tolls] {
            map.clear();
            map.resize(grid.cells(), 0.0);
        }
    }

    /// Compares `frame` (packed RGB8, `stride` bytes per row) with `history`. [`Movement::is_cut`] and [`Movement::moving`]
    /// return the results.
    ///
    /// `gains` are the last gains of the cells. They say how noisy the history is: at 1 it is a single noisy frame,
    /// towards 0 it is the noise-free mean.
    pub fn measure(&mut self, frame: &[u8], history: &[i16], stride: usize, gains: &[f32]) {
        let strip = CELL * stride;
        let rows = self.cells.chunks_exact_mut(self.grid.columns);
        for ((frame, history), cells) in frame.chunks(strip).zip(history.chunks(strip)).zip(rows) {
            self.sums.measure(frame, history, stride, cells);
        }
        let maps = self.differences.iter_mut().zip(&mut self.shifts);
        for ((cell, &gain), (difference, shift)) in self.cells.iter().zip(gains).zip(maps) {
            // The noise of the history adds to the frame's. A mean of n frames has 1/n of a frame's variance, and a
            // history that has averaged n frames has a gain of 1/n.
            let known = 1.0 / (1.0 + gain).sqrt();
            (*difference, *shift) = (cell.difference * known, cell.shift * known);
        }
        self.noise.follow(&self.cells, &self.differences);
        let maps = self.differences.iter_mut().zip(&mut self.shifts);
        for (cell, (difference, shift)) in self.cells.iter_mut().zip(maps) {
            let per_noise = 1.0 / self.noise.at(cell.brightness);
            *difference *= per_noise;
            *shift *= per_noise;
            cell.gradient *= per_noise;
        }
        self.score();
        self.find_pan();
    }

    /// Scores each cell by three tests in units of noise. Each test finds something that the others miss:
    ///
    /// - the cell alone finds small objects, although its own noise varies most;
    /// - the mean of 3x3 cells is the finest test for moving texture;
    /// - the signed mean of 3x3 cells finds soft shadows below the noise, which averages out here.
    fn score(&mut self) {
        self.grid.box_mean(&self.differences, &mut self.mean_differences);
        self.grid.box_mean(&self.shifts, &mut self.mean_shifts);
        let tests = self.differences.iter().zip(&self.mean_differences).zip(&self.mean_shifts);
        let maps = self.moving.iter_mut().zip(&mut self.tolls);
        for ((((own, mean), shift), (moving, toll)), cell) in tests.zip(maps).zip(&self.cells) {
            let score = (0.7 * own).max(*mean).max(1.4 * shift.abs());
            *moving = smooth_step(score, STILL, MOVED);
            let textured = smooth_step(cell.gradient, PLAIN, TEXTURED);
            // Texture that has not changed shows that a cell is still.
            *toll = PLAIN_TOLL + (TEXTURE_TOLL - PLAIN_TOLL) * textured * (1.0 - *moving);
        }
    }

    /// Finds a moving camera. If nearly every cell that can show movement does move, the camera moves. Then plain areas
    /// (sky) move too, and so do the strokes that a network paints there. Tiles vote, so that a large still wall with
    /// little texture counts as much as a busy object in front of it.
    fn find_pan(&mut self) {
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
                    still += usize::from(moves <= 0.5 && cell.gradient > (PLAIN + TEXTURED) / 2.0);
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

    /// Whether the frame is a cut: most of it is new, and its cells differ from the history as much as two unrelated
    /// pictures do. (A pan moves edges, but leaves large shapes where they were.) A flash of light counts as a cut.
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

    /// How much each cell moves, including the surroundings that a network repaints: 0 is still, 1 and above is moving.
    pub fn moving(&mut self) -> &[f32] {
        self.moving.iter_mut().for_each(|moving| *moving *= REACH);
        self.grid.spread(&mut self.moving, &self.tolls);
        &self.moving
    }
}
