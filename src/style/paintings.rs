//! Pictures as styles (`--style-image`), painted by the installed pair of arbitrary-style networks.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::catalog::{Choice, Pair};
use super::expression::{parse_weight, scale_to_one, show_terms};
use crate::error::{Error, Result};
use crate::frame::{Image, MaxPixels};
use crate::kernel::resize::Resizer;
use crate::network::predictor::Predictor;
use crate::network::runtime::Runtime;
use crate::picture::{Picture, read};

/// Style pictures: picture files with weights, as `--style-image` takes them.
///
/// It holds at least one file, in the order given. The weights sum to 1. Parses from `FILE[:WEIGHT],...`; the files are
/// read when a painter is made.
///
/// ```
/// use impasto::styles::Paintings;
///
/// let mix: Paintings = "night.jpg:0.7,wave.jpg:0.3".parse()?;
/// assert_eq!(mix.terms().len(), 2);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Paintings(Vec<(PathBuf, f32)>);

impl Paintings {
    /// A single picture.
    pub fn single(path: impl Into<PathBuf>) -> Self {
        Self(vec![(path.into(), 1.0)])
    }

    /// Pictures with weights, which are scaled to sum to 1.
    ///
    /// # Errors
    /// All weights are 0. The error is a clause.
    pub(crate) fn weighted(mut terms: Vec<(PathBuf, f32)>) -> Result<Self, String> {
        scale_to_one(&mut terms)?;
        Ok(Self(terms))
    }

    /// The files with their weights.
    pub fn terms(&self) -> impl ExactSizeIterator<Item = (&Path, f32)> {
        self.0.iter().map(|(path, weight)| (path.as_path(), *weight))
    }

    /// Reads the files.
    ///
    /// # Errors
    /// A file cannot be read, is not a picture, or has more than `most` pixels.
    pub(crate) fn load(&self, most: MaxPixels) -> Result<Loaded> {
        let load = |(path, weight): &(PathBuf, f32)| Ok((read::load(path, most)?, *weight));
        Ok(Loaded(self.0.iter().map(load).collect::<Result<_>>()?))
    }
}

/// Style pictures in memory, with weights that sum to 1.
pub struct Loaded(Vec<(Picture, f32)>);

impl Loaded {
    /// The network of `pair` with the weighted mean of these pictures' style vectors.
    ///
    /// # Errors
    /// The files of the pair do not match its manifest, or do not run.
    pub fn choice(&self, pair: &Pair<'_>, runtime: &Runtime, threads: usize) -> Result<Choice> {
        pair.verify()?;
        let mut predictor = Predictor::open(&pair.predictor_path(), runtime, threads)?;
        if (predictor.side, predictor.vector) != (pair.predictor.side, pair.predictor.vector) {
            return Err(Error::failed(format!(
                "'{}' is not the predictor that its manifest describes; install it again",
                pair.predictor_path().display()
            )));
        }
        let mut mixed = vec![0.0; predictor.vector];
        for (picture, weight) in &self.0 {
            let pixels = square(picture, predictor.side)?;
            let (width, height) = (predictor.side, predictor.side);
            let vector = predictor.style_vector(Image { width, height, pixels: &pixels })?;
            mixed.iter_mut().zip(vector).for_each(|(mixed, value)| *mixed += weight * value);
        }
        Ok(Choice { network: Some(pair.network.network_file(pair.folder)), weights: mixed, share: 1.0 })
    }
}

/// The central square of a picture for the predictor: `side` x `side` RGB8, transparent areas on white.
fn square(picture: &Picture, side: u32) -> Result<Vec<u8>> {
    let frame = picture.on_white();
    let mut pixels = vec![0; crate::frame::byte_len(side, side)];
    Resizer::default().square(frame.image(), side, &mut pixels)?;
    Ok(pixels)
}

/// One style picture with its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Painting {
    /// The file.
    pub path: PathBuf,
    /// Weight, 0 or more.
    pub weight: f32,
}

impl FromStr for Painting {
    type Err = String;

    /// Parses `FILE[:WEIGHT]`. If the entire text is the name of a file, it is that file. A colon without a number after it
    /// belongs to the name, as in `C:\night.jpg`.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, is_file)
    }
}

fn is_file(text: &str) -> bool {
    Path::new(text).is_file()
}

