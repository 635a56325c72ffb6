//! The command line: flags as typed values. Their doc comments are the manual.

mod live;
mod paint;
mod serve;
mod setup;
mod styles;
mod values;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::frame::MaxPixels;
use crate::media::options::{Deinterlace, FrameRate, Seconds, SizeRequest};
use crate::media::read::RawVideo;
use crate::media::write::{Codec, Plain};
use crate::network::provider::Device;
use crate::picture::Format;
use crate::segments::{SEGMENT_FRAMES, SegmentRange};
use crate::studio::film::{FilmJob, FilmSettings, Work};
use crate::studio::{Machine, PaintSettings, Style};
use crate::style::expression::Expression;
use crate::style::paintings::Paintings;
use crate::stylize::Scale;
use crate::temporal::{DEFAULT_AMOUNT, WARM_UP};

pub use self::live::{LiveArgs, SeenSize};
pub use self::paint::PaintArgs;
pub use self::serve::ServeArgs;
pub use self::setup::SetupArgs;
pub use self::styles::{AddArgs, ExportArgs, RemoveArgs, SheetArgs, StylesAction, StylesArgs};
use self::values::{cores, within};

/// The headings of `--help`, in the order in which people think of a job.
const FILES: &str = "Input and output";
const CAMERA: &str = "Camera";
const FILM: &str = "Film";
const PAINTING: &str = "Painting";
const OPTIMISER: &str = "Optimiser";
const ENCODING: &str = "Encoding";
const SHOW: &str = "Show";
const OUTPUTS: &str = "Recording and streaming";
const JOBS: &str = "Long jobs";
const SERVER: &str = "Server";
const DEVICE: &str = "Device";
const ADVANCED: &str = "Advanced";

