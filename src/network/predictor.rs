//! The style predictor of an arbitrary-style pair (Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary
//! neural artistic stylization network"): computes from a picture the style vector that the transformer paints with.

use std::path::Path;

use ort::session::Session;
use ort::value::{TensorElementType, TensorRef, ValueType};

use super::onnx::{self, describe, failed};
use super::provider::Provider;
use super::runtime::Runtime;
use crate::error::{Error, Result};
use crate::frame::{Image, byte_len};

/// A session of a style predictor.
pub struct Predictor {
    session: Session,
    /// Side of its square input, in pixels.
    pub side: u32,
    /// Length of its style vectors.
    pub vector: usize,
}

impl Predictor {
    /// Opens the predictor in the file `path`. It takes float32 `[1,S,S,3]`, RGB from 0 to 1, and gives one float32 output of
    /// fixed size.
    ///
    /// It always runs on the processor: it runs only once per picture, and TensorRT would build an engine for that.
    ///
    /// # Errors
    /// The file is missing or damaged, or is not such a network.
    pub fn open(path: &Path, runtime: &Runtime, threads: usize) -> Result<Self> {
        let provider = Provider::processor("runs once");
        let session = onnx::session(runtime, path, None, &provider, threads, onnx::Placements::Forgotten)?;
        let Some((side, vector)) = ends(&session) else {
            return Err(Error::failed(format!(
                "'{}' is not a style predictor: it takes {} and gives {}, but must take one float32 [1,S,S,3] and give one \
                 float32 of fixed size",
                path.display(),
                describe(session.inputs()),
                describe(session.outputs()),
            )));
        };
        Ok(Self { session, side, vector })
    }

    /// Computes the style vector of `painting`, which has `side` x `side` pixels.
    ///
    /// # Errors
    /// The inference fails, or gives values that are not numbers.
    pub fn style_vector(&mut self, painting: Image<'_>) -> Result<Vec<f32>> {
        debug_assert_eq!(painting.pixels.len(), byte_len(self.side, self.side));
        let values: Vec<f32> = painting.pixels.iter().map(|&byte| f32::from(byte) / 255.0).collect();
        let side = self.side as usize;
        let mut run = || -> ort::Result<Vec<f32>> {
            let input = TensorRef::from_array_view(([1, side, side, 3], values.as_slice()))?;
            Ok(self.session.run(ort::inputs![input])?[0].try_extract_tensor::<f32>()?.1.to_vec())
        };
        let vector = run().map_err(|error| failed("style predictor", &error))?;
        if vector.len() == self.vector && vector.iter().all(|value| value.is_finite()) {
            return Ok(vector);
        }
        Err(Error::failed(
            "the style predictor gave values that are not numbers: its file is damaged; install it again",
        ))
    }
}

/// Side of the input and length of the output, if the graph is a predictor.
fn ends(session: &Session) -> Option<(u32, usize)> {
    let ([input], [output]) = (session.inputs(), session.outputs()) else { return None };
    let shape = |kind: &ValueType| match kind {
        ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => Some(shape.to_vec()),
        _ => None,
    };
    let side = match shape(input.dtype())?[..] {
        [1, height, width, 3] if height == width => {
            u32::try_from(height).ok().filter(|side| (1..=4096).contains(side))?
        }
        _ => return None,
    };
    let vector = shape(output.dtype())?.iter().try_fold(1i64, |product, &size| product.checked_mul(size))?;
    Some((side, usize::try_from(vector).ok().filter(|length| (1..=1 << 16).contains(length))?))
}
