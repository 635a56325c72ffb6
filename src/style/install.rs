//! Adding networks to the user's own folder, and removing them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::catalog::{Catalog, sha256, user_folder};
use super::manifest::{Kind, LayoutName, Manifest, NetworkEntry, PredictorEntry, StyleEntry};
use crate::error::{Error, Result};
use crate::frame::{Image, byte_len};
use crate::kernel::packed::PackedFormat;
use crate::kernel::planar::PlanarFormat;
use crate::network::predictor::Predictor;
use crate::network::{self, Opening, exported};

/// What to add.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The network file.
    pub file: PathBuf,
    /// What gives it its style: needed by the layout of any style, and by no other.
    pub predictor: Option<PathBuf>,
    /// What its ends are like.
    pub layout: LayoutName,
    /// Values of a planar layout.
    pub planar: PlanarFormat,
    /// The network's name; the file's if none.
    pub name: Option<String>,
    /// Names of its styles; from the file's own metadata if empty, or the network's name if it has only one.
    pub styles: Vec<String>,
    /// Licence of the weights.
    pub license: String,
    /// Where they come from.
    pub source: String,
    /// Replace a network of the same name.
    pub replace: bool,
}

/// Copies a network into the user's folder after a trial run there; returns its entry.
///
/// # Errors
/// The file is not a style network of that layout, a name is taken, or the folder cannot be written.
pub fn add(addition: &Addition, how: &Opening<'_>) -> Result<NetworkEntry> {
    add_to(&user_folder(), addition, how)
}

/// Removes a network, its styles and its files from the user's folder.
///
/// # Errors
/// The user has added no such network, or the folder cannot be written.
pub fn remove(name: &str) -> Result<()> {
    remove_from(&user_folder(), name)
}

fn add_to(folder: &Path, addition: &Addition, how: &Opening<'_>) -> Result<NetworkEntry> {
    let name = match &addition.name {
        Some(name) => name.clone(),
        None => stem(&addition.file)?,
    };
    check_name(&name)?;
    let bytes = network_bytes(addition)?;
    let predictor = addition.predictor.as_deref().map(|file| predictor(file, &name, how)).transpose()?;
    let tiles_file = addition.file.with_extension("tiles.onnx");
    let tiles = (addition.layout == LayoutName::NhwcU8).then(|| fs::read(&tiles_file).ok()).flatten();
    fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
    let mut manifest = Manifest::read(folder)?;
    if manifest.networks.iter().any(|network| network.name == name) {
        if !addition.replace {
            return Err(Error::usage(format!(
                "a network '{name}' was added before; give --replace, or another --name"
            )));
        }
        manifest.networks.retain(|network| network.name != name);
        manifest.styles.retain(|style| style.network != name);
    }
    let styles = style_names(addition, &name, how)?;
    refuse_taken(&styles, &manifest)?;
    let packed = (addition.layout == LayoutName::NhwcF32).then_some(PackedFormat::MAGENTA);
    let entry = NetworkEntry {
        file: format!("{name}.onnx").into(),
        tiles: tiles.as_ref().map(|_| format!("{name}.tiles.onnx").into()),
        layout: addition.layout,
        range: packed.map(|format| format.range).or(planar(addition, addition.planar.range)),
        mean: planar(addition, addition.planar.mean),
        deviation: planar(addition, addition.planar.deviation),
        multiple: packed.map(|format| format.multiple).or(planar(addition, addition.planar.multiple)),
        kind: match addition.layout {
            LayoutName::NhwcF32 => Kind::Arbitrary,
            LayoutName::NchwF32 if styles.len() == 1 => Kind::Single,
            LayoutName::NchwF32 | LayoutName::NhwcU8 => Kind::Multi,
        },
        styles: styles.clone(),
        license: addition.license.clone(),
        source: addition.source.clone(),
        sha256: sha256(&bytes),
        tiles_sha256: tiles.as_deref().map(sha256),
        predictor: predictor.as_ref().map(|(entry, _)| entry.clone()),
        name: name.clone(),
    };
    // In the order of `files`.
    let contents: Vec<Vec<u8>> =
        [Some(bytes), tiles, predictor.map(|(_, bytes)| bytes)].into_iter().flatten().collect();
    try_out(&entry, &contents, folder, how)?;
    for (file, bytes) in entry.files().zip(&contents) {
        write_whole(&folder.join(file), bytes)?;
    }
    manifest.networks.push(entry.clone());
    let style = |(index, style)| StyleEntry { name: style, network: name.clone(), index, title: None, unstyled: false };
    manifest.styles.extend(styles.into_iter().enumerate().map(style));
    manifest.write(folder)?;
    Ok(entry)
}

fn remove_from(folder: &Path, name: &str) -> Result<()> {
    let mut manifest = Manifest::read(folder)?;
    let Some(place) = manifest.networks.iter().position(|network| network.name == name) else {
        let own: Vec<&str> = manifest.networks.iter().map(|network| network.name.as_str()).collect();
        let own = if own.is_empty() { "none".to_owned() } else { own.join(", ") };
        return Err(Error::usage(format!("no network '{name}' was added with impasto styles add; there are: {own}")));
    };
    let entry = manifest.networks.remove(place);
    manifest.styles.retain(|style| style.network != name);
    // The manifest first: a file that nothing names does no harm, a name without its file does.
    manifest.write(folder)?;
    for file in entry.files() {
        let path = folder.join(file);
        fs::remove_file(&path).map_err(|error| Error::writing(&path, &error))?;
    }
    Ok(())
}

