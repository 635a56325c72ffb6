//! Identifies a film job for its journal, by everything that determines its frames.

use std::collections::BTreeMap;
use std::path::Path;

use super::settings::FilmSettings;
use crate::digest;
use crate::error::Result;
use crate::media;
use crate::media::sequence::{Numbered, Sequence};
use crate::media::write::Container;
use crate::segments::journal::{fingerprint, fingerprint_of_part};
use crate::studio::{Machine, PaintSettings, Studio, Style};
use crate::sync::pipe::is_pipe;

/// The facts of a job, except the device, by the names that users know.
///
/// The settings are destructured without `..`, so a new setting does not compile until this function decides whether it
/// belongs to a job's identity.
///
/// # Errors
/// The input, a style or one of its files cannot be read.
pub fn facts(
    input: &Path,
    container: Container,
    settings: &FilmSettings,
    studio: &Studio,
) -> Result<BTreeMap<String, String>> {
    let FilmSettings {
        paint: PaintSettings { style, strength, keep_colors, scale, seed },
        stabilize,
        codec,
        crf,
        preset,
        pixel_format,
        encoder_options,
        start,
        duration,
        deinterlace,
        keep_hdr,
        size,
        fps,
        raw_input,
        segment_frames,
    } = settings;
    let Machine {
        fp16,
        // Folders and hardware may differ between machines. The device and ONNX Runtime are separate facts.
        models: _,
        onnxruntime: _,
        plugins: _,
        device: _,
        device_id: _,
        threads: _,
        cuda_graph: _,
        gpu_memory: _,
        max_pixels: _,
    } = studio.machine();
    let mut facts = style_facts(style, studio)?;
    let mut add = |name: &str, value: String| facts.insert(name.to_owned(), value);
    add("input", identity_of(input)?);
    add("impasto", env!("CARGO_PKG_VERSION").to_owned());
    add("FFmpeg", media::version());
    add("container", container.name().to_owned());
    add("strength", strength.to_string());
    add("keep-colors", keep_colors.to_string());
    add("scale", scale.to_string());
    add("seed", seed.to_string());
    add("fp16", fp16.to_string());
    add("stabilize", stabilize.to_string());
    add("segment-frames", segment_frames.to_string());
    let rate =
        fps.map(|rate| if rate.0.den == 1 { rate.0.num.to_string() } else { format!("{}/{}", rate.0.num, rate.0.den) });
    let side = |side: Option<u32>| side.map_or_else(|| "-1".to_owned(), |side| side.to_string());
    let given = [
        ("codec", codec.map(|codec| codec.to_string())),
        ("crf", crf.map(|crf| crf.to_string())),
        ("preset", preset.clone()),
        ("pix-fmt", pixel_format.clone()),
        ("encoder-option", Some(encoder_options.join(" ")).filter(|options| !options.is_empty())),
        ("start", start.map(|start| start.0.to_string())),
        ("duration", duration.map(|duration| duration.0.to_string())),
        ("deinterlace", deinterlace.map(|kind| kind.name().to_owned())),
        ("hdr", keep_hdr.then(|| "keep".to_owned())),
        ("size", size.map(|size| format!("{}x{}", side(size.width), side(size.height)))),
        ("fps", rate),
        ("raw-input", raw_input.as_ref().map(|raw| format!("{}:{}", raw.size, raw.pixel_format))),
    ];
    for (name, value) in given {
        if let Some(value) = value {
            add(name, value);
        }
    }
    Ok(facts)
}

/// Identifies the input. What comes through a pipe shows only when it is read: where a job resumes, its frames are compared.
fn identity_of(input: &Path) -> Result<String> {
    if is_pipe(input) {
        return Ok("standard input".to_owned());
    }
    match Numbered::of(input) {
        None => fingerprint(input),
        Some(names) => {
            let Sequence { names, first, count } = names.find()?;
            let all = (first..first + count).map(|number| fingerprint_of_part(&names.file(number)));
            let all = all.collect::<Result<String>>()?;
            Ok(format!("{count} pictures from {first}, SHA-256 {}", digest::sha256(all.as_bytes())))
        }
    }
}

/// The facts of a style: its name, and the hashes of its files.
fn style_facts(style: &Style, studio: &Studio) -> Result<BTreeMap<String, String>> {
    let catalog = studio.catalog();
    let mut facts = BTreeMap::new();
    // The files were checked against the manifest's hashes when the style was resolved. The size that a network sees is only
    // in the manifest.
    let short = |hash: &str| hash[..hash.len().min(16)].to_owned();
    if let Style::Pictures(paintings) = style {
        let pair = catalog.pair()?;
        pair.verify()?;
        let (network, predictor) = (pair.network.network_file(pair.folder), short(&pair.predictor.sha256));
        facts.insert("network".to_owned(), format!("{}@{} {predictor}", short(&network.sha256), network.side));
        let known = |(path, weight): (&Path, f32)| Ok(format!("{}:{weight}", short(&digest::of_file(path)?)));
        let pictures = paintings.terms().map(known).collect::<Result<Vec<_>>>()?;
        facts.insert("style-image".to_owned(), pictures.join(","));
        return Ok(facts);
    }
    if let Some(expression) = studio.expression(style)? {
        let choices = catalog.resolve(&expression)?;
        facts.insert("style".to_owned(), expression.to_string());
        let files = choices.iter().filter_map(|choice| choice.network.as_ref());
        facts.insert(
            "network".to_owned(),
            files.map(|file| format!("{}@{}", short(&file.sha256), file.side)).collect::<Vec<_>>().join(" "),
        );
    }
    Ok(facts)
}
