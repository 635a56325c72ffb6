//! What a run needs of the machine's memory.

use std::fs;

use super::tile::tiles;
use crate::network::vgg19::Extent;

// Measured: the peak of complete runs at 256x256, 512x341 and 512x512 is 605 MiB and 2500 bytes a pixel.
/// The program, ONNX Runtime, and VGG-19's weights, plain and turned, many of them transformed for Winograd's convolutions.
const FIXED: u64 = 610 << 20;
/// The graph of features, which stays open beside the graph of losses where a picture is in tiles.
const FEATURES: u64 = 300 << 20;
/// Activations and gradients of one pixel inside VGG-19.
const ACTIVATIONS: u64 = 2200;
/// And for each region more.
const REGION: u64 = 500;
/// The picture, its gradient, the minimiser's memory of 10 steps: 26 planes of float32 three times.
const OPTIMIZER: u64 = 26 * 3 * 4;

/// Bytes that painting a picture of `extent` takes at its peak, in tiles of this side, with this many regions.
pub fn needed(extent: Extent, tile: Option<usize>, regions: usize) -> u64 {
    let tiles = tiles(extent, tile);
    let largest = tiles.iter().map(|tile| tile.extent.pixels()).max().unwrap_or(0) as u64;
    let more = regions.saturating_sub(1) as u64 * REGION;
    let features = if tiles.len() > 1 { FEATURES } else { 0 };
    FIXED + features + largest * (ACTIVATIONS + more) + extent.pixels() as u64 * OPTIMIZER
}

/// Bytes of memory that are free, where the system says so.
pub fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_said_and_tiles_need_less_where_it_matters() {
        let square = |side| Extent { width: side, height: side };
        let wide = Extent { width: 512, height: 341 };
        let measured = [
            (square(256), None, 760),
            (wide, None, 1043),
            (square(512), None, 1229),
            (square(512), Some(256), 1216),
            (square(512), Some(128), 1209),
        ];
        for (extent, tile, measured) in measured {
            let said = needed(extent, tile, 1) >> 20;
            assert!(said.abs_diff(measured) < 50, "{said} for {measured}");
        }
        assert!(needed(square(4096), Some(512), 1) < needed(square(4096), None, 1) / 4);
    }
}
