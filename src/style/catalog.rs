//! The catalogue: all installed styles, and the networks that a style expression needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::expression::Expression;
use super::manifest::{Manifest, NetworkEntry, PredictorEntry, StyleEntry};
use crate::digest;
use crate::error::{Error, Result};
use crate::installation;
use crate::network::{NetworkFile, library};
use crate::sync::lock;

/// The built-in style that copies the picture; it needs no network file.
pub const IDENTITY: &str = "identity";

/// The contents of all manifests. If two styles have the same name, the one found first is used.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    folders: Vec<(PathBuf, Manifest)>,
    /// The program's own folder is not there: the installation is incomplete.
    lacks_own: bool,
    /// Files that have been checked against their hashes: each is read once, however often its styles are asked for.
    verified: Arc<Mutex<BTreeSet<PathBuf>>>,
}

/// A style, and where it was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The style's entry.
    pub style: &'a StyleEntry,
    /// The entry of its network.
    pub network: &'a NetworkEntry,
    /// The folder of both.
    pub folder: &'a Path,
}

/// An arbitrary-style network with the predictor that computes its style vectors.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The network.
    pub network: &'a NetworkEntry,
    /// The predictor.
    pub predictor: &'a PredictorEntry,
    /// The folder of both.
    pub folder: &'a Path,
    catalog: &'a Catalog,
}

impl Pair<'_> {
    /// The predictor's file.
    pub fn predictor_path(&self) -> PathBuf {
        self.folder.join(&self.predictor.file)
    }

    /// Checks both files against their hashes.
    ///
    /// # Errors
    /// A file is missing, or its hash is not the one in the manifest.
    pub fn verify(&self) -> Result<()> {
        self.catalog.verify(self.network, self.folder)
    }
}

/// One network of a style expression, with its weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The network; `None` copies the picture.
    pub network: Option<NetworkFile>,
    /// Its style weights, which sum to 1, or the style vector.
    pub weights: Vec<f32>,
    /// Its share of the result, 0 to 1.
    pub share: f32,
}

impl Catalog {
    /// Reads the manifests of `first` (the `--models` folder), then those of the program and the user.
    ///
    /// # Errors
    /// `first` has no manifest, or a manifest is damaged.
    pub fn load(first: Option<&Path>) -> Result<Self> {
        if let Some(folder) = first
            && !folder.join(super::manifest::FILE_NAME).is_file()
        {
            let folder = folder.display();
            return Err(Error::usage(format!("'{folder}' is not a folder of styles: it holds no styles.toml")));
        }
        let own = program_folder();
        let mut catalog = Self { lacks_own: first.is_none() && own.is_none(), ..Self::default() };
        let places = first.map(Path::to_path_buf).into_iter().chain(own).chain([user_folder()]);
        for folder in places {
            let manifest = Manifest::read(&folder)?;
            catalog.folders.push((folder, manifest));
        }
        Ok(catalog)
    }

