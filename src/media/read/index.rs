//! An index of a film: the time of every frame, and what some of them look like. With it, a seek is proven to give the frames
//! that decoding from the start gives.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::decoder::{DecodeOptions, Decoder};
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::whole;

/// Key frames are marked unless the mark before is closer than this, in frames: some codecs have nothing but key frames.
const CLOSEST: usize = 8;
/// So far apart are marks at most, in frames.
const FARTHEST: usize = 32;
/// Number of marks that must match between a seek and the wanted frame.
const PROOF: usize = 2;

/// The frames of a film as they are decoded: before anything is cut, scaled or resampled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Index {
    /// Identifies the file.
    pub film: String,
    /// Whether the film's clock jumps, so that a time says nothing of a place in the file.
    pub jumps: bool,
    /// When each frame is shown, in ticks of the stream.
    times: Vec<i64>,
    /// Duration of the last frame, in ticks of the stream.
    last: i64,
    marks: Vec<PictureMark>,
}

/// What one frame looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PictureMark {
    /// Position in the film, from 0.
    frame: usize,
    /// Whether it is a key frame.
    key: bool,
    /// SHA-256 of its RGB pixels.
    sha256: String,
}

/// As it is written: steps instead of times, since most films have few different ones.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    film: String,
    jumps: bool,
    first: i64,
    /// From frame to frame: so many ticks, so many times.
    steps: Vec<(i64, u64)>,
    last: i64,
    marks: Vec<PictureMark>,
}

const VERSION: u32 = 1;

impl From<Index> for Stored {
    fn from(index: Index) -> Self {
        let Index { film, jumps, times, last, marks } = index;
        let mut steps: Vec<(i64, u64)> = Vec::new();
        for pair in times.windows(2) {
            let step = pair[1] - pair[0];
            match steps.last_mut() {
                Some((same, count)) if *same == step => *count += 1,
                _ => steps.push((step, 1)),
            }
        }
        let first = times.first().copied().unwrap_or_default();
        Self { version: VERSION, film, jumps, first, steps, last, marks }
    }
}

impl TryFrom<Stored> for Index {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, &'static str> {
        let Stored { version, film, jumps, first, steps, last, marks } = stored;
        // A day of 1000 frames a second; more is damage.
        let frames = steps.iter().try_fold(1u64, |sum, (_, count)| sum.checked_add(*count));
        if version != VERSION || frames.is_none_or(|frames| frames > 86_400_000) {
            return Err("another version");
        }
        let (mut times, mut time) = (vec![first], first);
        for (step, count) in steps {
            for _ in 0..count {
                time = time.checked_add(step).ok_or("times that are no times")?;
                times.push(time);
            }
        }
        let ordered = marks.windows(2).all(|pair| pair[0].frame < pair[1].frame);
        let begins = marks.first().is_some_and(|mark| mark.frame == 0);
        let fits = marks.last().is_none_or(|mark| mark.frame < times.len());
        let grows = times.windows(2).all(|pair| pair[0] < pair[1]);
        if ordered && begins && fits && grows { Ok(Self { film, jumps, times, last, marks }) } else { Err("no order") }
    }
}

impl Index {
    /// Makes the index of the film at `path`, which `film` identifies, by decoding all of it. Calls `observe` with each number
    /// of frames and the expected total; it answers whether to continue. `None` if it did not.
    ///
    /// # Errors
    /// Those of [`Decoder::open`] and [`Decoder::next`].
    pub fn of_film(
        path: &Path,
        options: &DecodeOptions,
        film: String,
        observe: &mut dyn FnMut(u64, Option<u64>) -> bool,
    ) -> Result<Option<Self>> {
        let mut decoder = Decoder::open(path, options)?;
        let total = decoder.info().frames;
        let (mut times, mut marks) = (Vec::new(), Vec::<PictureMark>::new());
        let (mut frame, mut last) = (Frame::default(), 1);
        while decoder.skip()? {
            let Some((time, duration)) = decoder.shown else { break };
            let (number, key) = (times.len(), decoder.is_at_key_frame());
            times.push(time);
            last = duration;
            let since = marks.last().map_or(usize::MAX, |mark| number - mark.frame);
            if since >= FARTHEST || key && since >= CLOSEST {
                decoder.convert(&mut frame)?;
                marks.push(PictureMark { frame: number, key, sha256: sha256(&frame.pixels) });
            }
            if !observe(times.len() as u64, total) {
                return Ok(None);
            }
        }
        let jumps = decoder.input.cuts() > 0;
        Ok(Some(Self { film, jumps, times, last, marks }))
    }

