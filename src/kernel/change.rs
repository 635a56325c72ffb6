//! Measures how much a picture differs from its history, and how much detail it has, in cells of 4x4 pixels.
//!
//! The pixel loops first sum the columns of a row of cells, which vectorises whatever the channel order. Only the few
//! column sums are then added across.

use super::history::FRACTION;

/// Side of a cell, in pixels.
pub const CELL: usize = 4;

/// Distance in pixels between the samples that detail is measured from. Demosaicing, chroma subsampling and compression
/// correlate the noise of adjacent pixels; two pixels apart it is nearly independent.
const LAG: usize = 2;

/// Measurements of one cell: means over its pixels and channels, in levels (0 to 255).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CellChange {
    /// Mean absolute difference between frame and history.
    pub difference: f32,
    /// Mean signed difference between frame and history, in which noise averages out.
    pub shift: f32,
    /// Mean absolute difference between pixels two apart, across and down: texture, edges and noise.
    pub gradient: f32,
    /// Mean absolute mixed second difference. Where there is only noise, it is twice the mean absolute noise; at
    /// straight edges and smooth gradients it is small.
    pub corner: f32,
    /// Luma of the history at the cell's first pixel. It has little noise and tells dark from bright well enough.
    pub brightness: f32,
}

/// Column sums of one row of cells. Keeps its buffers between calls.
#[derive(Clone, Debug, Default)]
pub struct ColumnSums {
    difference: Vec<u16>,
    shift: Vec<i16>,
    gradient: Vec<u16>,
    corner: Vec<u16>,
}

impl ColumnSums {
    /// Measures one row of cells and writes a [`CellChange`] for each.
    ///
    /// `frame` and `history` hold 1 to 4 rows of `stride` values (columns x 3). The last cell is narrower if the number
    /// of columns is not a multiple of 4.
    pub fn measure(&mut self, frame: &[u8], history: &[i16], stride: usize, cells: &mut [CellChange]) {
        debug_assert_eq!(frame.len(), history.len());
        debug_assert_eq!(cells.len(), stride.div_ceil(3 * CELL));
        for sums in [&mut self.difference, &mut self.gradient, &mut self.corner] {
            sums.clear();
            sums.resize(stride, 0);
        }
        self.shift.clear();
        self.shift.resize(stride, 0);
        let rows = frame.len() / stride;
        for (frame, history) in frame.chunks_exact(stride).zip(history.chunks_exact(stride)) {
            add_difference(frame, history, &mut self.difference, &mut self.shift);
        }
        // One detail sample per column is enough and takes a quarter of the time.
        let (upper, lower) = (&frame[..stride], &frame[LAG.min(rows - 1) * stride..][..stride]);
        let reach = stride.saturating_sub(LAG * 3);
        if reach > 0 {
            let (gradient, corner) = (&mut self.gradient[..reach], &mut self.corner[..reach]);
            add_detail([upper, lower], gradient, corner);
        }
        let columns = |index: usize| index * 3 * CELL..((index + 1) * 3 * CELL).min(stride);
        for (index, cell) in cells.iter_mut().enumerate() {
            let range = columns(index);
            let wide = 1.0 / range.len() as f32;
            let all = wide / rows as f32;
            let sum = |values: &[u16]| values.iter().map(|&value| u32::from(value)).sum::<u32>() as f32;
            let shift: i32 = self.shift[range.clone()].iter().map(|&value| i32::from(value)).sum();
            let [red, green, blue] = [0, 1, 2].map(|channel| i32::from(history[range.start + channel]));
            *cell = CellChange {
                difference: sum(&self.difference[range.clone()]) * all,
                shift: shift as f32 * all,
                gradient: sum(&self.gradient[range.clone()]) * wide / 2.0,
                corner: sum(&self.corner[range]) * wide,
                brightness: ((red + 2 * green + blue) >> (2 + FRACTION)) as f32,
            };
        }
    }
}

fn add_difference(frame: &[u8], history: &[i16], difference: &mut [u16], shift: &mut [i16]) {
    for (((&byte, &value), difference), shift) in frame.iter().zip(history).zip(difference).zip(shift) {
        let change = i16::from(byte) - ((value + (1 << (FRACTION - 1))) >> FRACTION);
        *difference += change.unsigned_abs();
        *shift += change;
    }
}

fn add_detail([upper, lower]: [&[u8]; 2], gradient: &mut [u16], corner: &mut [u16]) {
    let next = |row| <[u8]>::iter(row).skip(LAG * 3);
    let upper = upper.iter().zip(next(upper));
    let lower = lower.iter().zip(next(lower));
    for (((upper, lower), gradient), corner) in upper.zip(lower).zip(gradient).zip(corner) {
        let [a, b, c] = [*upper.0, *upper.1, *lower.0].map(i16::from);
        let (across, down) = (b - a, c - a);
        *gradient = across.unsigned_abs() + down.unsigned_abs();
        *corner = (i16::from(*lower.1) - c - across).unsigned_abs();
    }
}

#[cfg(test)]
mod tests {
    use super::super::history;
    use super::*;

    fn measure(frame: &[u8], reference: &[u8], width: usize) -> Vec<CellChange> {
        let mut values = vec![0; reference.len()];
        history::begin(&mut values, reference);
        let mut cells = vec![CellChange::default(); width.div_ceil(CELL)];
        ColumnSums::default().measure(frame, &values, width * 3, &mut cells);
        cells
    }

    #[test]
    fn a_brighter_cell_differs_and_shifts_by_the_added_levels() {
        let reference = vec![100; 9 * 4 * 3];
        let mut frame = reference.clone();
        for row in frame.chunks_exact_mut(9 * 3) {
            row[4 * 3..8 * 3].fill(107);
        }
        let cells = measure(&frame, &reference, 9);
        let found: Vec<_> = cells.iter().map(|cell| (cell.difference, cell.shift)).collect();
        assert_eq!(found, [(0.0, 0.0), (7.0, 7.0), (0.0, 0.0)]);
    }

    #[test]
    fn a_checkerboard_change_has_no_shift() {
        let reference = vec![100; 4 * 4 * 3];
        let frame: Vec<u8> = (0..16).flat_map(|at| [if (at + at / 4) % 2 == 0 { 95 } else { 105 }; 3]).collect();
        let cell = measure(&frame, &reference, 4)[0];
        assert_eq!((cell.difference, cell.shift), (5.0, 0.0));
    }

    #[test]
    fn a_slope_has_a_gradient_and_no_corner() {
        let frame: Vec<u8> = (0..4).flat_map(|y| (0..12).flat_map(move |x| [x * 3 + y * 2; 3])).collect();
        let cell = measure(&frame, &frame, 12)[1];
        assert_eq!((cell.gradient, cell.corner), (5.0, 0.0));
    }

    #[test]
    fn any_size_from_one_pixel_up_is_measured() {
        for width in 1..10 {
            for rows in 1..=4 {
                let frame = vec![50; width * rows * 3];
                let still = CellChange { brightness: 50.0, ..CellChange::default() };
                assert!(measure(&frame, &frame, width).iter().all(|cell| *cell == still));
            }
        }
    }
}
