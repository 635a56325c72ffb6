//! What the threads of a show hand to each other.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::frame::Frame;
use crate::kernel::grain::Grain;
use crate::size::Size;
use crate::stylize::Small;
use crate::sync::latest::Latest;
use crate::sync::lock;

/// How long a thread waits for news before it checks whether the show has ended.
pub const PATIENCE: Duration = Duration::from_millis(100);

/// A frame from the source.
pub struct Captured {
    pub frame: Frame,
    /// See [`Shown::arrived`].
    pub arrived: Instant,
}

/// What the networks that run want, which the painter says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wanted {
    /// See [`Stylizer::side`](crate::stylize::Stylizer::side).
    pub side: Option<u32>,
    /// Grain.
    pub grain: bool,
}

/// A frame that can be painted.
pub struct Prepared {
    pub frame: Frame,
    /// See [`Shown::arrived`].
    pub arrived: Instant,
    /// It holds the frame at the size that the networks saw when it was prepared.
    pub small: Small,
    pub grain: Grain,
}

/// Buffers that nobody uses any more.
#[derive(Default)]
pub struct Spares {
    frames: Mutex<Vec<Frame>>,
    smalls: Mutex<Vec<Small>>,
}

impl Spares {
    pub fn frame(&self) -> Frame {
        lock(&self.frames).pop().unwrap_or_default()
    }

    pub fn give(&self, frame: Frame) {
        lock(&self.frames).push(frame);
    }

    pub fn give_small(&self, small: Small) {
        lock(&self.smalls).push(small);
    }

    pub fn small(&self) -> Small {
        lock(&self.smalls).pop().unwrap_or_default()
    }
}

/// What the painter hands on.
pub enum Painted {
    /// A frame with its painting.
    New(Box<Sketch>),
    /// The last picture is shown again.
    Again {
        /// Because the show is frozen, and not because no frame came.
        frozen: bool,
    },
}

/// A painting at the size that the networks see, of a frame.
pub struct Sketch {
    pub frame: Frame,
    pub arrived: Instant,
    pub small: Small,
    /// Whether it could be painted.
    pub outcome: Result<()>,
    /// Averages of the paintings before must not be shown: the style changes.
    pub restart: bool,
    /// The size that the networks saw.
    pub seen: Size,
}

/// A frame as it is shown.
#[derive(Debug)]
pub struct Shown {
    /// The painting.
    pub painted: Frame,
    /// What was painted, mirrored if the painting is.
    pub original: Frame,
    /// When it arrived at the source, before it was decoded.
    pub arrived: Instant,
}

/// The viewer's end.
#[derive(Debug, Default)]
pub struct View {
    /// The newest frame; closed when the show ends.
    pub frames: Latest<Arc<Shown>>,
}
