//! What belongs together in time: still things stay still, moving things move, a cut starts anew.

mod grid;
mod motion;
mod noise;
mod relay;
mod stabilizer;

pub use relay::{Relay, WARM_UP};
pub use stabilizer::{DEFAULT_AMOUNT, Stabilizer};

/// 0 up to `from`, 1 from `to` on, without corners between them.
fn smooth_step(value: f32, from: f32, to: f32) -> f32 {
    let place = ((value - from) / (to - from)).clamp(0.0, 1.0);
    place * place * (3.0 - 2.0 * place)
}
