//! Edits exported ONNX models: removes a fixed picture size, and rounding that makes paintings flicker.
//!
//! The edits work on the protobuf bytes (fields of onnx.proto), so installing a network needs no ONNX library. A trial run
//! shows whether the edited model works.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// The name of the weights input in networks trained by impasto's scripts.
pub(super) const STYLE: &str = "style";

/// The name of the grain input in networks whose strokes grow from it.
pub(super) const GRAIN: &str = "grain";

/// Field numbers of onnx.proto, from the outermost message inwards.
pub(super) mod field {
    pub const MODEL_GRAPH: u64 = 7;
    pub const GRAPH_NODE: u64 = 1;
    pub const GRAPH_INITIALIZER: u64 = 5;
    pub const GRAPH_INPUT: u64 = 11;
    pub const GRAPH_OUTPUT: u64 = 12;
    pub const GRAPH_VALUE_INFO: u64 = 13;
    pub const NODE_INPUT: u64 = 1;
    pub const NODE_OUTPUT: u64 = 2;
    pub const NODE_OPERATION: u64 = 4;
    pub const NODE_ATTRIBUTE: u64 = 5;
    pub const ATTRIBUTE_NAME: u64 = 1;
    pub const ATTRIBUTE_NUMBER: u64 = 3;
    pub const ATTRIBUTE_NUMBERS: u64 = 8;
    pub const ATTRIBUTE_TYPE: u64 = 20;
    pub const INITIALIZER_SIDE: u64 = 1;
    pub const INITIALIZER_TYPE: u64 = 2;
    pub const INITIALIZER_NAME: u64 = 8;
    pub const INITIALIZER_RAW: u64 = 9;
    pub const INITIALIZER_OUTSIDE: u64 = 13;
    pub const INITIALIZER_PLACE: u64 = 14;
    pub const ENTRY_KEY: u64 = 1;
    pub const ENTRY_VALUE: u64 = 2;
    pub const VALUE_NAME: u64 = 1;
    pub const VALUE_TYPE: u64 = 2;
    pub const TYPE_TENSOR: u64 = 1;
    pub const TENSOR_TYPE: u64 = 1;
    pub const TENSOR_SHAPE: u64 = 2;
    pub const SHAPE_DIMENSION: u64 = 1;
    pub const DIMENSION_VALUE: u64 = 1;
    pub const DIMENSION_NAME: u64 = 2;
}

/// Protobuf wire types: the kind of value that follows a field number.
pub(super) mod wire {
    pub const VARINT: u64 = 0;
    pub const EIGHT_BYTES: u64 = 1;
    pub const LENGTH: u64 = 2;
    pub const FOUR_BYTES: u64 = 5;
}

/// Copies `model` so that its inputs and outputs of shape `[1,H,W,3]` accept any H and W; `None` if the bytes are not a
/// model.
///
/// An ONNX file states the shapes of its inputs and outputs, and ONNX Runtime enforces them even where no node depends on
/// them. A convolutional network exported at one size runs at any size once the statement is gone.
///
/// Shapes recorded for values inside the graph are removed: they hold for the exported size only.
pub fn free_sides(model: &[u8]) -> Option<Vec<u8>> {
    edit(model, field::MODEL_GRAPH, &|graph| {
        let graph = edit(graph, field::GRAPH_INPUT, &free_end)?;
        let graph = edit(&graph, field::GRAPH_OUTPUT, &free_end)?;
        without(&graph, field::GRAPH_VALUE_INFO)
    })
}

/// Copies `model` without the rounding of intermediate values to 8 bits; the weights stay quantised and small. `None` if
/// the bytes are not a model.
///
/// Rounding after every layer makes a painting flicker: the network of `impasto setup --style-images` turns sensor noise of
/// 2 levels into 7 to 12 levels, and into about 1 without the rounding. Pairs of QuantizeLinear and DequantizeLinear become
/// Identity, which ONNX Runtime removes.
pub fn unrounded(model: &[u8]) -> Option<Vec<u8>> {
    edit(model, field::MODEL_GRAPH, &|graph| {
        let mut constants = HashSet::new();
        for part in Fields(graph) {
            let part = part?;
            if part.number == field::GRAPH_INITIALIZER {
                constants.extend(first(part.content?, field::INITIALIZER_NAME)?);
            }
        }
        edit(graph, field::GRAPH_NODE, &|node| {
            let operation = first(node, field::NODE_OPERATION)?;
            let rounds = matches!(operation, Some(b"QuantizeLinear" | b"DequantizeLinear"));
            match first(node, field::NODE_INPUT)? {
                Some(value) if rounds && !constants.contains(value) => identity(node),
                _ => Some(node.to_vec()),
            }
        })
    })
}

