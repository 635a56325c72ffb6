//! One still to paint, the reports while it is painted, and its result.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::frame::Frame;
use crate::network::provider::Device;
use crate::network::vgg19::Losses;
use crate::statistics::Percentiles;
use crate::style::paintings::Painting;
use crate::warning::Warning;

/// One still to paint by optimisation: the pictures to paint from, and the files to write.
///
/// ```no_run
/// use impasto::still::{StillEvent, StillJob, StillSettings};
/// use impasto::{Machine, Stop, Studio};
///
/// # fn main() -> impasto::Result<()> {
/// let studio = Studio::open(Machine::default())?;
/// let job = StillJob::new("photo.jpg", "night.jpg", "painting.png");
/// let done = studio.paint_still(&job, &StillSettings::default(), &Stop::default(), &mut |event| {
///     if let StillEvent::Progress { fraction, left, .. } = event {
///         println!("{:.0} %, {} s left", fraction * 100.0, left.as_secs());
///     }
///     Ok(())
/// })?;
/// println!("{}x{} in {:.0} s", done.width, done.height, done.seconds);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct StillJob {
    /// The photo: what the painting shows.
    pub content: PathBuf,
    /// The paintings whose style to use, with their weights.
    pub styles: Vec<Painting>,
    /// Masks the size of the photo, white where a style applies and black elsewhere: none, one for each style, or one less;
    /// then the last style takes the rest.
    pub masks: Vec<PathBuf>,
    /// The picture to write; its extension chooses the format. An existing file is replaced.
    pub output: PathBuf,
    /// Continue from the state that an interrupted run left beside `output`.
    pub resume: bool,
    /// Save the picture, and the state to resume from, every so many steps. A state is also saved when a run is interrupted.
    pub save_every: Option<u32>,
    /// A video to write that shows how the picture develops, one frame per step.
    pub timelapse: Option<PathBuf>,
    /// Report the picture of each step ([`StillEvent::Picture`]).
    pub preview: bool,
}

impl StillJob {
    /// A job that paints the photo `content` in the style of one painting.
    pub fn new(content: impl Into<PathBuf>, style: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Self {
        Self {
            content: content.into(),
            styles: vec![Painting { path: style.into(), weight: 1.0 }],
            masks: Vec::new(),
            output: output.into(),
            resume: false,
            save_every: None,
            timelapse: None,
            preview: false,
        }
    }

    /// The file with the state to resume from.
    pub(crate) fn state_path(&self) -> PathBuf {
        let mut name = self.output.as_os_str().to_owned();
        name.push(".state");
        name.into()
    }
}

/// Reports on a still while it is painted, on the calling thread.
#[derive(Clone, Debug)]
pub enum StillEvent<'a> {
    /// Information about a picture, as a sentence.
    Note(String),
    /// Something is lost or wrong, and the work continues.
    Warning(Warning),
    /// A warning about the picture of this name.
    PictureWarning(String, Warning),
    /// Everything is ready, and the first step begins: what the job will take.
    Expectation {
        /// Width of the result, in pixels.
        width: u32,
        /// Height of the result, in pixels.
        height: u32,
        /// Side of the tiles to paint in, in pixels; `None` without tiles.
        tile: Option<usize>,
        /// Number of sizes to paint at.
        scales: usize,
        /// Maximum number of steps at each of them.
        steps: usize,
        /// Estimated peak of memory, in bytes.
        memory: u64,
        /// Estimated duration of all steps; `None` if it cannot be told for the device.
        time: Option<Duration>,
    },
    /// A step was completed.
    Progress {
        /// Number of the scale, from 1.
        scale: usize,
        /// Number of scales.
        scales: usize,
        /// Number of the step at this scale, from 1.
        step: usize,
        /// Maximum number of steps at each scale.
        steps: usize,
        /// The total loss.
        loss: f64,
        /// Fraction of the work that is done, 0 to 1.
        fraction: f64,
        /// Estimated time for the rest, if no scale stops early.
        left: Duration,
    },
    /// The picture after a step, at the size of its scale; only with [`StillJob::preview`].
    Picture(&'a Frame),
    /// No step has been completed for 20 ms, so a window can handle its events; only with [`StillJob::preview`].
    Idle,
}

/// Receives reports on a still. If it returns an error, the job ends with that error.
pub type StillListener<'a> = &'a mut dyn FnMut(StillEvent<'_>) -> Result<()>;

/// A still that was painted.
#[derive(Clone, Debug)]
pub struct StillDone {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The device that ran VGG-19.
    pub device: Device,
    /// Duration from the first step until the picture was written, in seconds.
    pub seconds: f64,
    /// Time for one step, in milliseconds.
    pub step_ms: Percentiles,
    /// The losses of each step of this run.
    pub losses: Vec<StillLoss>,
}

/// The weighted losses of one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StillLoss {
    /// Index of the scale, from 0.
    pub scale: usize,
    /// The sum of the others.
    pub total: f64,
    /// How far the picture is from the photo's content.
    pub content: f64,
    /// How far it is from the paintings' style.
    pub style: f64,
    /// The differences between neighbouring pixels.
    pub tv: f64,
}

impl StillLoss {
    pub(super) fn of(scale: usize, losses: &Losses) -> Self {
        let style = losses.style.iter().sum();
        Self { scale, total: losses.total(), content: losses.content, style, tv: losses.tv }
    }
}
