//! Where styled frames go.

pub mod http;
pub mod image;
pub mod null;
pub mod recording;
pub mod send;
#[cfg(target_os = "linux")]
pub mod v4l2;
pub mod video;
pub mod virtual_camera;
pub mod window;

use crate::error::Result;
use crate::frame::Frame;

/// Something that takes frames in presentation order.
pub trait Sink: Send {
    /// Takes one frame; its buffer is recycled by the caller afterwards.
    fn put(&mut self, frame: &Frame) -> Result<()>;

    /// Closes the output and gives it its final name. An output that is dropped unfinished leaves nothing behind.
    fn finish(self: Box<Self>) -> Result<()>;
}
