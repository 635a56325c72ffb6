//! The objective function: VGG-19's losses and their gradient, for complete pictures, with regions, and in tiles.

use super::optimizer::Problem;
use super::planes::to_planes;
use super::region;
use super::scales::with_pixels;
use super::tile::{Tile, tiles};
use super::{Recipe, STYLE_UNIT, Subject};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::network::vgg19::{
    CHANNELS, Extent, FeatureGraph, GradientGraph, Grams, GuidedGraph, GuidedInputs, Losses, STYLE_LAYERS, Targets,
    Vgg19,
};

/// The objective function at one size. It holds the picture, its losses and its gradient.
pub struct Objective {
    kind: Kind,
    losses: Losses,
}

enum Kind {
    /// One style everywhere, in a single run per step. The graph holds the picture.
    Plain(GradientGraph),
    /// Regions with different styles, or several tiles.
    Guided(Guided),
}

/// A picture with regions, in tiles, or both.
struct Guided {
    extent: Extent,
    planes: Vec<f32>,
    gradient: Vec<f32>,
    targets: Targets,
    tiles: Vec<PreparedTile>,
    inverse_areas: [Vec<f32>; STYLE_LAYERS],
    graph: GuidedGraph,
    /// Computes the sums over all tiles; `None` if there is only one.
    features: Option<FeatureGraph>,
}

/// A tile with the inputs that stay the same in all steps.
struct PreparedTile {
    tile: Tile,
    core: Vec<f32>,
    /// The masks of the `R` regions, `[R][H][W]`, 0 outside the core.
    regions: Vec<f32>,
    /// The relu4_2 features of the content picture in this tile.
    content: Vec<f32>,
}

impl Objective {
    /// Measures the content picture and the paintings, and prepares for pictures of size `extent`.
    ///
    /// # Errors
    /// VGG-19 cannot run, or a picture cannot be resized.
    pub fn new(
        subject: &Subject,
        recipe: &Recipe,
        vgg: &Vgg19<'_>,
        extent: Extent,
        resizer: &mut Resizer,
    ) -> Result<Self> {
        let mut features = vgg.features()?;
        let content = to_planes(subject.content.image(), extent, resizer)?;
        let grams = style_targets(subject, recipe, extent, &mut features, resizer)?;
        let count = subject.masks.len().max(1);
        let masks = match subject.masks.len() {
            0 => vec![1.0; extent.pixels()],
            _ => region::regions(&subject.masks, extent, resizer)?,
        };
        let mut prepared = Vec::new();
        let mut areas: [Vec<f32>; STYLE_LAYERS] = std::array::from_fn(|_| vec![0.0; count]);
        let mut energy = 0.0;
        for tile in tiles(extent, recipe.tile) {
            let core = tile.core_mask();
            let mut regions = tile.cut(&masks, extent);
            for region in regions.chunks_exact_mut(core.len()) {
                region.iter_mut().zip(&core).for_each(|(region, core)| *region *= core);
            }
            let seen = features.run(&tile.cut(&content, extent), tile.extent, &regions)?;
            for (sum, own) in areas.iter_mut().zip(&seen.grams.areas) {
                sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
            energy += core_energy(&seen.content, &core, tile.extent);
            prepared.push(PreparedTile { tile, core, regions, content: seen.content });
        }
        let mut targets = Targets {
            content: Vec::new(),
            content_weight: (recipe.content_weight / energy.max(f64::MIN_POSITIVE)) as f32,
            weights: weights(&grams, &areas, recipe),
            grams,
            tv_weight: (recipe.tv_weight / (3 * extent.pixels()) as f64) as f32,
        };
        let kind = if prepared.len() == 1 && subject.masks.is_empty() {
            // Frees its memory first, since the loss graph takes much.
            drop(features);
            targets.content = prepared.swap_remove(0).content;
            Kind::Plain(vgg.gradient(extent, &targets)?)
        } else {
            Kind::Guided(Guided {
                extent,
                planes: vec![0.0; 3 * extent.pixels()],
                gradient: vec![0.0; 3 * extent.pixels()],
                targets,
                features: (prepared.len() > 1).then_some(features),
                tiles: prepared,
                inverse_areas: areas.map(|areas| areas.iter().map(|area| 1.0 / area.max(1e-6)).collect()),
                graph: vgg.guided()?,
            })
        };
        Ok(Self { kind, losses: Losses::default() })
    }

    /// Sets the picture, `[3][H][W]`.
    pub fn set(&mut self, planes: &[f32]) {
        self.variables_and_gradient().0.copy_from_slice(planes);
    }

    /// The picture, `[3][H][W]`.
    pub fn picture(&self) -> &[f32] {
        match &self.kind {
            Kind::Plain(graph) => graph.image(),
            Kind::Guided(guided) => &guided.planes,
        }
    }

    /// The weighted losses of the last evaluation.
    pub fn losses(&self) -> Losses {
        self.losses
    }
}

impl Problem for Objective {
    fn variables_and_gradient(&mut self) -> (&mut [f32], &[f32]) {
        match &mut self.kind {
            Kind::Plain(graph) => graph.image_and_gradient(),
            Kind::Guided(guided) => (&mut guided.planes, &guided.gradient),
        }
    }

