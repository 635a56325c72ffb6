//! Stills: paints one picture by optimisation (Gatys et al. 2016), with no style network.

mod estimate;
mod identity;
mod job;
mod paint;
mod plan;
mod settings;
mod timelapse;

pub use job::{StillDone, StillEvent, StillJob, StillListener, StillLoss};
pub use settings::{KeepColors, StillSettings};
