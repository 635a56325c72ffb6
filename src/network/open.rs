//! From a file to a network that runs.

use super::provider::Provider;
use super::runtime::Runtime;
use super::{Network, NetworkFile, onnx, tiled};
use crate::error::Result;

/// How a network is opened.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// What loads it.
    pub runtime: &'a Runtime,
    /// What runs it.
    pub provider: &'a Provider,
    /// Cores for one picture, at least 1.
    pub threads: usize,
    /// Pictures of more pixels go in tiles, where the network can; `None` never.
    pub tile_above: Option<u64>,
}

/// Opens the network in `file`.
///
/// # Errors
/// The file is missing or damaged, is not a style network (its inputs and outputs are named), or the provider cannot
/// run it.
pub fn open(file: &NetworkFile, how: &Opening<'_>) -> Result<Box<dyn Network>> {
    let Opening { runtime, provider, threads, tile_above } = *how;
    Ok(match (&file.tiles, tile_above) {
        (Some(tiles), Some(above)) => {
            Box::new(tiled::TiledNetwork::open(runtime, file, tiles, provider, threads, above)?)
        }
        _ => Box::new(onnx::OnnxNetwork::open(runtime, file, provider, threads)?),
    })
}
