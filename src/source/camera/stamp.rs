//! When a frame was taken, by the driver.

use std::time::Duration;

/// What the driver says about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverStamp {
    /// Place among all frames, including those that the driver dropped.
    pub sequence: u32,
    /// Time since its timestamp, if that is usable.
    pub age: Option<Duration>,
}
