//! From a job to what the optimiser needs: pictures read, sizes and memory known, before VGG-19 is loaded.

use std::path::Path;

use super::estimate::Estimate;
use super::job::{StillEvent, StillJob, StillListener};
use super::settings::{KeepColors, StillSettings};
use crate::error::{Error, Result};
use crate::frame::{Frame, MaxPixels};
use crate::kernel::color::keep_chroma;
use crate::kernel::recolor::{match_brightness, match_colors};
use crate::kernel::resize::Resizer;
use crate::network::vgg19::{Extent, LEAST_SIDE};
use crate::paint::scales::scales;
use crate::paint::{Recipe, Subject, memory, region};
use crate::picture::{Format, Picture, read, write};
use crate::report::counted;
use crate::warning::Warning;
use crate::whole::is_same_file;

/// A job that is ready for the optimiser.
pub struct Plan {
    /// The photo and the paintings, as the optimiser sees them.
    pub subject: Subject,
    /// How to paint.
    pub recipe: Recipe,
    /// Estimated peak of memory, in bytes.
    memory: u64,
    /// The format to write.
    pub format: Format,
    /// The photo as it was read.
    photo: Picture,
    /// Keep the photo's colours and paint only its brightness.
    luminance: bool,
}

impl Plan {
    /// Reads the pictures and checks that everything fits together.
    ///
    /// # Errors
    /// A setting is out of range; a picture cannot be read, is too small or of another size than its photo; all weights are 0;
    /// the output names no picture format or cannot be written; or memory is short.
    pub fn new(job: &StillJob, settings: &StillSettings, most: MaxPixels, listen: StillListener<'_>) -> Result<Self> {
        settings.check()?;
        check(job, settings)?;
        let format = Format::from_name(&job.output).ok_or_else(|| {
            let (output, endings) = (job.output.display(), Format::ENDINGS);
            if job.output.is_dir() {
                return Error::usage(format!("'{output}' is a folder; name a file in it"));
            }
            Error::usage(format!("'{output}' names no picture format; end it in {endings}"))
        })?;
        write::probe(&job.output)?;
        let photo = load(&job.content, most, listen)?;
        let mut content = photo.on_white();
        let mut styles = Vec::new();
        for style in &job.styles {
            styles.push((load(&style.path, most, listen)?.on_white(), f64::from(style.weight)));
        }
        match settings.keep_colors {
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
        let masks = masks(job, &content, most, listen)?;
        let count = settings.scales.map(|count| count as usize);
        let scales = scales(content.width, content.height, settings.size, settings.scale_step, count);
        let Some(&finest) = scales.last() else { return Err(Error::usage("there is no size to paint at")) };
        if finest.width.min(finest.height) < LEAST_SIDE as usize {
            let (width, height) = (finest.width, finest.height);
            return Err(Error::usage(format!(
                "'{}' would be painted at {width}x{height}, and VGG-19 needs {LEAST_SIDE} pixels a side; give a larger --size",
                job.content.display()
            )));
        }
        let (tile, memory) = tile(settings.tile, finest, masks.len(), listen)?;
        let recipe = recipe(settings, scales, tile);
        let luminance = settings.keep_colors == Some(KeepColors::Luminance);
        Ok(Self { subject: Subject { content, styles, masks }, recipe, memory, format, photo, luminance })
    }

    /// What the job will take; the time too if a processor with `threads` cores paints.
    pub fn expectation(&self, threads: Option<usize>) -> StillEvent<'static> {
        let Recipe { scales, iterations, tile, .. } = &self.recipe;
        let Extent { width, height } = self.recipe.finest();
        StillEvent::Expectation {
            width: width as u32,
            height: height as u32,
            tile: *tile,
            scales: scales.len(),
            steps: *iterations,
            memory: self.memory,
            time: threads.map(|threads| Estimate::new(scales, *iterations).beforehand(threads)),
        }
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

/// Checks what can be told before a picture is read.
fn check(job: &StillJob, settings: &StillSettings) -> Result<()> {
    if settings.is_styled() && !job.styles.iter().any(|style| style.weight > 0.0) {
        return Err(Error::usage("the weights of all paintings are 0; raise one"));
    }
    let (masks, styles) = (job.masks.len(), job.styles.len());
    if masks > 0 && masks != styles && masks + 1 != styles {
        return Err(Error::usage(format!(
            "{} for {}; give one --mask for each style, or one less",
            counted(masks, "mask"),
            counted(styles, "style")
        )));
    }
    let mut inputs = job.styles.iter().map(|style| &style.path).chain(&job.masks).chain([&job.content]);
    if inputs.any(|input| is_same_file(input, &job.output)) {
        let output = job.output.display();
        return Err(Error::usage(format!("'{output}' is also an input; name another output with -o")));
    }
    Ok(())
}

fn load(path: &Path, most: MaxPixels, listen: StillListener<'_>) -> Result<Picture> {
    let picture = read::load(path, most)?;
    let name = path.display();
    for note in &picture.notes {
        listen(StillEvent::Note(format!("'{name}': {note}")))?;
    }
    for warning in &picture.warnings {
        let name = format!("'{name}'");
        listen(StillEvent::PictureWarning(name, warning.clone()))?;
    }
    let (width, height) = (picture.frame.width, picture.frame.height);
    if width.min(height) < LEAST_SIDE {
        return Err(Error::failed(format!(
            "'{name}' is {width}x{height} pixels, too small for VGG-19 (at least {LEAST_SIDE}x{LEAST_SIDE}); use a larger picture"
        )));
    }
    Ok(picture)
}

/// One mask for each style, or none.
fn masks(job: &StillJob, content: &Frame, most: MaxPixels, listen: StillListener<'_>) -> Result<Vec<Frame>> {
    let mut masks = Vec::new();
    for path in &job.masks {
        let mask = load(path, most, listen)?.on_white();
        let ((width, height), (wanted_width, wanted_height)) =
            ((mask.width, mask.height), (content.width, content.height));
        if (width, height) != (wanted_width, wanted_height) {
            return Err(Error::failed(format!(
                "mask '{}' is {width}x{height} and '{}' is {wanted_width}x{wanted_height}; scale the mask to the photo's size",
                path.display(),
                job.content.display()
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
    if masks.len() + 1 == job.styles.len() && !masks.is_empty() {
        masks.extend(region::remainder(&masks));
    }
    Ok(masks)
}

/// The side of the tiles, as requested or by the free memory; and the bytes that the run needs.
fn tile(
    requested: Option<u32>,
    finest: Extent,
    regions: usize,
    listen: StillListener<'_>,
) -> Result<(Option<usize>, u64)> {
    let free = memory::available();
    let need = |tile| memory::needed(finest, tile, regions.max(1));
    let requested = requested.map(|side| (side > 0).then_some(side as usize));
    let fits = |tile: &Option<usize>| free.is_none_or(|free| need(*tile) < free);
    let choices = [None, Some(2048), Some(1536), Some(1024), Some(768), Some(512), Some(256)];
    let chosen = match requested {
        Some(requested) => requested,
        None => choices.into_iter().find(fits).ok_or_else(|| {
            let (least, free) = (need(Some(256)) >> 20, free.unwrap_or_default() >> 20);
            Error::failed(format!(
                "this needs {least} MiB even in tiles, but only {free} MiB are free; give a smaller --size"
            ))
        })?,
    };
    if let Some(free) = free.filter(|&free| need(chosen) >= free) {
        listen(StillEvent::Warning(Warning::LittleMemory { free: free >> 20 }))?;
    }
    Ok((chosen, need(chosen)))
}

/// The optimiser's settings, for these sizes and tiles.
fn recipe(settings: &StillSettings, scales: Vec<Extent>, tile: Option<usize>) -> Recipe {
    let StillSettings {
        content_weight,
        style_weight,
        tv_weight,
        layer_weights,
        init,
        optimizer,
        rate,
        iterations,
        tolerance,
        average,
        style_scale,
        seed,
        // These made the sizes and tiles.
        size: _,
        scales: _,
        scale_step: _,
        tile: _,
        // These are applied before and after, or when VGG-19 is opened.
        keep_colors: _,
        pooling: _,
        quality: _,
        vgg: _,
    } = *settings;
    Recipe {
        content_weight,
        style_weight,
        tv_weight,
        layer_weights,
        init,
        method: optimizer,
        rate,
        iterations: iterations as usize,
        tolerance: f64::from(tolerance),
        average,
        scales,
        style_scale: f64::from(style_scale),
        seed,
        tile,
    }
}