/// Turn photos, videos and live cameras into paintings with neural style networks, on your own machine.
#[derive(Debug, Parser)]
#[command(name = "impasto", version, disable_version_flag = true, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// Print the version. With --verbose also FFmpeg, ONNX Runtime, the devices, and where each was found.
    #[arg(long, short = 'V', action = ArgAction::Version)]
    pub version: Option<bool>,
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
    /// Paint photos: files, folders or standard input.
    Image(ImageArgs),
    /// Paint videos, keeping their audio, subtitles, chapters and timestamps.
    Video(Box<VideoArgs>),
    /// Paint a camera, screen or stream live: to a window, a recording, a virtual camera or the network.
    Live(Box<LiveArgs>),
    /// Paint one still by optimisation (Gatys et al. 2016): takes minutes, gives the best quality, in the style of any picture.
    Paint(Box<PaintArgs>),
    /// Serve a page and an API: anyone with a browser paints photos, films and cameras, without a command line.
    Serve(ServeArgs),
    /// List the styles, preview them on a photo, add or remove networks.
    Styles(StylesArgs),
    /// List the devices that can run the networks, and the cameras with their formats.
    Devices(DevicesArgs),
    /// Check what works on this machine, and what to install for the rest.
    Doctor(DoctorArgs),
    /// Download what a package leaves out: other devices, the networks for --style-image, VGG-19 for paint.
    Setup(SetupArgs),
    /// Measure the speed of the networks and of the complete pipeline on this machine.
    Bench(BenchArgs),
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct SharedArgs {
    /// Folder of styles (with a styles.toml) to search before the built-in ones and your own.
    #[arg(help_heading = ADVANCED, long, global = true, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// ONNX Runtime library to load, or its folder. Default: ORT_DYLIB_PATH, else the one that came with impasto or
    /// that `impasto setup` installed.
    #[arg(help_heading = ADVANCED, long, global = true, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,
    /// Plugin library for a device (webgpu, openvino, tensorrt-rtx), or the folder that holds it; may be repeated. Default: beside
    /// the program, where `impasto setup --gpu` installs them, or in a Python environment's site-packages.
    #[arg(help_heading = ADVANCED, long, global = true, value_name = "PATH")]
    pub plugin: Vec<PathBuf>,
    /// Refuse pictures and frames larger than this many megapixels, before any memory is allocated for them.
    #[arg(help_heading = ADVANCED, long, global = true, value_name = "MEGAPIXELS", default_value_t = MaxPixels::default())]
    pub max_pixels: MaxPixels,
    /// Print one JSON object to standard output at the end instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors only.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// How to paint.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = PAINTING)]
pub struct StyleArgs {
    /// Style, or a blend of several: `--style starry-night:0.7,scream:0.3`. Default: the first style that `impasto styles` lists.
    #[arg(long, short, value_name = "NAME[:WEIGHT],...")]
    pub style: Option<Expression>,
    /// Use any picture as the style, or a blend of several: `--style-image night.jpg:0.7,scream.jpg:0.3`. Install its networks
    /// first: `impasto setup --style-images`.
    #[arg(long, value_name = "PICTURE[:WEIGHT],...", conflicts_with = "style")]
    pub style_image: Option<Paintings>,
    /// Strength of the painting: 0 shows the original, 1 the painting.
    #[arg(long, value_name = "0..1", default_value_t = 1.0, value_parser = within(0.0..=1.0f32))]
    pub strength: f32,
    /// Keep the original's colours; paint only the brightness.
    #[arg(long)]
    pub keep_colors: bool,
    /// Stroke size, relative to the picture: 2 doubles it, 0.5 halves it and takes four times as long (0.05 to 20). With px it is
    /// in pixels: at 1px the network sees every pixel, at 2px every second one.
    #[arg(long, value_name = "FACTOR[px]", default_value_t = Scale::default())]
    pub scale: Scale,
    /// Random seed of the grain that strokes grow from: another seed gives other strokes. Networks without grain ignore it.
    #[arg(long, value_name = "N", default_value_t = PaintSettings::default().seed)]
    pub seed: u64,
    /// What runs the network.
    #[command(flatten)]
    pub run: RunArgs,
}

impl StyleArgs {
    /// How to paint, without the flags.
    pub fn settings(&self) -> PaintSettings {
        let Self { style, style_image, strength, keep_colors, scale, seed, run: _ } = self;
        let style = match (style, style_image) {
            (_, Some(pictures)) => Style::Pictures(pictures.clone()),
            (Some(expression), None) => Style::Named(expression.clone()),
            (None, None) => Style::First,
        };
        PaintSettings { style, strength: *strength, keep_colors: *keep_colors, scale: *scale, seed: *seed }
    }
}

/// What runs the network.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = DEVICE)]
pub struct RunArgs {
    /// Device that runs the network: auto, cpu, webgpu (any graphics card), cuda, tensorrt, tensorrt-rtx (NVIDIA), openvino
    /// (Intel), coreml or directml. auto takes the fastest one that works and says which; a device that you name must work.
    #[arg(long, value_name = "DEVICE", default_value_t = Device::Auto)]
    pub device: Device,
    /// Its options.
    #[command(flatten)]
    pub hardware: HardwareArgs,
}

/// Options of the device that runs the network.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = DEVICE)]
pub struct HardwareArgs {
    /// Index of the graphics card, from 0, as `impasto devices` lists them.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub device_id: i32,
    /// CPU cores to use. Default: all.
    #[arg(long, value_name = "N", value_parser = cores)]
    pub threads: Option<NonZeroUsize>,
    /// Compute in 16-bit floats (TensorRT).
    #[arg(long)]
    pub fp16: bool,
    /// Run the network as a CUDA graph (cuda, tensorrt): less overhead per frame, for a fixed frame size.
    #[arg(long)]
    pub cuda_graph: bool,
    /// Limit the GPU memory arena to this many MiB (cuda).
    #[arg(long, value_name = "MIB")]
    pub gpu_memory: Option<usize>,
}

impl RunArgs {
    /// What runs the networks, without the flags.
    pub fn machine(&self, shared: &SharedArgs) -> Machine {
        self.hardware.machine(self.device, shared)
    }
}

impl HardwareArgs {
    /// What runs the networks on `device`, without the flags.
    pub fn machine(&self, device: Device, shared: &SharedArgs) -> Machine {
        let Self { device_id, threads, fp16, cuda_graph, gpu_memory } = *self;
        let SharedArgs { models, onnxruntime, plugin, max_pixels, json: _, quiet: _ } = shared;
        let (models, onnxruntime, max_pixels) = (models.clone(), onnxruntime.clone(), *max_pixels);
        let plugins = plugin.clone();
        Machine { models, onnxruntime, plugins, device, device_id, threads, fp16, cuda_graph, gpu_memory, max_pixels }
    }
}

/// How flicker is prevented.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = PAINTING)]
pub struct SteadyArgs {
    /// Reduce flicker where the picture is still: 0 turns this off, 1 averages still areas over up to 16 frames. Moving areas
    /// are left as painted.
    #[arg(long, value_name = "0..1", default_value_t = DEFAULT_AMOUNT, value_parser = within(0.0..=1.0f32))]
    pub stabilize: f32,
}

/// `impasto image`
#[derive(Debug, Args)]
#[command(next_help_heading = FILES)]
pub struct ImageArgs {
    /// Photos (JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF or JPEG XL, recognised by content), folders (subfolders are skipped), or
    /// `-` for standard input. HEIC and AVIF need libheif.
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,
    /// Output file, folder (created if missing; for several inputs, or if it ends in /), or `-` for standard output. Existing
    /// files are kept unless you add --overwrite.
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// Output format: jpeg (no transparency), png, webp (lossless) or tiff. Default: from the output's extension, else the
    /// input's format (png for BMP; jpeg for HEIC, AVIF and JPEG XL).
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<Format>,
    /// JPEG quality, 1 to 100.
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// Overwrite existing files. An input is never overwritten.
    #[arg(long, short = 'y')]
    pub overwrite: bool,
    /// How to paint.
    #[command(flatten)]
    pub style: StyleArgs,
    /// Paint in tiles, to save memory, if the network sees more than this many megapixels (0: never).
    #[arg(help_heading = ADVANCED, long, value_name = "MEGAPIXELS", default_value_t = 2.0)]
    pub tile_above: f64,
}

/// `impasto video`
#[derive(Debug, Args)]
#[command(next_help_heading = FILES)]
pub struct VideoArgs {
    /// Video files that FFmpeg can decode, or folders of them; several are painted one after another. Or the numbered pictures
    /// of one film: frames/%04d.png (also jpg, tif, exr, dpx and others; the first number is found). Or `-` for standard input:
    /// Y4M or another format that needs no seeking.
    #[arg(required = true, value_name = "IN")]
    pub inputs: Vec<PathBuf>,
    /// Output video; the extension chooses the container (.mp4, .mkv, .mov, .webm ...). For several inputs, or if it ends in /:
    /// a folder, created if missing. Or numbered pictures: painted/%04d.png or .jpg. Or `-` for standard output, as Y4M.
    #[arg(
        long,
        short,
        value_name = "OUT",
        required_unless_present = "index",
        default_value = ".",
        hide_default_value = true
    )]
    pub output: PathBuf,
    /// Overwrite OUT if it exists.
    #[arg(long, short = 'y')]
    pub overwrite: bool,
    /// Start at this time: seconds, or `[HH:]MM:SS[.fraction]`.
    #[arg(help_heading = FILM, long, value_name = "TIME")]
    pub start: Option<Seconds>,
    /// Paint only this long: seconds, or `[HH:]MM:SS[.fraction]`.
    #[arg(help_heading = FILM, long, value_name = "TIME")]
    pub duration: Option<Seconds>,
    /// Scale to WIDTHxHEIGHT before painting; -1 for one side keeps the aspect ratio.
    #[arg(help_heading = FILM, long, value_name = "WxH", allow_hyphen_values = true)]
    pub size: Option<SizeRequest>,
    /// Convert to this constant frame rate (24, 29.97, 30000/1001) by repeating or dropping frames. Default: keep the input's
    /// timestamps. For numbered pictures and raw frames: their own frame rate (default 25).
    #[arg(help_heading = FILM, long, value_name = "RATE")]
    pub fps: Option<FrameRate>,
    /// Read IN as raw frames of this size and pixel format, such as 1280x720:yuv420p (default format: rgb24).
    #[arg(help_heading = FILM, long, value_name = "WxH:FORMAT")]
    pub raw_input: Option<RawVideo>,
    /// Deinterlace before painting (bwdif); the frame rate stays the same. marked, the default: only pictures that are marked as
    /// interlaced, in the film's own field order. top or bottom: every picture, with that field first; use this if the marks
    /// are missing or wrong.
    #[arg(help_heading = FILM, long, value_name = "FIELDS", num_args = 0..=1, require_equals = true, default_missing_value = "marked")]
    pub deinterlace: Option<Deinterlace>,
    /// What to write for an HDR film (PQ or HLG). It is always tone-mapped and painted in SDR. sdr: write that painting, in
    /// BT.709. keep: apply the painting's changes to the film's HDR light, so that highlights stay as bright as they were, and
    /// write 10 bits with the film's transfer curve, primaries and mastering metadata (hevc by default; or av1, vp9, prores,
    /// ffv1).
    #[arg(help_heading = FILM, long, value_name = "HOW", value_enum, default_value_t = Hdr::Sdr)]
    pub hdr: Hdr,
    /// How to paint.
    #[command(flatten)]
    pub style: StyleArgs,
    /// How to prevent flicker.
    #[command(flatten)]
    pub steady: SteadyArgs,
    /// Codec: h264, hevc, av1, vp9, prores or ffv1. Default: h264 (vp9 in .webm).
    #[arg(help_heading = ENCODING, long, value_name = "CODEC")]
    pub codec: Option<Codec>,
    /// Constant quality; lower means better quality and larger files. h264: 0-51, default 20; hevc: 0-51, default 23; av1:
    /// 0-63, default 30; vp9: 0-63, default 28.
    #[arg(help_heading = ENCODING, long, value_name = "N")]
    pub crf: Option<u32>,
    /// Encoder preset; slower presets make smaller files. h264, hevc: ultrafast to veryslow, default veryfast; av1: 0-8, default 7;
    /// vp9: 0-8; prores: proxy, lt, standard, hq, 4444.
    #[arg(help_heading = ENCODING, long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Output pixel format (yuv420p, yuv444p ...). Default: the codec's usual one.
    #[arg(help_heading = ENCODING, long, value_name = "NAME")]
    pub pix_fmt: Option<String>,
    /// Set any encoder option; may be repeated: `--encoder-option x264-params=keyint=60`.
    #[arg(help_heading = ENCODING, long, value_name = "NAME=VALUE")]
    pub encoder_option: Vec<String>,
    /// Format of the frames that go to a pipe (`-o -`): y4m, or raw for only their bytes. --pix-fmt sets their pixel format
    /// (default: yuv420p for y4m, rgb24 for raw).
    #[arg(help_heading = ENCODING, long, value_name = "FORMAT", default_value = "y4m")]
    pub format: Plain,
    /// How to resume or share a job.
    #[command(flatten)]
    pub segments: SegmentArgs,
}

