//! Style networks: bytes in, bytes out, whatever runs them.

pub mod exported;
pub mod library;
mod onnx;
pub mod predictor;
pub mod provider;
pub mod runtime;
mod tiled;
pub mod vgg19;

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::frame::{Image, byte_len};
use crate::kernel::packed::PackedFormat;
use crate::kernel::planar::PlanarFormat;
use provider::Provider;
use runtime::Runtime;

/// A feed-forward network that paints RGB8 pictures of any size.
pub trait Network: Send {
    /// How many style weights [`Network::run`] takes; 1 for a network of a single style, the length of the style vector
    /// for one of any style.
    fn style_count(&self) -> usize;

    /// Paints `image` into `out` (`image.pixels.len()` bytes, RGB8) in the mix of styles that `weights` gives
    /// (`style_count` numbers that sum to 1), or in the style of that vector.
    fn run(&mut self, image: Image<'_>, weights: &[f32], out: &mut [u8]) -> Result<()>;
}

/// How a network wants its pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    /// Own networks: `image` uint8 `[1,H,W,3]` and `style` float32 `[S]` to `stylized` uint8 `[1,H,W,3]`.
    NhwcU8,
    /// One float32 `[1,3,H,W]` RGB input and output, described by [`PlanarFormat`].
    NchwF32(PlanarFormat),
    /// Networks of any style: float32 `[1,H,W,3]` RGB and a style vector float32 `[1,1,1,V]` to float32 `[1,H,W,3]`,
    /// described by [`PackedFormat`].
    NhwcF32(PackedFormat),
}

/// What a file holds, as the manifest says.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkFile {
    /// Name in the manifest.
    pub name: String,
    /// The graph.
    pub path: PathBuf,
    /// The same network with instance-norm statistics as inputs, for pictures in tiles.
    pub tiles: Option<PathBuf>,
    /// How it wants pixels.
    pub layout: Layout,
    /// How many weights it takes: one a style, or the length of its style vectors.
    pub styles: usize,
    /// SHA-256 of the graph, in hexadecimal, as the manifest says.
    pub sha256: String,
}

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

/// The network that paints nothing: what tests and benchmarks of everything around a network run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl Network for Identity {
    fn style_count(&self) -> usize {
        1
    }

    fn run(&mut self, image: Image<'_>, _weights: &[f32], out: &mut [u8]) -> Result<()> {
        debug_assert_eq!(image.pixels.len(), byte_len(image.width, image.height));
        out.copy_from_slice(image.pixels);
        Ok(())
    }
}
