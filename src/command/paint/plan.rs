//! From the flags to a job: pictures read, sizes and memory known, before VGG-19 is loaded.

use std::fs;
use std::path::{Path, PathBuf};

use super::estimate::Estimate;
use crate::cli::{KeepColors, PaintArgs};
use crate::error::{Error, Result};
use crate::frame::{Frame, MaxPixels};
use crate::kernel::color::keep_chroma;
use crate::kernel::recolor::{match_brightness, match_colors};
use crate::kernel::resize::Resizer;
use crate::network::vgg19::{Extent, LEAST_SIDE};
use crate::paint::scales::scales;
use crate::paint::{Method, Recipe, Subject, memory, region};
use crate::picture::read as source;
use crate::picture::write as sink;
use crate::picture::{Format, Picture};
use crate::report::{Report, counted, spoken};
use crate::style::paintings::{Painting, show_paintings};
use crate::whole::is_same_file;

/// One painting job.
pub struct Job {
    /// The photo and the paintings, as the optimiser sees them.
    pub subject: Subject,
    /// How.
    pub recipe: Recipe,
    /// Bytes of memory that this takes at its peak.
    pub memory: u64,
    /// The format to write.
    pub format: Format,
    /// The paintings, as in the JSON summary.
    pub style: String,
    /// Identifies the job, for `--resume`.
    pub fingerprint: String,
    /// The photo as it was read.
    photo: Picture,
    luminance: bool,
}

/// Reads the pictures and checks that everything fits together.
///
/// # Errors
/// A picture cannot be read, is too small or of another size than its photo; or no weight is above 0.
pub fn plan(args: &PaintArgs, most: MaxPixels, report: &Report) -> Result<Job> {
    let layer_weights = check(args)?;
    let format = Format::from_name(&args.output).ok_or_else(|| {
        let (output, endings) = (args.output.display(), Format::ENDINGS);
        Error::usage(format!("'{output}' names no picture format; end it in {endings}"))
    })?;
    sink::probe(&args.output)?;
    let photo = load(&args.content, most, report)?;
    let mut content = photo.on_white();
    let weigh = |style: &Painting| -> Result<(Frame, f64)> {
        Ok((load(&style.path, most, report)?.on_white(), f64::from(style.weight)))
    };
    let mut styles = args.styles.iter().map(weigh).collect::<Result<Vec<_>>>()?;
    match args.keep_colors {
        Some(KeepColors::Match) => {
            styles.iter_mut().for_each(|(style, _)| match_colors(&content.pixels, &mut style.pixels));
        }
        Some(KeepColors::Luminance) => {
            for (style, _) in &mut styles {
                match_brightness(&mut content.pixels, &mut style.pixels);
            }
        }
        None => {}
    }
    let masks = masks(args, &content, most, report)?;
    let scales =
        scales(content.width, content.height, args.size, args.scale_step, args.scales.map(|count| count as usize));
    let Some(&finest) = scales.last() else { return Err(Error::usage("there is no size to paint at")) };
    if finest.width.min(finest.height) < LEAST_SIDE as usize {
        let (width, height) = (finest.width, finest.height);
        return Err(Error::usage(format!(
            "'{}' would be painted at {width}x{height}, and VGG-19 needs {LEAST_SIDE} pixels a side; give a larger --size",
            args.content.display()
        )));
    }
    let (tile, memory) = tile(args, finest, masks.len(), report)?;
    let recipe = Recipe {
        content_weight: args.content_weight,
        style_weight: args.style_weight,
        tv_weight: args.tv_weight,
        layer_weights,
        init: args.init,
        method: args.optimizer,
        rate: args.rate as f32,
        iterations: args.iterations as usize,
        tolerance: f64::from(args.tolerance),
        average: args.average,
        tile,
        scales,
        style_scale: f64::from(args.style_scale),
        seed: args.seed,
    };
    let paths: Vec<String> =
        args.styles.iter().map(|style| format!("{}:{}", style.path.display(), style.weight)).collect();
    let masks_named = args.mask.iter().map(|mask| mask.display().to_string()).collect::<Vec<_>>().join(" ");
    let fingerprint = format!(
        "{} {} {masks_named} {:?} {:?} {:?}",
        args.content.display(),
        paths.join(" "),
        args.keep_colors,
        args.pooling,
        // Limits on time and memory do not change the picture.
        Recipe { iterations: 0, tolerance: 0.0, tile: None, ..recipe.clone() }
    );
    let luminance = args.keep_colors == Some(KeepColors::Luminance);
    let subject = Subject { content, styles, masks };
    let style = show_paintings(args.styles.iter().map(|style| (style.path.as_path(), style.weight)));
    Ok(Job { subject, recipe, memory, format, style, fingerprint, photo, luminance })
}

/// Checks what the flags alone can tell; returns the layer weights.
fn check(args: &PaintArgs) -> Result<[f64; 5]> {
    let layers = args.layers().ok_or_else(|| {
        let count = args.layer_weights.len();
        Error::usage(format!("--layer-weights takes five numbers, relu1_1 to relu5_1, and got {count}"))
    })?;
    let styled = args.style_weight > 0.0 && layers.iter().any(|&weight| weight > 0.0);
    if args.content_weight <= 0.0 && !styled {
        return Err(Error::usage("all weights are 0, so there is nothing to optimise; raise --style-weight"));
    }
    if styled && !args.styles.iter().any(|style| style.weight > 0.0) {
        return Err(Error::usage("the weights of all paintings are 0; raise one"));
    }
    if args.optimizer == Method::Adam && args.rate <= 0.0 {
        return Err(Error::usage("--rate 0 never changes the picture; 0.02 is usual"));
    }
    let (masks, styles) = (args.mask.len(), args.styles.len());
    if masks > 0 && masks != styles && masks + 1 != styles {
        return Err(Error::usage(format!(
            "{} for {}; give one --mask for each style, or one less",
            counted(masks, "mask"),
            counted(styles, "style")
        )));
    }
    let same = |path: &Path| is_same_file(path, &args.output);
    if same(&args.content)
        || args.styles.iter().any(|style| same(&style.path))
        || args.mask.iter().any(|mask| same(mask))
    {
        let output = args.output.display();
        return Err(Error::usage(format!("'{output}' is also an input; name another output with -o")));
    }
    Ok(layers)
}

