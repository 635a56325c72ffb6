//! The command line: flags as typed values. Their doc comments are the manual.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::frame::MaxPixels;
use crate::media::encode::Codec;
use crate::media::options::{FrameRate, Seconds, Size};
use crate::network::provider::Device;
use crate::network::vgg19::{Pooling, STYLE_LAYERS};
use crate::paint::{Init, Method};
use crate::picture::Format;
use crate::segments::{Part, SEGMENT_FRAMES};
use crate::sink::virtual_camera::VirtualCamera;
use crate::source::camera::PixelFormat;
use crate::style::expression::Expression;
use crate::style::paintings::{Painting, Paintings};
use crate::temporal::{DEFAULT_AMOUNT, WARM_UP};

/// Turns photos and videos into paintings, with neural style networks that run on the machine that you have.
#[derive(Debug, Parser)]
#[command(name = "impasto", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Flags of every command.
    #[command(flatten)]
    pub shared: SharedArgs,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Paint photos: files, whole folders, or standard input.
    Image(ImageArgs),
    /// Paint a video file, keeping its sound, subtitles, chapters and timestamps.
    Video(VideoArgs),
    /// Paint a camera, a screen or a stream live: into a window, a recording, over the network.
    Live(Box<LiveArgs>),
    /// Paint one still by optimisation (Gatys et al. 2016): minutes instead of milliseconds, in the style of any picture.
    Paint(Box<PaintArgs>),
    /// List the styles, show them on a photo, add or remove networks.
    Styles(StylesArgs),
    /// List what can run the networks (processors and graphics cards), and the cameras with what they can send.
    Devices(DevicesArgs),
    /// Say what works on this machine, and what to install for the rest.
    Doctor(DoctorArgs),
    /// Measure the speed of networks and of whole jobs on this machine.
    Bench(BenchArgs),
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct SharedArgs {
    /// A folder of styles (with a styles.toml) to use before the program's own and the user's.
    #[arg(long, global = true, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// The ONNX Runtime library to load, or the folder that holds it. Default: ORT_DYLIB_PATH, else what scripts/setup
    /// installed.
    #[arg(long, global = true, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Refuse pictures and videos that claim more pixels than this, in millions, before memory is taken for them.
    #[arg(long, global = true, value_name = "MEGAPIXELS", default_value_t = MaxPixels::default())]
    pub max_pixels: MaxPixels,
    /// Print one JSON object on standard output at the end, instead of words.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// How to paint.
#[derive(Clone, Debug, Args)]
pub struct StyleArgs {
    /// The style, or several with weights: `--style starry-night:0.7,scream:0.3`. Default: the first of `impasto styles`.
    #[arg(long, short, value_name = "NAME[:WEIGHT],...")]
    pub style: Option<Expression>,
    /// Any picture as the style, or several with weights: `--style-image night.jpg:0.7,scream.jpg:0.3`. Needs the
    /// networks that `scripts/setup --style-images` installs.
    #[arg(long, value_name = "PICTURE[:WEIGHT],...", conflicts_with = "style")]
    pub style_image: Option<Paintings>,
    /// How much of the painting to mix with the original: 0 is the original, 1 the painting.
    #[arg(long, value_name = "0..1", default_value_t = 1.0, value_parser = parse_share)]
    pub strength: f32,
    /// Keep the original's colours and paint only its brightness.
    #[arg(long)]
    pub keep_colors: bool,
    /// Stroke size: 2 doubles the strokes, 0.5 halves them (and takes four times as long).
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    pub scale: f32,
    /// What runs the network.
    #[command(flatten)]
    pub run: RunArgs,
}

impl StyleArgs {
    /// The default style as it is, run by `run`.
    pub fn plain(run: RunArgs) -> Self {
        Self { style: None, style_image: None, strength: 1.0, keep_colors: false, scale: 1.0, run }
    }
}

/// What runs the network.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// What runs the network: auto, cpu, cuda, tensorrt, openvino, coreml or directml. A device that is asked for and
    /// cannot run is an error; auto takes the fastest that can and says which.
    #[arg(long, value_name = "DEVICE", default_value_t = Device::Auto)]
    pub device: Device,
    /// Which graphics card, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub device_id: i32,
    /// Processor cores to use. Default: all.
    #[arg(long, value_name = "N")]
    pub threads: Option<std::num::NonZeroUsize>,
    /// Compute in 16-bit floats where the device gains from it (TensorRT).
    #[arg(long)]
    pub fp16: bool,
    /// Capture the network as a CUDA graph (cuda, tensorrt): less overhead a frame, for one frame size.
    #[arg(long)]
    pub cuda_graph: bool,
    /// Limit of the graphics card's memory arena, in MiB (cuda).
    #[arg(long, value_name = "MIB")]
    pub gpu_memory: Option<usize>,
}

