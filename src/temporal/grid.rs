//! Maps with one number for each cell of the picture, row by row.

use crate::kernel::change::CELL;
use crate::kernel::history::FULL_GAIN;

/// The number of cells in a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    pub columns: usize,
    pub rows: usize,
}

impl Grid {
    /// The grid of a picture of `width` x `height` pixels. Cells at the right and the bottom may be smaller.
    pub fn of(width: u32, height: u32) -> Self {
        Self { columns: (width as usize).div_ceil(CELL), rows: (height as usize).div_ceil(CELL) }
    }

    pub fn cells(self) -> usize {
        self.columns * self.rows
    }

    fn row(self, row: usize) -> std::ops::Range<usize> {
        row * self.columns..(row + 1) * self.columns
    }

    /// Writes the mean of `map` over 3x3 cells to `out`. The border cells repeat beyond the border.
    pub fn box_mean(self, map: &[f32], out: &mut Vec<f32>) {
        out.clear();
        for row in 0..self.rows {
            let [above, own, below] =
                [row.saturating_sub(1), row, (row + 1).min(self.rows - 1)].map(|row| self.row(row));
            let rows = map[above].iter().zip(&map[own]).zip(&map[below]);
            out.extend(rows.map(|((above, own), below)| (above + own + below) / 3.0));
        }
        for row in out.chunks_exact_mut(self.columns) {
            let mut before = row[0];
            for column in 0..row.len() {
                let own = row[column];
                let after = row[(column + 1).min(row.len() - 1)];
                row[column] = (before + own + after) / 3.0;
                before = own;
            }
        }
    }

    /// Spreads each value over its neighbours until it meets a larger one. A value loses `toll` at each cell that it
    /// enters. One sweep in each direction is exact along rows and columns, and nearly exact elsewhere.
    pub fn spread(self, map: &mut [f32], toll: &[f32]) {
        for (row, toll) in map.chunks_exact_mut(self.columns).zip(toll.chunks_exact(self.columns)) {
            for column in 1..self.columns {
                row[column] = row[column].max(row[column - 1] - toll[column]);
            }
            for column in (1..self.columns).rev() {
                row[column - 1] = row[column - 1].max(row[column] - toll[column - 1]);
            }
        }
        let mut between = |into: usize, from: usize| {
            let (first, second) = map.split_at_mut(into.max(from) * self.columns);
            let (upper, lower) = (&mut first[self.row(into.min(from))], &mut second[..self.columns]);
            let (to, from) = if into < from { (upper, lower) } else { (lower, upper) };
            for ((to, &mut from), &toll) in to.iter_mut().zip(from).zip(&toll[self.row(into)]) {
                *to = to.max(from - toll);
            }
        };
        (1..self.rows).for_each(|row| between(row, row - 1));
        (1..self.rows).rev().for_each(|row| between(row - 1, row));
    }
}

/// Interpolates gains of cells, 0 to 1, to gains of pixels. Bilinear between the cells' centres, so that no cell shows
/// its outline.
#[derive(Clone, Debug, Default)]
pub struct PixelGains {
    /// For each row of cells, `stride` gains from 0 to [`FULL_GAIN`], interpolated across.
    wide: Vec<i16>,
    /// The row of pixels that was requested last.
    row: Vec<i16>,
    /// Scratch for the gains of one row of cells.
    cells: Vec<i16>,
    stride: usize,
    rows: usize,
}

impl PixelGains {
    /// Loads the gains of a picture of `width` columns.
    pub fn load(&mut self, gains: &[f32], grid: Grid, width: u32) {
        (self.stride, self.rows) = (width as usize * 3, grid.rows);
        self.wide.resize(self.stride * grid.rows, 0);
        self.row.resize(self.stride, 0);
        for (wide, gains) in self.wide.chunks_exact_mut(self.stride).zip(gains.chunks_exact(grid.columns)) {
            self.cells.clear();
            self.cells.extend(gains.iter().map(|&gain| fixed(gain)));
            let last = self.cells.len() - 1;
            let pixels = |column: usize| {
                let (own, sides) = (
                    self.cells[column],
                    [column.saturating_sub(1), (column + 1).min(last)].map(|side| self.cells[side]),
                );
                let mut values = [0; 3 * CELL];
                for (at, pixel) in values.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                    *pixel = [between(own, sides[at / 2], AWAY[at]); 3];
                }
                values
            };
            let (cells, rest) = wide.as_chunks_mut::<{ 3 * CELL }>();
            for (column, cell) in cells.iter_mut().enumerate() {
                *cell = pixels(column);
            }
            if !rest.is_empty() {
                rest.copy_from_slice(&pixels(last)[..rest.len()]);
            }
        }
    }

    /// The gains of row `y` of the picture, one for each byte of the row.
    pub fn row(&mut self, y: usize) -> &[i16] {
        let (row, at) = (y / CELL, y % CELL);
        let side = if at < CELL / 2 { row.saturating_sub(1) } else { (row + 1).min(self.rows - 1) };
        let wide = |row: usize| &self.wide[row * self.stride..][..self.stride];
        for ((gain, &own), &side) in self.row.iter_mut().zip(wide(row)).zip(wide(side)) {
            *gain = between(own, side, AWAY[at]);
        }
        &self.row
    }
}

/// Weight of the nearer neighbouring cell, in eighths, for each of the four pixels across a cell.
const AWAY: [i16; CELL] = [3, 1, 1, 3];

/// Interpolates in 16 bits. The rounding error, below 8 of 32767, is finer than the resolution of a history.
fn between(own: i16, side: i16, eighths: i16) -> i16 {
    own + ((side - own) >> 3) * eighths
}

fn fixed(gain: f32) -> i16 {
    (gain * f32::from(FULL_GAIN)).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_bilinear_and_equal_gains_stay_exact() {
        let grid = Grid::of(10, 6);
        assert_eq!(grid, Grid { columns: 3, rows: 2 });
        let mut gains = PixelGains::default();
        gains.load(&[1.0; 6], grid, 10);
        assert!((0..6).all(|y| gains.row(y).iter().all(|&gain| gain == FULL_GAIN)));
        gains.load(&[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], grid, 10);
        let shares: Vec<f32> = (0..6).map(|y| f32::from(gains.row(y)[0]) / f32::from(FULL_GAIN)).collect();
        for (share, expected) in shares.iter().zip([0.0, 0.0, 0.125, 0.375, 0.625, 0.875]) {
            assert!((share - expected).abs() < 0.001, "{shares:?}");
        }
    }

    #[test]
    fn a_value_spreads_until_tolls_have_used_it_up() {
        let grid = Grid { columns: 7, rows: 5 };
        let mut map = vec![0.0; 35];
        map[2 * 7 + 3] = 1.0;
        let mut toll = vec![0.25; 35];
        toll[2 * 7 + 5] = 2.0;
        grid.spread(&mut map, &toll);
        assert_eq!(map[2 * 7..3 * 7], [0.25, 0.5, 0.75, 1.0, 0.75, 0.0, 0.0], "not through the wall");
        assert_eq!(map[3..7], [0.5, 0.25, 0.0, 0.0]);
        assert_eq!(map[4 * 7 + 3], 0.5);
    }

    #[test]
    fn the_mean_of_equal_values_is_that_value() {
        for grid in [Grid { columns: 1, rows: 1 }, Grid { columns: 5, rows: 3 }] {
            let mut out = Vec::new();
            grid.box_mean(&vec![2.0; grid.cells()], &mut out);
            assert!(out.iter().all(|value| (value - 2.0).abs() < 1e-6));
            assert_eq!(out.len(), grid.cells());
        }
    }
}
