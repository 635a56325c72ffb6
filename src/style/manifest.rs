//! `styles.toml`: lists the networks and styles of a folder.

use std::fs;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::kernel::packed::PackedFormat;
use crate::kernel::planar::PlanarFormat;
use crate::network::{Layout, NetworkFile};
use crate::whole;

/// The manifest's file name in its folder.
pub const FILE_NAME: &str = "styles.toml";

/// Short side, in pixels, at which a network sees pictures if its entry says nothing.
const USUAL_SIDE: u32 = 432;

/// Allowed sides of a network and of a predictor's input, in pixels, and lengths of its style vectors. Magenta's are 256 and 100.
const SIDES: RangeInclusive<u32> = 1..=4096;
const VECTORS: RangeInclusive<usize> = 1..=65536;

/// The contents of one `styles.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The networks; their files are beside the manifest.
    #[serde(default, rename = "network")]
    pub networks: Vec<NetworkEntry>,
    /// The styles; each is one weight of a network.
    #[serde(default, rename = "style")]
    pub styles: Vec<StyleEntry>,
}

/// One network of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkEntry {
    /// The network's name.
    pub name: String,
    /// The ONNX file, in the manifest's folder.
    pub file: PathBuf,
    /// The same network with instance-norm statistics as inputs, for painting in tiles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiles: Option<PathBuf>,
    /// Layout of its pixels.
    pub layout: LayoutName,
    /// The float value of white, usually 255 or 1 (float layouts).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<f32>,
    /// Subtracted from each input channel (planar layout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<[f32; 3]>,
    /// Each input channel is divided by it (planar layout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<[f32; 3]>,
    /// Its input sides must be a multiple of this (float layouts); impasto pads and crops.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiple: Option<u32>,
    /// The short side, in pixels, of the pictures that it was trained for: larger ones are painted at this size. Default: 432.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<u32>,
    /// How many styles it has.
    pub kind: Kind,
    /// Its styles, in the order of its weights; empty for arbitrary style.
    #[serde(default)]
    pub styles: Vec<String>,
    /// Licence of the weights, as an SPDX expression if there is one.
    pub license: String,
    /// Where the weights come from.
    pub source: String,
    /// SHA-256 of `file`, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of `tiles`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiles_sha256: Option<String>,
    /// The network that computes its style vectors (arbitrary style).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predictor: Option<PredictorEntry>,
}

/// The predictor of an arbitrary-style network: it computes a style vector from a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictorEntry {
    /// The ONNX file, in the manifest's folder.
    pub file: PathBuf,
    /// SHA-256 of `file`, in hexadecimal.
    pub sha256: String,
    /// Side of its square input, in pixels.
    pub side: u32,
    /// Length of its style vectors.
    pub vector: usize,
}

/// The layout of a network's pixels, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LayoutName {
    /// Networks trained by impasto's scripts; see [`Layout::NhwcU8`].
    #[serde(rename = "nhwc-u8")]
    NhwcU8,
    /// Networks like PyTorch's fast-neural-style examples; see [`Layout::NchwF32`].
    #[serde(rename = "nchw-f32")]
    NchwF32,
    /// Arbitrary-style networks; see [`Layout::NhwcF32`].
    #[serde(rename = "nhwc-f32")]
    NhwcF32,
}

/// How many styles a network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// One style; it takes no weights.
    Single,
    /// One or more styles, mixed by weights.
    Multi,
    /// Any style, given by a style vector.
    Arbitrary,
}

/// One style of a manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StyleEntry {
    /// The style's name, on the command line.
    pub name: String,
    /// The name of its network.
    pub network: String,
    /// Index of its weight in the network, from 0.
    pub index: usize,
    /// The painting it was trained on: title, painter and year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// It leaves the picture unpainted: useful in blends, and not offered by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unstyled: bool,
}

impl Manifest {
    /// Reads the manifest of `folder`; an empty one if the folder has none.
    ///
    /// # Errors
    /// The manifest cannot be read, is not valid, or contradicts itself.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::reading(&path, &error)),
        };
        let wrong =
            |reason: String| Error::failed(format!("'{}' is not a valid style manifest: {reason}", path.display()));
        text.parse().map_err(wrong)
    }

    /// Writes the manifest of `folder`, completely or not at all.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(FILE_NAME);
        whole::write(&path, self.to_toml()?.as_bytes()).map_err(|error| Error::writing(&path, &error))
    }

    /// The manifest as TOML; parsing it gives the same manifest.
    ///
    /// # Errors
    /// A number is too large for TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string_pretty(self)
            .map_err(|error| Error::internal(format!("a style manifest cannot be written as TOML ({error})")))
    }

    fn check(&self) -> Result<(), String> {
        for network in &self.networks {
            let name = &network.name;
            let arbitrary = network.kind == Kind::Arbitrary;
            if arbitrary != network.predictor.is_some() || arbitrary != (network.layout == LayoutName::NhwcF32) {
                return Err(format!(
                    "network '{name}' is inconsistent: kind arbitrary, layout nhwc-f32 and a predictor belong together"
                ));
            }
            if arbitrary != network.styles.is_empty() {
                let has = if arbitrary { "is arbitrary, but lists styles" } else { "has no styles" };
                return Err(format!("network '{name}' {has}"));
            }
            if network.kind == Kind::Single && network.styles.len() != 1 {
                return Err(format!("network '{name}' is single, but names {} styles", network.styles.len()));
            }
            let multiple = network.multiple.unwrap_or(1);
            if !(1..=256).contains(&multiple) {
                return Err(format!("network '{name}' has a multiple of {multiple}; it must be from 1 to 256"));
            }
            network.check_numbers().map_err(|what| format!("network '{name}' has {what}"))?;
            for file in network.files() {
                if file.file_name().map(Path::new) != Some(file.as_path()) {
                    return Err(format!(
                        "network '{name}' has the file '{}', which is not in the manifest's own folder",
                        file.display()
                    ));
                }
            }
        }
        for style in &self.styles {
            let network = self.networks.iter().find(|network| network.name == style.network);
            let Some(network) = network else {
                return Err(format!(
                    "style '{}' uses network '{}', which is not in the manifest",
                    style.name, style.network
                ));
            };
            if style.index >= network.styles.len() {
                return Err(format!(
                    "style '{}' has index {}, which must be below {}",
                    style.name,
                    style.index,
                    network.styles.len()
                ));
            }
        }
        Ok(())
    }
}