impl VideoArgs {
    /// How the films are painted and encoded, without the flags.
    pub fn settings(&self) -> FilmSettings {
        let Self {
            style,
            steady: SteadyArgs { stabilize },
            codec,
            crf,
            preset,
            pix_fmt,
            encoder_option,
            start,
            duration,
            deinterlace,
            hdr,
            size,
            fps,
            raw_input,
            format: _,
            segments:
                SegmentArgs { segment_frames, restart: _, keep_segments: _, segments: _, join: _, index: _, plan: _ },
            inputs: _,
            output: _,
            overwrite: _,
        } = self;
        FilmSettings {
            paint: style.settings(),
            stabilize: *stabilize,
            codec: *codec,
            crf: *crf,
            preset: preset.clone(),
            pixel_format: pix_fmt.clone(),
            encoder_options: encoder_option.clone(),
            start: *start,
            duration: *duration,
            deinterlace: *deinterlace,
            keep_hdr: *hdr == Hdr::Keep,
            size: *size,
            fps: *fps,
            raw_input: raw_input.clone(),
            segment_frames: *segment_frames,
        }
    }

    /// What to do with one film.
    pub fn job(&self, input: &Path, output: &Path) -> FilmJob {
        let SegmentArgs { restart, keep_segments, segments, join, segment_frames: _, index: _, plan: _ } =
            self.segments;
        let work = match segments {
            _ if join => Work::Join,
            Some(range) => Work::Segments(range),
            None => Work::All,
        };
        let (input, output) = (input.to_owned(), output.to_owned());
        let (plain, overwrite, preview) = (self.format, self.overwrite, None);
        FilmJob { input, output, plain, overwrite, restart, keep_segments, work, preview }
    }
}

