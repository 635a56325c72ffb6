//! What a run needs of the machine's memory.

use std::fs;

use super::tile::tiles;
use crate::network::vgg19::Extent;

/// VGG-19's weights, plain and turned, as the processor wants them; the program and ONNX Runtime.
const FIXED: u64 = 260 << 20;
/// Activations and gradients of one pixel inside VGG-19 (measured).
const ACTIVATIONS: u64 = 3600;
/// And for each region more.
const REGION: u64 = 1400;
/// The picture, its gradient, the minimiser's memory of 10 steps: 26 planes of float32 three times.
const OPTIMIZER: u64 = 26 * 3 * 4;

/// Bytes that painting a picture of `extent` takes at its peak, in tiles of this side, with this many regions.
pub fn needed(extent: Extent, tile: Option<usize>, regions: usize) -> u64 {
    let largest = tiles(extent, tile).iter().map(|tile| tile.extent.pixels()).max().unwrap_or(0) as u64;
    let more = regions.saturating_sub(1) as u64 * REGION;
    FIXED + largest * (ACTIVATIONS + more) + extent.pixels() as u64 * OPTIMIZER
}

/// Bytes of memory that are free, where the system says so.
pub fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemAvailable:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes << 10)
}
