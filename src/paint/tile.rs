//! Splits pictures into overlapping tiles.
//!
//! Each pixel is in the core of exactly one tile. A tile extends [`HALO`] pixels beyond its core, which is as far as
//! the deepest features see. So the features in the core are those of the full picture. A pixel receives gradient from
//! its own tile and from each tile whose halo it lies in. Summed over all tiles, feature sums and gradients are exactly
//! those of the full picture.

use crate::network::vgg19::Extent;

/// relu5_1 sees 85 pixels in each direction. This is the next multiple of 16, so that all tiles pool the same pixels.
pub const HALO: usize = 96;
/// The size of a relu5_1 pixel in the picture. Cores and tiles start at multiples of it.
const GRID: usize = 16;

/// One tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// First column, with the halo.
    pub left: usize,
    /// First row, with the halo.
    pub top: usize,
    /// Size, with the halo.
    pub extent: Extent,
    /// The core, relative to the tile's corner: first column, first row, size.
    core: (usize, usize, Extent),
}

/// The tiles of a picture, with cores of about `side` x `side` pixels. Without `side`, one tile covers the picture.
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

/// The tiles along one axis: start, start of the core within the tile, length, length of the core.
fn spans(length: usize, side: usize) -> Vec<(usize, usize, usize, usize)> {
    // Cores have equal lengths on the grid; the last one ends with the picture.
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
    /// Copies the tile out of `planes` of the full picture.
    pub fn cut(&self, planes: &[f32], picture: Extent) -> Vec<f32> {
        let mut tile = Vec::with_capacity(planes.len() / picture.pixels() * self.extent.pixels());
        for plane in planes.chunks_exact(picture.pixels()) {
            for row in plane.chunks_exact(picture.width).skip(self.top).take(self.extent.height) {
                tile.extend_from_slice(&row[self.left..][..self.extent.width]);
            }
        }
        tile
    }

    /// Adds the planes of the tile to `planes` of the full picture.
    pub fn add(&self, tile: &[f32], planes: &mut [f32], picture: Extent) {
        for (from, to) in tile.chunks_exact(self.extent.pixels()).zip(planes.chunks_exact_mut(picture.pixels())) {
            let rows = to.chunks_exact_mut(picture.width).skip(self.top);
            for (from, to) in from.chunks_exact(self.extent.width).zip(rows) {
                to[self.left..][..self.extent.width].iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        }
    }

    /// A mask of the tile, `[H][W]`: 1 in the core, 0 in the halo.
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
                let picture = Extent { width, height };
                let mut covered = vec![0.0; picture.pixels()];
                for tile in tiles(picture, side) {
                    tile.add(&tile.core_mask(), &mut covered, picture);
                    assert!(tile.left % GRID == 0 && tile.top % GRID == 0, "{tile:?}");
                }
                assert!(covered.iter().all(|&times| times == 1.0), "{width}x{height} by {side:?}");
            }
        }
    }

    #[test]
    fn cut_reads_where_add_writes() {
        let picture = Extent { width: 300, height: 200 };
        let planes: Vec<f32> = (0..3 * picture.pixels()).map(|place| place as f32).collect();
        for tile in tiles(picture, Some(64)) {
            let mut back = vec![0.0; planes.len()];
            tile.add(&tile.cut(&planes, picture), &mut back, picture);
            assert!(back.iter().zip(&planes).all(|(back, plane)| *back == 0.0 || back == plane));
        }
    }
}
