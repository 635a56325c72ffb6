//! VGG-19 (Simonyan and Zisserman 2014) as ONNX graphs from scripts/export_vgg19.py: the features of a picture, and the
//! losses of Gatys et al. 2016 with their gradient. Planes are float32 `[3,H,W]`, sRGB from 0 to 1.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use ort::memory::Allocator;
use ort::session::{IoBinding, Session, SessionInputValue};
use ort::value::{Tensor, TensorRef};

use super::library;
use super::onnx::{self, failed};
use super::provider::Provider;
use super::runtime::Runtime;
use crate::digest::sha256;
use crate::error::{Error, Result, cause};

/// Number of layers whose Gram matrices describe a painting's style: relu1_1, relu2_1, relu3_1, relu4_1, relu5_1.
pub const STYLE_LAYERS: usize = 5;
/// Number of channels of each of these layers.
pub const CHANNELS: [usize; STYLE_LAYERS] = [64, 128, 256, 512, 512];
/// The shortest side that the graphs accept, in pixels: relu5_1 has one pixel for every 16.
pub const LEAST_SIDE: u32 = 16;

const NAME: &str = "VGG-19";
const WEIGHTS: &str = "weights.bin";
const SUMS: &str = "SHA256SUMS";
const GRAPHS: [&str; 3] = ["features", "gradient", "guided"];
/// What installs it.
pub const CURE: &str = "run impasto setup --paint to install it";

/// Where `impasto setup --paint` puts its files.
pub fn folder() -> PathBuf {
    library::data_folder().join("vgg19")
}

/// Whether they are there; [`check`] reads them.
pub fn is_installed() -> bool {
    folder().join(WEIGHTS).is_file()
}

/// How VGG-19 halves its planes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// The mean of four pixels, as Gatys et al. recommend (section 2): smoother pictures.
    #[default]
    Average,
    /// The maximum of four pixels, as VGG-19 was trained.
    Maximum,
}

impl Pooling {
    /// Both, with their names on the command line and in the graphs' file names.
    pub const NAMES: [(Self, &'static str); 2] = [(Self::Average, "avg"), (Self::Maximum, "max")];
}

impl fmt::Display for Pooling {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(average, avg), (_, max)] = Self::NAMES;
        out.pad(if *self == average { avg } else { max })
    }
}

/// The size of a picture or plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

impl Extent {
    /// Number of pixels.
    pub fn pixels(self) -> usize {
        self.width * self.height
    }

    fn shape(self, planes: usize) -> [usize; 4] {
        [1, planes, self.height, self.width]
    }
}

/// The style of a picture, by region: for each layer, sums over the region's pixels.
#[derive(Clone, Debug, Default)]
pub struct Grams {
    /// `[R][C][C]`: sums of the products of two channels.
    pub sums: [Vec<f32>; STYLE_LAYERS],
    /// `[R]`: the area of each region.
    pub areas: [Vec<f32>; STYLE_LAYERS],
}

/// The features of a picture.
pub struct Features {
    /// relu4_2, `[512][H/8][W/8]`.
    pub content: Vec<f32>,
    /// The style of the picture.
    pub grams: Grams,
}

/// The installed graphs, with the device to run them on.
pub struct Vgg19<'a> {
    folder: PathBuf,
    pooling: Pooling,
    runtime: &'a Runtime,
    provider: &'a Provider,
    threads: usize,
}

impl<'a> Vgg19<'a> {
    /// Finds the graphs in `folder` and [`check`]s them.
    ///
    /// # Errors
    /// As [`check`].
    pub fn find(
        folder: &Path,
        pooling: Pooling,
        runtime: &'a Runtime,
        provider: &'a Provider,
        threads: usize,
    ) -> Result<Self> {
        check(folder)?;
        Ok(Self { folder: folder.to_owned(), pooling, runtime, provider, threads })
    }

