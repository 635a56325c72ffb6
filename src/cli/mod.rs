//! The command line: flags as typed values. Their doc comments are the manual.

mod live;
mod paint;
mod styles;
mod values;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::frame::MaxPixels;
use crate::media::encode::Codec;
use crate::media::options::{FrameRate, Seconds, SizeRequest};
use crate::network::provider::Device;
use crate::picture::Format;
use crate::segments::{Part, SEGMENT_FRAMES};
use crate::style::expression::Expression;
use crate::style::paintings::Paintings;
use crate::temporal::{DEFAULT_AMOUNT, WARM_UP};

pub use self::live::{LiveArgs, SeenSize};
pub use self::paint::{KeepColors, PaintArgs};
pub use self::styles::{AddArgs, Like, RemoveArgs, SheetArgs, StylesAction, StylesArgs};
use self::values::{SCALES, within};

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
    #[arg(long, value_name = "0..1", default_value_t = 1.0, value_parser = within(0.0..=1.0f32))]
    pub strength: f32,
    /// Keep the original's colours and paint only its brightness.
    #[arg(long)]
    pub keep_colors: bool,
    /// Stroke size: 2 doubles the strokes, 0.5 halves them (and takes four times as long).
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = within(SCALES))]
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
    #[arg(long, value_name = "0..1", default_value_t = DEFAULT_AMOUNT, value_parser = within(0.0..=1.0f32))]
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
    pub size: Option<SizeRequest>,
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
    pub size: Vec<SizeRequest>,
    /// Seconds to measure each network and each pipeline, after warming up.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = within(0.05..=3600.0))]
    pub seconds: f64,
    /// Also decode, paint and encode this clip.
    #[arg(long, value_name = "CLIP")]
    pub clip: Option<PathBuf>,
    /// What runs the networks.
    #[command(flatten)]
    pub run: RunArgs,
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
