//! Paints pictures that are too large for memory in tiles without seams.
//!
//! Instance normalisation depends on the full picture, so tiles that are normalised one by one differ where they meet. As in
//! Chen et al. 2022, "Towards Ultra-Resolution Neural Style Transfer via Thumbnail Instance Normalization", section 3.2, the
//! statistics are computed once from a thumbnail of the picture and used for every tile. Each tile is painted with a border
//! as wide as the network's receptive field, and the border is cut off.

use std::ops::Range;
use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;

use super::onnx::{self, GRAIN, OnnxNetwork, failed_on};
use super::provider::Provider;
use super::runtime::Runtime;
use super::{Network, NetworkFile, plugin};
use crate::error::{Error, Result};
use crate::frame::{Image, byte_len};
use crate::kernel::grain::{CELL, CHANNELS, Grain};
use crate::kernel::resize::Resizer;
use crate::size::Size;

/// Side of the square that one tile adds to the picture, in pixels.
const TILE: u32 = 1024;

/// Number of pixels of the thumbnail: large enough for strokes to look as they do in the tiles.
const THUMBNAIL: f64 = 1024.0 * 1024.0;

/// A network that paints large pictures in tiles, and others in one run.
pub struct TiledNetwork {
    /// The network itself, for pictures that are not large.
    untiled: OnnxNetwork,
    /// The same network with statistics as inputs.
    session: Session,
    file: NetworkFile,
    /// Border around each tile, in pixels; a multiple of `multiple`.
    halo: u32,
    /// Tiles start at multiples of this, so that strides fall on the same pixels in all of them.
    multiple: u32,
    /// Pictures with more pixels than this are painted in tiles.
    above: u64,
    resizer: Resizer,
    /// The grain of a tile.
    cells: Vec<f32>,
}

/// What a tile is a part of.
struct Picture<'a> {
    grain: &'a Grain,
    /// The size of the picture.
    size: Size,
    /// Where the tile begins, in pixels: a multiple of [`CELL`].
    left: u32,
    top: u32,
}

/// The instance-norm statistics that the graph uses.
enum Statistics<'a> {
    Own,
    Given(&'a [f32]),
}

impl TiledNetwork {
    /// Opens `file` and `tiles`, the same network with statistics as inputs.
    pub fn open(
        runtime: &Runtime,
        file: &NetworkFile,
        tiles: &Path,
        provider: &Provider,
        threads: usize,
        above: u64,
    ) -> Result<Self> {
        let untiled = OnnxNetwork::open(runtime, file, provider, threads)?;
        let session = onnx::session(runtime, tiles, Some(file), provider, threads, onnx::Placements::Forgotten)?;
        let number =
            |key: &str| -> Option<u32> { session.metadata().ok()?.custom(&format!("impasto.{key}"))?.parse().ok() };
        let multiple = number("multiple").unwrap_or(1).max(1);
        let Some(halo) = number("halo") else {
            let tiles = tiles.display();
            return Err(Error::failed(format!(
                "'{tiles}' does not state its receptive field (impasto.halo); export it again with scripts/train.py"
            )));
        };
        // Cells of grain begin where tiles begin.
        let multiple = if untiled.takes_grain() { multiple.next_multiple_of(CELL) } else { multiple };
        let halo = halo.next_multiple_of(multiple);
        let (file, resizer, cells) = (file.clone(), Resizer::default(), Vec::new());
        Ok(Self { untiled, session, file, halo, multiple, above, resizer, cells })
    }

    /// Runs the graph, and returns the statistics that it used.
    fn run_graph(
        &mut self,
        image: Image<'_>,
        weights: &[f32],
        picture: &Picture<'_>,
        from: &Statistics<'_>,
        out: &mut [u8],
    ) -> Result<Vec<f32>> {
        self.try_graph(image, weights, picture, from, out)
            .map_err(|error| failed_on(self.untiled.device, &self.file.name, &error))
    }

    fn try_graph(
        &mut self,
        image: Image<'_>,
        weights: &[f32],
        picture: &Picture<'_>,
        from: &Statistics<'_>,
        out: &mut [u8],
    ) -> ort::Result<Vec<f32>> {
        // The graph needs the vector in both cases; its length is in the graph.
        let length = self.session.inputs().iter().find(|input| input.name() == "statistics_given");
        let length = length.and_then(|input| input.dtype().tensor_shape()).map_or(0, ort::value::Shape::num_elements);
        let none = vec![0.0; length];
        let (given, use_given) = match from {
            Statistics::Own => (none.as_slice(), [0.0f32]),
            Statistics::Given(statistics) => (*statistics, [1.0f32]),
        };
        let shape = [1, image.height as usize, image.width as usize, 3];
        let mut inputs = ort::inputs![
            "image" => TensorRef::from_array_view((shape, image.pixels))?,
            "style" => TensorRef::from_array_view(([weights.len()], weights))?,
            "statistics_given" => TensorRef::from_array_view(([given.len()], given))?,
            "use_given" => TensorRef::from_array_view(([1usize], use_given.as_slice()))?,
        ];
        if self.untiled.takes_grain() {
            let [columns, rows] = [(picture.left, image.width), (picture.top, image.height)]
                .map(|(start, length)| start / CELL..(start + length).div_ceil(CELL));
            let shape = [1, rows.len(), columns.len(), CHANNELS];
            self.cells.resize(shape.iter().product(), 0.0);
            picture.grain.fill(picture.size, columns, rows, &mut self.cells);
            inputs.push((GRAIN.into(), TensorRef::from_array_view((shape, self.cells.as_slice()))?.into()));
        }
        let _turn = plugin::turn(self.untiled.device);
        let outputs = self.session.run(inputs)?;
        out.copy_from_slice(outputs["stylized"].try_extract_tensor::<u8>()?.1);
        Ok(outputs["statistics"].try_extract_tensor::<f32>()?.1.to_vec())
    }

