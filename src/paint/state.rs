//! The saved state of a run, from which `impasto paint --resume` continues.
//!
//! The file is a line of JSON, followed by little-endian float32 values: the picture, the average, and the minimiser's
//! vectors. The line gives their lengths.

use serde::{Deserialize, Serialize};

use super::Recipe;
use super::average::Average;
use super::optimizer::{Memory, Optimizer};
use crate::error::{Error, Result};
use crate::network::vgg19::{Extent, Losses, STYLE_LAYERS};

const FORMAT: &str = "impasto paint 1";

/// The parts of a run that change from step to step, except the picture.
#[derive(Debug)]
pub struct Run {
    /// The size of the picture at this scale.
    pub extent: Extent,
    /// The moving average of the pictures.
    pub average: Average,
    /// The minimiser.
    pub optimizer: Optimizer,
    /// The losses of each step at this scale.
    pub losses: Vec<Losses>,
}

/// The state of a run between two steps.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Index of the current scale, from 0.
    pub scale: usize,
    /// Number of steps completed at this scale.
    pub iteration: usize,
    extent: Extent,
    planes: Vec<f32>,
    average: Vec<f32>,
    average_weight: f32,
    memory: Memory,
    losses: Vec<Losses>,
}

/// The line of JSON.
#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    /// Describes the job; another job cannot resume from this state.
    job: String,
    scale: usize,
    iteration: usize,
    width: usize,
    height: usize,
    average_weight: f32,
    numbers: Vec<f64>,
    /// For each step at this scale: content loss, style loss of each layer, total variation.
    losses: Vec<[f64; 2 + STYLE_LAYERS]>,
    /// Lengths of the picture, the average and the minimiser's vectors.
    lengths: Vec<usize>,
}

impl State {
    /// The state of `run` with the picture `planes` after `iteration` steps at `scale`.
    pub(super) fn of(scale: usize, iteration: usize, planes: &[f32], run: &Run) -> Self {
        Self {
            scale,
            iteration,
            extent: run.extent,
            planes: planes.to_vec(),
            average: run.average.sum.clone(),
            average_weight: run.average.weight,
            memory: run.optimizer.memory(),
            losses: run.losses.clone(),
        }
    }

    /// The run and its picture, `[3][H][W]`.
    pub(super) fn into_run(self, recipe: &Recipe) -> Result<(Run, Vec<f32>)> {
        let mut optimizer = Optimizer::new(recipe.method, recipe.rate);
        let extent = self.extent;
        let fits = recipe.scales.get(self.scale) == Some(&extent) && self.iteration <= recipe.iterations;
        if !fits || !optimizer.restore(self.memory) {
            return Err(Error::failed("the saved state is of another job; start again without --resume"));
        }
        let mut average = Average::new(recipe.average);
        (average.sum, average.weight) = (self.average, self.average_weight);
        Ok((Run { extent, average, optimizer, losses: self.losses }, self.planes))
    }

    /// Whether all vectors fit the size of the picture.
    fn is_consistent(&self) -> bool {
        let Extent { width, height } = self.extent;
        let wanted = width.checked_mul(height).and_then(|pixels| pixels.checked_mul(3));
        let fits = |values: &Vec<f32>| Some(values.len()) == wanted;
        // A sum is divided by its weight.
        let average = self.average.is_empty() || (fits(&self.average) && self.average_weight > 0.0);
        fits(&self.planes) && average && self.memory.vectors.iter().all(fits)
    }

