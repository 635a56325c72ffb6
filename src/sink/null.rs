//! A sink that counts frames and keeps nothing: the far end of a benchmark.

use super::Sink;
use crate::error::Result;
use crate::frame::Frame;

/// Takes frames and forgets them.
#[derive(Debug, Default)]
pub struct NullSink;

impl Sink for NullSink {
    fn put(&mut self, _frame: &Frame) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
