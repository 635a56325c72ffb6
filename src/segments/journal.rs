//! What a job is: enough to know it again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::error::{Error, Result};

/// The names among the facts of what a machine brings along: in these the parts of a job may differ, by rounding.
pub const DEVICE: &str = "--device";
/// See [`DEVICE`].
pub const RUNTIME: &str = "ONNX Runtime";

fn is_of_the_machine(name: &str) -> bool {
    [DEVICE, RUNTIME].contains(&name)
}

/// What is painted and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Everything that decides what the frames look like, by the names that people know: `input`, `--style`, `--crf` ...
    pub facts: BTreeMap<String, String>,
}

impl Journal {
    /// What tells segments of this job from those of others, in hexadecimal. The device and its library are left out:
    /// machines that share a job may have different ones.
    pub fn digest(&self) -> String {
        let facts = self.facts.iter().filter(|(name, _)| !is_of_the_machine(name));
        let text: String = facts.map(|(name, value)| format!("{name}\0{value}\0")).collect();
        sha256(text.as_bytes())
    }

    /// How `self`, which is asked for now, differs from what `former` was: `--crf is '16' and was '20'`, for each fact. Who
    /// names no device or library uses none, and minds none.
    pub fn changes_since(&self, former: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<&String> = self.facts.keys().chain(former.facts.keys()).collect();
        let shown = |value: Option<&String>| value.map_or("not given".to_owned(), |value| format!("'{value}'"));
        let change = |name: &String| {
            let (now, then) = (self.facts.get(name), former.facts.get(name));
            (now != then).then(|| format!("{name} is {} and was {}", shown(now), shown(then)))
        };
        let minds = |name: &&String| !is_of_the_machine(name) || self.facts.contains_key(*name);
        names.into_iter().filter(minds).filter_map(change).collect()
    }
}

/// How much of a file is looked at: blocks of that size, so many.
const BLOCK: u64 = 16 << 10;
const BLOCKS: u64 = 256;

/// What a file is known again by: its size and the SHA-256 of 256 blocks of 16 KiB, evenly spread; of all of it up to 4 MiB.
/// Hashing hours of film would take as long as reading them. An edited film has another size or other bytes nearly
/// everywhere; and wherever a job goes on, the frames themselves are compared ([`super::marks`]).
///
/// # Errors
/// The file cannot be read.
pub fn fingerprint(path: &Path) -> Result<String> {
    let reading = |error| Error::reading(path, &error);
    let mut file = File::open(path).map_err(reading)?;
    let size = file.metadata().map_err(reading)?.len();
    let mut bytes = Vec::new();
    let blocks = size.div_ceil(BLOCK).min(BLOCKS);
    for block in 0..blocks {
        // All of it, or from the first byte to the last.
        let spread = (size.saturating_sub(BLOCK) as u128 * u128::from(block) / u128::from(BLOCKS - 1)) as u64;
        let at = if size <= BLOCK * BLOCKS { block * BLOCK } else { spread };
        let whole = bytes.len();
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| (&mut file).take(BLOCK).read_to_end(&mut bytes));
        if read.is_err() {
            // A disk that dies: what can be read of the film is painted.
            bytes.truncate(whole);
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
    fn what_changed_is_said_by_name() {
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
    fn parts_from_machines_with_other_devices_belong_together() {
        let [a, b] = ["cpu", "cuda"].map(|device| journal(&[("--crf", "20"), (DEVICE, device)]));
        assert_eq!(a.digest(), b.digest());
        assert_eq!(a.changes_since(&b).len(), 1, "but one machine does not change it unasked");
        assert!(journal(&[("--crf", "20")]).changes_since(&b).is_empty(), "and joining takes all");
    }

    #[test]
    fn a_large_file_is_known_by_its_blocks_up_to_the_last_byte() {
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