    fn session(&self, graph: &str) -> Result<Session> {
        let path = self.folder.join(graph_name(self.pooling, graph));
        onnx::session(self.runtime, &path, None, self.provider, self.threads, onnx::Placements::Forgotten)
    }

    /// Opens the feature graph.
    ///
    /// # Errors
    /// ONNX Runtime cannot load it.
    pub fn features(&self) -> Result<FeatureGraph> {
        Ok(FeatureGraph { session: self.session("features")? })
    }

    /// Opens the loss graph for untiled pictures of one size, with one style everywhere.
    ///
    /// # Errors
    /// ONNX Runtime cannot load it, or runs out of memory.
    pub fn gradient(&self, extent: Extent, targets: &Targets) -> Result<GradientGraph> {
        GradientGraph::open(self.session("gradient")?, extent, targets).map_err(|error| failed(NAME, &error))
    }

    /// Opens the loss graph for tiles and for several regions.
    ///
    /// # Errors
    /// ONNX Runtime cannot load it.
    pub fn guided(&self) -> Result<GuidedGraph> {
        Ok(GuidedGraph { session: self.session("guided")? })
    }
}

/// Checks the graphs in `folder` and their weights against the checksums that were written with them.
///
/// # Errors
/// A file is missing or damaged.
pub fn check(folder: &Path) -> Result<()> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|error| {
            let (path, reason) = (path.display(), cause(&error));
            Error::failed(format!("{NAME} is not installed: cannot read '{path}' ({reason}); {CURE}"))
        })
    };
    let sums = String::from_utf8_lossy(&read(SUMS)?).into_owned();
    let sums: HashMap<&str, &str> =
        sums.lines().filter_map(|line| line.split_once("  ")).map(|(a, b)| (b, a)).collect();
    let graphs = Pooling::NAMES.into_iter().flat_map(|(_, pooling)| GRAPHS.map(|graph| graph_name(pooling, graph)));
    for name in graphs.chain([WEIGHTS.into()]) {
        let digest = sha256(&read(&name)?);
        if sums.get(name.as_str()) != Some(&digest.as_str()) {
            let path = folder.join(name);
            return Err(Error::failed(format!(
                "{NAME} is damaged: '{}' is not the file that was installed; remove its folder and {CURE}",
                path.display()
            )));
        }
    }
    Ok(())
}

fn graph_name(pooling: impl fmt::Display, graph: &str) -> String {
    format!("{pooling}.{graph}.onnx")
}

/// Computes the features of pictures.
pub struct FeatureGraph {
    session: Session,
}

impl FeatureGraph {
    /// The features of `planes`, with a style for each of `regions` (`[R][H][W]`, 0 to 1).
    ///
    /// # Errors
    /// The inference fails.
    pub fn run(&mut self, planes: &[f32], extent: Extent, regions: &[f32]) -> Result<Features> {
        let count = regions.len() / extent.pixels();
        let mut run = || -> ort::Result<Features> {
            let image = TensorRef::from_array_view((extent.shape(3), planes))?;
            let regions = TensorRef::from_array_view(([count, 1, extent.height, extent.width], regions))?;
            let outputs = self.session.run(ort::inputs!["image" => image, "regions" => regions])?;
            let values =
                |name: &str| -> ort::Result<Vec<f32>> { Ok(outputs[name].try_extract_tensor::<f32>()?.1.to_vec()) };
            let mut grams = Grams::default();
            for layer in 0..STYLE_LAYERS {
                grams.sums[layer] = values(&format!("gram{}", layer + 1))?;
                grams.areas[layer] = values(&format!("area{}", layer + 1))?;
            }
            Ok(Features { content: values("content")?, grams })
        };
        run().map_err(|error| failed(NAME, &error))
    }
}

