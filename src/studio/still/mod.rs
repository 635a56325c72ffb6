//! Stills: paints one picture by optimisation (Gatys et al. 2016), with no style network.

mod estimate;
mod identity;
mod job;
mod paint;
mod plan;
mod settings;
mod timelapse;

pub use job::{Listen, StillDone, StillEvent, StillJob, StillLoss};
pub use settings::{KeepColors, StillSettings};
