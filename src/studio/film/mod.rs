//! Films: painted in segments that survive whatever stops the job, then joined with the input's sound and all else.

mod identity;
mod job;

use std::path::PathBuf;

use super::{PaintSettings, Painter, Studio};
use crate::error::Result;
use crate::media::options::{FrameRate, Seconds, SizeRequest};
use crate::media::write::Codec;
use crate::segments::{SEGMENT_FRAMES, SegmentRange};
use crate::statistics::Percentiles;
use crate::stylize::Stylizer;
use crate::sync::Stop;
use crate::temporal::DEFAULT_AMOUNT;

/// All that decides what the frames of a film look like and how they are encoded. A job resumes only with the same.
#[derive(Clone, Debug, PartialEq)]
pub struct FilmSettings {
    /// How each frame is painted.
    pub paint: PaintSettings,
    /// Keeps still parts from flickering: 0 off, 1 most.
    pub stabilize: f32,
    /// The codec; by the container if `None`.
    pub codec: Option<Codec>,
    /// Constant quality, in the encoder's own range; lower is better.
    pub crf: Option<u32>,
    /// The encoder's own preset.
    pub preset: Option<String>,
    /// The pixel format to write, by FFmpeg's name; the codec's usual one if `None`.
    pub pixel_format: Option<String>,
    /// Options of the encoder, as `NAME=VALUE`.
    pub encoder_options: Vec<String>,
    /// Where in the input to start.
    pub start: Option<Seconds>,
    /// How much of it to paint.
    pub duration: Option<Seconds>,
    /// The size to scale to before painting.
    pub size: Option<SizeRequest>,
    /// A constant frame rate, by repeating or dropping frames.
    pub fps: Option<FrameRate>,
    /// Frames of a segment, 32 or more: what a power cut costs at most.
    pub segment_frames: u64,
}

impl Default for FilmSettings {
    fn default() -> Self {
        Self {
            paint: PaintSettings::default(),
            stabilize: DEFAULT_AMOUNT,
            codec: None,
            crf: None,
            preset: None,
            pixel_format: None,
            encoder_options: Vec::new(),
            start: None,
            duration: None,
            size: None,
            fps: None,
            segment_frames: SEGMENT_FRAMES,
        }
    }
}

/// How much of a film's work to do now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Paint what is missing, then join.
    #[default]
    All,
    /// Paint these segments and join nothing, as one of several machines.
    Segments(SegmentRange),
    /// Paint nothing; join what is there.
    Join,
}

/// One film to paint.
#[derive(Clone, Debug)]
pub struct FilmJob {
    /// Any file that FFmpeg decodes.
    pub input: PathBuf,
    /// The file to write; its extension chooses the container.
    pub output: PathBuf,
    /// Replace `output` if it exists.
    pub overwrite: bool,
    /// Start over instead of resuming.
    pub restart: bool,
    /// Keep the segments after they are joined.
    pub keep_segments: bool,
    /// How much of the work to do.
    pub work: Work,
}

impl FilmJob {
    /// The whole film from `input` to `output`, which must not exist yet; resumes if it was begun before.
    pub fn new(input: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Self {
        Self {
            input: input.into(),
            output: output.into(),
            overwrite: false,
            restart: false,
            keep_segments: false,
            work: Work::All,
        }
    }
}

impl Studio {
    /// Paints one film; see [`Films`] for several.
    ///
    /// # Errors
    /// As [`Films::paint`].
    pub fn paint_film(
        &self,
        job: &FilmJob,
        settings: FilmSettings,
        stop: &Stop,
        listen: &(dyn Fn(FilmEvent) + Sync),
    ) -> Result<Done> {
        Films::new(self, settings).paint(job, stop, listen)
    }
}

/// What is heard of a film while it is painted.
#[derive(Clone, Debug, PartialEq)]
pub enum FilmEvent {
    /// The style was found, for the first film: [`Studio::chosen_device`] tells what runs it.
    Ready,
    /// Frames of an earlier run are kept.
    Resumed {
        /// The first frame that is painted now.
        frame: u64,
        /// Frames of the film, where the file tells.
        total: Option<u64>,
    },
    /// Something that a person should know, as a sentence.
    Warning(String),
    /// A frame was painted.
    Progress {
        /// Frames that are done, those of earlier runs too.
        frame: u64,
        /// Frames of the film, where the file tells.
        total: Option<u64>,
        /// Fraction of the workers' time that went into painting, 0 to 1.
        inference_share: f64,
    },
    /// Painting has ended, or pauses between two gaps of the film.
    Paused,
}

/// A film that was painted, or a range of its segments.
#[derive(Clone, Debug)]
pub struct Done {
    /// The file that was written; none where only segments were painted.
    pub written: Option<PathBuf>,
    /// Columns and rows.
    pub size: (u32, u32),
    /// Frames in the output, or in all complete segments from the first on.
    pub frames: u64,
    /// Frames that an earlier run had painted.
    pub resumed: u64,
    /// From start to end.
    pub seconds: f64,
    /// Time to paint one frame.
    pub inference_ms: Percentiles,
}

impl Done {
    /// Frames that this run painted for the output.
    pub fn painted(&self) -> u64 {
        self.frames.saturating_sub(self.resumed)
    }

    /// Those per second.
    pub fn fps(&self) -> f64 {
        self.painted() as f64 / self.seconds.max(1e-9)
    }
}

/// Paints films one after another; the networks are opened once, for the first film that needs them.
pub struct Films<'a> {
    studio: &'a Studio,
    settings: FilmSettings,
    painter: Option<Painter>,
    workers: Vec<Stylizer>,
    /// The frame size that the workers were made for.
    size: (u32, u32),
}

impl<'a> Films<'a> {
    /// Nothing is opened yet.
    pub fn new(studio: &'a Studio, settings: FilmSettings) -> Self {
        Self { studio, settings, painter: None, workers: Vec::new(), size: (0, 0) }
    }

    /// Paints one film, or does what else `job` asks for. `listen` hears of it, also on other threads.
    ///
    /// # Errors
    /// Input, output, settings or network do not work; or `stop` was requested. Complete segments are kept.
    pub fn paint(&mut self, job: &FilmJob, stop: &Stop, listen: &(dyn Fn(FilmEvent) + Sync)) -> Result<Done> {
        job::run(job, self, stop, listen)
    }

    /// What paints; `None` if nothing was to be painted so far.
    pub fn painter(&self) -> Option<&Painter> {
        self.painter.as_ref()
    }

    fn load(&mut self) -> Result<&Painter> {
        let painter = match self.painter.take() {
            Some(painter) => painter,
            None => self.studio.painter(&self.settings.paint)?,
        };
        Ok(self.painter.insert(painter))
    }

    /// Stylizers for frames of that size.
    fn workers(&mut self, size: (u32, u32)) -> Result<&mut [Stylizer]> {
        if self.size != size {
            // The old ones go first: both together may not fit into the memory of a card.
            self.workers.clear();
            self.workers = self.load()?.workers(size.0, size.1)?;
            self.size = size;
        }
        Ok(&mut self.workers)
    }
}