/// The targets of the optimisation, and the weight of each.
#[derive(Clone, Debug)]
pub struct Targets {
    /// Target for relu4_2: the content picture's, `[512][H/8][W/8]`.
    pub content: Vec<f32>,
    /// Weight of the summed squared difference to it.
    pub content_weight: f32,
    /// For each layer, the target for the mean products of two channels, `[R][C][C]`.
    pub grams: [Vec<f32>; STYLE_LAYERS],
    /// For each layer and region, the weight of the summed squared difference to it.
    pub weights: [Vec<f32>; STYLE_LAYERS],
    /// Weight of the summed squared differences between neighbouring pixels (total variation).
    pub tv_weight: f32,
}

/// The weighted losses of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Losses {
    /// Content loss.
    pub content: f64,
    /// Style loss of each layer.
    pub style: [f64; STYLE_LAYERS],
    /// Total variation loss.
    pub tv: f64,
}

impl Losses {
    /// The sum of all losses.
    pub fn total(&self) -> f64 {
        self.content + self.style.iter().sum::<f64>() + self.tv
    }

    fn from_slice(values: &[f32]) -> Self {
        let at = |place: usize| values.get(place).copied().map_or(f64::NAN, f64::from);
        Self { content: at(0), style: std::array::from_fn(|layer| at(1 + layer)), tv: at(1 + STYLE_LAYERS) }
    }
}

/// Losses and gradient of untiled pictures of one size. All memory is bound once: the optimiser changes the picture in the
/// memory that the graph reads.
pub struct GradientGraph {
    session: Session,
    binding: IoBinding,
    image: Tensor<f32>,
    gradient: Tensor<f32>,
    losses: Tensor<f32>,
    /// Kept alive because the binding refers to their memory.
    _targets: Vec<Tensor<f32>>,
}

impl GradientGraph {
    fn open(session: Session, extent: Extent, targets: &Targets) -> ort::Result<Self> {
        let allocator = Allocator::default();
        let mut binding = session.create_binding()?;
        let content = [1, 512, extent.height / 8, extent.width / 8];
        let mut bound = vec![
            ("content".to_owned(), filled(&allocator, &content, &targets.content)?),
            ("content_weight".to_owned(), filled(&allocator, &[1], &[targets.content_weight])?),
            ("tv_weight".to_owned(), filled(&allocator, &[1], &[targets.tv_weight])?),
        ];
        for (layer, channels) in CHANNELS.into_iter().enumerate() {
            let place = layer + 1;
            bound.push((format!("gram{place}"), filled(&allocator, &[1, channels, channels], &targets.grams[layer])?));
            bound.push((format!("weight{place}"), filled(&allocator, &[1, 1, 1], &targets.weights[layer])?));
        }
        for (name, tensor) in &bound {
            binding.bind_input(name, tensor)?;
        }
        let image = Tensor::new(&allocator, extent.shape(3))?;
        let mut gradient = Tensor::new(&allocator, extent.shape(3))?;
        let mut losses = Tensor::new(&allocator, [2 + STYLE_LAYERS])?;
        binding.bind_output("gradient", &mut gradient)?;
        binding.bind_output("losses", &mut losses)?;
        let targets = bound.into_iter().map(|(_, tensor)| tensor).collect();
        Ok(Self { session, binding, image, gradient, losses, _targets: targets })
    }

    /// The picture, `[3][H][W]`.
    pub fn image(&self) -> &[f32] {
        self.image.extract_tensor().1
    }

    /// The gradient of the total loss, from the last [`Self::evaluate`], `[3][H][W]`.
    pub fn gradient(&self) -> &[f32] {
        self.gradient.extract_tensor().1
    }

    /// The picture, to be changed, and the gradient.
    pub fn image_and_gradient(&mut self) -> (&mut [f32], &[f32]) {
        (self.image.extract_tensor_mut().1, self.gradient.extract_tensor().1)
    }

    /// Computes the losses and the gradient of the current picture.
    ///
    /// # Errors
    /// The inference fails.
    pub fn evaluate(&mut self) -> Result<Losses> {
        let mut run = || -> ort::Result<Losses> {
            self.binding.bind_input("image", &self.image)?;
            self.session.run_binding(&self.binding)?;
            self.binding.synchronize_outputs()?;
            Ok(Losses::from_slice(self.losses.extract_tensor().1))
        };
        run().map_err(|error| failed(NAME, &error))
    }
}