    /// The statistics of a thumbnail of the picture.
    fn statistics(&mut self, image: Image<'_>, weights: &[f32], grain: &Grain) -> Result<Vec<f32>> {
        let shrink = (THUMBNAIL / (f64::from(image.width) * f64::from(image.height))).sqrt().min(1.0);
        let side = |pixels: u32| ((f64::from(pixels) * shrink).round() as u32).max(1);
        let (width, height) = (side(image.width), side(image.height));
        let mut pixels = vec![0; byte_len(width, height)];
        self.resizer.resize(image, width, height, &mut pixels)?;
        let mut painted = vec![0; pixels.len()];
        let whole = Picture { grain, size: Size::new(width, height), left: 0, top: 0 };
        self.run_graph(Image { width, height, pixels: &pixels }, weights, &whole, &Statistics::Own, &mut painted)
    }
}

impl Network for TiledNetwork {
    fn style_count(&self) -> usize {
        self.untiled.style_count()
    }

    fn takes_grain(&self) -> bool {
        self.untiled.takes_grain()
    }

    fn run(&mut self, image: Image<'_>, weights: &[f32], grain: &Grain, out: &mut [u8]) -> Result<()> {
        if u64::from(image.width) * u64::from(image.height) <= self.above {
            return self.untiled.run(image, weights, grain, out);
        }
        let statistics = self.statistics(image, weights, grain)?;
        let tile = TILE.div_ceil(self.multiple) * self.multiple;
        let (mut seen, mut painted) = (Vec::new(), Vec::new());
        for y in spans(image.height, tile, self.halo) {
            for x in spans(image.width, tile, self.halo) {
                cut(image, &x.seen, &y.seen, &mut seen);
                painted.resize(seen.len(), 0);
                let (width, height) = (x.seen.end - x.seen.start, y.seen.end - y.seen.start);
                let region = Image { width, height, pixels: &seen };
                let (size, left, top) = (Size::new(image.width, image.height), x.seen.start, y.seen.start);
                let picture = Picture { grain, size, left, top };
                self.run_graph(region, weights, &picture, &Statistics::Given(&statistics), &mut painted)?;
                paste(Image { pixels: &painted, ..region }, &x, &y, image.width, out);
            }
        }
        Ok(())
    }
}

/// One tile's extent along one axis, in pixels of the picture.
#[derive(Debug, PartialEq)]
struct Span {
    /// The pixels that the tile contributes to the picture.
    kept: Range<u32>,
    /// The pixels that the network sees: `kept` and its border, within the picture.
    seen: Range<u32>,
}

/// Divides `length` into tiles of `tile` pixels.
fn spans(length: u32, tile: u32, halo: u32) -> impl Iterator<Item = Span> {
    (0..length).step_by(tile as usize).map(move |start| {
        let end = (start + tile).min(length);
        Span { kept: start..end, seen: start.saturating_sub(halo)..(end + halo).min(length) }
    })
}

fn cut(image: Image<'_>, x: &Range<u32>, y: &Range<u32>, out: &mut Vec<u8>) {
    out.clear();
    for row in y.clone() {
        let start = byte_len(image.width, row) + byte_len(x.start, 1);
        out.extend_from_slice(&image.pixels[start..start + byte_len(x.end - x.start, 1)]);
    }
}

/// Copies the kept part of a painted tile into the picture of `width` columns.
fn paste(painted: Image<'_>, x: &Span, y: &Span, width: u32, out: &mut [u8]) {
    let bytes = byte_len(x.kept.end - x.kept.start, 1);
    for row in y.kept.clone() {
        let from = byte_len(painted.width, row - y.seen.start) + byte_len(x.kept.start - x.seen.start, 1);
        let to = byte_len(width, row) + byte_len(x.kept.start, 1);
        out[to..to + bytes].copy_from_slice(&painted.pixels[from..from + bytes]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_cover_the_length_exactly_once_and_have_borders() {
        let spans: Vec<Span> = spans(2500, 1024, 48).collect();
        assert_eq!(spans[0], Span { kept: 0..1024, seen: 0..1072 });
        assert_eq!(spans[1], Span { kept: 1024..2048, seen: 976..2096 });
        assert_eq!(spans[2], Span { kept: 2048..2500, seen: 2000..2500 });
    }

    #[test]
    fn cutting_and_pasting_all_tiles_restores_the_picture() {
        let (width, height) = (23, 17);
        let pixels: Vec<u8> = (0..byte_len(width, height)).map(|i| (i * 31 % 251) as u8).collect();
        let image = Image { width, height, pixels: &pixels };
        let (mut out, mut seen) = (vec![0; pixels.len()], Vec::new());
        for y in spans(height, 8, 4) {
            for x in spans(width, 8, 4) {
                cut(image, &x.seen, &y.seen, &mut seen);
                let region =
                    Image { width: x.seen.end - x.seen.start, height: y.seen.end - y.seen.start, pixels: &seen };
                paste(region, &x, &y, width, &mut out);
            }
        }
        assert_eq!(out, pixels);
    }
}
