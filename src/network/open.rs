//! From a file to a network that runs.

use std::path::Path;

use super::provider::Provider;
use super::runtime::Runtime;
use super::{Network, NetworkFile, onnx, tiled};
use crate::error::Result;
use crate::frame::{Image, byte_len};

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

/// The names of the styles that an own network carries in its metadata (`impasto.styles`); empty if it carries none.
///
/// # Errors
/// The file is missing or is no network.
pub fn style_names(path: &Path, how: &Opening<'_>) -> Result<Vec<String>> {
    let session = onnx::session(how.runtime, path, None, how.provider, how.threads)?;
    let names = session.metadata().ok().and_then(|metadata| metadata.custom("impasto.styles")).unwrap_or_default();
    Ok(names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Opens `file` and paints one small picture with `weights`: whether it really is a style network.
///
/// # Errors
/// As [`open`], and where the run fails.
pub fn try_out(file: &NetworkFile, weights: &[f32], how: &Opening<'_>) -> Result<()> {
    let mut network = open(file, how)?;
    let (width, height) = (67, 45);
    let pixels: Vec<u8> = (0..byte_len(width, height)).map(|place| (place * 7 % 256) as u8).collect();
    network.run(Image { width, height, pixels: &pixels }, weights, &mut vec![0; pixels.len()])
}