    /// Reads an index; `None` if there is none at `path`.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or another version of impasto wrote it.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(error) => return Err(Error::reading(path, &error)),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| {
            let shown = path.display();
            Error::failed(format!(
                "the index '{shown}' is damaged or from another version of impasto; remove it, or write it again with --index"
            ))
        })
    }

    /// Writes it to `path`.
    ///
    /// # Errors
    /// The disk is full, or the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(io::Error::from);
        bytes.and_then(|bytes| whole::write(path, &bytes)).map_err(|error| Error::writing(path, &error))
    }

    /// Number of frames.
    pub fn frames(&self) -> usize {
        self.times.len()
    }

    /// When frame `number` is shown and for how long, in ticks of the stream; `None` after the end.
    pub fn shown(&self, number: usize) -> Option<(i64, i64)> {
        let time = *self.times.get(number)?;
        let duration = self.times.get(number + 1).map_or(self.last, |next| next - time);
        Some((time, duration))
    }

    /// The first frame that is shown at `time` or later.
    pub fn first_from(&self, time: i64) -> usize {
        self.times.partition_point(|&at| at < time)
    }

    /// Whether frame `number` has a mark.
    pub fn has_mark(&self, number: usize) -> bool {
        self.marks.binary_search_by_key(&number, |mark| mark.frame).is_ok()
    }

    /// Whether frame `number` looks as it did; true for frames without a mark.
    pub fn is_same(&self, number: usize, frame: &Frame) -> bool {
        let found = self.marks.binary_search_by_key(&number, |mark| mark.frame);
        found.is_err() || found.is_ok_and(|at| self.marks[at].sha256 == sha256(&frame.pixels))
    }

    /// Where to seek to reach frame `number`: from there on, enough marks lie before it to prove the place.
    pub fn landing(&self, number: usize) -> usize {
        let before = self.marks.partition_point(|mark| mark.frame <= number);
        self.marks.get(before.saturating_sub(PROOF)).map_or(0, |mark| mark.frame)
    }
}

impl Decoder {
    /// When the frame that was decoded last is shown, in ticks of the stream.
    pub fn shown_at(&self) -> Option<i64> {
        self.shown.map(|(time, _)| time)
    }

    /// Takes from an index whether the clock jumps, which takes reading the complete file otherwise.
    pub fn know_jumps(&mut self, jumps: bool) {
        self.input.know_jumps(jumps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(times: &[i64], marks: &[usize]) -> Index {
        let mark = |&frame: &usize| PictureMark { frame, key: false, sha256: frame.to_string() };
        let (film, marks) = ("film".to_owned(), marks.iter().map(mark).collect());
        Index { film, jumps: false, times: times.to_vec(), last: 7, marks }
    }

    #[test]
    fn an_index_comes_back_from_its_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mp4.index");
        assert_eq!(Index::read(&path).unwrap(), None);
        let written = index(&[-3, 1, 5, 9, 20, 24], &[0, 3]);
        written.write(&path).unwrap();
        assert_eq!(Index::read(&path).unwrap(), Some(written));
        std::fs::write(&path, "{}").unwrap();
        assert!(Index::read(&path).unwrap_err().to_string().contains("remove it"));
    }

    #[test]
    fn a_damaged_index_is_refused() {
        let stored = |text: &str| serde_json::from_str::<Index>(text).is_ok();
        let text = |steps: &str, marks: &str| {
            format!(
                r#"{{"version":1,"film":"","jumps":false,"first":0,"steps":{steps},"last":1,"marks":[{{"frame":{marks},"key":true,"sha256":""}}]}}"#
            )
        };
        assert!(stored(&text("[[1,5]]", "0")));
        assert!(!stored(&text("[[1,5]]", "1")), "the first frame has a mark");
        assert!(!stored(&text("[[0,5]]", "0")), "times grow");
        assert!(!stored(&text("[[1,18446744073709551615]]", "0")), "no memory for that");
        assert!(!stored(&text("[[9223372036854775807,3]]", "0")));
    }

    #[test]
    fn two_marks_lie_between_the_landing_and_the_frame() {
        let index = index(&(0..100).collect::<Vec<_>>(), &[0, 30, 60, 90]);
        assert_eq!([0, 29, 30, 59, 60, 99].map(|number| index.landing(number)), [0, 0, 0, 0, 30, 60]);
        assert_eq!((index.shown(99), index.shown(100)), (Some((99, 7)), None));
        assert_eq!((index.first_from(-5), index.first_from(40), index.first_from(1000)), (0, 40, 100));
    }
}