/// How moving pictures are kept from flickering.
#[derive(Clone, Debug, Args)]
pub struct SteadyArgs {
    /// Keep what does not move from flickering: 0 leaves every frame as it was painted, 1 averages still parts over up to
    /// 16 frames. What moves is shown as it was painted, and a cut starts anew.
    #[arg(long, value_name = "0..1", default_value_t = DEFAULT_AMOUNT, value_parser = parse_share)]
    pub stabilize: f32,
}

/// `impasto image`
#[derive(Debug, Args)]
pub struct ImageArgs {
    /// Photos (JPEG, PNG, WebP, TIFF, BMP; told by content), folders whose photos to paint (not those of folders
    /// inside), or `-` for standard input.
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,
    /// Where to: a file, a folder (several inputs, or ending in /; made if missing), or `-` for standard output.
    /// Files there of the same name are replaced, but never an input.
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// How to paint.
    #[command(flatten)]
    pub style: StyleArgs,
    /// The format to write: jpeg (no transparency), png, webp (lossless) or tiff. Default: by the output's name, else
    /// the input's own (png for BMP).
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// JPEG quality, 1 to 100.
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// Paint pictures of more pixels than this in tiles, in millions; 0 never.
    #[arg(long, value_name = "MEGAPIXELS", default_value_t = 8.0)]
    pub tile_above: f64,
}

/// `impasto video`
#[derive(Debug, Args)]
pub struct VideoArgs {
    /// The video: any file that FFmpeg decodes. Several, or a folder of them, are painted one after the other.
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,
    /// The video to write; its ending chooses the container (.mp4, .mkv, .mov, .webm ...). Of several videos, or ending in
    /// /: the folder for them, made if missing.
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// How to paint.
    #[command(flatten)]
    pub style: StyleArgs,
    /// How to keep it from flickering.
    #[command(flatten)]
    pub steady: SteadyArgs,
    /// h264, hevc, av1, vp9, prores or ffv1. Default: h264 (vp9 in .webm).
    #[arg(long, value_name = "CODEC")]
    pub codec: Option<Codec>,
    /// Constant quality: lower is better and larger. The range is the encoder's (h264: 0 to 51, default 20; hevc: 0 to 51,
    /// default 23; av1, vp9: 0 to 63, default 30 and 28).
    #[arg(long, value_name = "N")]
    pub crf: Option<u32>,
    /// The encoder's own preset, slower is smaller (h264, hevc: ultrafast to veryslow, default veryfast; av1: 0 to 13; vp9:
    /// 0 to 8; prores: proxy, lt, standard, hq, 4444).
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// The pixel format to write (yuv420p, yuv444p, ...). Default: the usual one of the codec.
    #[arg(long, value_name = "NAME")]
    pub pix_fmt: Option<String>,
    /// Any option of the encoder; repeat for more: `--encoder-option x264-params=keyint=60`.
    #[arg(long, value_name = "NAME=VALUE")]
    pub encoder_option: Vec<String>,
    /// Start here: seconds, or `[HH:]MM:SS[.fraction]`.
    #[arg(long, value_name = "TIME")]
    pub start: Option<Seconds>,
    /// Paint this much: seconds, or `[HH:]MM:SS[.fraction]`.
    #[arg(long, value_name = "TIME")]
    pub duration: Option<Seconds>,
    /// Scale to WIDTHxHEIGHT before painting; -1 for one side keeps the shape.
    #[arg(long, value_name = "WxH", allow_hyphen_values = true)]
    pub size: Option<Size>,
    /// Paint at this constant frame rate (24, 29.97, 30000/1001), repeating or leaving out frames. Default: the
    /// input's own timestamps.
    #[arg(long, value_name = "RATE")]
    pub fps: Option<FrameRate>,
    /// Replace OUT if it exists.
    #[arg(long, short = 'y')]
    pub overwrite: bool,
    /// How to go on with a job, or to share it.
    #[command(flatten)]
    pub segments: SegmentArgs,
}

