//! What `--json` prints for a job that paints.

use serde::Serialize;

use crate::statistics::Percentiles;

/// The fields that photos, videos and stills by optimisation share; each command may add its own.
#[derive(Serialize)]
pub struct Summary<Input> {
    /// The command.
    pub command: &'static str,
    /// The file, or the files.
    pub input: Input,
    /// The file or folder.
    pub output: String,
    /// The style, or the file names of the pictures that are the style.
    pub style: String,
    /// What ran the network.
    pub device: String,
    /// Columns of the last picture.
    pub width: u32,
    /// Its rows.
    pub height: u32,
    /// Pictures written.
    pub frames: u64,
    /// Dropped frames.
    pub dropped: u64,
    /// From start to end.
    pub seconds: f64,
    /// Frames per second.
    pub fps: f64,
    /// Time of the network for one frame; of `paint`, time of one step.
    pub inference_ms: Percentiles,
    /// Warnings, as sentences.
    pub warnings: Vec<String>,
}
