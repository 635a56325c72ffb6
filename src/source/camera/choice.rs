//! Finds the requested camera and the best of its formats: pure functions of lists.

use std::path::Path;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::error::{Error, Result};

/// How a camera lays out its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// 4:2:2, packed: two bytes a pixel, nothing lost.
    Yuyv,
    /// 4:2:0, a plane of luma and one of chroma pairs.
    Nv12,
    /// A JPEG a frame: what USB has room for at large sizes.
    Mjpeg,
    /// Three bytes a pixel.
    Rgb,
    /// The same in the other order.
    Bgr,
}

impl PixelFormat {
    /// All of them with their names, the preferred first.
    pub const NAMES: [(Self, &'static str); 5] =
        [(Self::Yuyv, "yuyv"), (Self::Nv12, "nv12"), (Self::Mjpeg, "mjpeg"), (Self::Rgb, "rgb"), (Self::Bgr, "bgr")];
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::NAMES.iter().find(|(format, _)| format == self).map_or("", |(_, name)| name);
        f.pad(name)
    }
}

impl FromStr for PixelFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(_, name)| name.eq_ignore_ascii_case(text));
        let names = || Self::NAMES.map(|(_, name)| name).join(", ");
        found.map(|(format, _)| *format).ok_or_else(|| format!("not one of {}", names()))
    }
}

/// The requested format; a camera gives the nearest it has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// Columns and rows. `None`: near 640x360, which networks paint live on ordinary machines.
    pub size: Option<(u32, u32)>,
    /// Frames a second. `None`: near 30.
    pub fps: Option<f64>,
    /// The pixel format, which is taken exactly. `None`: whatever is fastest to decode.
    pub pixel_format: Option<PixelFormat>,
}

/// A camera of this machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Camera {
    /// Its number: N of `/dev/videoN` on Linux.
    pub index: u32,
    /// Its name, from its maker.
    pub name: String,
    /// The device file, on systems that have one.
    pub path: Option<String>,
    /// The formats that impasto can decode; empty if impasto may not ask.
    pub formats: Vec<Format>,
}

/// One format of a camera.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Format {
    /// How it lays out its pixels.
    pub pixel_format: PixelFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames per second, fastest first.
    pub frame_rates: Vec<f64>,
}

/// The chosen format of a camera.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// How it lays out its pixels.
    pub pixel_format: PixelFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames per second, a whole number.
    pub fps: u32,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pixel_format, width, height, fps } = self;
        write!(f, "{width}x{height} at {fps} fps as {pixel_format}")
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "'{}' ({path})", self.name),
            None => write!(f, "'{}' (number {})", self.name, self.index),
        }
    }
}

/// The camera with this number, path, or part of its name, in upper or lower case.
///
/// # Errors
/// There is none, or several match; the message lists them.
pub fn find<'a>(which: &str, cameras: &'a [Camera]) -> Result<&'a Camera> {
    if looks_like_a_file(which) {
        return Err(Error::failed(format!("no file '{which}', and no camera of that name; check the spelling")));
    }
    if cameras.is_empty() {
        return Err(Error::failed(format!(
            "no camera '{which}': this machine has no camera; plug one in, or try --camera synthetic, a moving test scene"
        )));
    }
    let number = which.parse::<u32>().ok();
    let exact = |camera: &&Camera| camera.path.as_deref() == Some(which) || number == Some(camera.index);
    if let Some(camera) = cameras.iter().find(exact) {
        return Ok(camera);
    }
    let wanted = which.to_lowercase();
    let named: Vec<&Camera> = cameras.iter().filter(|camera| camera.name.to_lowercase().contains(&wanted)).collect();
    match named[..] {
        [camera] if !wanted.is_empty() => Ok(camera),
        [] | [_] => Err(Error::usage(format!(
            "no camera '{which}'; choose from {}, or --camera synthetic, a moving test scene",
            list(cameras)
        ))),
        _ => {
            // A complete name wins over longer names that contain it.
            let mut whole = named.iter().filter(|camera| camera.name.to_lowercase() == wanted);
            if let (Some(camera), None) = (whole.next(), whole.next()) {
                return Ok(camera);
            }
            let meant = list(named);
            Err(Error::usage(format!("'{which}' matches {meant}; choose one by number or path")))
        }
    }
}