/// How a video job is cut up and put together.
#[derive(Clone, Debug, Args)]
pub struct SegmentArgs {
    /// Begin anew instead of going on where the same job was stopped; what there is of it in OUT.parts is thrown away.
    #[arg(long, conflicts_with = "join")]
    pub restart: bool,
    /// Leave the segments in OUT.parts when they are joined.
    #[arg(long)]
    pub keep_segments: bool,
    /// Paint a part: the segments from A up to, but without, B, counted from 0 (A.. to the end); without joining them. Copy
    /// the parts of several machines into one OUT.parts and join them there.
    #[arg(long, value_name = "A..B", conflicts_with = "join")]
    pub segments: Option<Part>,
    /// Paint nothing; join the segments that are there. Where some are missing, they are named, and what comes before them
    /// goes into OUT with `.beginning` in its name, to be looked at.
    #[arg(long)]
    pub join: bool,
    /// Frames of a segment: what a power cut costs at most.
    #[arg(long, value_name = "N", default_value_t = SEGMENT_FRAMES, value_parser = clap::value_parser!(u64).range(WARM_UP..=1_000_000))]
    pub segment_frames: u64,
}

/// `impasto live`
#[derive(Debug, Args)]
pub struct LiveArgs {
    /// What to paint: a camera by its number, path or name (see `impasto devices`), `synthetic` (a moving test picture), a
    /// video file, `screen`, or an address that FFmpeg opens (rtsp://, http://, udp:// ...).
    #[arg(long, short, value_name = "SOURCE", default_value = "0")]
    pub camera: String,
    /// The size to ask the camera for, and of the picture. Default: 640x360 of a camera, else the source's own.
    #[arg(long, value_name = "WxH")]
    pub resolution: Option<Size>,
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
    #[arg(long, value_name = "TOKEN", requires = "serve", value_parser = parse_token)]
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

/// `impasto paint`
#[derive(Debug, Args)]
pub struct PaintArgs {
    /// The photo: what the painting shows.
    #[arg(value_name = "CONTENT")]
    pub content: PathBuf,
    /// The painting, or several with weights: `night.jpg:2 scream.jpg:1`.
    #[arg(required = true, value_name = "STYLE[:WEIGHT]")]
    pub styles: Vec<Painting>,
    /// The picture to write (PNG, JPEG, WebP or TIFF).
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// The longer side of the result, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 512, value_parser = clap::value_parser!(u32).range(16..=16384))]
    pub size: u32,
    /// How much the photo counts.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1.0, value_parser = parse_amount)]
    pub content_weight: f64,
    /// How much the paintings count; the paper's ratio of content to style is 1 to 1000.
    #[arg(long, value_name = "WEIGHT", default_value_t = 1000.0, value_parser = parse_amount)]
    pub style_weight: f64,
    /// How much differences between neighbouring pixels count: above 0 makes the picture smoother.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0, value_parser = parse_amount)]
    pub tv_weight: f64,
    /// How the style's weight is shared out among relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1, from fine to coarse.
    #[arg(long, value_name = "W1,...,W5", value_delimiter = ',', default_value = "1,1,1,1,1", value_parser = parse_amount)]
    pub layer_weights: Vec<f64>,
    /// What to begin with: the photo, noise (the paper's blank canvas) or the first painting.
    #[arg(long, value_name = "PICTURE", default_value = "content", value_parser = one_of(&Init::NAMES))]
    pub init: Init,
    /// What minimises: lbfgs (the paper's) or adam (less memory, smaller steps).
    #[arg(long, value_name = "METHOD", default_value = "lbfgs", value_parser = one_of(&Method::NAMES))]
    pub optimizer: Method,
    /// Adam's step, of 1 from black to white.
    #[arg(long, value_name = "STEP", default_value_t = 0.02, value_parser = parse_amount)]
    pub rate: f64,
    /// Steps at each scale, at most.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub iterations: u32,
    /// End a scale when its loss fell by less than this part over 20 steps; 0 never does.
    #[arg(long, value_name = "PART", default_value_t = 0.002, value_parser = parse_share)]
    pub tolerance: f32,
    /// Share of earlier pictures in the result, as an exponential mean: steadies adam (0.95, say). Default: 0.
    #[arg(long, value_name = "0..0.999", default_value_t = 0.0, value_parser = parse_average)]
    pub average: f32,
    /// How many sizes to go through, from coarse to fine. Default: from about 256 pixels up to --size.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub scales: Option<u32>,
    /// How much larger each size is than the one before.
    #[arg(long, value_name = "FACTOR", default_value_t = std::f64::consts::SQRT_2, value_parser = parse_scale_step)]
    pub scale_step: f64,
    /// Stroke size: 1 takes the painting at as many pixels as the picture, 2 at twice the size.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    pub style_scale: f32,
    /// Keep the photo's colours: luminance paints its brightness only, match gives the paintings its colours first.
    #[arg(long, value_name = "HOW", value_enum, num_args = 0..=1, default_missing_value = "luminance")]
    pub keep_colors: Option<KeepColors>,
    /// A picture as large as the photo, white where a style goes, black where not; one for each style in order, or one
    /// less: the last style then takes the rest. What no style takes stays a photo.
    #[arg(long, value_name = "MASK")]
    pub mask: Vec<PathBuf>,
    /// VGG-19's pooling: avg (as the paper recommends) or max (as it was trained).
    #[arg(long, value_name = "KIND", default_value = "avg", value_parser = one_of(&Pooling::NAMES))]
    pub pooling: Pooling,
    /// Of the noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Paint in overlapping tiles of this side (0: whole). Slower, the same picture, less memory. Default: whole where it
    /// fits into memory, else the largest tiles that do.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(0..=16384))]
    pub tile: Option<u32>,
    /// Show the picture as it grows in a window; closing it (or Escape, or q) ends only the showing.
    #[arg(long)]
    pub preview: bool,
    /// Write the picture, and the state that --resume goes on from, every N steps.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub save_every: Option<u32>,
    /// Go on from the state that an interrupted run left beside OUT (OUT.state).
    #[arg(long)]
    pub resume: bool,
    /// Write a video of the picture as it grows, a step a frame (.mp4, .mkv, .webm ...).
    #[arg(long, value_name = "VIDEO")]
    pub timelapse: Option<PathBuf>,
    /// JPEG quality, 1 to 100.
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// The folder of VGG-19's graphs. Default: where `scripts/setup --paint` puts them.
    #[arg(long, value_name = "DIR")]
    pub vgg: Option<PathBuf>,
    /// What runs VGG-19.
    #[command(flatten)]
    pub run: RunArgs,
}

impl PaintArgs {
    /// The layer weights, if there is one for each layer.
    pub fn layers(&self) -> Option<[f64; STYLE_LAYERS]> {
        self.layer_weights.clone().try_into().ok()
    }
}

/// How the photo's colours are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KeepColors {
    /// Only the brightness is painted.
    Luminance,
    /// The paintings get the photo's mean and covariance of colours first.
    Match,
}