/// What HDR film becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hdr {
    /// SDR in BT.709.
    Sdr,
    /// HDR again.
    Keep,
}

/// How a video job is split and joined.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = JOBS)]
pub struct SegmentArgs {
    /// Start over instead of resuming; deletes what is in OUT.parts.
    #[arg(long, conflicts_with = "join")]
    pub restart: bool,
    /// Keep the segments in OUT.parts after joining.
    #[arg(long)]
    pub keep_segments: bool,
    /// Paint only segments A to B-1, counted from 0 (A.. means to the end), and do not join them. To share a film among
    /// machines, copy their OUT.parts folders into one and run --join there.
    #[arg(long, value_name = "A..B", conflicts_with = "join")]
    pub segments: Option<SegmentRange>,
    /// Join the segments without painting. If segments are missing, list them and write everything before the gap to
    /// OUT.beginning.EXT as a preview.
    #[arg(long)]
    pub join: bool,
    /// Write an index of IN, paint nothing: to IN.index, or to OUT if given. It holds the time of every frame and the hashes of
    /// some, so that --segments begins at once in the middle of a film. Decodes the complete film.
    #[arg(long, conflicts_with_all = ["restart", "segments", "join", "plan"])]
    pub index: bool,
    /// Paint nothing: print as JSON what would be painted and how, with the versions and the hashes of the networks. With --join,
    /// without the device. scripts/cluster.py compares the machines by it.
    #[arg(long)]
    pub plan: bool,
    /// Frames per segment: the most that a crash can cost.
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
    /// Styles to measure. Default: one per network.
    #[arg(long, short, value_name = "NAME,...", value_delimiter = ',')]
    pub style: Vec<String>,
    /// Also measure --style-image with this picture.
    #[arg(long, value_name = "PICTURE")]
    pub style_image: Option<PathBuf>,
    /// Frame sizes to measure.
    #[arg(long, value_name = "WxH,...", value_delimiter = ',', default_value = "640x360,1280x720")]
    pub size: Vec<SizeRequest>,
    /// Seconds to measure each network and each pipeline, after a warm-up.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0, value_parser = within(0.05..=3600.0))]
    pub seconds: f64,
    /// Also decode, paint and encode this clip.
    #[arg(long, value_name = "CLIP")]
    pub clip: Option<PathBuf>,
    /// Device to measure, or `all` of those that run here, one after another.
    #[arg(help_heading = DEVICE, long, value_name = "DEVICE|all", default_value = "auto")]
    pub device: Benched,
    /// Its options.
    #[command(flatten)]
    pub hardware: HardwareArgs,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Benched {
    /// One device.
    One(Device),
    /// Every device that runs here.
    All,
}

impl FromStr for Benched {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            Ok(Self::All)
        } else {
            text.parse().map(Self::One).map_err(|words| format!("{words}, or all"))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_of_the_commands_that_paint_stands_under_a_heading() {
        let plain = ["json", "quiet", "help", "version"];
        let mut cli = Cli::command();
        cli.build();
        for name in ["image", "video", "live", "paint", "serve"] {
            let command = cli.find_subcommand(name).unwrap();
            let loose: Vec<_> = command
                .get_arguments()
                .filter(|arg| arg.get_help_heading().is_none() && !plain.contains(&arg.get_id().as_str()))
                .map(clap::Arg::get_id)
                .collect();
            assert!(loose.is_empty(), "{name}: {loose:?}");
        }
    }
}
