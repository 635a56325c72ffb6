//! What remembers earlier frames.
//!
//! [`Carrier`] finds the motion from frame to frame (`flow`) and carries the grain along. [`Stabilizer`] finds where the scene
//! differs from its history (`movement`, `noise`) and averages the painting where it does not. They ask different questions:
//! grain needs to know where a thing went, the stabiliser only whether anything but noise has changed.

mod flow;
mod grain;
mod grid;
mod movement;
mod noise;
mod relay;
mod stabilizer;

pub use grain::Carrier;
pub use relay::{LEAD, Relay, WARM_UP};
pub use stabilizer::{DEFAULT_AMOUNT, Stabilizer};

/// Rises smoothly from 0 at `from` to 1 at `to`; constant outside.
fn smooth_step(value: f32, from: f32, to: f32) -> f32 {
    let place = ((value - from) / (to - from)).clamp(0.0, 1.0);
    place * place * (3.0 - 2.0 * place)
}