impl Painting {
    fn parse(text: &str, is_file: impl Fn(&str) -> bool) -> Result<Self, String> {
        let (name, weight) = match text.rsplit_once(':') {
            Some((name, weight)) if !is_file(text) && weight.trim().parse::<f32>().is_ok() => {
                (name, parse_weight(weight.trim())?)
            }
            _ => (text, 1.0),
        };
        if name.trim().is_empty() {
            return Err(format!("a file name is missing in '{text}'; write FILE or FILE:WEIGHT"));
        }
        Ok(Self { path: name.trim().into(), weight })
    }
}

impl FromStr for Paintings {
    type Err = String;

    /// Parses `FILE[:WEIGHT],...`. If the entire text is the name of a file, it is that file, whatever commas and colons it
    /// has. A colon without a number after it belongs to the name, as in `C:\night.jpg`. The error is a clause.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, is_file)
    }
}

impl Paintings {
    /// Parses like [`Self::from_str`]; `is_file` decides whether a text is the name of a file.
    ///
    /// # Errors
    /// A name is missing, a weight is invalid, or all weights are 0. The error is a clause.
    pub fn parse(text: &str, is_file: impl Fn(&str) -> bool) -> Result<Self, String> {
        if is_file(text) {
            return Ok(Self(vec![(text.into(), 1.0)]));
        }
        let term = |term: &str| Painting::parse(term, &is_file).map(|Painting { path, weight }| (path, weight));
        let mut terms = text.split(',').map(term).collect::<Result<Vec<(PathBuf, f32)>, String>>()?;
        scale_to_one(&mut terms)?;
        Ok(Self(terms))
    }
}

impl fmt::Display for Paintings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&show_paintings(self.terms()))
    }
}

/// Style pictures with their weights, for the user: by file name, without folders.
pub fn show_paintings<'a>(terms: impl ExactSizeIterator<Item = (&'a Path, f32)>) -> String {
    let name = |path: &'a Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let mut words = String::new();
    // Writing to a string cannot fail.
    let _ = show_terms(&mut words, terms.map(|(path, weight)| (name(path), weight)));
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Frame;

    fn terms(text: &str) -> Vec<(String, f32)> {
        let paintings: Paintings = text.parse().unwrap();
        paintings.0.iter().map(|(path, weight)| (path.display().to_string(), *weight)).collect()
    }

    #[test]
    fn weights_sum_to_one_and_a_name_may_have_a_colon() {
        assert_eq!(terms("a.jpg"), [("a.jpg".to_owned(), 1.0)]);
        assert_eq!(terms("a.jpg:3, b.jpg:1"), [("a.jpg".to_owned(), 0.75), ("b.jpg".to_owned(), 0.25)]);
        assert_eq!(terms("C:/night.jpg"), [("C:/night.jpg".to_owned(), 1.0)]);
        assert_eq!(terms("C:/night.jpg:2"), [("C:/night.jpg".to_owned(), 1.0)]);
    }

    #[test]
    fn a_text_that_is_a_file_name_is_not_split() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("Night, by Vincent:2");
        std::fs::write(&path, "").unwrap();
        let name = path.to_str().unwrap();
        assert_eq!(terms(name), [(name.to_owned(), 1.0)]);
    }

    #[test]
    fn an_invalid_text_is_refused_with_a_reason() {
        for (text, reason) in
            [("", "missing"), ("a.jpg,", "missing"), (":2", "missing"), ("a:-1", "not a weight"), ("a:0", "sum to 0")]
        {
            let error = text.parse::<Paintings>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn the_displayed_text_parses_to_the_same_pictures() {
        for text in ["a.jpg", "a.jpg:0.7,b.jpg:0.3"] {
            assert_eq!(text.parse::<Paintings>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_predictor_sees_the_central_square_on_white() {
        let mut frame = Frame::new(60, 20);
        for (place, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
            // Black at both sides of the middle square.
            pixel.fill(if (20..40).contains(&(place % 60)) { 100 } else { 0 });
        }
        let mut picture = Picture::new(frame);
        let seen = square(&picture, 8).unwrap();
        assert!(seen[3 * 8 * 3..][9..15].iter().all(|&byte| byte == 100), "{seen:?}");
        picture.alpha = Some(vec![0; 60 * 20]);
        assert_eq!(square(&picture, 8).unwrap(), vec![255; 8 * 8 * 3]);
    }
}
