//! Everything that decides what a video job's frames look like, for its journal.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::cli::{SharedArgs, StyleArgs, VideoArgs};
use crate::error::{Error, Result};
use crate::media;
use crate::media::write::Container;
use crate::segments::journal::fingerprint;
use crate::style::catalog::{Catalog, sha256};

/// The facts of a job, but for the device: by the names that people know, what they gave or what counts without it.
///
/// # Errors
/// The input, a style or one of its files cannot be read.
pub fn facts(
    input: &Path,
    container: Container,
    args: &VideoArgs,
    shared: &SharedArgs,
) -> Result<BTreeMap<String, String>> {
    let mut facts = style(&args.style, shared)?;
    let mut add = |name: &str, value: String| facts.insert(name.to_owned(), value);
    add("input", fingerprint(input)?);
    add("impasto", env!("CARGO_PKG_VERSION").to_owned());
    add("FFmpeg", media::version());
    add("container", container.name().to_owned());
    add("--strength", args.style.strength.to_string());
    add("--keep-colors", args.style.keep_colors.to_string());
    add("--scale", args.style.scale.to_string());
    add("--fp16", args.style.run.fp16.to_string());
    add("--stabilize", args.steady.stabilize.to_string());
    add("--segment-frames", args.segments.segment_frames.to_string());
    let rate = args
        .fps
        .map(|rate| if rate.0.den == 1 { rate.0.num.to_string() } else { format!("{}/{}", rate.0.num, rate.0.den) });
    let side = |side: Option<u32>| side.map_or_else(|| "-1".to_owned(), |side| side.to_string());
    let given = [
        ("--codec", args.codec.map(|codec| codec.to_string())),
        ("--crf", args.crf.map(|crf| crf.to_string())),
        ("--preset", args.preset.clone()),
        ("--pix-fmt", args.pix_fmt.clone()),
        ("--encoder-option", Some(args.encoder_option.join(" ")).filter(|options| !options.is_empty())),
        ("--start", args.start.map(|start| start.0.to_string())),
        ("--duration", args.duration.map(|duration| duration.0.to_string())),
        ("--size", args.size.map(|size| format!("{}x{}", side(size.width), side(size.height)))),
        ("--fps", rate),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            add(name, value);
        }
    }
    Ok(facts)
}

/// What the style is: its name, and the files behind it.
fn style(args: &StyleArgs, shared: &SharedArgs) -> Result<BTreeMap<String, String>> {
    let catalog = Catalog::load(shared.models.as_deref())?;
    let mut facts = BTreeMap::new();
    let hash = |path: &Path| {
        let bytes = fs::read(path).map_err(|error| Error::reading(path, &error))?;
        Ok(sha256(&bytes)[..16].to_owned())
    };
    if let Some(paintings) = &args.style_image {
        let pair = catalog.pair()?;
        let network = pair.network.network_file(pair.folder);
        facts.insert("network".to_owned(), format!("{} {}", hash(&network.path)?, hash(&pair.predictor_path())?));
        let known = |(path, weight): (&Path, f32)| Ok(format!("{}:{weight}", hash(path)?));
        let pictures = paintings.terms().map(known).collect::<Result<Vec<_>>>()?;
        facts.insert("--style-image".to_owned(), pictures.join(","));
        return Ok(facts);
    }
    let expression = match &args.style {
        Some(expression) => expression.clone(),
        None => catalog.default_style()?,
    };
    let choices = catalog.resolve(&expression)?;
    facts.insert("--style".to_owned(), expression.to_string());
    let files = choices.iter().filter_map(|choice| choice.network.as_ref());
    let networks = files.map(|file| hash(&file.path)).collect::<Result<Vec<_>>>()?;
    facts.insert("network".to_owned(), networks.join(" "));
    Ok(facts)
}
