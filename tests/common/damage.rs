//! Seeded damage, and what every run on a damaged file must keep to.

#![allow(dead_code, reason = "each test uses its share of it")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A run that takes longer hangs. Hundreds of small files are done in seconds each, on a busy machine too.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// SplitMix64 (Steele, Lea and Flood 2014): the same damage on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From 0 up to, but without, `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// `whole` with one to four kinds of damage: bits, runs, lengths, and pieces that are missing, doubled or exchanged. Half of it is in
/// the first or last kilobyte, where headers and indices are.
pub fn damaged(whole: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for _ in 0..1 + random.below(4) {
        if bytes.len() < 16 {
            break;
        }
        let len = bytes.len();
        let at = match random.below(4) {
            0 => random.below(len.min(1024)),
            1 => len - 1 - random.below(len.min(1024)),
            _ => random.below(len),
        };
        let end = (at + 1 + random.below(64)).min(len);
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at..end].fill([0, 0xFF][random.below(2)]),
            2 => bytes[at..end].iter_mut().for_each(|byte| *byte = random.next() as u8),
            3 => {
                // A length or a count, in either byte order.
                let extreme = [0u32, 1, 0x7F, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0xFFFF_FF00][random.below(7)];
                let at = at.min(len - 4);
                let value = if random.below(2) == 0 { extreme.to_be_bytes() } else { extreme.to_le_bytes() };
                bytes[at..at + 4].copy_from_slice(&value);
            }
            4 => bytes.truncate(at.max(1)),
            5 => drop(bytes.drain(at..end)),
            6 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(len);
                bytes.splice(to..to, piece);
            }
            _ => {
                let length = end - at;
                let other = random.below(len - length + 1);
                for place in 0..length {
                    bytes.swap(at + place, other + place);
                }
            }
        }
    }
    bytes
}

/// How a run ended.
pub struct Ended {
    pub code: i32,
    pub words: String,
    pub json: String,
}

/// Runs `command` within the time limit; panics with `case` where it hangs, dies of a signal, panics, or ends with a code that is
/// none of 0, 1 and 2. What fails says so in one sentence.
pub fn run(command: &mut Command, case: &str) -> Ended {
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str| fs::File::create(place.path().join(name)).unwrap();
    let mut child = command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err")).spawn().unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{case}: it hangs");
        }
        thread::sleep(Duration::from_millis(2));
    };
    let read = |name: &str| String::from_utf8_lossy(&fs::read(place.path().join(name)).unwrap()).into_owned();
    let (words, json) = (read("err"), read("out"));
    let code = status.code().unwrap_or_else(|| panic!("{case}: {status}: {words}"));
    assert!(matches!(code, 0..=2), "{case}: exit code {code}: {words}");
    assert!(!words.contains("panicked"), "{case}: {words}");
    let may_run_out = command.get_program() == "sh";
    assert!(may_run_out || !words.contains("a library aborted"), "{case}: {words}");
    assert_eq!(words.matches("impasto: ").count(), usize::from(code != 0), "{case}: {words}");
    Ended { code, words, json }
}

/// Calls `case` with each number below `count`, on as many threads as there are cores.
pub fn each(count: usize, case: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    case(number);
                }
            });
        }
    });
}

/// How often each file is damaged: `usual`, or what IMPASTO_DAMAGE says.
pub fn times(usual: usize) -> usize {
    std::env::var("IMPASTO_DAMAGE").ok().and_then(|times| times.parse().ok()).unwrap_or(usual)
}

/// Keeps a damaged file that something is wrong with, and says where.
pub fn keep(path: &Path) -> String {
    let kept = std::env::temp_dir().join(format!("impasto-damage-{}", path.file_name().unwrap().to_string_lossy()));
    let _ = fs::copy(path, &kept);
    kept.display().to_string()
}