fn load(path: &Path, most: MaxPixels, report: &Report) -> Result<Picture> {
    let picture = source::load(path, most)?;
    let name = path.display();
    picture.notes.iter().for_each(|note| report.say(format!("'{name}': {note}")));
    picture.warnings.iter().for_each(|warning| report.warn(format!("'{name}': {warning}")));
    let (width, height) = (picture.frame.width, picture.frame.height);
    if width.min(height) < LEAST_SIDE {
        return Err(Error::failed(format!(
            "'{name}' is {width}x{height} pixels, too small for VGG-19 (at least {LEAST_SIDE}x{LEAST_SIDE}); use a larger picture"
        )));
    }
    Ok(picture)
}

/// One mask for each style, or none.
fn masks(args: &PaintArgs, content: &Frame, most: MaxPixels, report: &Report) -> Result<Vec<Frame>> {
    let mut masks = Vec::new();
    for path in &args.mask {
        let mask = load(path, most, report)?.on_white();
        let ((width, height), (wanted_width, wanted_height)) =
            ((mask.width, mask.height), (content.width, content.height));
        if (width, height) != (wanted_width, wanted_height) {
            return Err(Error::failed(format!(
                "mask '{}' is {width}x{height} and '{}' is {wanted_width}x{wanted_height}; scale the mask to the photo's size",
                path.display(),
                args.content.display()
            )));
        }
        if mask.pixels.iter().all(|&byte| byte == 0) {
            let path = path.display();
            return Err(Error::failed(format!(
                "mask '{path}' is all black, so its style is used nowhere; paint white into it"
            )));
        }
        masks.push(mask);
    }
    if masks.len() + 1 == args.styles.len() && !masks.is_empty() {
        masks.extend(region::remainder(&masks));
    }
    Ok(masks)
}

/// The side of the tiles, by the flag or by the memory that is free; and the bytes that the run needs.
fn tile(args: &PaintArgs, finest: Extent, regions: usize, report: &Report) -> Result<(Option<usize>, u64)> {
    let free = memory::available();
    let need = |tile| memory::needed(finest, tile, regions.max(1));
    let asked = args.tile.map(|side| (side > 0).then_some(side as usize));
    let fits = |tile: &Option<usize>| free.is_none_or(|free| need(*tile) < free);
    let choices = [None, Some(2048), Some(1536), Some(1024), Some(768), Some(512), Some(256)];
    let chosen = match asked {
        Some(asked) => asked,
        None => choices.into_iter().find(fits).ok_or_else(|| {
            let (least, free) = (need(Some(256)) >> 20, free.unwrap_or_default() >> 20);
            Error::failed(format!(
                "this needs {least} MiB even in tiles, but only {free} MiB are free; give a smaller --size"
            ))
        })?,
    };
    if let Some(free) = free.filter(|&free| need(chosen) >= free) {
        report.warn(format!("only {} MiB of memory are free; give a smaller --tile or --size", free >> 20));
    }
    Ok((chosen, need(chosen)))
}

/// Where the state of a run is kept.
pub fn state_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".state");
    name.into()
}

/// Removes the state of a run that is done.
pub fn forget_state(output: &Path) {
    // There is none unless it was saved.
    let _ = fs::remove_file(state_path(output));
}

impl Job {
    /// What it will take, in one sentence; the time too if a processor with `threads` cores paints.
    pub fn expectation(&self, threads: Option<usize>) -> String {
        let Recipe { scales, iterations, tile, .. } = &self.recipe;
        let Extent { width, height } = self.recipe.finest();
        let tiles = tile.map_or_else(String::new, |side| format!(" in tiles of {side} pixels"));
        let estimate = Estimate::new(scales, *iterations);
        let time = threads.map_or_else(String::new, |threads| format!(" and {}", spoken(estimate.beforehand(threads))));
        format!(
            "painting {width}x{height}{tiles}: {} of up to {}, about {} MiB{time}",
            counted(scales.len(), "scale"),
            counted(*iterations, "step"),
            self.memory >> 20
        )
    }

    /// An optimised frame as the user asked for it: with the photo's colours if those are kept.
    ///
    /// # Errors
    /// The photo cannot be resized.
    pub fn show(&self, mut painted: Frame) -> Result<Frame> {
        if self.luminance {
            let mut original = Frame::new(painted.width, painted.height);
            let photo = self.photo.on_white();
            Resizer::default().resize(photo.image(), painted.width, painted.height, &mut original.pixels)?;
            keep_chroma(&original.pixels, &mut painted.pixels);
        }
        Ok(painted)
    }

    /// The picture to write from what [`Self::show`] returned, with the photo's metadata.
    pub fn picture(&self, frame: Frame) -> Picture {
        Picture { frame, exif: self.photo.exif.clone(), tagged: self.photo.tagged, ..Picture::default() }
    }
}
