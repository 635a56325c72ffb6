//! The flags of `impasto styles`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::RunArgs;
use super::values::one_of;
use crate::media::options::SizeRequest;
use crate::network::device::Device;
use crate::studio::PaintSettings;
use crate::style::expression::Expression;
use crate::style::family::Family;

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
    /// Paint photos in every style, onto one contact sheet.
    Sheet(SheetArgs),
    /// Add a network file to your own styles, after a trial run.
    Add(AddArgs),
    /// Remove a network that you added.
    Remove(RemoveArgs),
    /// Write a style as a network of its own, for other programs (FFmpeg, VapourSynth, browsers).
    Export(ExportArgs),
}

/// `impasto styles sheet`
#[derive(Debug, Args)]
pub struct SheetArgs {
    /// The photos to paint. One fills the sheet with its styles; of several, each is a row.
    #[arg(required = true, value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
    /// The sheet to write (PNG, JPEG, WebP or TIFF).
    #[arg(long, short, value_name = "OUT")]
    pub output: PathBuf,
    /// Maximum width of the sheet; pictures that do not fit go below.
    #[arg(long, value_name = "PIXELS", default_value_t = 1600, value_parser = clap::value_parser!(u32).range(64..=16384))]
    pub width: u32,
    /// Width of one picture on the sheet.
    #[arg(long, value_name = "PIXELS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=4096))]
    pub cell: u32,
    /// The styles to show, in this order. Default: all.
    #[arg(long, short, value_name = "NAME,...", value_delimiter = ',')]
    pub style: Vec<String>,
    /// Pictures to show as styles, after the others.
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
    /// Layout of its inputs and outputs. Default: detected by trial runs. impasto: own networks (`uint8 [1,H,W,3]`
    /// and `style` weights); pytorch-examples: fast_neural_style (`float32 [1,3,H,W]`, RGB from 0 to 255); pytorch-unit:
    /// the same with RGB from 0 to 1; magenta: arbitrary image stylization, for `--style-image` (`float32 [1,H,W,3]`, RGB
    /// from 0 to 1, and a style vector).
    #[arg(long, value_name = "FAMILY", value_parser = one_of(&Family::NAMES))]
    pub like: Option<Family>,
    /// Name of the network, and of its style if it has only one. Default: the file's name.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Names of its styles, in the order of its weights. Default: from the file, if it holds them.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub styles: Vec<String>,
    /// The network that turns a picture into a style vector (for networks like magenta).
    #[arg(long, value_name = "FILE.onnx")]
    pub predictor: Option<PathBuf>,
    /// Its licence, as an SPDX expression where there is one.
    #[arg(long, value_name = "LICENCE", default_value = "unknown")]
    pub license: String,
    /// Where it comes from: an address, or its author.
    #[arg(long, value_name = "TEXT", default_value = "unknown")]
    pub source: String,
    /// Replace a network of the same name that was added before.
    #[arg(long)]
    pub replace: bool,
    /// Also run it on this device, and compare with the processor, on which the trial runs in any case.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Device>,
}

/// `impasto styles remove`
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// The network, as `impasto styles` names it.
    #[arg(value_name = "NETWORK")]
    pub network: String,
}

/// `impasto styles export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The style, or a blend of styles of one network: starry-night:0.7,scream:0.3.
    #[arg(value_name = "STYLE")]
    pub style: Expression,
    /// Size of the pictures: other programs run the network at this size alone.
    #[arg(long, value_name = "WxH")]
    pub size: SizeRequest,
    /// The file to write: it takes and gives float32 [1,3,H,W], RGB.
    #[arg(long, short, value_name = "FILE.onnx")]
    pub output: PathBuf,
    /// The value of white: 1 or 255.
    #[arg(long, value_name = "1|255", default_value = "1", value_parser = ["1", "255"])]
    pub range: String,
    /// Random seed of the grain that strokes grow from; it stands still in the exported network.
    #[arg(long, value_name = "N", default_value_t = PaintSettings::default().seed)]
    pub seed: u64,
    /// Overwrite FILE.onnx if it exists.
    #[arg(long, short = 'y')]
    pub overwrite: bool,
}
