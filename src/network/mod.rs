//! Style networks: bytes in, bytes out, whatever runs them.

pub mod exported;
pub mod inspect;
pub mod library;
mod onnx;
pub mod predictor;
pub mod provider;
pub mod runtime;
mod tiled;
pub mod trial;
pub mod vgg19;

use std::path::PathBuf;

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

/// A network file, as described in the manifest.
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
    /// Pictures with more pixels are painted in tiles, if the network can; `None`: never.
    pub tile_above: Option<u64>,
}

/// Opens the network in `file`.
///
/// # Errors
/// The file is missing or damaged, is not a style network of its layout, or the provider cannot run it.
pub fn open(file: &NetworkFile, how: &Opening<'_>) -> Result<Box<dyn Network>> {
    let Opening { runtime, provider, threads, tile_above } = *how;
    Ok(match (&file.tiles, tile_above) {
        (Some(tiles), Some(above)) => {
            Box::new(tiled::TiledNetwork::open(runtime, file, tiles, provider, threads, above)?)
        }
        _ => Box::new(onnx::OnnxNetwork::open(runtime, file, provider, threads)?),
    })
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
