//! VGG-19's graphs, as impasto setup --paint writes them, against PyTorch's autograd, finite differences and each other.

#[path = "common/need.rs"]
mod need;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use impasto::Device;
use impasto::Frame;
use impasto::internals::kernel::resize::Resizer;
use impasto::internals::network::provider::{Provider, ProviderOptions};
use impasto::internals::network::runtime::Runtime;
use impasto::internals::network::vgg19::{CHANNELS, Extent, Features, Losses, Pooling, STYLE_LAYERS, Targets, Vgg19};
use impasto::internals::paint::objective::Objective;
use impasto::internals::paint::optimizer::Problem;
use impasto::internals::paint::{Recipe, Subject};
use impasto::still::{Init, Method};

/// The weights of scripts/paint_with_pytorch.py, `write_vectors`.
const WEIGHTS: (f64, f64, f64) = (1.0, 1000.0, 2.0);
const PICTURE: Extent = Extent { width: 43, height: 37 };
const PAINTING: Extent = Extent { width: 46, height: 52 };

struct Installed {
    folder: PathBuf,
    runtime: Runtime,
    provider: Provider,
}

impl Installed {
    /// There is one ONNX Runtime a process, whatever the number of tests.
    fn get() -> &'static Self {
        static INSTALLED: OnceLock<Installed> = OnceLock::new();
        INSTALLED.get_or_init(Self::new)
    }

    fn new() -> Self {
        let folder = need::vgg19();
        let provider = Provider { device: Device::Cpu, options: ProviderOptions::default(), reason: String::new() };
        Self { folder, runtime: Runtime::load(Some(&need::onnx_runtime()), false).unwrap(), provider }
    }

    fn vgg(&self, pooling: Pooling) -> Vgg19<'_> {
        Vgg19::find(&self.folder, pooling, &self.runtime, &self.provider, 2).unwrap()
    }
}

#[test]
fn the_graphs_that_come_with_the_program_are_those_that_the_script_writes() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/vgg19");
    let read =
        |folder: &Path, name: &str| fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = need::vgg19();
    let sums = String::from_utf8(read(&shipped, "SHA256SUMS")).unwrap();
    let graphs: Vec<&str> = sums.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(graphs.len(), 7, "{sums}");
    for name in graphs.into_iter().filter(|name| name.ends_with(".onnx")).chain(["SHA256SUMS", "version"]) {
        assert!(read(&shipped, name) == read(&written, name), "{name} is not what scripts/export_vgg19.py writes");
    }
}

/// A picture by formula, as the script draws it.
fn drawn(extent: Extent, turn: f64) -> Vec<f32> {
    let mut planes = Vec::new();
    for c in 0..3 {
        let c = f64::from(c);
        for y in 0..extent.height {
            for x in 0..extent.width {
                let (x, y) = (x as f64, y as f64);
                let wave = 0.3 * (0.31 * x * (c + 1.0) + turn).sin() + 0.2 * (0.23 * y * (turn + 1.0) - c).cos();
                planes.push((0.5 + wave) as f32);
            }
        }
    }
    planes
}

fn square(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value).powi(2)).sum()
}

fn targets(vgg: &Vgg19<'_>) -> Targets {
    let mut graph = vgg.features().unwrap();
    let mut seen = |extent: Extent, turn| -> Features {
        graph.run(&drawn(extent, turn), extent, &vec![1.0; extent.pixels()]).unwrap()
    };
    let (content, style) = (seen(PICTURE, 0.0), seen(PAINTING, 1.0));
    let grams: [Vec<f32>; STYLE_LAYERS] = std::array::from_fn(|layer| {
        let area = style.grams.areas[layer][0];
        style.grams.sums[layer].iter().map(|sum| sum / area).collect()
    });
    Targets {
        content_weight: (WEIGHTS.0 / square(&content.content)) as f32,
        content: content.content,
        weights: std::array::from_fn(|layer| vec![(WEIGHTS.1 / 5.0 / square(&grams[layer])) as f32]),
        grams,
        tv_weight: (WEIGHTS.2 / (3 * PICTURE.pixels()) as f64) as f32,
    }
}

