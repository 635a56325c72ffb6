//! One style as a network of its own, for other programs: float32 `[1,3,H,W]` of one size, its style and its grain inside.

use std::path::Path;
use std::sync::Arc;

use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use super::exported::{Fields, edit, ends, field, first, put, put_varint, wire};
use super::onnx::{GRAIN, STYLE};
use super::runtime::Runtime;
use super::{Layout, NetworkFile};
use crate::error::{Error, Result, cause};
use crate::kernel::grain::{CELL, CHANNELS, Field, Grain};
use crate::size::Size;
use crate::whole::Unfinished;

/// What a network of its own is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standalone {
    /// The size of its pictures.
    pub size: Size,
    /// The value of white: 1 or 255.
    pub range: f32,
    /// Random seed of its grain.
    pub seed: u64,
}

/// Numbers of ONNX's types of tensors and attributes.
const FLOAT: u64 = 1;
const BYTE: u64 = 2;
const NUMBERS: u64 = 7;

/// Writes `file` with `weights` as a network of its own to `to`.
///
/// # Errors
/// The network is not impasto's own, is damaged, or the file cannot be written.
pub fn write(runtime: &Runtime, file: &NetworkFile, weights: &[f32], how: Standalone, to: &Path) -> Result<()> {
    let path = file.path.display();
    if file.layout != Layout::NhwcU8 {
        return Err(Error::usage(format!(
            "the network '{}' takes floats already, so there is nothing to export; use its file '{path}'",
            file.name
        )));
    }
    let model = std::fs::read(&file.path).map_err(|error| Error::reading(&file.path, &error))?;
    let changed = rewritten(&model, weights, how)
        .ok_or_else(|| Error::failed(format!("'{path}' is not an ONNX file, or is damaged; install it again")))?;
    let writing = |error| Error::writing(to, &error);
    let whole = Unfinished::beside(to).map_err(writing)?;
    // ONNX Runtime computes all that depends on nothing but the size, and leaves it out.
    let simplify = || -> ort::Result<()> {
        Session::builder(&runtime.environment)?
            .with_optimization_level(GraphOptimizationLevel::Level1)?
            .with_intra_threads(1)?
            .with_optimized_model_path(whole.temporary())?
            .commit_from_memory(&changed)?;
        Ok(())
    };
    simplify()
        .map_err(|error| Error::failed(format!("'{path}' cannot be exported ({}); export it again", cause(&error))))?;
    whole.commit().map_err(writing)
}

/// The model with floats at its ends, one size, and its weights and grain inside; `None` if the bytes are not a model.
fn rewritten(model: &[u8], weights: &[f32], how: Standalone) -> Option<Vec<u8>> {
    edit(model, field::MODEL_GRAPH, &|graph| {
        let takes_grain = ends(graph, field::GRAPH_INPUT)?.iter().any(|name| name == GRAIN.as_bytes());
        let [image, stylized] =
            [field::GRAPH_INPUT, field::GRAPH_OUTPUT].map(|end| ends(graph, end)?.into_iter().next());
        let (image, stylized) = (image?, stylized?);
        let mut out = Vec::with_capacity(graph.len() + (1 << 16));
        // Nodes stand before those that use them.
        let white = how.range == 255.0;
        let first_end: &[u8] = if white { &image } else { b"impasto_unit_in" };
        node(&mut out, "Transpose", &[b"input"], first_end, Some(&[0, 2, 3, 1]));
        if !white {
            node(&mut out, "Mul", &[first_end, b"impasto_white"], &image, None);
        }
        for part in Fields(graph) {
            let part = part?;
            match (part.number, part.content) {
                (field::GRAPH_INPUT | field::GRAPH_OUTPUT | field::GRAPH_VALUE_INFO, _) => {}
                (field::GRAPH_NODE, Some(content)) => put(&mut out, field::GRAPH_NODE, &without_bytes(content)?),
                _ => out.extend_from_slice(part.bytes),
            }
        }
        let last_end: &[u8] = if white { b"output" } else { b"impasto_unit_out" };
        node(&mut out, "Transpose", &[&stylized], last_end, Some(&[0, 3, 1, 2]));
        if !white {
            node(&mut out, "Div", &[last_end, b"impasto_white"], b"output", None);
            constant(&mut out, "impasto_white", &[1], &[255.0]);
        }
        constant(&mut out, STYLE, &[weights.len() as u64], weights);
        if takes_grain {
            let (cells, values) = grain(how);
            constant(&mut out, GRAIN, &cells, &values);
        }
        for (number, name) in [(field::GRAPH_INPUT, "input"), (field::GRAPH_OUTPUT, "output")] {
            put(&mut out, number, &end(name, how.size));
        }
        Some(out)
    })
}