/// Copies `model` with the weights inside that it keeps in files beside it; `content` gives such a file by its name. `None`
/// if the bytes are not a model, or a file is missing or too short.
///
/// PyTorch exports large models so. One file is easier to keep together, and its hash covers the weights.
pub fn with_weights(model: &[u8], content: &dyn Fn(&str) -> Option<Rc<Vec<u8>>>) -> Option<Vec<u8>> {
    edit(model, field::MODEL_GRAPH, &|graph| {
        edit(graph, field::GRAPH_INITIALIZER, &|tensor| {
            let (mut inside, mut outside) = (Vec::with_capacity(tensor.len()), HashMap::new());
            for part in Fields(tensor) {
                let part = part?;
                match part.number {
                    field::INITIALIZER_OUTSIDE => {
                        let text = |number| std::str::from_utf8(first(part.content?, number)??).ok();
                        outside.insert(text(field::ENTRY_KEY)?, text(field::ENTRY_VALUE)?);
                    }
                    field::INITIALIZER_PLACE => {}
                    _ => inside.extend_from_slice(part.bytes),
                }
            }
            let Some(file) = outside.get("location") else { return Some(tensor.to_vec()) };
            let number = |key| outside.get(key).map_or(Some(None), |text| text.parse::<usize>().ok().map(Some));
            let (start, length) = (number("offset")?.unwrap_or(0), number("length")?);
            let file = content(file)?;
            let weights = match length {
                Some(length) => file.get(start..start.checked_add(length)?)?,
                None => file.get(start..)?,
            };
            put(&mut inside, field::INITIALIZER_RAW, weights);
            Some(inside)
        })
    })
}

/// Whether `model` has an input called `name`.
pub(super) fn has_input(model: &[u8], name: &str) -> bool {
    let graph = first(model, field::MODEL_GRAPH).flatten();
    let inputs = graph.and_then(|graph| ends(graph, field::GRAPH_INPUT)).unwrap_or_default();
    inputs.iter().any(|input| input == name.as_bytes())
}

/// The names of the graph's inputs or outputs.
pub(super) fn ends(graph: &[u8], number: u64) -> Option<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for part in Fields(graph) {
        let part = part?;
        if part.number == number {
            names.push(first(part.content?, field::VALUE_NAME)??.to_vec());
        }
    }
    Some(names)
}

/// Turns `node` into one that passes its first input through.
fn identity(node: &[u8]) -> Option<Vec<u8>> {
    let mut passing = Vec::with_capacity(node.len());
    let mut inputs = 0;
    for part in Fields(node) {
        let part = part?;
        match part.number {
            field::NODE_INPUT if inputs > 0 => {}
            field::NODE_ATTRIBUTE => {}
            field::NODE_OPERATION => put(&mut passing, field::NODE_OPERATION, b"Identity"),
            _ => passing.extend_from_slice(part.bytes),
        }
        inputs += usize::from(part.number == field::NODE_INPUT);
    }
    Some(passing)
}

/// The content of the first field `number`; `Some(None)` if there is none.
pub(super) fn first(message: &[u8], number: u64) -> Option<Option<&[u8]>> {
    for part in Fields(message) {
        let part = part?;
        if part.number == number {
            return Some(part.content);
        }
    }
    Some(None)
}

fn free_end(end: &[u8]) -> Option<Vec<u8>> {
    edit(end, field::VALUE_TYPE, &|kind| {
        edit(kind, field::TYPE_TENSOR, &|tensor| edit(tensor, field::TENSOR_SHAPE, &free_shape))
    })
}

