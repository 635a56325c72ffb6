//! Films: paints videos in segments that survive an interruption, then joins them with the audio and other streams of the
//! input.

mod films;
mod identity;
mod job;
mod piped;
mod settings;
mod unpack;

pub use films::Films;
pub use settings::{Done, FilmEvent, FilmJob, FilmSettings, Work};
