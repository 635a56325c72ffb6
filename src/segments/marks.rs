//! Places in a film that are found again, or are known not to be.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::frame::Frame;
use crate::sync::lock;

/// A frame by its place, its times and what it shows: enough to prove that a seek has led to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Place among the frames of the film, from 0.
    pub index: u64,
    /// When it is shown, in ticks of the output.
    pub time: i64,
    /// The time of the decoded frame that it is, in ticks of the input; another one where the rate was changed.
    pub decoded: i64,
    /// Of its pixels.
    pub sha256: String,
}

impl Mark {
    /// The mark of a frame.
    pub fn of(frame: &Frame, index: u64, decoded: i64) -> Self {
        Self { index, time: frame.time, decoded, sha256: sha256(&frame.pixels) }
    }
}

/// The marks that a source leaves for whoever takes its frames. Clones share them.
#[derive(Clone, Debug)]
pub struct Marks {
    every: u64,
    before: u64,
    left: Arc<Mutex<BTreeMap<u64, Mark>>>,
}

impl Marks {
    /// Wants a mark at every multiple of `every` frames but 0, and `before` frames before each of them.
    pub fn new(every: u64, before: u64) -> Self {
        Self { every, before, left: Arc::default() }
    }

    /// Whether the frame at the place `index` is to be marked.
    pub fn want(&self, index: u64) -> bool {
        (index > 0 && index.is_multiple_of(self.every)) || (index + self.before).is_multiple_of(self.every)
    }

    /// Leaves a mark.
    pub fn leave(&self, mark: Mark) {
        lock(&self.left).insert(mark.index, mark);
    }

    /// Takes the two marks around the frame at the place `index`, a multiple of `every`, and forgets all before; `None`
    /// where the film did not go so far.
    pub fn take(&self, index: u64) -> Option<[Mark; 2]> {
        let mut left = lock(&self.left);
        let (first, second) = (left.get(&index.checked_sub(self.before)?).cloned(), left.get(&index).cloned());
        left.retain(|&at, _| at > index);
        Some([first?, second?])
    }
}