/// Replaces H and W in `[1,H,W,3]` by names; keeps any other shape.
fn free_shape(shape: &[u8]) -> Option<Vec<u8>> {
    let mut sides = Vec::new();
    for part in Fields(shape) {
        let part = part?;
        if part.number == field::SHAPE_DIMENSION {
            sides.push(value(part.content?)?);
        }
    }
    let [Some(1), _, _, Some(3)] = sides[..] else { return Some(shape.to_vec()) };
    let mut freed = Vec::new();
    put(&mut freed, field::SHAPE_DIMENSION, &fixed(1));
    put(&mut freed, field::SHAPE_DIMENSION, &named("height"));
    put(&mut freed, field::SHAPE_DIMENSION, &named("width"));
    put(&mut freed, field::SHAPE_DIMENSION, &fixed(3));
    Some(freed)
}

/// The size that a dimension is fixed to; `Some(None)` if it is free.
fn value(dimension: &[u8]) -> Option<Option<u64>> {
    let mut value = None;
    for part in Fields(dimension) {
        let part = part?;
        if part.number == field::DIMENSION_VALUE {
            // One byte of field number and wire type, then the value.
            value = Some(varint(&mut part.bytes.get(1..)?)?);
        }
    }
    Some(value)
}

/// A dimension fixed to `size`, which must be below 128 to fit into one byte.
fn fixed(size: u8) -> Vec<u8> {
    vec![(field::DIMENSION_VALUE << 3 | wire::VARINT) as u8, size]
}

fn named(name: &str) -> Vec<u8> {
    let mut dimension = Vec::new();
    put(&mut dimension, field::DIMENSION_NAME, name.as_bytes());
    dimension
}

/// Copies `message` with `change` applied to the content of every field `number`.
pub(super) fn edit(message: &[u8], number: u64, change: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut edited = Vec::with_capacity(message.len() + 16);
    for part in Fields(message) {
        let part = part?;
        match part.content {
            Some(content) if part.number == number => put(&mut edited, number, &change(content)?),
            _ => edited.extend_from_slice(part.bytes),
        }
    }
    Some(edited)
}

fn without(message: &[u8], number: u64) -> Option<Vec<u8>> {
    let mut rest = Vec::with_capacity(message.len());
    for part in Fields(message) {
        let part = part?;
        if part.number != number {
            rest.extend_from_slice(part.bytes);
        }
    }
    Some(rest)
}

/// One field of a message.
pub(super) struct Field<'a> {
    pub number: u64,
    /// The encoded field.
    pub bytes: &'a [u8],
    /// The content of a length-delimited field: a message or a text.
    pub content: Option<&'a [u8]>,
}

/// The fields of a message, in order. Yields `None` as its last item where the bytes are not a valid message.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = take_field(&mut self.0);
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

fn take_field<'a>(rest: &mut &'a [u8]) -> Option<Field<'a>> {
    let start = *rest;
    let key = varint(rest)?;
    let mut content = None;
    match key & 7 {
        wire::VARINT => drop(varint(rest)?),
        wire::EIGHT_BYTES => drop(rest.split_off(..8)?),
        wire::FOUR_BYTES => drop(rest.split_off(..4)?),
        wire::LENGTH => {
            let length = usize::try_from(varint(rest)?).ok()?;
            content = Some(rest.split_off(..length)?);
        }
        _ => return None,
    }
    Some(Field { number: key >> 3, bytes: &start[..start.len() - rest.len()], content })
}

/// Takes a variable-length number: seven bits per byte, least significant first.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