/// The grain of a still picture, with its shape.
fn grain(how: Standalone) -> ([u64; 4], Vec<f32>) {
    let (columns, rows) = (how.size.width.div_ceil(CELL), how.size.height.div_ceil(CELL));
    let mut values = vec![0.0; columns as usize * rows as usize * CHANNELS];
    let still = Grain::still(Arc::new(Field::new(how.seed)), how.size);
    still.fill(how.size, 0..columns, 0..rows, &mut values);
    ([1, rows.into(), columns.into(), CHANNELS as u64], values)
}

/// `node`, which makes floats where it made bytes: other programs know no pictures of bytes.
fn without_bytes(node: &[u8]) -> Option<Vec<u8>> {
    if first(node, field::NODE_OPERATION)? != Some(b"Cast") {
        return Some(node.to_vec());
    }
    edit(node, field::NODE_ATTRIBUTE, &|attribute| {
        let mut changed = Vec::with_capacity(attribute.len());
        for part in Fields(attribute) {
            let part = part?;
            let mut to_bytes = Vec::new();
            put_number(&mut to_bytes, field::ATTRIBUTE_NUMBER, BYTE);
            if part.bytes == to_bytes {
                put_number(&mut changed, field::ATTRIBUTE_NUMBER, FLOAT);
            } else {
                changed.extend_from_slice(part.bytes);
            }
        }
        Some(changed)
    })
}

/// Adds a node to a graph, with the axes' order if it transposes.
fn node(graph: &mut Vec<u8>, operation: &str, inputs: &[&[u8]], output: &[u8], order: Option<&[u64]>) {
    let mut node = Vec::new();
    inputs.iter().for_each(|input| put(&mut node, field::NODE_INPUT, input));
    put(&mut node, field::NODE_OUTPUT, output);
    put(&mut node, field::NODE_OPERATION, operation.as_bytes());
    if let Some(order) = order {
        let mut attribute = Vec::new();
        put(&mut attribute, field::ATTRIBUTE_NAME, b"perm");
        order.iter().for_each(|axis| put_number(&mut attribute, field::ATTRIBUTE_NUMBERS, *axis));
        put_number(&mut attribute, field::ATTRIBUTE_TYPE, NUMBERS);
        put(&mut node, field::NODE_ATTRIBUTE, &attribute);
    }
    put(graph, field::GRAPH_NODE, &node);
}

/// Adds a constant to a graph.
fn constant(graph: &mut Vec<u8>, name: &str, shape: &[u64], values: &[f32]) {
    let mut tensor = Vec::new();
    shape.iter().for_each(|side| put_number(&mut tensor, field::INITIALIZER_SIDE, *side));
    put_number(&mut tensor, field::INITIALIZER_TYPE, FLOAT);
    put(&mut tensor, field::INITIALIZER_NAME, name.as_bytes());
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    put(&mut tensor, field::INITIALIZER_RAW, &bytes);
    put(graph, field::GRAPH_INITIALIZER, &tensor);
}

/// An input or output: float32 `[1,3,H,W]`.
fn end(name: &str, size: Size) -> Vec<u8> {
    let mut shape = Vec::new();
    for side in [1, 3, size.height, size.width] {
        let mut dimension = Vec::new();
        put_number(&mut dimension, field::DIMENSION_VALUE, side.into());
        put(&mut shape, field::SHAPE_DIMENSION, &dimension);
    }
    let mut tensor = Vec::new();
    put_number(&mut tensor, field::TENSOR_TYPE, FLOAT);
    put(&mut tensor, field::TENSOR_SHAPE, &shape);
    let mut kind = Vec::new();
    put(&mut kind, field::TYPE_TENSOR, &tensor);
    let mut end = Vec::new();
    put(&mut end, field::VALUE_NAME, name.as_bytes());
    put(&mut end, field::VALUE_TYPE, &kind);
    end
}

fn put_number(out: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(out, number << 3 | wire::VARINT);
    put_varint(out, value);
}
