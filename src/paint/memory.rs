//! Estimates the memory that a run needs.

use std::fs;

use super::tile::tiles;
use crate::network::vgg19::Extent;

// Measured: the peaks of runs at 256x256, 512x341 and 512x512 are 605 MiB plus 2500 bytes per pixel.
/// The program, ONNX Runtime, and VGG-19's weights, plain and transposed, many of them transformed for Winograd
/// convolution.
const FIXED: u64 = 610 << 20;
/// The feature graph, which stays loaded beside the loss graph when a picture is painted in tiles.
const FEATURES: u64 = 300 << 20;
/// Activations and gradients of VGG-19 per pixel.
const ACTIVATIONS: u64 = 2200;
/// Additional bytes per pixel for each region after the first.
const REGION: u64 = 500;
/// Per pixel: the picture, its gradient and the minimiser's history of 10 steps, 26 values of float32 in each of three
/// channels.
const OPTIMIZER: u64 = 26 * 3 * 4;

/// The peak memory, in bytes, of painting a picture of size `extent` in tiles of side `tile` with `regions` regions.
pub fn needed(extent: Extent, tile: Option<usize>, regions: usize) -> u64 {
    let tiles = tiles(extent, tile);
    let largest = tiles.iter().map(|tile| tile.extent.pixels()).max().unwrap_or(0) as u64;
    let more = regions.saturating_sub(1) as u64 * REGION;
    let features = if tiles.len() > 1 { FEATURES } else { 0 };
    FIXED + features + largest * (ACTIVATIONS + more) + extent.pixels() as u64 * OPTIMIZER
}

/// The available memory in bytes, if the system reports it.
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
    fn the_estimate_matches_measurements_and_tiles_need_less_for_large_pictures() {
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
            let estimated = needed(extent, tile, 1) >> 20;
            assert!(estimated.abs_diff(measured) < 50, "{estimated} for {measured}");
        }
        assert!(needed(square(4096), Some(512), 1) < needed(square(4096), None, 1) / 4);
    }
}
