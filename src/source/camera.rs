//! The cameras of this machine: which there are, and frames of one of them.
//!
//! FFmpeg reads them (Video4Linux, AVFoundation, DirectShow): it knows every pixel format that cameras have, MJPEG too, and
//! its frames take the same way to RGB as those of files. On Linux the kernel is asked which cameras there are.

use std::io;

use serde::Serialize;

use super::Source;
use super::video::VideoSource;
use crate::error::{Error, Result};

/// A camera.
#[derive(Clone, Debug, Serialize)]
pub struct Camera {
    /// What `--camera` takes.
    pub index: u32,
    /// Its name, as its maker gave it.
    pub name: String,
    /// Its device.
    pub path: String,
    /// What it can deliver.
    pub formats: Vec<CameraFormat>,
}

/// One of a camera's pixel formats.
#[derive(Clone, Debug, Serialize)]
pub struct CameraFormat {
    /// Four letters: `MJPG`, `YUYV`.
    pub pixel_format: String,
    /// Columns and rows.
    pub sizes: Vec<(u32, u32)>,
}

/// What a camera is asked for; it may answer with the nearest that it has.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second.
    pub fps: f64,
}

/// Opens the camera that `which` names: its number, its device, or a part of its name.
///
/// # Errors
/// There is none, or no such one; it is busy, or forbidden. The cure is named.
pub fn open(which: &str, wish: Wish) -> Result<Box<dyn Source>> {
    let format = if cfg!(target_os = "macos") {
        "avfoundation"
    } else if cfg!(windows) {
        "dshow"
    } else {
        "v4l2"
    };
    let address = address(which)?;
    check(which, &address)?;
    let mut wishes =
        vec![("framerate", wish.fps.to_string()), ("video_size", format!("{}x{}", wish.width, wish.height))];
    if format == "v4l2" && prefers_mjpeg(&address, wish) {
        // Over USB 2 the raw formats come at a few frames a second in larger sizes.
        wishes.push(("input_format", "mjpeg".to_owned()));
    }
    let source = VideoSource::open_address(&address, Some(format), &wishes, None);
    source.map(|source| Box::new(source) as Box<dyn Source>).map_err(|error| {
        Error::failed(format!("camera '{which}' does not start: {error}; try another --resolution or --fps"))
    })
}

/// Which of `cameras` is meant: all of them where `which` is not in any name.
fn matching<'a>(which: &str, cameras: &'a [Camera]) -> Vec<&'a Camera> {
    let wanted = which.to_lowercase();
    cameras.iter().filter(|camera| camera.name.to_lowercase().contains(&wanted)).collect()
}

