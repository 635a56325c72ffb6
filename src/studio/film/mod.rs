//! Films: paints videos in segments that survive an interruption, then joins them with the audio and other streams of the
//! input.

mod films;
mod identity;
mod index;
mod job;
mod open;
mod piped;
mod plan;
mod settings;
mod unpack;

pub use films::Films;
pub use index::Indexed;
pub use plan::Plan;
pub use settings::{Done, FilmEvent, FilmJob, FilmSettings, Work};
