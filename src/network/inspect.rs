//! What kind of style network a file holds, by its inputs and outputs.

use std::path::Path;

use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};

use super::onnx::{self, STYLE, describe, is, is_grain};
use super::{Layout, Opening};
use crate::error::Result;

/// What a graph looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// As [`Layout::NhwcU8`], with this many style weights where the graph says.
    Bytes(Option<usize>),
    /// As [`Layout::NchwF32`].
    Planes,
    /// The same for pictures of one size only: columns and rows.
    FixedPlanes(i64, i64),
    /// As [`Layout::NhwcF32`], for pictures of any size or of one.
    Pixels,
    /// Nothing that is known here.
    Other,
}

impl Looks {
    /// Whether a network of this kind can run in `layout`.
    pub fn fits(self, layout: &Layout) -> bool {
        matches!(
            (self, layout),
            (Self::Bytes(_), Layout::NhwcU8) | (Self::Planes, Layout::NchwF32(_)) | (Self::Pixels, Layout::NhwcF32(_))
        )
    }
}

/// A graph's kind, and its inputs and outputs in words.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The kind.
    pub looks: Looks,
    /// `it takes image uint8 [1,?,?,3] and gives ...`
    pub words: String,
    /// Names of its styles, from its metadata; empty if it carries none.
    pub styles: Vec<String>,
}

/// Looks at the graph in `path`.
///
/// # Errors
/// The file is missing or is no network.
pub fn inspect(path: &Path, how: &Opening<'_>) -> Result<Inspection> {
    let session = onnx::session(how.runtime, path, None, how.provider, how.threads, onnx::Placements::Forgotten)?;
    let names = session.metadata().ok().and_then(|metadata| metadata.custom("impasto.styles")).unwrap_or_default();
    Ok(Inspection {
        looks: looks(&session),
        words: format!("it takes {} and gives {}", describe(session.inputs()), describe(session.outputs())),
        styles: names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
    })
}

fn looks(session: &Session) -> Looks {
    use TensorElementType::{Float32, Uint8};
    match (session.inputs(), session.outputs()) {
        ([image, style, grain @ ..], [stylized])
            if is(image, "image", Uint8, &[1, -1, -1, 3])
                && style.name() == STYLE
                && is_grain(grain)
                && is(stylized, "stylized", Uint8, &[1, -1, -1, 3]) =>
        {
            let count = sides(style).and_then(|sides| sides.first().copied());
            Looks::Bytes(count.and_then(|count| usize::try_from(count).ok()))
        }
        ([input], [output]) => {
            let planes = |end: &Outlet| is(end, end.name(), Float32, &[1, 3, -1, -1]);
            match sides(input).as_deref() {
                _ if planes(input) && planes(output) => Looks::Planes,
                Some(&[batch, 3, height, width]) if batch <= 1 && height > 0 && width > 0 => {
                    Looks::FixedPlanes(width, height)
                }
                _ => Looks::Other,
            }
        }
        ([image, vector], [output]) => {
            let packed = |end: &Outlet| matches!(sides(end).as_deref(), Some(&[_, _, _, channels]) if channels == 3 || channels < 0);
            let is_vector = matches!(sides(vector).as_deref(), Some(&[_, 1, 1, _]));
            if packed(image) && packed(output) && is_vector { Looks::Pixels } else { Looks::Other }
        }
        _ => Looks::Other,
    }
}

/// The sizes of a float or byte tensor, negative where any will do.
fn sides(end: &Outlet) -> Option<Vec<i64>> {
    match end.dtype() {
        ValueType::Tensor { shape, .. } => Some(shape.to_vec()),
        _ => None,
    }
}