/// `impasto styles`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct StylesArgs {
    /// What to do; default: list.
    #[command(subcommand)]
    pub action: Option<StylesAction>,
}

/// The actions of `impasto styles`.
#[derive(Debug, Subcommand)]
pub enum StylesAction {
    /// List the styles with their networks and licences.
    List,
    /// Paint one photo in every style, into one contact sheet.
    Sheet(SheetArgs),
    /// Add a network file to the user's own styles, after a trial run.
    Add(AddArgs),
    /// Remove a network that was added.
    Remove(RemoveArgs),
}

/// `impasto styles sheet`
#[derive(Debug, Args)]
pub struct SheetArgs {
    /// Photos to paint, a row each.
    #[arg(required = true, value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
    /// The sheet to write (PNG, JPEG, WebP or TIFF).
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// Width of one picture on the sheet, in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 320, value_parser = clap::value_parser!(u32).range(16..=4096))]
    pub width: u32,
    /// The styles to show, a column each, in this order. Default: all.
    #[arg(long, short, value_name = "NAME,...", value_delimiter = ',')]
    pub style: Vec<String>,
    /// Pictures that are styles too, a further column each.
    #[arg(long, value_name = "PICTURE,...", value_delimiter = ',')]
    pub style_image: Vec<PathBuf>,
    /// What runs the networks.
    #[command(flatten)]
    pub run: RunArgs,
}