fn listed<'a>(cameras: impl IntoIterator<Item = &'a Camera>) -> String {
    let words: Vec<String> = cameras.into_iter().map(|camera| format!("{} ({})", camera.index, camera.name)).collect();
    if words.is_empty() {
        "there is none here; plug one in, or use --camera synthetic".into()
    } else {
        format!("there is {}", words.join(", "))
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use v4l::capability::Flags;
    use v4l::framesize::FrameSizeEnum;
    use v4l::video::Capture;
    use v4l::{Device, FourCC};

    use super::*;

    /// The cameras that there are.
    pub fn cameras() -> Vec<Camera> {
        let mut cameras: Vec<Camera> =
            v4l::context::enum_devices().iter().filter_map(|node| describe(node.index() as u32)).collect();
        cameras.sort_by_key(|camera| camera.index);
        cameras
    }

    /// The camera with that number; `None` for devices that capture nothing: a camera's metadata, outputs.
    fn describe(index: u32) -> Option<Camera> {
        let device = Device::new(index as usize).ok()?;
        let capabilities = device.query_caps().ok()?;
        if !capabilities.capabilities.contains(Flags::VIDEO_CAPTURE) {
            return None;
        }
        let formats: Vec<CameraFormat> =
            device.enum_formats().ok()?.iter().map(|format| of(&device, format.fourcc)).collect();
        let (name, path) = (capabilities.card, format!("/dev/video{index}"));
        (!formats.is_empty()).then_some(Camera { index, name, path, formats })
    }

    fn of(device: &Device, fourcc: FourCC) -> CameraFormat {
        let mut sizes: Vec<(u32, u32)> = device
            .enum_framesizes(fourcc)
            .unwrap_or_default()
            .into_iter()
            .map(|found| match found.size {
                FrameSizeEnum::Discrete(size) => (size.width, size.height),
                FrameSizeEnum::Stepwise(range) => (range.max_width, range.max_height),
            })
            .collect();
        sizes.sort_unstable();
        sizes.dedup();
        CameraFormat { pixel_format: fourcc.to_string(), sizes }
    }

    /// The device that `which` means.
    pub fn address(which: &str) -> Result<String> {
        if which.starts_with('/') {
            return Ok(which.to_owned());
        }
        if !which.is_empty() && which.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(format!("/dev/video{which}"));
        }
        let cameras = cameras();
        match matching(which, &cameras).as_slice() {
            [one] => Ok(one.path.clone()),
            [] => Err(Error::failed(format!(
                "there is no file, address or camera '{which}'; of cameras {}",
                listed(&cameras)
            ))),
            several => {
                let several = listed(several.iter().copied());
                Err(Error::usage(format!("'{which}' means more than one camera: {several}; give its number")))
            }
        }
    }

    /// Looks whether the camera is there and free, to say it in words.
    pub fn check(which: &str, path: &str) -> Result<()> {
        let failed = |error: &io::Error| {
            Error::failed(match error.kind() {
                io::ErrorKind::NotFound => format!("there is no camera '{which}'; {}", listed(&cameras())),
                io::ErrorKind::PermissionDenied => format!(
                    "camera '{which}' may not be used; join its group (sudo usermod -aG video $USER) and log in again"
                ),
                io::ErrorKind::ResourceBusy => format!("camera '{which}' is used by another program; end that"),
                _ => format!("camera '{which}' cannot be opened: {error}; {}", listed(&cameras())),
            })
        };
        let device = Device::with_path(path).map_err(|error| failed(&error))?;
        let capabilities = device
            .query_caps()
            .map_err(|_| Error::failed(format!("'{which}' is no camera; {}", listed(&cameras()))))?;
        if !capabilities.capabilities.contains(Flags::VIDEO_CAPTURE) {
            return Err(Error::failed(format!(
                "'{which}' is no camera but {}; {}",
                capabilities.card,
                listed(&cameras())
            )));
        }
        // A camera that streams for somebody else refuses to be set.
        let format = Capture::format(&device).map_err(|error| failed(&error))?;
        Capture::set_format(&device, &format).map(drop).map_err(|error| failed(&error))
    }

    /// Whether the camera has MJPEG in that size but nothing raw, or is asked for more than a raw format carries over USB 2.
    pub fn prefers_mjpeg(path: &str, wish: Wish) -> bool {
        let Ok(device) = Device::with_path(path) else { return false };
        let formats = device.enum_formats().unwrap_or_default();
        let is_mjpeg = |fourcc: &FourCC| fourcc.repr == *b"MJPG" || fourcc.repr == *b"JPEG";
        let is_large = f64::from(wish.width) * f64::from(wish.height) * wish.fps > 640.0 * 480.0 * 30.0;
        let has_raw = formats.iter().any(|format| !is_mjpeg(&format.fourcc));
        formats.iter().any(|format| is_mjpeg(&format.fourcc)) && (is_large || !has_raw)
    }
}

#[cfg(target_os = "linux")]
pub use linux::cameras;
#[cfg(target_os = "linux")]
use linux::{address, check, prefers_mjpeg};

/// None: only on Linux is the system asked; elsewhere `--camera` takes a number all the same.
#[cfg(not(target_os = "linux"))]
pub fn cameras() -> Vec<Camera> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
fn address(which: &str) -> Result<String> {
    let is_number = which.bytes().all(|byte| byte.is_ascii_digit());
    Ok(if cfg!(windows) && !is_number { format!("video={which}") } else { which.to_owned() })
}

#[cfg(not(target_os = "linux"))]
fn check(_which: &str, _address: &str) -> Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn prefers_mjpeg(_address: &str, _wish: Wish) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(index: u32, name: &str) -> Camera {
        Camera { index, name: name.into(), path: format!("/dev/video{index}"), formats: Vec::new() }
    }

    #[test]
    fn a_camera_is_found_by_a_part_of_its_name_whatever_its_case() {
        let cameras =
            [camera(0, "HD Pro Webcam C920"), camera(2, "Integrated Camera"), camera(4, "Integrated IR Camera")];
        let found = |which| matching(which, &cameras).iter().map(|camera| camera.index).collect::<Vec<_>>();
        assert_eq!((found("c920"), found("integrated"), found("nikon")), (vec![0], vec![2, 4], vec![]));
        assert_eq!(listed(&cameras[..2]), "there is 0 (HD Pro Webcam C920), 2 (Integrated Camera)");
        assert!(listed(&[]).contains("--camera synthetic"));
    }
}