pub(super) fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(super) fn put(out: &mut Vec<u8>, number: u64, content: &[u8]) {
    put_varint(out, number << 3 | wire::LENGTH);
    put_varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_beside_a_model_come_inside_it() {
        let entry = |key: &str, value: &str| {
            let mut entry = Vec::new();
            put(&mut entry, field::ENTRY_KEY, key.as_bytes());
            put(&mut entry, field::ENTRY_VALUE, value.as_bytes());
            entry
        };
        let model = |fields: &[(u64, Vec<u8>)]| {
            let (mut tensor, mut graph, mut model) = (Vec::new(), Vec::new(), Vec::new());
            fields.iter().for_each(|(number, content)| put(&mut tensor, *number, content));
            put(&mut graph, field::GRAPH_INITIALIZER, &tensor);
            put(&mut model, field::MODEL_GRAPH, &graph);
            model
        };
        let outside = |length: &str| {
            let entries = [entry("location", "w.data"), entry("offset", "2"), entry("length", length)];
            let name = [(field::INITIALIZER_NAME, b"w".to_vec())];
            model(&name.into_iter().chain(entries.map(|entry| (field::INITIALIZER_OUTSIDE, entry))).collect::<Vec<_>>())
        };
        let content = |name: &str| (name == "w.data").then(|| Rc::new(vec![1, 2, 3, 4, 5, 6]));
        let inside = model(&[(field::INITIALIZER_NAME, b"w".to_vec()), (field::INITIALIZER_RAW, vec![3, 4, 5])]);
        assert_eq!(with_weights(&outside("3"), &content), Some(inside.clone()));
        assert_eq!(with_weights(&outside("9"), &content), None);
        assert_eq!(with_weights(&inside, &content), Some(inside));
    }

    /// A model with one input of shape `sides` (0: free).
    fn model(sides: &[u8]) -> Vec<u8> {
        let nest = |number, content: &[u8]| {
            let mut outer = Vec::new();
            put(&mut outer, number, content);
            outer
        };
        let dimension = |&side: &u8| match side {
            0 => nest(field::SHAPE_DIMENSION, &named("n")),
            _ => nest(field::SHAPE_DIMENSION, &fixed(side)),
        };
        let shape: Vec<u8> = sides.iter().flat_map(dimension).collect();
        let tensor = nest(field::TYPE_TENSOR, &nest(field::TENSOR_SHAPE, &shape));
        nest(field::MODEL_GRAPH, &nest(field::GRAPH_INPUT, &nest(field::VALUE_TYPE, &tensor)))
    }

    #[test]
    fn picture_sizes_are_freed_and_other_shapes_kept() {
        let freed = free_sides(&model(&[1, 96, 64, 3])).unwrap();
        let has = |word: &[u8]| freed.windows(word.len()).any(|found| found == word);
        assert!(has(b"height") && has(b"width"));
        assert_eq!(free_sides(&freed).unwrap(), freed, "freeing twice is freeing once");
        for other in [[1, 1, 1, 100].as_slice(), &[1, 3, 96, 64], &[0, 96, 64, 3], &[]] {
            assert_eq!(free_sides(&model(other)).unwrap(), model(other), "{other:?}");
        }
    }

    #[test]
    fn rounding_of_values_is_removed_and_weights_stay_quantised() {
        let text = |number, content: &[u8]| {
            let mut field = Vec::new();
            put(&mut field, number, content);
            field
        };
        let node = |operation: &[u8], inputs: &[&[u8]]| {
            let inputs: Vec<u8> = inputs.iter().flat_map(|input| text(field::NODE_INPUT, input)).collect();
            let node = [inputs, text(field::NODE_OPERATION, operation)].concat();
            text(field::GRAPH_NODE, &node)
        };
        let weights = text(field::GRAPH_INITIALIZER, &text(field::INITIALIZER_NAME, b"weights"));
        let model = |nodes: &[Vec<u8>]| text(field::MODEL_GRAPH, &[nodes.concat(), weights.clone()].concat());
        let before = model(&[
            node(b"DequantizeLinear", &[b"weights", b"scale", b"zero"]),
            node(b"QuantizeLinear", &[b"value", b"scale", b"zero"]),
            node(b"DequantizeLinear", &[b"rounded", b"scale", b"zero"]),
            node(b"Conv", &[b"value", b"weights"]),
        ]);
        let after = model(&[
            node(b"DequantizeLinear", &[b"weights", b"scale", b"zero"]),
            node(b"Identity", &[b"value"]),
            node(b"Identity", &[b"rounded"]),
            node(b"Conv", &[b"value", b"weights"]),
        ]);
        assert_eq!(unrounded(&before).unwrap(), after);
        assert_eq!(unrounded(&after).unwrap(), after);
    }

    #[test]
    fn bytes_that_are_not_a_model_are_refused_without_a_panic() {
        let complete = model(&[1, 96, 64, 3]);
        for end in 1..complete.len() {
            assert_eq!(free_sides(&complete[..end]), None, "truncated at {end}");
        }
        for seed in 0..2000u32 {
            let noise: Vec<u8> = (0..64)
                .map(|place: u32| (seed.wrapping_mul(2_654_435_761) >> (place % 24)) as u8 ^ place as u8)
                .collect();
            let _ = (free_sides(&noise), unrounded(&noise));
        }
        assert_eq!((free_sides(&[0xFF; 40]), unrounded(&[0xFF; 40])), (None, None));
    }
}
