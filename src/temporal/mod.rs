//! What belongs together in time: still things stay still, moving things move, a cut starts anew.

mod grid;
mod motion;
mod noise;
mod stabilizer;

pub use stabilizer::{DEFAULT_AMOUNT, Stabilizer};
