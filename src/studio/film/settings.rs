//! What a caller says of a film, and what it hears.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::frame::Frame;
use crate::media::options::{Deinterlace, FrameRate, Seconds, SizeRequest};
use crate::media::read::{RawVideo, Unsaid};
use crate::media::sequence::Numbered;
use crate::media::write::{Codec, Plain};
use crate::segments::{SEGMENT_FRAMES, SegmentRange};
use crate::statistics::Percentiles;
use crate::studio::PaintSettings;
use crate::temporal::DEFAULT_AMOUNT;
use crate::warning::Warning;

/// How to paint and encode a film. An interrupted job resumes only with the same settings.
#[derive(Clone, Debug, PartialEq)]
pub struct FilmSettings {
    /// How to paint each frame.
    pub paint: PaintSettings,
    /// Strength of the stabiliser, which keeps still areas from flickering: 0 (off) to 1.
    pub stabilize: f32,
    /// The video codec; the container's default if `None`.
    pub codec: Option<Codec>,
    /// Constant quality (CRF), in the encoder's own range; lower is better. `None`: the encoder's default.
    pub crf: Option<u32>,
    /// Preset of the encoder, such as `slow`.
    pub preset: Option<String>,
    /// The pixel format to write, by its FFmpeg name; the codec's default if `None`.
    pub pixel_format: Option<String>,
    /// More options of the encoder, as `NAME=VALUE`.
    pub encoder_options: Vec<String>,
    /// Position in the input to start from; the beginning if `None`.
    pub start: Option<Seconds>,
    /// Duration to paint; up to the end if `None`.
    pub duration: Option<Seconds>,
    /// How to deinterlace the film; `None` paints it as it is.
    pub deinterlace: Option<Deinterlace>,
    /// Write HDR, in 10 bits: apply the painting's changes to the film's HDR light. Otherwise the film becomes SDR.
    pub keep_hdr: bool,
    /// The size to scale frames to before painting; the input's own if `None`.
    pub size: Option<SizeRequest>,
    /// A constant frame rate, reached by repeating or dropping frames; the input's own timing if `None`. For numbered pictures
    /// and raw frames, the rate that they have; 25 if `None`.
    pub fps: Option<FrameRate>,
    /// The input is raw frames of this layout.
    pub raw_input: Option<RawVideo>,
    /// Frames per segment, 32 or more. A power cut costs at most one segment.
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
            deinterlace: None,
            keep_hdr: false,
            size: None,
            fps: None,
            raw_input: None,
            segment_frames: SEGMENT_FRAMES,
        }
    }
}

impl FilmSettings {
    /// What the input does not say of itself.
    pub(super) fn unsaid(&self) -> Unsaid {
        Unsaid { frame_rate: self.fps, raw: self.raw_input.clone() }
    }

    /// The rate to resample `input` to: numbered pictures and raw frames have the requested rate already.
    pub(super) fn resampled(&self, input: &Path) -> Option<FrameRate> {
        self.fps.filter(|_| self.raw_input.is_none() && Numbered::of(input).is_none())
    }
}

/// Which work of a film job to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Work {
    /// Paint the missing segments, then join all.
    #[default]
    All,
    /// Paint only these segments, and do not join: for one of several machines that share a job.
    Segments(SegmentRange),
    /// Join the segments that exist, and paint nothing.
    Join,
}

/// One film to paint, from an input file to an output file.
///
/// ```no_run
/// use impasto::film::{FilmEvent, FilmJob, FilmSettings};
/// use impasto::{Machine, Stop, Studio};
///
/// # fn main() -> impasto::Result<()> {
/// let studio = Studio::open(Machine::default())?;
/// let job = FilmJob::new("holiday.mp4", "painted.mp4");
/// let done = studio.paint_film(&job, FilmSettings::default(), &Stop::default(), &|event| {
///     if let FilmEvent::Progress { frame, .. } = event {
///         println!("{frame} frames are done");
///     }
/// })?;
/// println!("{} frames in {:.0} s", done.frames, done.seconds);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FilmJob {
    /// The input: any video file that FFmpeg decodes, numbered pictures (`frames/%04d.png`), or `-` for standard input.
    pub input: PathBuf,
    /// The file to write; its extension chooses the container. Or numbered pictures (`painted/%04d.png`); or `-` for
    /// standard output, which gets each frame when it is painted, in the format `plain`.
    pub output: PathBuf,
    /// The format of frames that go to standard output, or to a named pipe without a container's extension.
    pub plain: Plain,
    /// Replace `output` if it exists.
    pub overwrite: bool,
    /// Start over instead of resuming an interrupted job.
    pub restart: bool,
    /// Keep the segments after they have been joined.
    pub keep_segments: bool,
    /// Which work to do.
    pub work: Work,
    /// Report a painting at most this often ([`FilmEvent::Picture`]); never if `None`.
    pub preview: Option<Duration>,
}

impl FilmJob {
    /// A job that paints `input` completely and writes `output`, which must not exist yet. It resumes if it was interrupted
    /// before.
    pub fn new(input: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Self {
        Self {
            input: input.into(),
            output: output.into(),
            plain: Plain::default(),
            overwrite: false,
            restart: false,
            keep_segments: false,
            work: Work::All,
            preview: None,
        }
    }
}

/// Reports on a film while it is painted.
#[derive(Clone, Debug, PartialEq)]
pub enum FilmEvent {
    /// The style is ready, for the first film; [`Studio::chosen_device`](crate::Studio::chosen_device) now returns its device.
    Ready,
    /// The job resumes; frames of an earlier run are kept.
    Resumed {
        /// The first frame that is painted now, from 0.
        frame: u64,
        /// Estimated number of frames of the film, if known.
        total: Option<u64>,
    },
    /// Something is lost or wrong, and the work continues.
    Warning(Warning),
    /// A frame was painted.
    Progress {
        /// Number of frames that are done, including those of earlier runs.
        frame: u64,
        /// Estimated number of frames of the film, if known.
        total: Option<u64>,
        /// Fraction of the workers' time that went into painting, 0 to 1.
        inference_share: f64,
    },
    /// The newest painting; only with [`FilmJob::preview`].
    Picture(Arc<Frame>),
    /// Painting has ended, or pauses until the next missing segment.
    Paused,
}

/// The result of a film job.
#[derive(Clone, Debug)]
pub struct Done {
    /// The file that was written; `None` if only segments were painted.
    pub written: Option<PathBuf>,
    /// Width and height of the painted frames, in pixels.
    pub size: (u32, u32),
    /// Number of frames in the output, or in the complete segments before the first gap.
    pub frames: u64,
    /// Number of those that an earlier run painted.
    pub resumed: u64,
    /// Duration of the job, in seconds.
    pub seconds: f64,
    /// Time to paint one frame, in milliseconds.
    pub inference_ms: Percentiles,
}

impl Done {
    /// Number of frames that this run painted.
    pub fn painted(&self) -> u64 {
        self.frames.saturating_sub(self.resumed)
    }

    /// Frames per second that this run painted.
    pub fn fps(&self) -> f64 {
        self.painted() as f64 / self.seconds.max(1e-9)
    }
}
