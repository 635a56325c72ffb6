//! What `scripts/fuzz` runs for hours, for a second: each fuzz target on its corpus, and on seeded mutations of it.

#[path = "common/damage.rs"]
mod damage;
#[path = "fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

use damage::Random;
use targets::{TARGETS, Target};

/// Mutations of each file.
const MUTATIONS: usize = 2000;

/// Pieces that parsers trip over.
const PIECES: [&[u8]; 20] = [
    b"\0",
    b"\n",
    b"\"",
    b"'",
    b"[",
    b"]",
    b"{",
    b"}",
    b":",
    b",",
    b"=",
    b"../",
    b"-1",
    b"0",
    b"1e999",
    b"nan",
    b"18446744073709551615",
    b"-9223372036854775808",
    b"null",
    b"\xFF\xFE",
];

fn corpus((name, _): &Target) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

/// `bytes` with one to four pieces put in, taken out, doubled or changed; or continued like `other`.
fn mutated(bytes: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + 1 + random.below(12)).min(bytes.len());
        match random.below(6) {
            0 => drop(bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied())),
            1 => drop(bytes.splice(at..end, PIECES[random.below(PIECES.len())].iter().copied())),
            2 => drop(bytes.drain(at..end)),
            3 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {
                bytes.truncate(at);
                bytes.extend(&other[random.below(other.len() + 1)..]);
            }
        }
    }
    bytes
}

#[test]
fn each_corpus_holds_what_is_accepted_and_what_is_refused() {
    for target in TARGETS {
        let accepted: Vec<bool> = corpus(&target).iter().map(|(_, bytes)| target.1(bytes)).collect();
        assert!(accepted.contains(&true) && accepted.contains(&false), "{}: {accepted:?}", target.0);
    }
}

#[test]
fn parsers_keep_their_promises_on_mutated_input() {
    for target in TARGETS {
        let files = corpus(&target);
        let mut accepted = 0;
        for (seed, (path, bytes)) in files.iter().enumerate() {
            let mut random = Random::new(seed as u64);
            for _ in 0..MUTATIONS {
                let input = mutated(bytes, &files[random.below(files.len())].1, &mut random);
                let outcome = std::panic::catch_unwind(|| (target.1)(&input));
                let shown = || format!("{}, from {path}: {}", target.0, input.escape_ascii());
                accepted += usize::from(outcome.unwrap_or_else(|_| panic!("{}", shown())));
            }
        }
        assert!(accepted > 0, "{}: no mutation is accepted, so little is tried", target.0);
    }
}
