//! Adding networks to the user's own folder, and removing them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use super::catalog::{Catalog, user_folder};
use super::family::Family;
use super::manifest::{Kind, LayoutName, Manifest, NetworkEntry, PredictorEntry, StyleEntry};
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::frame::Image;
use crate::network::inspect::{Inspection, Looks, inspect};
use crate::network::predictor::Predictor;
use crate::network::trial::{self, Fault, Trial};
use crate::network::{self, Layout, Opening, exported};
use crate::report::counted;
use crate::warning::Warning;
use crate::whole;

/// What to add.
#[derive(Clone, Debug)]
pub struct Addition {
    /// The network file.
    pub file: PathBuf,
    /// What gives it its style: needed by the layout of any style, and by no other.
    pub predictor: Option<PathBuf>,
    /// What its inputs and outputs are like; found out if none.
    pub family: Option<Family>,
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

/// What was added.
#[derive(Debug)]
pub struct Added {
    /// Its entry in the manifest.
    pub entry: NetworkEntry,
    /// Its family.
    pub family: Family,
    /// What was wrong with the trial paintings.
    pub warning: Option<Warning>,
}

/// Copies a network into the user's folder after a trial run there.
///
/// # Errors
/// The file is not a style network of that family, a name is taken, or the folder cannot be written.
pub fn add(addition: &Addition, how: &Opening<'_>) -> Result<Added> {
    add_to(&user_folder(), addition, how)
}

/// Removes a network, its styles and its files from the user's folder.
///
/// # Errors
/// The user has added no such network, or the folder cannot be written.
pub fn remove(name: &str) -> Result<()> {
    remove_from(&user_folder(), name)
}

fn add_to(folder: &Path, addition: &Addition, how: &Opening<'_>) -> Result<Added> {
    let name = match &addition.name {
        Some(name) => name.clone(),
        None => stem(&addition.file)?,
    };
    check_name(&name)?;
    let inspection = inspect(&addition.file, how)?;
    let family = match addition.family {
        Some(family) => family,
        None => Family::detect(&addition.file, &inspection, how)?,
    };
    let layout = family.layout_name();
    let bytes = network_bytes(addition, layout)?;
    let predictor = addition.predictor.as_deref().map(|file| predictor(file, &name, how)).transpose()?;
    family.confirm(&addition.file, &inspection)?;
    let tiles_file = addition.file.with_extension("tiles.onnx");
    let tiles = (layout == LayoutName::NhwcU8).then(|| fs::read(&tiles_file).ok()).flatten();
    fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
    let mut manifest = Manifest::read(folder)?;
    if manifest.networks.iter().any(|network| network.name == name) {
        if !addition.replace {
            return Err(Error::usage(format!(
                "a network '{name}' was added before; add --replace to replace it, or give another --name"
            )));
        }
        manifest.networks.retain(|network| network.name != name);
        manifest.styles.retain(|style| style.network != name);
    }
    let styles = style_names(addition, layout, &name, &inspection)?;
    refuse_taken(&styles, &manifest)?;
    let (planar, packed) = match family.layout() {
        Layout::NhwcU8 => (None, None),
        Layout::NchwF32(format) => (Some(format), None),
        Layout::NhwcF32(format) => (None, Some(format)),
    };
    let entry = NetworkEntry {
        side: None,
        file: format!("{name}.onnx").into(),
        tiles: tiles.as_ref().map(|_| format!("{name}.tiles.onnx").into()),
        layout,
        range: packed.map(|format| format.range).or(planar.map(|format| format.range)),
        mean: planar.map(|format| format.mean),
        deviation: planar.map(|format| format.deviation),
        multiple: packed.map(|format| format.multiple).or(planar.map(|format| format.multiple)),
        kind: match layout {
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
    let trials = try_out(&entry, &contents, folder, how).map_err(|error| as_added(error, &addition.file))?;
    let warning = fault(&trials, addition, family, how);
    for (file, bytes) in entry.files().zip(&contents) {
        let path = folder.join(file);
        whole::write(&path, bytes).map_err(|error| Error::writing(&path, &error))?;
    }
    manifest.networks.push(entry.clone());
    let style = |(index, style)| StyleEntry { name: style, network: name.clone(), index, title: None, unstyled: false };
    manifest.styles.extend(styles.into_iter().enumerate().map(style));
    manifest.write(folder)?;
    Ok(Added { entry, family, warning })
}

fn remove_from(folder: &Path, name: &str) -> Result<()> {
    let mut manifest = Manifest::read(folder)?;
    let Some(place) = manifest.networks.iter().position(|network| network.name == name) else {
        let own: Vec<&str> = manifest.networks.iter().map(|network| network.name.as_str()).collect();
        let own =
            if own.is_empty() { "you have added none".to_owned() } else { format!("these are: {}", own.join(", ")) };
        return Err(Error::usage(format!(
            "there is no network '{name}' of yours; only networks that you added can be removed, and {own}"
        )));
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

/// The network's bytes; the picture size and the rounding are removed from one of any style.
fn network_bytes(addition: &Addition, layout: LayoutName) -> Result<Vec<u8>> {
    let file = addition.file.display();
    let bytes = complete(&addition.file)?;
    match (layout, &addition.predictor) {
        (LayoutName::NhwcF32, None) => Err(Error::usage(format!(
            "'{file}' needs a second network that turns a picture into a style; give it with --predictor FILE.onnx"
        ))),
        (LayoutName::NhwcF32, Some(_)) if !addition.styles.is_empty() => {
            Err(Error::usage("a network of any style has no styles to name; leave --styles out"))
        }
        (LayoutName::NhwcF32, Some(_)) => exported::free_sides(&bytes)
            .and_then(|bytes| exported::unrounded(&bytes))
            .ok_or_else(|| damaged(&addition.file)),
        (LayoutName::NhwcU8 | LayoutName::NchwF32, Some(_)) => {
            Err(Error::usage(format!("'{file}' takes no --predictor: only networks like magenta do; leave it out")))
        }
        (LayoutName::NhwcU8 | LayoutName::NchwF32, None) => Ok(bytes),
    }
}

/// The bytes of a network, with the weights that lie in files beside it.
fn complete(file: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(file).map_err(|error| Error::reading(file, &error))?;
    let read: RefCell<HashMap<String, Rc<Vec<u8>>>> = RefCell::default();
    let folder = file.parent().unwrap_or(Path::new(""));
    let content = |name: &str| {
        let plain = Path::new(name).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let known = read.borrow().get(name).cloned();
        if known.is_some() || !plain {
            return known;
        }
        let content = Rc::new(fs::read(folder.join(name)).ok()?);
        read.borrow_mut().insert(name.to_owned(), Rc::clone(&content));
        Some(content)
    };
    exported::with_weights(&bytes, &content).ok_or_else(|| {
        let shown = file.display();
        Error::failed(format!(
            "'{shown}' is not an ONNX file, or is damaged, or its weights are missing; copy all files of the network"
        ))
    })
}

fn damaged(file: &Path) -> Error {
    Error::failed(format!(
        "'{}' is not an ONNX file, or is damaged; export the network as ONNX, or download it again",
        file.display()
    ))
}

/// The predictor's entry, its sizes read from its graph, and its bytes, freed of rounding.
fn predictor(file: &Path, network: &str, how: &Opening<'_>) -> Result<(PredictorEntry, Vec<u8>)> {
    let bytes = complete(file)?;
    let Predictor { side, vector, .. } = Predictor::open(file, how.runtime, how.threads)?;
    let bytes = exported::unrounded(&bytes).ok_or_else(|| damaged(file))?;
    let entry =
        PredictorEntry { file: format!("{network}.predictor.onnx").into(), sha256: sha256(&bytes), side, vector };
    Ok((entry, bytes))
}

/// The styles of the addition: as given, as the file says, or the network's own name; none for one of any style.
fn style_names(addition: &Addition, layout: LayoutName, name: &str, inspection: &Inspection) -> Result<Vec<String>> {
    if layout == LayoutName::NhwcF32 {
        return Ok(vec![]);
    }
    let given = [&addition.styles, &inspection.styles].into_iter().find(|styles| !styles.is_empty());
    let styles = given.cloned().unwrap_or_else(|| vec![name.to_owned()]);
    let count = match inspection.looks {
        Looks::Bytes(count) => count.unwrap_or(styles.len()),
        _ => 1,
    };
    if styles.len() != count {
        let (file, has, names) = (addition.file.display(), counted(count, "style"), counted(styles.len(), "name"));
        return Err(Error::usage(format!(
            "'{file}' has {has}, and there is {names} for it; name each with --styles A,B"
        )));
    }
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
            return Err(Error::usage(format!("there is a style '{style}' already; give another name with --styles")));
        }
    }
    Ok(())
}

/// Runs the network from a folder of its own, so that a graph that needs further files is found out; each style paints
/// once. `contents` are those of its files, in their order.
fn try_out(entry: &NetworkEntry, contents: &[Vec<u8>], folder: &Path, how: &Opening<'_>) -> Result<Vec<Trial>> {
    let place = tempfile::tempdir_in(folder).map_err(|error| Error::writing(folder, &error))?;
    let file = entry.network_file(place.path());
    for (name, bytes) in entry.files().zip(contents) {
        let path = place.path().join(name);
        fs::write(&path, bytes).map_err(|error| Error::writing(&path, &error))?;
    }
    let weights: Vec<Vec<f32>> = match &entry.predictor {
        Some(predictor) => {
            let mut opened = Predictor::open(&place.path().join(&predictor.file), how.runtime, how.threads)?;
            let (width, height) = (predictor.side, predictor.side);
            vec![opened.style_vector(Image { width, height, pixels: &trial::texture(width, height) })?]
        }
        None => (0..file.styles)
            .map(|style| (0..file.styles).map(|place| if place == style { 1.0 } else { 0.0 }).collect())
            .collect(),
    };
    let mut opened = network::open(&file, how)?;
    let trials = weights.iter().map(|weights| trial::paint(opened.as_mut(), weights)).collect::<Result<_>>()?;
    if file.tiles.is_some() {
        // Every picture counts as large, so the tiles are tried as well.
        trial::try_out(&file, &weights[0], &Opening { tile_above: Some(0), ..*how })?;
    }
    Ok(trials)
}

/// A failure of the copy, as one of the file that the user named.
fn as_added(error: Error, file: &Path) -> Error {
    match error {
        Error::Failed(words) => {
            // Its cures are for networks that are installed.
            let reason = words.split("; ").next().unwrap_or_default();
            Error::Failed(format!(
                "'{}' does not run as it is: {reason}; if it needs further files, save all as one",
                file.display()
            ))
        }
        other => other,
    }
}

/// What is wrong with the worst of the trial paintings.
fn fault(trials: &[Trial], addition: &Addition, family: Family, how: &Opening<'_>) -> Option<Warning> {
    let worst = trials.iter().min_by(|a, b| a.quality().total_cmp(&b.quality()))?;
    let fault = worst.fault()?;
    let better = family.other_range().filter(|other| {
        other.trial(&addition.file, how).is_ok_and(|trial| trial.fault().is_none() && trial.quality() > worst.quality())
    });
    let (network, like) = (addition.file.clone(), better.map(|other| other.to_string()));
    Some(match fault {
        Fault::Plain => Warning::PaintsPlain { network, like },
        Fault::Clipped => {
            let percent = (worst.clipped * 100.0).round() as u32;
            Warning::PaintsClipped { network, percent, like }
        }
    })
}

/// The file's own name, with `-` for what a name cannot hold.
fn stem(file: &Path) -> Result<String> {
    let stem =
        file.file_stem().map(|stem| stem.to_string_lossy().chars().map(|c| if fits(c) { c } else { '-' }).collect());
    stem.ok_or_else(|| Error::usage(format!("'{}' gives no name; name the network with --name", file.display())))
}

fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Names go into file names and style expressions.
fn check_name(name: &str) -> Result<()> {
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
    fn a_network_keeps_the_name_of_its_file() {
        for (file, name) in
            [("candy.onnx", "candy"), ("/x/Rain_Princess.onnx", "Rain_Princess"), ("a b:c.onnx", "a-b-c")]
        {
            assert_eq!(stem(Path::new(file)).unwrap(), name);
        }
    }

    #[test]
    fn only_what_was_added_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let error = remove_from(folder.path(), "live").unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("you have added none"), "{error}");
    }
}