impl FromStr for Manifest {
    /// The reason, as a clause.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        manifest.check()?;
        Ok(manifest)
    }
}

impl NetworkEntry {
    /// The network as `network` opens it, with its files in `folder`.
    pub fn network_file(&self, folder: &Path) -> NetworkFile {
        let classic = PlanarFormat::PYTORCH_EXAMPLES;
        let magenta = PackedFormat::MAGENTA;
        let layout = match self.layout {
            LayoutName::NhwcU8 => Layout::NhwcU8,
            LayoutName::NchwF32 => Layout::NchwF32(PlanarFormat {
                range: self.range.unwrap_or(classic.range),
                mean: self.mean.unwrap_or(classic.mean),
                deviation: self.deviation.unwrap_or(classic.deviation),
                multiple: self.multiple.unwrap_or(classic.multiple),
            }),
            LayoutName::NhwcF32 => Layout::NhwcF32(PackedFormat {
                range: self.range.unwrap_or(magenta.range),
                multiple: self.multiple.unwrap_or(magenta.multiple),
            }),
        };
        NetworkFile {
            name: self.name.clone(),
            path: folder.join(&self.file),
            tiles: self.tiles.as_ref().map(|tiles| folder.join(tiles)),
            layout,
            styles: self.predictor.as_ref().map_or(self.styles.len(), |predictor| predictor.vector),
            side: self.side.unwrap_or(USUAL_SIDE),
            sha256: self.sha256.clone(),
        }
    }

    /// Checks that the numbers can be used in computations; the error is a clause.
    fn check_numbers(&self) -> Result<(), String> {
        let deviation = self.deviation.unwrap_or([1.0; 3]);
        if !self.range.is_none_or(|range| range.is_finite() && range > 0.0) {
            return Err("a range that is not above 0".into());
        }
        if let Some(side) = self.side.filter(|side| !SIDES.contains(side)) {
            return Err(format!("a side of {side}; it must be from {} to {}", SIDES.start(), SIDES.end()));
        }
        if !self.mean.unwrap_or_default().iter().all(|mean| mean.is_finite()) {
            return Err("a mean that is not a number".into());
        }
        if !deviation.iter().all(|deviation| deviation.is_normal()) {
            return Err("a deviation that cannot be divided by".into());
        }
        match &self.predictor {
            Some(PredictorEntry { side, .. }) if !SIDES.contains(side) => {
                Err(format!("a predictor of side {side}; it must be from {} to {}", SIDES.start(), SIDES.end()))
            }
            Some(PredictorEntry { vector, .. }) if !VECTORS.contains(vector) => Err(format!(
                "style vectors of {vector} numbers; it must be from {} to {}",
                VECTORS.start(),
                VECTORS.end()
            )),
            _ => Ok(()),
        }
    }

    /// All files of the network, in the manifest's folder.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let predictor = self.predictor.as_ref().map(|predictor| &predictor.file);
        [Some(&self.file), self.tiles.as_ref(), predictor].into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"
        [[network]]
        name = "n"
        file = "n.onnx"
        layout = "nchw-f32"
        kind = "single"
        styles = ["s"]
        license = "MIT"
        source = "a test"
        sha256 = "00"
        [[style]]
        name = "s"
        network = "n"
        index = 0
    "#;

    fn parse(text: &str) -> Result<Manifest, String> {
        text.parse()
    }

    #[test]
    fn a_written_manifest_reads_back_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = parse(ONE).unwrap();
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
    }

    #[test]
    fn a_folder_without_a_manifest_has_no_styles() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), Manifest::default());
    }

    #[test]
    fn unusable_numbers_are_reported() {
        for (line, reason) in [
            ("range = 0.0", "a range"),
            ("range = inf", "a range"),
            ("mean = [0.0, nan, 0.0]", "a mean"),
            ("deviation = [1.0, 1.0, 0.0]", "a deviation"),
            ("deviation = [1.0, 1.0, nan]", "a deviation"),
            ("multiple = 0", "a multiple of 0"),
            ("side = 0", "a side of 0"),
        ] {
            let error = parse(&ONE.replace("license", &format!("{line}\nlicense"))).unwrap_err();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }

    #[test]
    fn contradictions_are_reported() {
        for (from, to, reason) in [
            ("network = \"n\"", "network = \"m\"", "'m', which is not in the manifest"),
            ("index = 0", "index = 1", "index 1, which must be below 1"),
            ("n.onnx", "../n.onnx", "not in the manifest's own folder"),
            ("[\"s\"]", "[]", "has no styles"),
            ("license", "lisence", "unknown field"),
            ("\"single\"", "\"triple\"", "unknown variant"),
            ("\"single\"", "\"arbitrary\"", "belong together"),
            ("nchw-f32", "nhwc-f32", "belong together"),
        ] {
            let error = parse(&ONE.replace(from, to)).unwrap_err();
            assert!(error.contains(reason), "{from} -> {to}: {error}");
        }
    }
}
