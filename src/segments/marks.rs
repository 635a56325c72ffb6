//! Marks: recorded frames that prove whether a seek led to the right place in a film.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use crate::digest::sha256;
use crate::frame::Frame;
use crate::sync::lock;

/// Identifies a frame by position, timestamps and pixels; enough to prove that a seek has reached it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Position among the frames of the film, from 0.
    pub index: u64,
    /// Timestamp in ticks of the output.
    pub time: i64,
    /// Timestamp of the decoded frame, in ticks of the input; differs from `time` if the frame rate was changed.
    pub decoded: i64,
    /// SHA-256 of the pixels, in hexadecimal.
    pub sha256: String,
}

impl Mark {
    /// The mark of a frame.
    pub fn of(frame: &Frame, index: u64, decoded: i64) -> Self {
        Self { index, time: frame.time, decoded, sha256: sha256(&frame.pixels) }
    }
}

/// The marks that a source records for the sink. Clones share them.
#[derive(Clone, Debug)]
pub struct Marks {
    every: u64,
    before: u64,
    left: Arc<Mutex<BTreeMap<u64, Mark>>>,
}

impl Marks {
    /// Requests a mark at every multiple of `every` frames except 0, and `before` frames before each of them, or at 0 if that is
    /// before the film.
    pub fn new(every: u64, before: u64) -> Self {
        Self { every, before, left: Arc::default() }
    }

    /// Whether the frame at position `index` needs a mark.
    pub fn want(&self, index: u64) -> bool {
        match index {
            0 => self.every <= self.before || self.before.is_multiple_of(self.every),
            _ => index.is_multiple_of(self.every) || (index + self.before).is_multiple_of(self.every),
        }
    }

    /// Records a mark.
    pub fn leave(&self, mark: Mark) {
        lock(&self.left).insert(mark.index, mark);
    }

    /// Takes the two marks for the frame at position `index`, a multiple of `every`, and discards all earlier ones. `None` if
    /// the film ended before.
    pub fn take(&self, index: u64) -> Option<[Mark; 2]> {
        let mut left = lock(&self.left);
        let (first, second) = (left.get(&index.saturating_sub(self.before)).cloned(), left.get(&index).cloned());
        // Short segments begin more than a segment before their first frame.
        left.retain(|&at, _| at + self.before >= index + self.every);
        Some([first?, second?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_as_short_as_the_warm_up_find_both_of_their_marks() {
        for (every, before) in
            [(32, 32), (33, 32), (50, 32), (64, 32), (32, 64), (33, 64), (50, 64), (64, 64), (300, 64)]
        {
            let marks = Marks::new(every, before);
            let mark = |index| Mark { index, time: 0, decoded: 0, sha256: String::new() };
            for index in 0..=every * 4 {
                if marks.want(index) {
                    marks.leave(mark(index));
                }
                if index > 0 && index % every == 0 {
                    assert_eq!(
                        marks.take(index),
                        Some([mark(index.saturating_sub(before)), mark(index)]),
                        "{every}: {index}"
                    );
                }
            }
        }
    }
}