fn list<'a>(cameras: impl IntoIterator<Item = &'a Camera>) -> String {
    cameras.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The format of `camera` nearest to `wish`: first by size, then by frame rate, then by how fast it decodes.
///
/// # Errors
/// It does not have the requested pixel format, or none that can be decoded; the message lists those it has.
pub fn choose(camera: &Camera, wish: &Wish) -> Result<Mode> {
    let (width, height) = wish.size.unwrap_or((640, 360));
    let fps = wish.fps.unwrap_or(30.0);
    let octaves = |a: f64, b: f64| (a.max(1e-3) / b.max(1e-3)).log2().abs();
    let modes = camera.formats.iter().flat_map(|format| {
        // Only whole numbers: nokhwa counts frames a second in integers, and refuses the others.
        let rates = format.frame_rates.iter().filter(|rate| **rate >= 1.0 && rate.fract() == 0.0);
        let Format { pixel_format, width, height, .. } = *format;
        rates.map(move |rate| Mode { pixel_format, width, height, fps: *rate as u32 })
    });
    let distance = |mode: &Mode| {
        let across = octaves(mode.width.into(), width.into());
        let down = octaves(mode.height.into(), height.into());
        (across + down, octaves(mode.fps.into(), fps))
    };
    let wanted = modes.filter(|mode| wish.pixel_format.is_none_or(|wanted| wanted == mode.pixel_format));
    let nearest = wanted.min_by(|a, b| {
        let ((size_a, rate_a), (size_b, rate_b)) = (distance(a), distance(b));
        let pixels = a.pixel_format.cmp(&b.pixel_format);
        size_a.total_cmp(&size_b).then(rate_a.total_cmp(&rate_b)).then(pixels)
    });
    nearest.ok_or_else(|| {
        let mut offered: Vec<PixelFormat> = camera.formats.iter().map(|format| format.pixel_format).collect();
        offered.sort();
        offered.dedup();
        let offered = offered.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match wish.pixel_format {
            _ if offered.is_empty() => Error::failed(format!(
                "camera {camera} has no pixel format that impasto can decode (yuyv, nv12, mjpeg, rgb, bgr); use another camera"
            )),
            Some(wanted) if !offered.contains(&wanted.to_string()) => {
                Error::usage(format!("camera {camera} does not send {wanted}, only {offered}"))
            }
            _ => Error::failed(format!("camera {camera} has no whole-number frame rate; use another camera")),
        }
    })
}

/// Whether `which` is written like a video file, such as `clip.mp4`; devices have no extension.
fn looks_like_a_file(which: &str) -> bool {
    let extension = Path::new(which).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| extension.starts_with(|c: char| c.is_ascii_alphabetic()) && extension.len() <= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(index: u32, name: &str, formats: &[(PixelFormat, u32, u32, &[f64])]) -> Camera {
        let format = |&(pixel_format, width, height, rates): &(PixelFormat, u32, u32, &[f64])| Format {
            pixel_format,
            width,
            height,
            frame_rates: rates.to_vec(),
        };
        let formats = formats.iter().map(format).collect();
        Camera { index, name: name.to_owned(), path: Some(format!("/dev/video{index}")), formats }
    }

    /// As a C920 offers them: raw pictures lose speed where USB has no room for them.
    fn c920() -> Camera {
        use PixelFormat::{Mjpeg, Yuyv};
        let fast: &[f64] = &[30.0, 24.0, 15.0];
        let formats = [
            (Yuyv, 640, 360, fast),
            (Yuyv, 640, 480, fast),
            (Yuyv, 1280, 720, &[10.0, 7.5, 5.0]),
            (Mjpeg, 640, 360, fast),
            (Mjpeg, 640, 480, fast),
            (Mjpeg, 1280, 720, fast),
        ];
        camera(0, "HD Pro Webcam C920", &formats)
    }

    fn chosen(size: Option<(u32, u32)>, fps: Option<f64>, pixel_format: Option<PixelFormat>) -> String {
        choose(&c920(), &Wish { size, fps, pixel_format }).unwrap().to_string()
    }

    #[test]
    fn the_nearest_size_wins_then_the_nearest_rate_then_the_fastest_decoding() {
        assert_eq!(chosen(None, None, None), "640x360 at 30 fps as yuyv");
        assert_eq!(chosen(Some((640, 400)), Some(16.0), None), "640x360 at 15 fps as yuyv");
        assert_eq!(chosen(Some((1920, 1080)), None, None), "1280x720 at 30 fps as mjpeg");
        assert_eq!(chosen(Some((1280, 720)), Some(10.0), None), "1280x720 at 10 fps as yuyv");
        assert_eq!(chosen(Some((1280, 720)), Some(7.5), Some(PixelFormat::Yuyv)), "1280x720 at 10 fps as yuyv");
        assert_eq!(chosen(None, None, Some(PixelFormat::Mjpeg)), "640x360 at 30 fps as mjpeg");
    }

    #[test]
    fn a_pixel_format_that_is_not_there_is_an_error_that_lists_what_is() {
        let error = |camera: &Camera, pixel_format| {
            choose(camera, &Wish { pixel_format, ..Wish::default() }).unwrap_err().to_string()
        };
        assert!(error(&c920(), Some(PixelFormat::Nv12)).ends_with("does not send nv12, only yuyv, mjpeg"));
        assert!(error(&camera(0, "a", &[]), None).contains("no pixel format that impasto can decode"));
        let film = camera(0, "a", &[(PixelFormat::Yuyv, 64, 48, &[29.97])]);
        assert!(error(&film, None).contains("no whole-number frame rate"));
    }

    #[test]
    fn a_camera_is_found_by_number_path_and_part_of_its_name() {
        let cameras = [c920(), camera(2, "Integrated Camera", &[]), camera(4, "Integrated Camera IR", &[])];
        let index = |which| find(which, &cameras).unwrap().index;
        assert_eq!(["0", "2", "/dev/video4", "c920", "Camera ir"].map(index), [0, 2, 4, 0, 4]);
        assert_eq!(index("integrated camera"), 2, "the whole name beats a part");
    }

    #[test]
    fn unknown_and_ambiguous_names_list_what_there_is() {
        let cameras = [c920(), camera(2, "Webcam 2", &[])];
        let error = |which: &str| find(which, &cameras).unwrap_err().to_string();
        let both = "'HD Pro Webcam C920' (/dev/video0), 'Webcam 2' (/dev/video2)";
        let synthetic = "or --camera synthetic, a moving test scene";
        assert_eq!(error("7"), format!("no camera '7'; choose from {both}, {synthetic}"));
        assert_eq!(error("brio"), format!("no camera 'brio'; choose from {both}, {synthetic}"));
        assert_eq!(error("webcam"), format!("'webcam' matches {both}; choose one by number or path"));
        assert!(error("").contains("choose one by number"));
        assert!(error("nothere.mp4").starts_with("no file 'nothere.mp4'"), "{}", error("nothere.mp4"));
        let error = find("brio", &[]).unwrap_err().to_string();
        assert!(error.starts_with("no camera 'brio': this machine has no camera; "), "{error}");
        assert!(error.ends_with("--camera synthetic, a moving test scene"), "{error}");
    }

    #[test]
    fn pixel_formats_have_names() {
        for (format, name) in PixelFormat::NAMES {
            assert_eq!((format.to_string().as_str(), name.parse()), (name, Ok(format)));
        }
        assert!("h264".parse::<PixelFormat>().is_err());
    }
}
