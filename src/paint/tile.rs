//! Pictures in overlapping tiles.
//!
//! Each pixel is in the core of one tile. A tile reaches [`HALO`] pixels beyond its core, as far as the deepest feature
//! looks, so the core's features are those of the whole picture; and a pixel in the halo of another tile gets that core's
//! share of its gradient there. Summed over the tiles, features' sums and gradients are exactly the whole picture's.

use crate::network::vgg19::Extent;

/// relu5_1 sees 85 pixels in each direction; the next multiple of 16, so that all tiles pool the same pixels.
pub const HALO: usize = 96;
/// One pixel at relu5_1: cores and tiles begin at multiples of it.
const GRID: usize = 16;

/// One tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// First column and row, with the halo.
    pub left: usize,
    /// First row, with the halo.
    pub top: usize,
    /// Size, with the halo.
    pub extent: Extent,
    /// The core, counted from the tile's own corner: first column, first row, size.
    core: (usize, usize, Extent),
}

/// The tiles of a picture, with cores of about `side`; one whole picture without.
pub fn tiles(extent: Extent, side: Option<usize>) -> Vec<Tile> {
    let side = side.map_or(usize::MAX, |side| side.next_multiple_of(GRID).max(GRID));
    let mut all = Vec::new();
    for (top, core_top, height, core_height) in spans(extent.height, side) {
        for (left, core_left, width, core_width) in spans(extent.width, side) {
            let core = (core_left, core_top, Extent { width: core_width, height: core_height });
            all.push(Tile { left, top, extent: Extent { width, height }, core });
        }
    }
    all
}

/// Along one axis: begin, core's begin within, length, core's length.
fn spans(length: usize, side: usize) -> Vec<(usize, usize, usize, usize)> {
    // Cores of equal length on the grid; the last ends with the picture.
    let count = length.div_ceil(side).max(1);
    let core = length.div_ceil(count).next_multiple_of(GRID);
    (0..length)
        .step_by(core)
        .map(|begin| {
            let end = (begin + core).min(length);
            let (outer, outer_end) = (begin.saturating_sub(HALO), (end + HALO).min(length));
            (outer, begin - outer, outer_end - outer, end - begin)
        })
        .collect()
}

impl Tile {
    /// Copies the tile out of planes of the whole picture.
    pub fn cut(&self, planes: &[f32], whole: Extent) -> Vec<f32> {
        let mut part = Vec::with_capacity(planes.len() / whole.pixels() * self.extent.pixels());
        for plane in planes.chunks_exact(whole.pixels()) {
            for row in plane.chunks_exact(whole.width).skip(self.top).take(self.extent.height) {
                part.extend_from_slice(&row[self.left..][..self.extent.width]);
            }
        }
        part
    }

    /// Adds a tile's planes to those of the whole picture.
    pub fn add(&self, part: &[f32], planes: &mut [f32], whole: Extent) {
        for (from, to) in part.chunks_exact(self.extent.pixels()).zip(planes.chunks_exact_mut(whole.pixels())) {
            let rows = to.chunks_exact_mut(whole.width).skip(self.top);
            for (from, to) in from.chunks_exact(self.extent.width).zip(rows) {
                to[self.left..][..self.extent.width].iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }

    /// 1 in the core, 0 in the halo.
    pub fn core_mask(&self) -> Vec<f32> {
        let (left, top, core) = self.core;
        let mut mask = vec![0.0; self.extent.pixels()];
        for row in mask.chunks_exact_mut(self.extent.width).skip(top).take(core.height) {
            row[left..][..core.width].fill(1.0);
        }
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_cover_each_pixel_once_whatever_the_size() {
        for (width, height) in [(512, 340), (700, 1000), (97, 33), (1023, 513)] {
            for side in [None, Some(256), Some(100)] {
                let whole = Extent { width, height };
                let mut covered = vec![0.0; whole.pixels()];
                for tile in tiles(whole, side) {
                    tile.add(&tile.core_mask(), &mut covered, whole);
                    assert!(tile.left % GRID == 0 && tile.top % GRID == 0, "{tile:?}");
                }
                assert!(covered.iter().all(|&times| times == 1.0), "{width}x{height} by {side:?}");
            }
        }
    }

    #[test]
    fn a_tile_is_cut_from_where_it_is_added() {
        let whole = Extent { width: 300, height: 200 };
        let planes: Vec<f32> = (0..3 * whole.pixels()).map(|place| place as f32).collect();
        for tile in tiles(whole, Some(64)) {
            let mut back = vec![0.0; planes.len()];
            tile.add(&tile.cut(&planes, whole), &mut back, whole);
            assert!(back.iter().zip(&planes).all(|(back, plane)| *back == 0.0 || back == plane));
        }
    }
}
