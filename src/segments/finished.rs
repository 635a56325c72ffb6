//! The end of a job, in an order by which a kill at any moment leaves either a job that the same command finishes, or the output
//! and nothing else.
//!
//! The complete film leaves the job's folder first, for a hidden name beside its final one. Then the folder is removed. The
//! final name comes last. Of numbered pictures, the last one takes this way.

use std::fs;
use std::path::{Path, PathBuf};

use super::journal::Journal;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::whole::{self, folder_of};

/// A film that is complete and lacks only its final name, or the last picture of a sequence.
#[derive(Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its hidden name.
    pub path: PathBuf,
    /// Number of frames of the film.
    pub frames: u64,
}

impl Finished {
    /// The film of so many `frames` that the job of this `digest` makes for `output`.
    pub fn new(output: &Path, digest: &str, frames: u64) -> Self {
        let name = format!("{}{}-{frames}{}", beginning(output), short(digest), whole::ENDING);
        Self { path: folder_of(output).join(name), frames }
    }

    /// What a killed job with this journal left of `output`.
    pub fn left(output: &Path, journal: &Journal) -> Option<Self> {
        let beginning = format!("{}{}-", beginning(output), short(&journal.digest()));
        let frames = |name: &str| name.strip_prefix(&beginning)?.strip_suffix(whole::ENDING)?.parse().ok();
        let frames = names_of(output).iter().find_map(|name| frames(name))?;
        Some(Self::new(output, &journal.digest(), frames))
    }

    /// Whether a killed job left anything of `output`.
    pub fn any(output: &Path) -> bool {
        !names_of(output).is_empty()
    }

    /// Removes what killed jobs left of `output`, whatever their settings.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn forget(output: &Path) -> Result<()> {
        names_of(output).into_iter().try_for_each(|name| {
            let path = folder_of(output).join(name);
            fs::remove_file(&path).map_err(|error| Error::writing(&path, &error))
        })
    }
}

/// How the hidden names of `output` begin. Its own name may be too long to be a part of them.
fn beginning(output: &Path) -> String {
    let name = output.file_name().unwrap_or_default();
    format!("{}{}-", whole::BEGINNING, short(&sha256(name.as_encoded_bytes())))
}

fn short(digest: &str) -> &str {
    &digest[..digest.len().min(16)]
}

/// All hidden names of `output` that are there.
fn names_of(output: &Path) -> Vec<String> {
    let beginning = beginning(output);
    let entries = fs::read_dir(folder_of(output)).into_iter().flatten();
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with(&beginning) && name.ends_with(whole::ENDING)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_film_is_found_by_its_output_and_its_job_and_forgotten_by_its_output() {
        let place = tempfile::tempdir().unwrap();
        let output = place.path().join(format!("{}.mp4", "n".repeat(251)));
        let journal = |crf: &str| Journal { facts: BTreeMap::from([("crf".to_owned(), crf.to_owned())]) };
        let film = Finished::new(&output, &journal("20").digest(), 160);
        assert_eq!(Finished::left(&output, &journal("20")), None);
        fs::write(&film.path, b"film").unwrap();
        assert_eq!(Finished::left(&output, &journal("20")).as_ref(), Some(&film));
        assert_eq!(Finished::left(&output, &journal("16")), None);
        assert!(Finished::any(&output) && !Finished::any(&place.path().join("other.mp4")));
        Finished::forget(&place.path().join("other.mp4")).unwrap();
        assert!(Finished::any(&output));
        Finished::forget(&output).unwrap();
        assert!(!Finished::any(&output));
    }
}