/// The network's bytes; one of any style is freed of the picture size that it was exported for, and of rounding.
fn network_bytes(addition: &Addition) -> Result<Vec<u8>> {
    let file = addition.file.display();
    let bytes = fs::read(&addition.file).map_err(|error| Error::reading(&addition.file, &error))?;
    match (addition.layout, &addition.predictor) {
        (LayoutName::NhwcF32, None) => Err(Error::usage(format!(
            "'{file}' paints in the style that a second network tells it; name that one with --predictor FILE.onnx"
        ))),
        (LayoutName::NhwcF32, Some(_)) if !addition.styles.is_empty() => {
            Err(Error::usage("a network of any style has no styles to name; leave --styles out"))
        }
        (LayoutName::NhwcF32, Some(_)) => exported::free_sides(&bytes)
            .and_then(|bytes| exported::unrounded(&bytes))
            .ok_or_else(|| damaged(&addition.file)),
        (LayoutName::NhwcU8 | LayoutName::NchwF32, Some(_)) => {
            Err(Error::usage("--predictor belongs to networks of any style; add --like magenta, or leave it out"))
        }
        (LayoutName::NhwcU8 | LayoutName::NchwF32, None) => Ok(bytes),
    }
}

fn damaged(file: &Path) -> Error {
    Error::failed(format!("'{}' is not a network that ONNX Runtime can load: its bytes are no graph", file.display()))
}

/// The predictor's entry, its sizes read from its graph, and its bytes, freed of rounding.
fn predictor(file: &Path, network: &str, how: &Opening<'_>) -> Result<(PredictorEntry, Vec<u8>)> {
    let bytes = fs::read(file).map_err(|error| Error::reading(file, &error))?;
    let Predictor { side, vector, .. } = Predictor::open(file, how.runtime, how.threads)?;
    let bytes = exported::unrounded(&bytes).ok_or_else(|| damaged(file))?;
    let entry =
        PredictorEntry { file: format!("{network}.predictor.onnx").into(), sha256: sha256(&bytes), side, vector };
    Ok((entry, bytes))
}

/// The styles of the addition: as named, as the file says, or the network's own name; none for one of any style.
fn style_names(addition: &Addition, name: &str, how: &Opening<'_>) -> Result<Vec<String>> {
    if addition.layout == LayoutName::NhwcF32 {
        return Ok(vec![]);
    }
    let styles = if !addition.styles.is_empty() {
        addition.styles.clone()
    } else if addition.layout == LayoutName::NhwcU8 {
        network::style_names(&addition.file, how)?
    } else {
        vec![]
    };
    let styles = if styles.is_empty() { vec![name.to_owned()] } else { styles };
    styles.iter().try_for_each(|style| check_name(style))?;
    Ok(styles)
}

fn refuse_taken(styles: &[String], manifest: &Manifest) -> Result<()> {
    let program = Catalog::load(None)?;
    let shipped = program.styles();
    for (place, style) in styles.iter().enumerate() {
        // The user's folder is judged by `manifest`, from which a network that is replaced is already gone.
        let taken = styles[..place].contains(style)
            || style == super::catalog::IDENTITY
            || manifest.styles.iter().any(|known| known.name == *style)
            || shipped.iter().any(|found| found.style.name == *style && found.folder != user_folder());
        if taken {
            return Err(Error::usage(format!("there is a style '{style}' already; give other names with --styles")));
        }
    }
    Ok(())
}

/// Runs the network from where it will lie, so that a graph that needs further files is found out. `contents` are those
/// of its files, in their order.
fn try_out(entry: &NetworkEntry, contents: &[Vec<u8>], folder: &Path, how: &Opening<'_>) -> Result<()> {
    let trial = tempfile::tempdir_in(folder).map_err(|error| Error::writing(folder, &error))?;
    let network = entry.network_file(trial.path());
    for (file, bytes) in entry.files().zip(contents) {
        let path = trial.path().join(file);
        fs::write(&path, bytes).map_err(|error| Error::writing(&path, &error))?;
    }
    let weights = match &entry.predictor {
        Some(predictor) => {
            let mut opened = Predictor::open(&trial.path().join(&predictor.file), how.runtime, how.threads)?;
            let grey = vec![128; byte_len(predictor.side, predictor.side)];
            opened.style_vector(Image { width: predictor.side, height: predictor.side, pixels: &grey })?
        }
        None => vec![1.0 / network.styles as f32; network.styles],
    };
    network::try_out(&network, &weights, how)?;
    if network.tiles.is_some() {
        // Every picture counts as large, so the tiles are tried as well.
        network::try_out(&network, &weights, &Opening { tile_above: Some(0), ..*how })?;
    }
    Ok(())
}

/// Writes a file under its final name only when all of it is on the disk.
///
/// # Errors
/// The folder cannot be written, or the disk is full.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| Error::writing(path, &error))
}

fn planar<T>(addition: &Addition, value: T) -> Option<T> {
    (addition.layout == LayoutName::NchwF32).then_some(value)
}

fn stem(file: &Path) -> Result<String> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).map(|stem| stem.replace(['_', ' '], "-").to_lowercase());
    stem.ok_or_else(|| Error::usage(format!("'{}' gives no name; name the network with --name", file.display())))
}

/// Names go into file names and style expressions.
fn check_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.len() <= 64 && name.chars().all(fits) {
        return Ok(());
    }
    Err(Error::usage(format!("'{name}' cannot be a name; use letters, digits, '-' and '_', at most 64")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_files_and_expressions() {
        for name in ["candy", "starry-night_2"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a:b", "a,b", "../a", "ä", &"x".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_file_name_becomes_a_style_name() {
        assert_eq!(stem(Path::new("/x/Rain_Princess.onnx")).unwrap(), "rain-princess");
    }

    #[test]
    fn only_what_was_added_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let error = remove_from(folder.path(), "live").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("there are: none"), "{error}");
    }
}
