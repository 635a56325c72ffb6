//! The flags of `impasto live`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{SteadyArgs, StyleArgs, values};
use crate::media::options::{FrameRate, Seconds, SizeRequest};
use crate::sink::virtual_camera::VirtualCamera;
use crate::source::camera::PixelFormat;

/// `impasto live`
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// What to paint: a camera by its number, path or name (see `impasto devices`), `synthetic` (a moving test picture), a
    /// video file, `screen`, or an address that FFmpeg opens (rtsp://, http://, udp:// ...).
    #[arg(long, short, value_name = "SOURCE", default_value = "0")]
    pub camera: String,
    /// The size to ask the camera for, and of the picture. Default: 640x360 of a camera, else the source's own.
    #[arg(long, value_name = "WxH")]
    pub resolution: Option<SizeRequest>,
    /// Frames a second to hold. Default: the source's own rate, at most 30.
    #[arg(long, value_name = "RATE")]
    pub fps: Option<FrameRate>,
    /// What the camera sends: yuyv, nv12, mjpeg, rgb or bgr. Default: the first of them that it has near the wished size.
    #[arg(long, value_name = "FORMAT")]
    pub pixel_format: Option<PixelFormat>,
    /// auto lets the network see a smaller picture while the frame rate cannot be held otherwise; fixed never does.
    #[arg(long, value_enum, default_value_t = SeenSize::Auto)]
    pub size: SeenSize,
    /// Show it as in a mirror.
    #[arg(long)]
    pub mirror: bool,
    /// Begin a video file again at its end.
    #[arg(long = "loop")]
    pub repeat: bool,
    /// How to paint.
    #[command(flatten)]
    pub style: StyleArgs,
    /// How to keep it from flickering.
    #[command(flatten)]
    pub steady: SteadyArgs,
    /// Open no window; end with Ctrl-C, or after --duration.
    #[arg(long)]
    pub no_window: bool,
    /// End after this long: seconds, or `[HH:]MM:SS[.fraction]`.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Seconds>,
    /// Record from the start, into this file (.mkv, .mp4, .mov or .webm). It plays even when the program is killed; until it is
    /// closed it is called NAME.recording.EXT. Without this, the key r records into impasto.mkv.
    #[arg(long, value_name = "VIDEO")]
    pub record: Option<PathBuf>,
    /// Be a camera for other programs (Linux): auto, pipewire, or the device of v4l2loopback to write to.
    #[arg(long, value_name = "auto|pipewire|DEVICE", num_args = 0..=1, default_missing_value = "auto")]
    pub virtual_camera: Option<VirtualCamera>,
    /// Serve a page with the picture and the controls, and the picture alone at /stream.mjpeg. Default address:
    /// 127.0.0.1:8080, for this machine only.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8080")]
    pub serve: Option<SocketAddr>,
    /// What --serve asks clients for (`?token=...`). Without it, one is made up for addresses beyond this machine.
    #[arg(long, value_name = "TOKEN", requires = "serve", value_parser = values::token)]
    pub token: Option<String>,
    /// Send it as MPEG-TS: udp://HOST:PORT, srt://HOST:PORT or tcp://HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub send: Option<String>,
    /// The folder for recordings and snapshots that are asked for by key.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// Whether the network's picture may become smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeenSize {
    /// As small as the frame rate needs, as large as it allows.
    Auto,
    /// Always the whole picture.
    Fixed,
}
