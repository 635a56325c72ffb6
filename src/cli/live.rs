//! The flags of `impasto live`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{CAMERA, OUTPUTS, PAINTING, SHOW, SteadyArgs, StyleArgs, values};
use crate::frame::MaxPixels;
use crate::media::options::{Deinterlace, FrameRate, Seconds, SizeRequest};
use crate::sink::virtual_camera::VirtualCamera;
use crate::source::camera::PixelFormat;
use crate::studio::capture::SourceSettings;

/// `impasto live`
#[derive(Debug, Args)]
#[command(next_help_heading = CAMERA)]
pub struct LiveArgs {
    /// What to paint: a camera by number, path or name (`impasto devices` lists them), `synthetic` (a moving test scene, no
    /// camera needed), a video file, `screen`, or an address that FFmpeg opens (rtsp://, http://, udp:// ...).
    #[arg(long, short, value_name = "SOURCE", default_value = "0")]
    pub camera: String,
    /// Size of the picture, also requested from a camera; -1 for one side keeps the aspect ratio. Default: 640x360 from a
    /// camera; files, streams and the screen keep their own size.
    #[arg(long, value_name = "WxH")]
    pub resolution: Option<SizeRequest>,
    /// Frame rate to hold. Default: the source's own, up to 30.
    #[arg(long, value_name = "RATE")]
    pub fps: Option<FrameRate>,
    /// Pixel format to ask the camera for: yuyv, nv12, mjpeg, rgb or bgr. Default: the first of these that the camera offers
    /// near the requested size.
    #[arg(long, value_name = "FORMAT")]
    pub pixel_format: Option<PixelFormat>,
    /// auto: shrink the picture that the network sees while it is too slow for the frame rate. fixed: never shrink it.
    #[arg(help_heading = PAINTING, long, value_enum, default_value_t = SeenSize::Auto)]
    pub size: SeenSize,
    /// Mirror the picture left to right.
    #[arg(long)]
    pub mirror: bool,
    /// Play a video file again when it ends.
    #[arg(long = "loop")]
    pub repeat: bool,
    /// Deinterlace a video file or a stream before painting: marked (the default), top or bottom, as in `impasto video`.
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, require_equals = true, default_missing_value = "marked")]
    pub deinterlace: Option<Deinterlace>,
    /// How to paint.
    #[command(flatten)]
    pub style: StyleArgs,
    /// How to prevent flicker.
    #[command(flatten)]
    pub steady: SteadyArgs,
    /// Open no window. Stop with Ctrl-C, or after --duration.
    #[arg(help_heading = SHOW, long)]
    pub no_window: bool,
    /// Stop after this time: seconds, or `[HH:]MM:SS[.fraction]`.
    #[arg(help_heading = SHOW, long, value_name = "TIME")]
    pub duration: Option<Seconds>,
    /// Record to this file from the start (.mkv, .mp4, .mov or .webm). While it is being written it is named
    /// NAME.recording.EXT, and it plays even if the program is killed. Without this flag, press r to record to impasto.mkv.
    #[arg(help_heading = OUTPUTS, long, value_name = "VIDEO")]
    pub record: Option<PathBuf>,
    /// Act as a virtual camera for other programs (Linux): auto, pipewire, or the path of a v4l2loopback device.
    #[arg(help_heading = OUTPUTS, long, value_name = "auto|pipewire|DEVICE", num_args = 0..=1, default_missing_value = "auto")]
    pub virtual_camera: Option<VirtualCamera>,
    /// Serve a web page with the picture and the controls; /stream.mjpeg is the picture alone. Default address:
    /// 127.0.0.1:8080, reachable from this machine only.
    #[arg(help_heading = OUTPUTS, long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8080", value_parser = values::address)]
    pub serve: Option<SocketAddr>,
    /// Token that clients of --serve must send (`?token=...`). Default: none on this machine, a random one for other addresses.
    #[arg(help_heading = OUTPUTS, long, value_name = "TOKEN", requires = "serve", value_parser = values::token)]
    pub token: Option<String>,
    /// Send an MPEG-TS stream to udp://HOST:PORT, srt://HOST:PORT or tcp://HOST:PORT.
    #[arg(help_heading = OUTPUTS, long, value_name = "ADDRESS")]
    pub send: Option<String>,
    /// Folder for recordings and snapshots started by key.
    #[arg(help_heading = OUTPUTS, long, value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

impl LiveArgs {
    /// Where the frames come from, without the flags.
    pub fn source(&self, max_pixels: MaxPixels) -> SourceSettings {
        SourceSettings {
            name: self.camera.clone(),
            size: self.resolution,
            fps: self.fps,
            pixel_format: self.pixel_format,
            repeat: self.repeat,
            deinterlace: self.deinterlace,
            max_pixels,
        }
    }
}

/// Whether the network may see a smaller picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeenSize {
    /// As small as the frame rate needs, as large as it allows.
    Auto,
    /// Always the full picture.
    Fixed,
}
