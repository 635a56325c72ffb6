//! The flags of `impasto setup`.

use std::path::PathBuf;

use clap::Args;

use crate::network::device::Device;

/// `impasto setup`
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Install the two networks for `--style-image` (3 MB).
    #[arg(long)]
    pub style_images: bool,
    /// Install VGG-19 for `impasto paint` (13 MB; 19 MB to download).
    #[arg(long)]
    pub paint: bool,
    /// Install ONNX Runtime for browsers, with which the page of `impasto serve` also paints cameras in the visitor's own browser
    /// (41 MB; 33 MB to download, with curl, from npm's registry).
    #[arg(long)]
    pub web: bool,
    /// Install what this machine's graphics card needs, and say what was chosen. Or choose yourself, one or several: webgpu (any
    /// graphics card, 7 MB), cuda (NVIDIA with CUDA 13 and cuDNN 9, 255 MB; brings tensorrt too), tensorrt-rtx (NVIDIA RTX 30 or
    /// newer, 146 MB), openvino (Intel graphics, processors and NPUs, 53 MB).
    #[arg(long, value_name = "DEVICE", num_args = 0.., conflicts_with = "cpu")]
    pub gpu: Option<Vec<Device>>,
    /// Remove everything that --gpu installed.
    #[arg(long)]
    pub cpu: bool,
    /// Take the wheels, and the archive of --web, from this folder instead of downloading them. If one is missing, the message says
    /// how to get it.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,
}
