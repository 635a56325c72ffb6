//! How something is to be painted, as clients say it and as a job keeps it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{Error, Result, within};
use crate::picture::Format;
use crate::studio::{PaintSettings, Style};
use crate::style::paintings::Paintings;

/// JPEG quality, as on the command line.
const QUALITY: u8 = 92;

/// What is painted, which decides the fields that have a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A picture, in one request.
    Picture,
    /// A film.
    Film,
    /// A picture, by optimisation.
    Paint,
    /// A camera.
    Camera,
}

impl Purpose {
    /// What it is called in messages, and the fields that it has.
    fn fields(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Picture => (
                "a picture",
                &["style", "style_weights", "strength", "scale", "keep_colors", "seed", "format", "quality"],
            ),
            Self::Film => ("a film", &["style", "style_weights", "strength", "scale", "keep_colors", "seed"]),
            Self::Paint => {
                ("a paint job", &["style", "style_weights", "scale", "keep_colors", "seed", "size", "steps"])
            }
            Self::Camera => ("a camera", &["style", "strength", "scale", "keep_colors", "seed"]),
        }
    }
}

/// How to paint; what is not given is as on the command line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wishes {
    /// A style or a blend, as for `--style`.
    pub style: Option<String>,
    /// Weights of the style pictures, in order, with commas.
    pub style_weights: Option<String>,
    /// 0 to 1.
    pub strength: Option<f32>,
    /// Stroke size, as for `--scale`.
    pub scale: Option<String>,
    /// Keep the colours of the original.
    pub keep_colors: bool,
    /// Random seed of the grain.
    pub seed: Option<u64>,
    /// The format of the result.
    pub format: Option<String>,
    /// JPEG quality.
    pub quality: Option<u8>,
    /// Of a `paint` job: the longer side of the result.
    pub size: Option<u32>,
    /// Of a `paint` job: steps at each scale.
    pub steps: Option<u32>,
}

/// The fields of a form that every painting has.
#[derive(Deserialize, ToSchema)]
#[allow(dead_code, reason = "it describes the form to clients")]
pub struct WishesForm {
    /// A style or a blend: `scream`, or `scream:0.6,starry-night:0.4`. Default: the first style.
    style: Option<String>,
    /// A picture to take the style from, instead of `style`; up to four fields of this name.
    #[schema(value_type = Option<String>, format = Binary)]
    style_image: Option<Vec<u8>>,
    /// Weights of the style pictures, in order: `0.7,0.3`.
    style_weights: Option<String>,
    /// 0 gives the original, 1 the painting.
    strength: Option<f32>,
    /// Stroke size: 2 doubles it, 0.5 halves it.
    scale: Option<String>,
    /// Keep the colours of the original.
    keep_colors: Option<bool>,
    /// Random seed of the grain that strokes grow from, or of the optimisation.
    seed: Option<u64>,
}

