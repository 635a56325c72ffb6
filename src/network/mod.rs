//! Style networks: RGB8 in, RGB8 out, on any device. The only module that knows ONNX Runtime.

mod card;
pub mod contest;
pub mod device;
pub mod exported;
pub mod inspect;
pub mod library;
mod onnx;
mod open;
pub mod placement;
pub mod plugin;
mod plugin_fault;
mod plugin_file;
pub mod predictor;
pub mod provider;
mod roughened;
pub mod runtime;
pub mod spare;
pub mod standalone;
mod tiled;
pub mod trial;
pub mod vgg19;
pub mod web;

use std::path::PathBuf;

use crate::error::Result;
use crate::frame::{Image, byte_len};
use crate::kernel::grain::Grain;
use crate::kernel::packed::PackedFormat;
use crate::kernel::planar::PlanarFormat;

pub use self::open::{Opening, open};

/// A feed-forward network that paints RGB8 pictures of any size.
pub trait Network: Send {
    /// Number of style weights that [`Network::run`] takes: 1 for a single style; the length of the style vector for
    /// arbitrary style.
    fn style_count(&self) -> usize;

    /// Whether its strokes grow from grain. Others ignore the grain that [`Network::run`] gets.
    fn takes_grain(&self) -> bool {
        false
    }

    /// Paints `image` into `out` (RGB8, `image.pixels.len()` bytes). `weights` holds `style_count` numbers: weights that sum
    /// to 1, or a style vector.
    ///
    /// # Errors
    /// The inference fails, or gives values that are not numbers.
    fn run(&mut self, image: Image<'_>, weights: &[f32], grain: &Grain, out: &mut [u8]) -> Result<()>;
}

/// The layout of a network's pixels: order, type and range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    /// Networks trained by impasto's scripts: `image` uint8 `[1,H,W,3]` and `style` float32 `[S]` to `stylized` uint8 `[1,H,W,3]`.
    /// Some also take `grain` float32 `[1,ceil(H/4),ceil(W/4),4]`: see [`crate::kernel::grain`].
    NhwcU8,
    /// One float32 `[1,3,H,W]` RGB input and output, described by [`PlanarFormat`].
    NchwF32(PlanarFormat),
    /// Arbitrary-style networks: float32 `[1,H,W,3]` RGB and a style vector float32 `[1,1,1,V]` to float32 `[1,H,W,3]`,
    /// described by `PackedFormat`.
    NhwcF32(PackedFormat),
}

/// A network file, as the manifest describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkFile {
    /// The network's name in the manifest.
    pub name: String,
    /// The ONNX file.
    pub path: PathBuf,
    /// The same network with instance-norm statistics as inputs, for painting in tiles.
    pub tiles: Option<PathBuf>,
    /// Layout of its pixels.
    pub layout: Layout,
    /// Number of weights: one per style, or the length of its style vectors.
    pub styles: usize,
    /// The short side, in pixels, of the pictures that it was trained for.
    pub side: u32,
    /// SHA-256 of the ONNX file from the manifest, in hexadecimal.
    pub sha256: String,
}

/// Copies the picture. The style `identity`; also for tests and benchmarks of everything around a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl Network for Identity {
    fn style_count(&self) -> usize {
        1
    }

    fn run(&mut self, image: Image<'_>, _weights: &[f32], _grain: &Grain, out: &mut [u8]) -> Result<()> {
        debug_assert_eq!(image.pixels.len(), byte_len(image.width, image.height));
        out.copy_from_slice(image.pixels);
        Ok(())
    }
}