    /// Serialises the state. `job` describes the job that it belongs to.
    pub fn to_bytes(&self, job: &str) -> Vec<u8> {
        let vectors: Vec<&Vec<f32>> = [&self.planes, &self.average].into_iter().chain(&self.memory.vectors).collect();
        let row = |losses: &Losses| {
            let mut row = [0.0; 2 + STYLE_LAYERS];
            (row[0], row[1 + STYLE_LAYERS]) = (losses.content, losses.tv);
            row[1..=STYLE_LAYERS].copy_from_slice(&losses.style);
            row
        };
        let header = Header {
            format: FORMAT.into(),
            job: job.into(),
            scale: self.scale,
            iteration: self.iteration,
            width: self.extent.width,
            height: self.extent.height,
            average_weight: self.average_weight,
            numbers: self.memory.numbers.clone(),
            losses: self.losses.iter().map(row).collect(),
            lengths: vectors.iter().map(|vector| vector.len()).collect(),
        };
        // Plain numbers and strings always serialise.
        let mut bytes = serde_json::to_vec(&header).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend(vectors.into_iter().flatten().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    /// Parses the bytes of [`Self::to_bytes`]. `name` stands for the file in messages.
    ///
    /// # Errors
    /// The bytes are damaged, are not a saved state, or belong to another job.
    pub fn from_bytes(bytes: &[u8], job: &str, name: &str) -> Result<Self> {
        let damaged = || Error::failed(format!("{name} is damaged or not a saved state; start again without --resume"));
        let end = bytes.iter().position(|&byte| byte == b'\n').ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(&bytes[..end]).map_err(|_| damaged())?;
        if header.format != FORMAT {
            return Err(damaged());
        }
        if header.job != job {
            return Err(Error::usage(format!(
                "{name} was saved with other pictures or flags ({}); use the same ones, or start again without --resume",
                header.job
            )));
        }
        let numbers = bytes[end + 1..].as_chunks::<4>().0;
        let wanted = header.lengths.iter().try_fold(0usize, |sum, &length| sum.checked_add(length));
        if wanted != Some(numbers.len()) || header.lengths.len() < 2 {
            return Err(damaged());
        }
        let mut values = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
        let mut vectors = header.lengths.iter().map(|&length| values.by_ref().take(length).collect::<Vec<f32>>());
        let (planes, average) = (vectors.next().unwrap_or_default(), vectors.next().unwrap_or_default());
        let vectors = vectors.collect();
        let losses = |row: [f64; 2 + STYLE_LAYERS]| Losses {
            content: row[0],
            style: std::array::from_fn(|layer| row[1 + layer]),
            tv: row[1 + STYLE_LAYERS],
        };
        let state = Self {
            scale: header.scale,
            iteration: header.iteration,
            extent: Extent { width: header.width, height: header.height },
            planes,
            average,
            average_weight: header.average_weight,
            memory: Memory { numbers: header.numbers, vectors },
            losses: header.losses.into_iter().map(losses).collect(),
        };
        if state.is_consistent() { Ok(state) } else { Err(damaged()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State {
            scale: 1,
            iteration: 7,
            extent: Extent { width: 2, height: 1 },
            planes: vec![0.1; 6],
            average: vec![],
            average_weight: 0.0,
            memory: Memory { numbers: vec![2.0], vectors: vec![vec![0.5; 6], vec![0.25; 6]] },
            losses: vec![Losses { content: 1.0, style: [1.0, 2.0, 3.0, 4.0, 5.0], tv: 0.5 }],
        }
    }

    #[test]
    fn a_state_survives_serialisation() {
        assert_eq!(State::from_bytes(&state().to_bytes("job"), "job", "x").unwrap(), state());
    }

    #[test]
    fn numbers_survive_serialisation_exactly() {
        let numbers = (1..1000).map(|i| 1.0 / f64::from(i) / 3e7).collect();
        let state = State { memory: Memory { numbers, vectors: vec![] }, ..state() };
        assert_eq!(State::from_bytes(&state.to_bytes("job"), "job", "x").unwrap(), state);
    }

    #[test]
    fn a_truncated_or_inconsistent_state_and_one_of_another_job_are_refused() {
        let bytes = state().to_bytes("job");
        for end in [0, 10, bytes.len() - 4] {
            let error = State::from_bytes(&bytes[..end], "job", "'x'").unwrap_err();
            assert!(error.to_string().contains("damaged"), "{error}");
        }
        let overlong = State { extent: Extent { width: usize::MAX, height: 3 }, ..state() };
        let averages = State { average: vec![0.5; 3], average_weight: 1.0, ..state() };
        let weightless = State { average: vec![0.5; 6], ..state() };
        for wrong in [overlong, averages, weightless] {
            let error = State::from_bytes(&wrong.to_bytes("job"), "job", "'x'").unwrap_err();
            assert!(error.to_string().contains("damaged"), "{error}");
        }
        let error = State::from_bytes(&bytes, "another", "'x'").unwrap_err();
        assert!(error.to_string().contains("other pictures or flags (job)"), "{error}");
    }
}