fn filled(allocator: &Allocator, shape: &[usize], values: &[f32]) -> ort::Result<Tensor<f32>> {
    let mut tensor = Tensor::new(allocator, shape.to_vec())?;
    tensor.extract_tensor_mut().1.copy_from_slice(values);
    Ok(tensor)
}

/// The inputs of [`GuidedGraph`] for one tile of a picture.
pub struct GuidedInputs<'a> {
    /// The tile's pixels, `[3][H][W]`.
    pub planes: &'a [f32],
    /// Size of the tile.
    pub extent: Extent,
    /// `[R][H][W]`: the regions, 0 outside the core.
    pub regions: &'a [f32],
    /// `[H][W]`: 1 in the core, where this tile counts for content and total variation.
    pub core: &'a [f32],
    /// relu4_2 of the content picture in this tile, `[512][H/8][W/8]`.
    pub content: &'a [f32],
    /// For each layer, the sums over the rest of the picture, `[R][C][C]`.
    pub rest: &'a [Vec<f32>; STYLE_LAYERS],
    /// For each layer and region, the reciprocal of its area in the full picture.
    pub inverse_areas: &'a [Vec<f32>; STYLE_LAYERS],
}

/// Losses and gradient of the tiles of a picture, with several regions. If the cores cover the picture exactly once, the sum
/// of the tiles' gradients is the gradient of the picture: the features of a core depend on pixels around it too, and those
/// get their share of the gradient.
pub struct GuidedGraph {
    session: Session,
}

impl GuidedGraph {
    /// Computes the losses, and passes their gradient (`[3][H][W]`) to `receive`. The style losses are those of the full
    /// picture; content and total variation are those of the core.
    ///
    /// # Errors
    /// The inference fails.
    pub fn evaluate(
        &mut self,
        inputs: &GuidedInputs<'_>,
        targets: &Targets,
        receive: impl FnOnce(&[f32]),
    ) -> Result<Losses> {
        let regions = inputs.regions.len() / inputs.extent.pixels();
        let Extent { width, height } = inputs.extent;
        let weights = ([targets.content_weight], [targets.tv_weight]);
        let run = || -> ort::Result<Losses> {
            let mut given: Vec<(String, SessionInputValue<'_>)> = Vec::new();
            let mut give = |name: String, shape: &[usize], values| -> ort::Result<()> {
                given.push((name, TensorRef::from_array_view((shape.to_vec(), values))?.into()));
                Ok(())
            };
            give("image".into(), &inputs.extent.shape(3), inputs.planes)?;
            give("regions".into(), &[regions, 1, height, width], inputs.regions)?;
            give("core".into(), &inputs.extent.shape(1), inputs.core)?;
            give("content".into(), &[1, 512, height / 8, width / 8], inputs.content)?;
            give("content_weight".into(), &[1], weights.0.as_slice())?;
            give("tv_weight".into(), &[1], weights.1.as_slice())?;
            for (layer, channels) in CHANNELS.into_iter().enumerate() {
                let (place, square) = (layer + 1, [regions, channels, channels]);
                give(format!("gram{place}"), &square, &targets.grams[layer])?;
                give(format!("rest{place}"), &square, &inputs.rest[layer])?;
                give(format!("weight{place}"), &[regions, 1, 1], &targets.weights[layer])?;
                give(format!("inverse_area{place}"), &[regions, 1, 1], &inputs.inverse_areas[layer])?;
            }
            let outputs = self.session.run(given)?;
            receive(outputs["gradient"].try_extract_tensor::<f32>()?.1);
            Ok(Losses::from_slice(outputs["losses"].try_extract_tensor::<f32>()?.1))
        };
        run().map_err(|error| failed(NAME, &error))
    }
}
