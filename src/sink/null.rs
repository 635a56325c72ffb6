//! A sink that discards its frames: the far end of a benchmark.

use super::Sink;
use crate::error::Result;
use crate::frame::{Frame, Stamp};

/// Discards frames.
#[derive(Debug, Default)]
pub struct NullSink;

impl Sink for NullSink {
    fn put_at(&mut self, _frame: &Frame, _stamp: Stamp) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