/// Root mean square of the difference over that of `wanted`.
fn relative(found: &[f32], wanted: &[f32]) -> f64 {
    let difference: Vec<f32> = found.iter().zip(wanted).map(|(found, wanted)| found - wanted).collect();
    (square(&difference) / square(wanted)).sqrt()
}

#[test]
fn losses_and_gradient_are_those_of_pytorchs_autograd() {
    let vectors = include_bytes!("networks/vgg19_gradients.bin");
    let values: Vec<f32> = vectors.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let length = 7 + 3 * PICTURE.pixels();
    assert_eq!(values.len(), 2 * length);
    let installed = Installed::get();
    for (pooling, wanted) in [Pooling::Average, Pooling::Maximum].into_iter().zip(values.chunks_exact(length)) {
        let vgg = installed.vgg(pooling);
        let mut graph = vgg.gradient(PICTURE, &targets(&vgg)).unwrap();
        graph.image_and_gradient().0.copy_from_slice(&drawn(PICTURE, 2.0));
        let Losses { content, style, tv } = graph.evaluate().unwrap();
        let found = [content, style[0], style[1], style[2], style[3], style[4], tv];
        for (found, &wanted) in found.into_iter().zip(wanted) {
            assert!((found / f64::from(wanted) - 1.0).abs() < 1e-4, "{pooling}: {found} for {wanted}");
        }
        let error = relative(graph.gradient(), &wanted[7..]);
        assert!(error < 1e-3, "{pooling}: the gradient is off by {error} of its size");
    }
}

#[test]
fn the_gradient_is_the_slope_that_finite_differences_find() {
    let installed = Installed::get();
    let vgg = installed.vgg(Pooling::Average);
    let mut graph = vgg.gradient(PICTURE, &targets(&vgg)).unwrap();
    let start = drawn(PICTURE, 2.0);
    graph.image_and_gradient().0.copy_from_slice(&start);
    graph.evaluate().unwrap();
    let gradient = graph.gradient().to_vec();
    // Along the gradient itself, and along every third of its numbers.
    let length = square(&gradient).sqrt();
    let uphill: Vec<f32> = gradient.iter().map(|g| (f64::from(*g) / length) as f32).collect();
    let third: Vec<f32> = uphill.iter().enumerate().map(|(place, d)| if place % 3 == 0 { *d } else { 0.0 }).collect();
    for direction in [uphill, third] {
        let slope: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * f64::from(*d)).sum();
        let mut at = |step: f32| {
            for ((x, start), d) in graph.image_and_gradient().0.iter_mut().zip(&start).zip(&direction) {
                *x = start + step * d;
            }
            graph.evaluate().unwrap().total()
        };
        let step = 2e-2;
        let found = (at(step) - at(-step)) / (2.0 * f64::from(step));
        assert!((found - slope).abs() < 0.02 * slope.abs(), "{found} for {slope}");
    }
}

fn frame(extent: Extent, turn: f64) -> Frame {
    let mut frame = Frame::new(extent.width as u32, extent.height as u32);
    let planes = drawn(extent, turn);
    for (place, byte) in frame.pixels.iter_mut().enumerate() {
        *byte = (planes[(place % 3) * extent.pixels() + place / 3] * 255.0) as u8;
    }
    frame
}

fn recipe(extent: Extent) -> Recipe {
    Recipe {
        content_weight: 1.0,
        style_weight: 10.0,
        tv_weight: 1.0,
        layer_weights: [1.0; STYLE_LAYERS],
        init: Init::Content,
        method: Method::Lbfgs,
        rate: 0.02,
        iterations: 3,
        tolerance: 0.0,
        average: 0.0,
        scales: vec![extent],
        style_scale: 1.0,
        seed: 0,
        tile: None,
    }
}

