//! The journal: identifies a job, so that it can be resumed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::error::{Error, Result};

/// Facts that depend on the machine. Segments of one job may differ in them; the frames then differ by rounding.
pub const DEVICE: &str = "--device";
/// See [`DEVICE`].
pub const RUNTIME: &str = "ONNX Runtime";

fn is_of_the_machine(name: &str) -> bool {
    [DEVICE, RUNTIME].contains(&name)
}

/// The facts of a job: what is painted and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Everything that determines the frames, by the names that users know: `input`, `style`, `crf` ...
    pub facts: BTreeMap<String, String>,
}

impl Journal {
    /// Identifies the segments of this job, in hexadecimal. Device and ONNX Runtime are not included: machines that share a
    /// job may have different ones.
    pub fn digest(&self) -> String {
        let facts = self.facts.iter().filter(|(name, _)| !is_of_the_machine(name));
        let text: String = facts.map(|(name, value)| format!("{name}\0{value}\0")).collect();
        sha256(text.as_bytes())
    }

    /// Each fact in which `self`, the requested job, differs from `former`: `crf is '16' and was '20'`. Not the device and ONNX
    /// Runtime: see [`Self::machine_changes_since`].
    pub fn changes_since(&self, former: &Self) -> Vec<String> {
        self.changes(former, |name| !is_of_the_machine(name))
    }

    /// The same for the device and ONNX Runtime. They are compared only if both have them: joining needs neither, and a job that
    /// was planned elsewhere has none yet.
    pub fn machine_changes_since(&self, former: &Self) -> Vec<String> {
        let known = |name: &String| self.facts.contains_key(name) && former.facts.contains_key(name);
        self.changes(former, |name| is_of_the_machine(name) && known(name))
    }

    fn changes(&self, former: &Self, minds: impl Fn(&String) -> bool) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.facts.keys().chain(former.facts.keys()).collect();
        let shown = |value: Option<&String>| value.map_or("not given".to_owned(), |value| format!("'{value}'"));
        let change = |name: &String| {
            let (now, then) = (self.facts.get(name), former.facts.get(name));
            (now != then).then(|| format!("{name} is {} and was {}", shown(now), shown(then)))
        };
        names.into_iter().filter(|name| minds(name)).filter_map(change).collect()
    }
}

/// Block size in bytes, and number of blocks, that are hashed of a file.
const BLOCK: u64 = 16 << 10;
const BLOCKS: u64 = 256;

/// Identifies a file by its size and the SHA-256 of 256 evenly spread blocks of 16 KiB; up to 4 MiB, of the entire file.
///
/// Hashing hours of film would take as long as reading it. An edited film differs in its size, or in its bytes nearly
/// everywhere. And where a job resumes, the frames themselves are compared ([`super::marks`]).
///
/// # Errors
/// The file cannot be read.
pub fn fingerprint(path: &Path) -> Result<String> {
    of_blocks(path, BLOCKS)
}

/// As [`fingerprint`], of the first, the last and two other blocks: for one of thousands of pictures.
///
/// # Errors
/// The file cannot be read.
pub fn fingerprint_of_part(path: &Path) -> Result<String> {
    of_blocks(path, 4)
}

fn of_blocks(path: &Path, most: u64) -> Result<String> {
    let reading = |error| Error::reading(path, &error);
    let mut file = File::open(path).map_err(reading)?;
    let size = file.metadata().map_err(reading)?.len();
    let mut bytes = Vec::new();
    let blocks = size.div_ceil(BLOCK).min(most);
    for block in 0..blocks {
        // The entire file, or blocks spread from its first byte to its last.
        let spread = (u128::from(size.saturating_sub(BLOCK)) * u128::from(block) / u128::from(most - 1)) as u64;
        let at = if size <= BLOCK * most { block * BLOCK } else { spread };
        let before = bytes.len();
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| (&mut file).take(BLOCK).read_to_end(&mut bytes));
        if read.is_err() {
            // On a failing disk, the readable parts of the film are painted all the same.
            bytes.truncate(before);
            bytes.extend(b"unreadable");
        }
    }
    Ok(format!("{size} bytes, SHA-256 {}", sha256(&bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(facts: &[(&str, &str)]) -> Journal {
        Journal { facts: facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect() }
    }

    #[test]
    fn changed_facts_are_listed_by_name() {
        let former = journal(&[("--crf", "20"), ("--style", "scream"), ("--fps", "24")]);
        let now = journal(&[("--crf", "16"), ("--style", "scream"), ("--size", "640x-1")]);
        let changes = now.changes_since(&former);
        assert_eq!(
            changes,
            ["--crf is '16' and was '20'", "--fps is not given and was '24'", "--size is '640x-1' and was not given"]
        );
        assert!(now.changes_since(&now).is_empty());
        assert_ne!(now.digest(), former.digest());
    }

    #[test]
    fn segments_from_machines_with_other_devices_belong_to_one_job() {
        let [a, b] = ["cpu", "cuda"].map(|device| journal(&[("--crf", "20"), (DEVICE, device)]));
        assert_eq!(a.digest(), b.digest());
        assert!(a.changes_since(&b).is_empty(), "another device is no other job");
        assert_eq!(a.machine_changes_since(&b), ["--device is 'cpu' and was 'cuda'"]);
        assert!(journal(&[("--crf", "20")]).machine_changes_since(&b).is_empty(), "joining accepts any device");
    }

    #[test]
    fn a_large_file_is_identified_by_its_blocks_up_to_the_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film");
        let mut bytes = vec![7; (BLOCK * BLOCKS) as usize + 12345];
        let of = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            fingerprint(&path).unwrap()
        };
        let first = of(&bytes);
        assert_eq!(first, of(&bytes));
        *bytes.last_mut().unwrap() = 8;
        assert_ne!(first, of(&bytes));
        bytes.pop();
        assert_ne!(first, of(&bytes));
    }
}
