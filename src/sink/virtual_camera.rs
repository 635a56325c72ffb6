//! The kinds of virtual camera.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Sink;
use crate::error::Result;

/// A camera that other programs see and that shows the painting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VirtualCamera {
    /// A v4l2loopback device if there is one, otherwise PipeWire.
    Auto,
    /// This v4l2loopback device.
    Device(PathBuf),
    /// A PipeWire camera.
    Pipewire,
}

impl FromStr for VirtualCamera {
    type Err = String;

    /// Parses `auto`, `pipewire` or a device's path, `/dev/video10`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "pipewire" => Ok(Self::Pipewire),
            path if path.starts_with('/') && !path.contains('\0') => Ok(Self::Device(path.into())),
            _ => Err(format!("'{text}' is not a virtual camera; write auto, pipewire, or a device like /dev/video10")),
        }
    }
}

impl fmt::Display for VirtualCamera {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Device(path) => write!(formatter, "{}", path.display()),
            Self::Pipewire => formatter.write_str("pipewire"),
        }
    }
}

impl VirtualCamera {
    /// Opens it for frames of `width` x `height`, `fps` per second, and returns what to select in the other program:
    /// `the camera "impasto" (/dev/video10)`.
    ///
    /// # Errors
    /// There is no such camera, or it does not accept these frames; for [`Self::Auto`] the message gives the cure for both kinds.
    pub fn open(&self, width: u32, height: u32, fps: u32) -> Result<(Box<dyn Sink>, String)> {
        match self {
            Self::Device(path) => system::device(path, width, height, fps),
            Self::Pipewire => system::pipewire(width, height, fps),
            Self::Auto => system::auto(width, height, fps),
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use std::path::Path;

    use crate::error::{Error, Result};
    use crate::sink::Sink;
    use crate::sink::v4l2::{self, V4l2Sink};

    type Opened = (Box<dyn Sink>, String);

    pub fn device(path: &Path, width: u32, height: u32, fps: u32) -> Result<Opened> {
        let sink = V4l2Sink::open(path, width, height, fps)?;
        let words = format!("the camera \"{}\" ({})", sink.label(), path.display());
        Ok((Box::new(sink), words))
    }

    pub fn auto(width: u32, height: u32, fps: u32) -> Result<Opened> {
        v4l2::find().and_then(|path| device(&path, width, height, fps)).or_else(|no_device| {
            pipewire(width, height, fps).map_err(|no_pipewire| {
                Error::failed(format!("there is no virtual camera: {no_device}; or: {no_pipewire}"))
            })
        })
    }

    #[cfg(feature = "pipewire")]
    pub fn pipewire(width: u32, height: u32, fps: u32) -> Result<Opened> {
        const NAME: &str = "impasto";
        let sink = crate::sink::pipewire::PipewireSink::open(NAME, width, height, fps)?;
        Ok((Box::new(sink), format!("the camera \"{NAME}\" (PipeWire)")))
    }

    #[cfg(not(feature = "pipewire"))]
    pub fn pipewire(_width: u32, _height: u32, _fps: u32) -> Result<Opened> {
        Err(Error::failed(
            "this impasto was built without PipeWire; build it with --features pipewire, which needs libpipewire-0.3-dev",
        ))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::path::Path;

    use crate::error::{Error, Result};
    use crate::sink::Sink;

    type Opened = (Box<dyn Sink>, String);

    fn elsewhere() -> Result<Opened> {
        Err(Error::failed(
            "virtual cameras work on Linux only; on other systems, capture impasto's window in OBS and start its virtual camera",
        ))
    }

    pub fn device(_path: &Path, _width: u32, _height: u32, _fps: u32) -> Result<Opened> {
        elsewhere()
    }

    pub fn auto(_width: u32, _height: u32, _fps: u32) -> Result<Opened> {
        elsewhere()
    }

    pub fn pipewire(_width: u32, _height: u32, _fps: u32) -> Result<Opened> {
        elsewhere()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_to_what_they_are_written_from() {
        for text in ["auto", "pipewire", "/dev/video10", "/dev/v4l/by-id/impasto"] {
            assert_eq!(text.parse::<VirtualCamera>().unwrap().to_string(), text);
        }
        assert_eq!("/dev/video10".parse(), Ok(VirtualCamera::Device("/dev/video10".into())));
    }

    #[test]
    fn an_unknown_camera_is_refused_with_the_choices() {
        for text in ["", "obs", "10", "video10", "Auto", "/dev/video\0"] {
            let error = text.parse::<VirtualCamera>().unwrap_err();
            assert!(error.contains(&format!("'{text}'")) && error.contains("auto, pipewire, or a device"), "{error}");
        }
    }
}