/// Losses and gradient of a picture under a recipe.
fn measured(vgg: &Vgg19<'_>, subject: &Subject, recipe: &Recipe, picture: &[f32]) -> (Losses, Vec<f32>) {
    let mut objective = Objective::new(subject, recipe, vgg, recipe.scales[0], &mut Resizer::default()).unwrap();
    objective.set(picture);
    objective.evaluate().unwrap();
    (objective.losses(), objective.variables_and_gradient().1.to_vec())
}

#[test]
fn tiles_give_the_losses_and_the_gradient_of_the_whole_picture() {
    let installed = Installed::get();
    let vgg = installed.vgg(Pooling::Average);
    // Odd sizes, and cores of 96 pixels: tiles that see no border of the picture, one border, and two.
    let extent = Extent { width: 309, height: 147 };
    let subject = Subject { content: frame(extent, 0.0), styles: vec![(frame(PAINTING, 1.0), 1.0)], masks: vec![] };
    let whole = recipe(extent);
    let tiled = Recipe { tile: Some(96), ..whole.clone() };
    let picture = drawn(extent, 2.0);
    let (one, other) = (measured(&vgg, &subject, &whole, &picture), measured(&vgg, &subject, &tiled, &picture));
    assert!((one.0.total() / other.0.total() - 1.0).abs() < 1e-4, "{:?} {:?}", one.0, other.0);
    assert!((one.0.content / other.0.content - 1.0).abs() < 1e-3, "{:?} {:?}", one.0, other.0);
    assert!((one.0.tv / other.0.tv - 1.0).abs() < 1e-4, "{:?} {:?}", one.0, other.0);
    let error = relative(&other.1, &one.1);
    assert!(error < 2e-3, "the gradient is off by {error} of its size");
}

#[test]
fn a_mask_that_is_white_everywhere_changes_nothing_and_one_half_leaves_the_other_to_the_photo() {
    let installed = Installed::get();
    let vgg = installed.vgg(Pooling::Average);
    let extent = Extent { width: 320, height: 96 };
    let mut subject = Subject { content: frame(extent, 0.0), styles: vec![(frame(PAINTING, 1.0), 1.0)], masks: vec![] };
    let recipe = Recipe { content_weight: 0.0, tv_weight: 0.0, ..recipe(extent) };
    let picture = drawn(extent, 2.0);
    let plain = measured(&vgg, &subject, &recipe, &picture);
    let mut mask = Frame::new(320, 96);
    mask.pixels.fill(255);
    subject.masks = vec![mask.clone()];
    let masked = measured(&vgg, &subject, &recipe, &picture);
    assert!(relative(&masked.1, &plain.1) < 1e-4);
    for row in mask.pixels.chunks_exact_mut(320 * 3) {
        row[160 * 3..].fill(0);
    }
    subject.masks = vec![mask];
    let (_, gradient) = measured(&vgg, &subject, &recipe, &picture);
    let columns = |from: usize, to: usize| {
        let pixels = gradient.chunks_exact(320).flat_map(|row| &row[from..to]);
        pixels.map(|value| f64::from(value.abs())).sum::<f64>()
    };
    // relu5_1 sees 85 pixels; within a tile of Winograd's, the zeros beyond are exact but for rounding.
    let (painted, left) = (columns(0, 160), columns(160 + 86, 320));
    assert!(painted > 0.0 && left < 1e-6 * painted, "what no style takes is left alone: {left} of {painted}");
}

#[test]
fn channels_are_as_documented() {
    let installed = Installed::get();
    let seen = installed.vgg(Pooling::Average).features().unwrap().run(
        &drawn(PICTURE, 0.0),
        PICTURE,
        &vec![1.0; PICTURE.pixels()],
    );
    let seen = seen.unwrap();
    for (sums, channels) in seen.grams.sums.iter().zip(CHANNELS) {
        assert_eq!(sums.len(), channels * channels);
    }
    assert_eq!(seen.content.len(), 512 * (43 / 8) * (37 / 8));
}