    fn evaluate(&mut self) -> Result<f64> {
        self.losses = match &mut self.kind {
            Kind::Plain(graph) => graph.evaluate()?,
            Kind::Guided(guided) => guided.evaluate()?,
        };
        Ok(self.losses.total())
    }
}

impl Guided {
    fn evaluate(&mut self) -> Result<Losses> {
        let Self { extent, planes, gradient, targets, tiles, inverse_areas, graph, features } = self;
        let regions = inverse_areas[0].len();
        let empty = || std::array::from_fn(|layer| vec![0.0; regions * CHANNELS[layer] * CHANNELS[layer]]);
        // First sums up all tiles, then evaluates each tile with the sums of the others.
        let mut own: Vec<[Vec<f32>; STYLE_LAYERS]> = Vec::new();
        let mut total: [Vec<f32>; STYLE_LAYERS] = empty();
        if let Some(features) = features {
            for prepared in tiles.iter() {
                let seen =
                    features.run(&prepared.tile.cut(planes, *extent), prepared.tile.extent, &prepared.regions)?;
                for (total, own) in total.iter_mut().zip(&seen.grams.sums) {
                    total.iter_mut().zip(own).for_each(|(total, own)| *total += own);
                }
                own.push(seen.grams.sums);
            }
        }
        gradient.fill(0.0);
        let mut losses = Losses::default();
        for (place, prepared) in tiles.iter().enumerate() {
            let mut rest = total.clone();
            if let Some(own) = own.get(place) {
                for (rest, own) in rest.iter_mut().zip(own) {
                    rest.iter_mut().zip(own).for_each(|(rest, own)| *rest -= own);
                }
            }
            let inputs = GuidedInputs {
                planes: &prepared.tile.cut(planes, *extent),
                extent: prepared.tile.extent,
                regions: &prepared.regions,
                core: &prepared.core,
                content: &prepared.content,
                rest: &rest,
                inverse_areas,
            };
            let found = graph.evaluate(&inputs, targets, |own| prepared.tile.add(own, gradient, *extent))?;
            losses.content += found.content;
            losses.tv += found.tv;
            losses.style = found.style;
        }
        Ok(losses)
    }
}

/// The target Gram matrices of each region: those of the region's painting, or without masks the weighted mean of all
/// paintings.
fn style_targets(
    subject: &Subject,
    recipe: &Recipe,
    extent: Extent,
    features: &mut FeatureGraph,
    resizer: &mut Resizer,
) -> Result<[Vec<f32>; STYLE_LAYERS]> {
    let mut targets: [Vec<f32>; STYLE_LAYERS] = std::array::from_fn(|_| Vec::new());
    let total: f64 = subject.styles.iter().map(|(_, weight)| weight).sum();
    for (painting, weight) in &subject.styles {
        let means = style_of(painting, recipe, extent, features, resizer)?;
        for (target, means) in targets.iter_mut().zip(means) {
            if !subject.masks.is_empty() {
                target.extend(means);
            } else {
                target.resize(means.len(), 0.0);
                let share = (weight / total) as f32;
                target.iter_mut().zip(means).for_each(|(target, mean)| *target += share * mean);
            }
        }
    }
    Ok(targets)
}

/// The Gram matrices of one painting at the requested stroke size.
fn style_of(
    painting: &Frame,
    recipe: &Recipe,
    extent: Extent,
    features: &mut FeatureGraph,
    resizer: &mut Resizer,
) -> Result<[Vec<f32>; STYLE_LAYERS]> {
    let pixels = extent.pixels() as f64 * recipe.style_scale * recipe.style_scale;
    let size = with_pixels(painting.width, painting.height, pixels);
    let planes = to_planes(painting.image(), size, resizer)?;
    let mut sums = Grams { sums: std::array::from_fn(|_| Vec::new()), areas: std::array::from_fn(|_| vec![0.0]) };
    for tile in tiles(size, recipe.tile) {
        let own = features.run(&tile.cut(&planes, size), tile.extent, &tile.core_mask())?.grams;
        for layer in 0..STYLE_LAYERS {
            sums.areas[layer][0] += own.areas[layer][0];
            sums.sums[layer].resize(own.sums[layer].len(), 0.0);
            sums.sums[layer].iter_mut().zip(&own.sums[layer]).for_each(|(sum, own)| *sum += own);
        }
    }
    let mut means = sums.sums;
    for (means, area) in means.iter_mut().zip(&sums.areas) {
        let area = area.first().copied().filter(|&area| area > 0.0);
        let area = area.ok_or_else(|| Error::failed("a painting is too small; use one of at least 16x16 pixels"))?;
        means.iter_mut().for_each(|mean| *mean /= area);
    }
    Ok(means)
}

/// The weight of each layer and region: relative to the squared norm of the target, and scaled by the region's share of
/// the picture.
fn weights(
    grams: &[Vec<f32>; STYLE_LAYERS],
    areas: &[Vec<f32>; STYLE_LAYERS],
    recipe: &Recipe,
) -> [Vec<f32>; STYLE_LAYERS] {
    let layers: f64 = recipe.layer_weights.iter().sum();
    std::array::from_fn(|layer| {
        let size = CHANNELS[layer] * CHANNELS[layer];
        let all: f64 = areas[layer].iter().map(|&area| f64::from(area)).sum();
        let weight = STYLE_UNIT * recipe.style_weight * recipe.layer_weights[layer] / layers.max(f64::MIN_POSITIVE);
        let one = |(gram, &area): (&[f32], &f32)| {
            let square: f64 = gram.iter().map(|&value| f64::from(value) * f64::from(value)).sum();
            (weight * f64::from(area) / all.max(f64::MIN_POSITIVE) / square.max(f64::MIN_POSITIVE)) as f32
        };
        grams[layer].chunks_exact(size).zip(&areas[layer]).map(one).collect()
    })
}

/// The sum of the squared features inside the core.
fn core_energy(content: &[f32], core: &[f32], extent: Extent) -> f64 {
    let (width, height) = (extent.width / 8, extent.height / 8);
    let plane = |values: &[f32]| -> f64 {
        let at = |row: usize, column: usize| f64::from(core[8 * row * extent.width + 8 * column]);
        (0..width * height).map(|place| at(place / width, place % width) * f64::from(values[place]).powi(2)).sum()
    };
    content.chunks_exact((width * height).max(1)).map(plane).sum()
}
