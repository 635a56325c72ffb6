//! A job: what is kept of it on the disk, and what clients are told.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wishes::Wishes;
use crate::picture::Format;

/// What is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A film, frame by frame, by a network.
    Film,
    /// A picture, by optimisation.
    Paint,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for its turn.
    Queued,
    /// It is painted.
    Running,
    /// Its result can be fetched.
    Done,
    /// It ended with an error.
    Failed,
    /// A client ended it.
    Cancelled,
}

impl State {
    /// Whether nothing will happen any more by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A result.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames of the film; 1 for a picture.
    pub frames: u64,
    /// Size of the file, in bytes.
    pub bytes: u64,
}

/// What is kept of a job, in its folder. The input is `input` there, the style pictures `style-0` and so on, the result
/// `result.EXT`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Journal {
    pub id: String,
    /// Grows from job to job.
    pub number: u64,
    pub kind: Kind,
    /// [`State::Running`] is only in memory: a job that a killed server left goes back to the queue.
    pub state: State,
    /// The name that the client gave its file; only shown.
    pub name: String,
    /// Who sent it, so that clients take turns.
    pub client: String,
    /// Seconds since 1970.
    pub created: u64,
    pub wishes: Wishes,
    /// Number of style pictures.
    pub styles: usize,
    /// The extension of the result.
    pub ending: String,
    /// Of a film whose length is not known: the frames that it may have.
    #[serde(default)]
    pub most_frames: Option<u64>,
    pub outcome: Option<Outcome>,
    pub error: Option<String>,
    pub warnings: Vec<String>,
}

impl Journal {
    /// The name of the result in the job's folder.
    pub fn result(&self) -> String {
        format!("result.{}", self.ending)
    }

    /// The type of the result.
    pub fn kind_of_result(&self) -> &'static str {
        match self.ending.as_str() {
            "mp4" => "video/mp4",
            "webm" => "video/webm",
            "mov" => "video/quicktime",
            "mkv" => "video/x-matroska",
            "jpg" => Format::Jpeg.media_type(),
            _ => Format::Png.media_type(),
        }
    }
}

/// How far a running job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// 0 to 1; null if the length of the film is not known.
    pub fraction: Option<f64>,
    /// Frames or steps that are done.
    pub done: u64,
    /// How many there are, if that is known.
    pub total: Option<u64>,
    /// Frames or steps per second, lately.
    pub fps: Option<f64>,
    /// Seconds that are left, if nothing urgent comes.
    pub seconds_left: Option<f64>,
    /// It gives way to pictures and cameras.
    pub waiting: bool,
}

/// A job, as clients see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Job {
    /// Its identity.
    pub id: String,
    /// What is painted.
    pub kind: Kind,
    /// How far it is.
    pub state: State,
    /// The name of the file that was sent.
    pub name: String,
    /// Seconds since 1970.
    pub created: u64,
    /// Jobs that are painted before it, if it waits.
    pub ahead: Option<usize>,
    /// How far it is, while it runs.
    pub progress: Option<Progress>,
    /// Address of the newest painting.
    pub preview: Option<String>,
    /// Address of the result.
    pub result: Option<String>,
    /// The extension of the result.
    pub ending: String,
    /// What the result is.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub error: Option<String>,
    /// What was lost or may be wrong.
    pub warnings: Vec<String>,
}

/// Measures frames per second over the last seconds.
#[derive(Debug, Default)]
pub struct Pace {
    marks: Vec<(Instant, u64)>,
}

impl Pace {
    const WINDOW: Duration = Duration::from_secs(6);

    /// So many frames are done now. Returns frames per second, once they are known.
    pub fn add(&mut self, done: u64) -> Option<f64> {
        let now = Instant::now();
        if self.marks.last().is_none_or(|(when, _)| now - *when > Duration::from_millis(200)) {
            self.marks.push((now, done));
        }
        self.marks.retain(|(when, _)| now - *when < Self::WINDOW);
        let (when, first) = self.marks.first()?;
        let seconds = (now - *when).as_secs_f64();
        (seconds > 0.5 && done > *first).then(|| (done - first) as f64 / seconds)
    }

    /// Time passed in which nothing was painted.
    pub fn pause(&mut self, paused: Duration) {
        self.marks.iter_mut().for_each(|(when, _)| *when += paused);
    }
}
