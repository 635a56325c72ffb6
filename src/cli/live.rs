//! The flags of `impasto live`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{SteadyArgs, StyleArgs, values};
use crate::media::options::{FrameRate, Seconds, Size};
use crate::sink::virtual_camera::VirtualCamera;
use crate::source::camera::PixelFormat;

/// `impasto live`
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// What to paint: a camera by number, path or name (see `impasto devices`), `synthetic` (a moving test scene, no camera needed),
    /// a video file, `screen`, or an address that FFmpeg opens (rtsp://, http://, udp:// ...).
    #[arg(long, short, value_name = "SOURCE", default_value = "0")]
    pub camera: String,
    /// Size of the picture, also requested from the camera. Default: 640x360 from a camera, otherwise the source's own size.
    #[arg(long, value_name = "WxH")]
    pub resolution: Option<Size>,
    /// Frame rate to hold. Default: the source's own, at most 30.
    #[arg(long, value_name = "RATE")]
    pub fps: Option<FrameRate>,
    /// Pixel format to request from the camera: yuyv, nv12, mjpeg, rgb or bgr. Default: the first of these that it has near the
    /// requested size.
    #[arg(long, value_name = "FORMAT")]
    pub pixel_format: Option<PixelFormat>,
    /// auto gives the network a smaller picture when the frame rate cannot be held otherwise; fixed never does.
    #[arg(long, value_enum, default_value_t = SeenSize::Auto)]
    pub size: SeenSize,
    /// Mirror the picture.
    #[arg(long)]
    pub mirror: bool,
    /// Loop a video file.
    #[arg(long = "loop")]
    pub repeat: bool,
    /// How to paint.
    #[command(flatten)]
    pub style: StyleArgs,
    /// How to reduce flicker.
    #[command(flatten)]
    pub steady: SteadyArgs,
    /// Open no window; end with Ctrl-C or after --duration.
    #[arg(long)]
    pub no_window: bool,
    /// End after this time: seconds, or `[HH:]MM:SS[.fraction]`.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Seconds>,
    /// Record to this file from the start (.mkv, .mp4, .mov or .webm). It plays even if the program is killed; until it is closed it
    /// is called NAME.recording.EXT. Without this flag, the key r records to impasto.mkv.
    #[arg(long, value_name = "VIDEO")]
    pub record: Option<PathBuf>,
    /// Act as a virtual camera for other programs (Linux): auto, pipewire, or a v4l2loopback device.
    #[arg(long, value_name = "auto|pipewire|DEVICE", num_args = 0..=1, default_missing_value = "auto")]
    pub virtual_camera: Option<VirtualCamera>,
    /// Serve a web page with the picture and the controls, and the picture alone at /stream.mjpeg. Default address:
    /// 127.0.0.1:8080, for this machine only.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8080")]
    pub serve: Option<SocketAddr>,
    /// Token that --serve requires from clients (`?token=...`). Default: none on this machine, a random one for other addresses.
    #[arg(long, value_name = "TOKEN", requires = "serve", value_parser = values::token)]
    pub token: Option<String>,
    /// Send the picture as MPEG-TS: udp://HOST:PORT, srt://HOST:PORT or tcp://HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    pub send: Option<String>,
    /// Folder for the recordings and snapshots of the keys r and s.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

/// Whether the network may see a smaller picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SeenSize {
    /// As small as the frame rate needs, as large as it allows.
    Auto,
    /// Always the whole picture.
    Fixed,
}
