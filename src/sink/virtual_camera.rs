//! Cameras that exist only for other programs: OBS, browsers, calls.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Sink;
use crate::error::Result;

/// Which virtual camera to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VirtualCamera {
    /// The first of v4l2loopback that is free.
    Auto,
    /// A device of v4l2loopback.
    Device(PathBuf),
}

impl VirtualCamera {
    /// Opens it for frames of `width` x `height`; also gives the words for what to choose in other programs.
    ///
    /// # Errors
    /// There is none, or it cannot be written to; the cure is named.
    #[cfg(target_os = "linux")]
    pub fn open(&self, width: u32, height: u32) -> Result<(Box<dyn Sink>, String)> {
        let path = match self {
            Self::Auto => super::v4l2::find()?,
            Self::Device(path) => path.clone(),
        };
        let sink = super::v4l2::V4l2Sink::open(&path, width, height)?;
        let words = format!("virtual camera '{}' ({})", sink.card(), path.display());
        Ok((Box::new(sink), words))
    }

    /// Says what to do instead: only Linux has virtual cameras that every program may be.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn open(&self, _width: u32, _height: u32) -> Result<(Box<dyn Sink>, String)> {
        Err(crate::error::Error::failed(
            "virtual cameras are for Linux; elsewhere use --serve, open its /stream.mjpeg in OBS, and start OBS's own virtual camera",
        ))
    }
}

impl FromStr for VirtualCamera {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text == "auto" { Self::Auto } else { Self::Device(text.into()) })
    }
}

impl fmt::Display for VirtualCamera {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => out.write_str("auto"),
            Self::Device(path) => write!(out, "{}", path.display()),
        }
    }
}