impl Wishes {
    /// Sets the field `name`. False if there is none of that name.
    ///
    /// # Errors
    /// The text is no value of that field.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool> {
        let text = text.trim();
        match name {
            _ if text.is_empty() => {}
            "style" => self.style = Some(text.to_owned()),
            "style_weights" => self.style_weights = Some(text.to_owned()),
            "strength" => self.strength = Some(number(name, text)?),
            "scale" => self.scale = Some(text.to_owned()),
            "keep_colors" => self.keep_colors = is_on(name, text)?,
            "seed" => self.seed = Some(number(name, text)?),
            "format" => self.format = Some(text.to_ascii_lowercase()),
            "quality" => self.quality = Some(number(name, text)?),
            "size" => self.size = Some(number(name, text)?),
            "steps" => self.steps = Some(number(name, text)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Fails if a field is set that means nothing for `purpose`.
    ///
    /// # Errors
    /// One is; the message says which, and which there are.
    pub fn check_fields(&self, purpose: Purpose) -> Result<()> {
        let set = [
            ("style", self.style.is_some()),
            ("style_weights", self.style_weights.is_some()),
            ("strength", self.strength.is_some()),
            ("scale", self.scale.is_some()),
            ("keep_colors", self.keep_colors),
            ("seed", self.seed.is_some()),
            ("format", self.format.is_some()),
            ("quality", self.quality.is_some()),
            ("size", self.size.is_some()),
            ("steps", self.steps.is_some()),
        ];
        let (what, fields) = purpose.fields();
        match set.iter().find(|(name, is_set)| *is_set && !fields.contains(name)) {
            None => Ok(()),
            Some((name, _)) => {
                Err(Error::usage(format!("{what} has no field '{name}'; leave it out (it has {})", fields.join(", "))))
            }
        }
    }

    /// The settings, with `pictures` as the style if there are any.
    ///
    /// # Errors
    /// A value is out of range, or both a style and style pictures are given.
    pub fn settings(&self, pictures: &[PathBuf]) -> Result<PaintSettings> {
        let style = match (&self.style, pictures) {
            (None, []) => Style::First,
            (Some(style), []) => style.parse()?,
            (None, pictures) => Style::Pictures(self.paintings(pictures)?),
            (Some(_), _) => return Err(Error::usage("give a style or style_image, not both")),
        };
        let usual = PaintSettings::default();
        let strength = self.strength.unwrap_or(usual.strength);
        within("strength", strength, &(0.0..=1.0))?;
        let scale = match &self.scale {
            Some(text) => text.parse().map_err(|reason| Error::usage(format!("scale '{text}' {reason}")))?,
            None => usual.scale,
        };
        Ok(PaintSettings {
            style,
            strength,
            keep_colors: self.keep_colors,
            scale,
            seed: self.seed.unwrap_or(usual.seed),
        })
    }

    /// The weights of `count` style pictures.
    ///
    /// # Errors
    /// There are not as many, or one is not a number from 0 up.
    pub fn weights(&self, count: usize) -> Result<Vec<f32>> {
        let Some(text) = &self.style_weights else { return Ok(vec![1.0; count]) };
        let weights: Option<Vec<f32>> = text.split(',').map(|weight| weight.trim().parse().ok()).collect();
        let is_fine = |weights: &Vec<f32>| {
            weights.len() == count && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
        };
        weights.filter(is_fine).ok_or_else(|| {
            Error::usage(format!("style_weights '{text}' must be {count} numbers from 0 up, with commas between them"))
        })
    }

    fn paintings(&self, pictures: &[PathBuf]) -> Result<Paintings> {
        let weights = self.weights(pictures.len())?;
        let terms = pictures.iter().cloned().zip(weights).collect();
        Paintings::weighted(terms).map_err(|reason| Error::usage(format!("style_weights: {reason}")))
    }

    /// The format and the quality of a painted picture whose original has the format `own`.
    ///
    /// # Errors
    /// There is no such format or quality.
    pub fn encoding(&self, own: Option<Format>) -> Result<(Format, u8)> {
        let format = match &self.format {
            Some(text) => text.parse().map_err(|reason: String| Error::usage(format!("format '{text}': {reason}")))?,
            None => own.unwrap_or(Format::Png),
        };
        let quality = self.quality.unwrap_or(QUALITY);
        within("quality", quality, &(1..=100))?;
        Ok((format, quality))
    }
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::usage(format!("{name} '{text}' is not a valid number")))
}

fn is_on(name: &str, text: &str) -> Result<bool> {
    match text {
        "true" | "1" | "on" | "yes" => Ok(true),
        "false" | "0" | "off" | "no" => Ok(false),
        _ => Err(Error::usage(format!("{name} '{text}' is neither true nor false"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stylize::Scale;

    fn wishes(fields: &[(&str, &str)]) -> Result<Wishes> {
        let mut wishes = Wishes::default();
        fields.iter().try_for_each(|(name, text)| wishes.set(name, text).map(drop)).map(|()| wishes)
    }

    #[test]
    fn fields_become_the_settings_of_the_command_line() {
        let wishes =
            wishes(&[("style", "scream:1,udnie:1"), ("strength", "0.5"), ("scale", "2px"), ("keep_colors", "on")]);
        let settings = wishes.unwrap().settings(&[]).unwrap();
        assert_eq!((settings.strength, settings.keep_colors, settings.scale), (0.5, true, Scale::Pixels(2.0)));
        assert_eq!(settings.style, "scream:1,udnie:1".parse().unwrap());
        assert_eq!(Wishes::default().settings(&[]).unwrap(), PaintSettings::default());
    }

    #[test]
    fn what_is_wrong_is_said_with_its_name() {
        for (fields, words) in [
            (vec![("strength", "much")], "strength 'much'"),
            (vec![("strength", "1.5")], "strength 1.5 is not from 0 to 1"),
            (vec![("strength", "NaN")], "not from 0 to 1"),
            (vec![("scale", "0")], "scale '0' must be from 0.05 to 20"),
            (vec![("keep_colors", "maybe")], "neither true nor false"),
            (vec![("style", ":")], ""),
        ] {
            let outcome = wishes(&fields).and_then(|wishes| wishes.settings(&[]));
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_field_that_means_nothing_for_what_is_painted_is_refused() {
        for (purpose, field, words) in [
            (Purpose::Film, "quality", "a film has no field 'quality'"),
            (Purpose::Film, "size", "a film has no field 'size'"),
            (Purpose::Paint, "strength", "a paint job has no field 'strength'"),
            (Purpose::Picture, "steps", "a picture has no field 'steps'"),
            (Purpose::Camera, "format", "a camera has no field 'format'"),
        ] {
            let error = wishes(&[(field, "1")]).unwrap().check_fields(purpose).unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
        let all = [("style", "a"), ("style_weights", "1"), ("strength", "1"), ("scale", "1"), ("keep_colors", "on")];
        wishes(&all).unwrap().check_fields(Purpose::Film).unwrap();
        wishes(&[("size", "64"), ("steps", "4"), ("seed", "7")]).unwrap().check_fields(Purpose::Paint).unwrap();
    }

    #[test]
    fn style_pictures_take_as_many_weights_as_there_are() {
        let pictures = [PathBuf::from("/a/0"), PathBuf::from("/a/1")];
        let given = wishes(&[("style_weights", "3, 1")]).unwrap();
        let Style::Pictures(paintings) = given.settings(&pictures).unwrap().style else { panic!("no pictures") };
        assert_eq!(paintings.terms().map(|(_, weight)| weight).collect::<Vec<_>>(), [0.75, 0.25]);
        assert!(given.settings(&pictures[..1]).is_err());
        assert!(wishes(&[("style", "scream")]).unwrap().settings(&pictures).is_err());
    }
}