    /// The styles in the order of their folders, without repeated names.
    pub fn styles(&self) -> Vec<Found<'_>> {
        let mut all: Vec<Found<'_>> = Vec::new();
        for (folder, manifest) in &self.folders {
            for style in &manifest.styles {
                let network = manifest.networks.iter().find(|network| network.name == style.network);
                if let Some(network) = network
                    && !all.iter().any(|known| known.style.name == style.name)
                {
                    all.push(Found { style, network, folder });
                }
            }
        }
        all
    }

    /// The folders that styles were looked for in, and that hold some.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().filter(|(_, manifest)| !manifest.styles.is_empty()).map(|(folder, _)| folder.as_path())
    }

    /// The default style: the first. Never one of the user's in its place, where the program's own are missing.
    ///
    /// # Errors
    /// No style is installed, or the program's own are missing.
    pub fn default_style(&self) -> Result<Expression> {
        let styles = self.styles();
        match styles.first() {
            Some(first) if !self.lacks_own => Ok(Expression::single(&first.style.name)),
            Some(_) => Err(Error::failed(format!(
                "impasto's own styles are missing; {}, or choose one of yours with --style",
                installation::repair()
            ))),
            None => Err(Error::failed(format!(
                "no styles are installed; {}, choose a folder with --models, or add one with impasto styles add",
                installation::repair()
            ))),
        }
    }

    /// Finds the style `name`.
    ///
    /// # Errors
    /// It does not exist; the error suggests the most similar names.
    pub fn find(&self, name: &str) -> Result<Found<'_>> {
        let styles = self.styles();
        if let Some(found) = styles.iter().find(|found| found.style.name == name) {
            return Ok(*found);
        }
        if self.lacks_own {
            let repair = installation::repair();
            return Err(Error::failed(format!("no style '{name}': impasto's own styles are missing; {repair}")));
        }
        let wanted = letters(name);
        let is_in_title =
            |found: &&Found<'_>| found.style.title.as_deref().is_some_and(|it| letters(it).contains(&wanted));
        let by_title = styles.iter().filter(|_| wanted.len() > 2).filter(is_in_title);
        let mut similar: Vec<&str> = by_title.map(|found| found.style.name.as_str()).collect();
        if similar.is_empty() {
            similar = most_similar(name, styles.iter().map(|found| found.style.name.as_str()).chain([IDENTITY]));
        }
        Err(Error::usage(format!("no style '{name}'{}", suggestion(&similar))))
    }

    /// The networks that paint in the style of any picture: the first pair found.
    ///
    /// # Errors
    /// None is installed.
    pub fn pair(&self) -> Result<Pair<'_>> {
        let found = self.folders.iter().find_map(|(folder, manifest)| {
            let network = manifest.networks.iter().find(|network| network.predictor.is_some())?;
            Some(Pair { network, predictor: network.predictor.as_ref()?, folder, catalog: self })
        });
        found.ok_or_else(|| {
            Error::failed("the networks that --style-image needs are missing; run impasto setup --style-images")
        })
    }

    /// The networks that `expression` needs, with weights and shares. Styles of the same network share one inference.
    ///
    /// # Errors
    /// A style is unknown, or its file is missing or does not match the hash in the manifest.
    pub fn resolve(&self, expression: &Expression) -> Result<Vec<Choice>> {
        let mut choices: Vec<Choice> = Vec::new();
        for (name, weight) in expression.terms() {
            let (network, index) = if name == IDENTITY {
                (None, 0)
            } else {
                let Found { style, network, folder } = self.find(name)?;
                (Some((network, folder)), style.index)
            };
            let file = network.map(|(network, folder)| network.network_file(folder));
            let known = choices.iter().position(|choice| choice.network == file);
            let place = match known {
                Some(place) => place,
                None => {
                    if let Some((network, folder)) = network {
                        self.verify(network, folder)?;
                    }
                    let styles = file.as_ref().map_or(1, |file| file.styles);
                    choices.push(Choice { network: file, weights: vec![0.0; styles], share: 0.0 });
                    choices.len() - 1
                }
            };
            let choice = &mut choices[place];
            choice.weights[index] += weight;
            choice.share += weight;
        }
        for choice in &mut choices {
            choice.weights.iter_mut().for_each(|weight| *weight /= choice.share.max(f32::MIN_POSITIVE));
        }
        choices.retain(|choice| choice.share > 0.0);
        Ok(choices)
    }

    /// Checks a network's files against their hashes, so that a damaged download is reported as such.
    fn verify(&self, network: &NetworkEntry, folder: &Path) -> Result<()> {
        let tiles = network.tiles.as_ref().zip(network.tiles_sha256.as_ref());
        let predictor = network.predictor.as_ref().map(|predictor| (&predictor.file, &predictor.sha256));
        for (file, hash) in [(&network.file, &network.sha256)].into_iter().chain(tiles).chain(predictor) {
            let path = folder.join(file);
            if lock(&self.verified).contains(&path) {
                continue;
            }
            if !path.exists() {
                return Err(Error::failed(format!("there is no file '{}'; {}", path.display(), again(folder))));
            }
            if digest::of_file(&path)? != *hash {
                return Err(Error::failed(format!(
                    "'{}' is not the file listed in {} (its SHA-256 differs); {}",
                    path.display(),
                    super::manifest::FILE_NAME,
                    again(folder)
                )));
            }
            lock(&self.verified).insert(path);
        }
        Ok(())
    }
}

/// The folder of the bundled networks.
fn program_folder() -> Option<PathBuf> {
    installation::models().into_iter().find(|folder| folder.join(super::manifest::FILE_NAME).is_file())
}

/// What to do about a file of `folder` that is missing or damaged.
fn again(folder: &Path) -> String {
    if program_folder().as_deref() == Some(folder) { installation::repair() } else { "install it again".to_owned() }
}

/// The folder of the networks that the user added.
pub fn user_folder() -> PathBuf {
    library::data_folder().join("models")
}

/// Advice about an unknown `name`, with the most similar names: `; did you mean 'a' or 'b'? See impasto styles`.
pub fn did_you_mean<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    suggestion(&most_similar(name, known))
}

/// The names that are similar to `name`, the most similar first.
fn most_similar<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut near: Vec<(f64, &str)> = known.map(|known| (likeness(name, known), known)).collect();
    near.retain(|(likeness, _)| *likeness > 0.72);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, known)| known).collect()
}