/// `impasto styles add`
#[derive(Debug, Args)]
pub struct AddArgs {
    /// The network.
    #[arg(value_name = "FILE.onnx")]
    pub file: PathBuf,
    /// What its inputs and outputs are like.
    #[arg(long, value_enum, default_value_t = Like::Impasto)]
    pub like: Like,
    /// Name of the network, and of its style if it has only one. Default: the file's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Names of its styles, in the order of its weights (several styles: default from the file's own metadata).
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub styles: Vec<String>,
    /// The network that turns a picture into a style (for `--like magenta`).
    #[arg(long, value_name = "FILE.onnx")]
    pub predictor: Option<PathBuf>,
    /// Its licence, as an SPDX expression where there is one.
    #[arg(long, value_name = "LICENCE")]
    pub license: String,
    /// Where it comes from: an address, or who made it.
    #[arg(long, value_name = "TEXT")]
    pub source: String,
    /// Replace a network of the same name that was added before.
    #[arg(long)]
    pub replace: bool,
}

/// Families of networks that `impasto styles add` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Like {
    /// Own networks: `uint8 [1,H,W,3]` in and out, `style` weights.
    Impasto,
    /// pytorch/examples fast_neural_style: `float32 [1,3,H,W]`, RGB 0 to 255.
    PytorchExamples,
    /// The same layout with RGB 0 to 1.
    PytorchUnit,
    /// Magenta's arbitrary image stylization, for `--style-image`: `float32 [1,H,W,3]`, RGB 0 to 1, and a style vector.
    Magenta,
}

/// `impasto styles remove`
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The network, as `impasto styles` names it.
    #[arg(value_name = "NETWORK")]
    pub network: String,
}

/// `impasto devices`
#[derive(Debug, Args)]
pub struct DevicesArgs {}

/// `impasto doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {}

/// `impasto bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Styles to measure. Default: one of each network.
    #[arg(long, short, value_name = "NAME,...", value_delimiter = ',')]
    pub style: Vec<String>,
    /// Measure what paints in the style of any picture, with this one.
    #[arg(long, value_name = "PICTURE")]
    pub style_image: Option<PathBuf>,
    /// Frame sizes to measure.
    #[arg(long, value_name = "WxH,...", value_delimiter = ',', default_value = "640x360,1280x720")]
    pub size: Vec<Size>,
    /// Seconds to measure each network and each pipeline, after warming up.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = parse_seconds)]
    pub seconds: f64,
    /// Also decode, paint and encode this clip.
    #[arg(long, value_name = "CLIP")]
    pub clip: Option<PathBuf>,
    /// What runs the networks.
    #[command(flatten)]
    pub run: RunArgs,
}

/// Takes one of the names, and stands for its value.
fn one_of<T: Copy + Send + Sync + 'static>(names: &'static [(T, &'static str)]) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(names.iter().map(|(_, name)| *name)).try_map(|text: String| {
        let found = names.iter().find(|(_, name)| *name == text);
        found.map(|(value, _)| *value).ok_or("no such name")
    })
}

fn parse_share(text: &str) -> Result<f32, String> {
    let share: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("must be from 0 to 1".to_owned()) }
}

fn parse_token(text: &str) -> Result<String, String> {
    let is_plain = text.len() >= 8 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_plain { Ok(text.to_owned()) } else { Err("must be 8 or more letters, digits, '-', '_' or '.'".to_owned()) }
}

fn parse_scale(text: &str) -> Result<f32, String> {
    let scale: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.05..=20.0).contains(&scale) { Ok(scale) } else { Err("must be from 0.05 to 20".to_owned()) }
}

fn parse_amount(text: &str) -> Result<f64, String> {
    let amount: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=1e9).contains(&amount) { Ok(amount) } else { Err("must be from 0 to 1000000000".to_owned()) }
}

fn parse_average(text: &str) -> Result<f32, String> {
    let share: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.0..=0.999).contains(&share) { Ok(share) } else { Err("must be from 0 to 0.999".to_owned()) }
}

fn parse_scale_step(text: &str) -> Result<f64, String> {
    let step: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1.1..=8.0).contains(&step) { Ok(step) } else { Err("must be from 1.1 to 8".to_owned()) }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.05..=3600.0).contains(&seconds) { Ok(seconds) } else { Err("must be from 0.05 to 3600".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
