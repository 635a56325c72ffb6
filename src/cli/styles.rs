//! The flags of `impasto styles`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::RunArgs;

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