/// Advice with the first three of `names`.
fn suggestion(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().take(3).map(|name| format!("'{name}'")).collect();
    if names.is_empty() {
        return "; see impasto styles".to_owned();
    }
    format!("; did you mean {}? See impasto styles", names.join(" or "))
}

/// The letters and digits of `text`, in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Similarity from 0 to 1: of the spelling, or of one word of the name (`starry` for `starry-night`).
fn likeness(name: &str, known: &str) -> f64 {
    let part = known.split('-').any(|part| !name.is_empty() && strsim::jaro_winkler(part, name) > 0.85);
    strsim::jaro_winkler(name, known).max(if part { 0.8 } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::digest::sha256;

    fn catalog(folder: &Path) -> Catalog {
        fs::write(folder.join("a.onnx"), b"a").unwrap();
        fs::write(folder.join("b.onnx"), b"b").unwrap();
        let network = |name: &str, styles: &str| {
            let hash = sha256(name.as_bytes());
            format!(
                "[[network]]\nname = \"{name}\"\nfile = \"{name}.onnx\"\nlayout = \"nhwc-u8\"\nkind = \"multi\"\n\
                 styles = {styles}\nlicense = \"MIT\"\nsource = \"a test\"\nsha256 = \"{hash}\"\n"
            )
        };
        let style = |name: &str, network: &str, index: usize| {
            format!("[[style]]\nname = \"{name}\"\nnetwork = \"{network}\"\nindex = {index}\n")
        };
        let manifest = network("a", "[\"starry-night\", \"scream\"]")
            + &network("b", "[\"wave\"]")
            + &style("starry-night", "a", 0)
            + &style("scream", "a", 1)
            + &style("wave", "b", 0);
        fs::write(folder.join("styles.toml"), manifest).unwrap();
        let folders = vec![(folder.to_path_buf(), Manifest::read(folder).unwrap())];
        Catalog { folders, ..Catalog::default() }
    }

    #[test]
    fn where_the_programs_own_styles_are_missing_no_other_takes_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = catalog(folder.path());
        assert_eq!(catalog.default_style().unwrap(), "starry-night".parse().unwrap());
        catalog.lacks_own = true;
        for error in [catalog.default_style().unwrap_err(), catalog.find("udnie").map(|_| ()).unwrap_err()] {
            assert!(error.to_string().contains("own styles are missing; "), "{error}");
        }
        assert!(catalog.find("wave").is_ok());
    }

    #[test]
    fn styles_of_one_network_share_one_inference() {
        let folder = tempfile::tempdir().unwrap();
        let choices = catalog(folder.path()).resolve(&"starry-night:1,wave:2,scream:1".parse().unwrap()).unwrap();
        assert_eq!(choices.len(), 2);
        assert_eq!((choices[0].weights.as_slice(), choices[0].share), ([0.5, 0.5].as_slice(), 0.5));
        assert_eq!((choices[1].weights.as_slice(), choices[1].share), ([1.0].as_slice(), 0.5));
    }

    #[test]
    fn identity_needs_no_file_and_blends_with_others() {
        let folder = tempfile::tempdir().unwrap();
        let choices = catalog(folder.path()).resolve(&"wave:0.25,identity:0.75".parse().unwrap()).unwrap();
        assert_eq!(choices[1], Choice { network: None, weights: vec![1.0], share: 0.75 });
    }

    #[test]
    fn an_unknown_style_suggests_the_most_similar_names() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = catalog(folder.path());
        let message = |name: &str| catalog.find(name).unwrap_err().to_string();
        assert_eq!(message("stary-night"), "no style 'stary-night'; did you mean 'starry-night'? See impasto styles");
        assert!(message("stary").contains("'starry-night'"));
        assert!(message("scrm").contains("'scream'"));
        assert!(!message("zzz").contains("did you mean"));
    }

    #[test]
    fn the_name_of_an_artist_suggests_the_styles_of_their_paintings() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = catalog(folder.path());
        let styles = &mut catalog.folders[0].1.styles;
        styles.iter_mut().find(|style| style.name == "wave").unwrap().title = Some("Waves, Vincent van Gogh".into());
        let error = catalog.find("VanGogh").unwrap_err().to_string();
        assert_eq!(error, "no style 'VanGogh'; did you mean 'wave'? See impasto styles");
    }

    #[test]
    fn a_changed_file_is_refused_by_its_hash() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = catalog(folder.path());
        fs::write(folder.path().join("b.onnx"), b"damaged").unwrap();
        let error = catalog.resolve(&"wave".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("SHA-256 differs"), "{error}");
        fs::remove_file(folder.path().join("b.onnx")).unwrap();
        let error = catalog.resolve(&"wave".parse().unwrap()).unwrap_err();
        assert!(error.to_string().contains("no file"), "{error}");
    }
}
