//! Joins segments into the final file.

use std::path::Path;

use super::Encoding;
use super::folder::{Folder, Segment};
use crate::error::{Error, Result};
use crate::media::sequence::Numbered;
use crate::media::write::{CopiedStreams, Destination, Joined, PictureFiles, Shown};
use crate::sync::Stop;
use crate::warning::Warning;
use crate::whole::Unfinished;

/// Which segments of a job exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Number of segments before the first gap.
    pub contiguous: u64,
    /// Number of frames in those.
    pub frames: u64,
    /// Whether the last of those ends the film.
    pub complete: bool,
    /// Number of segments of the film; known once its last one is complete.
    total: Option<u64>,
    /// Numbers of all complete segments, in order.
    pub segments: Vec<u64>,
    /// Largest delay of the segments before the first gap; see [`Segment::delay`].
    delay: usize,
}

impl Inventory {
    /// Lists the segments in `folder`.
    ///
    /// # Errors
    /// A segment belongs to another job, or its record cannot be read.
    pub fn of(folder: &Folder) -> Result<Self> {
        let mut inventory = Self::default();
        for number in folder.numbers() {
            let Some(segment) = folder.segment(number)? else { continue };
            inventory.segments.push(number);
            if segment.next.is_none() {
                inventory.total = Some(number + 1);
            }
            if number == inventory.contiguous && !inventory.complete {
                inventory.contiguous += 1;
                inventory.frames += segment.frames.len() as u64;
                inventory.complete = segment.next.is_none();
                inventory.delay = inventory.delay.max(segment.delay);
            }
        }
        Ok(inventory)
    }

    /// The first gap at or after segment `first` that starts before `end`, as a half-open range: its first segment, and the
    /// one after its last; `None` for the latter if the gap reaches to the end of a film of unknown length.
    pub fn missing_from(&self, first: u64, end: Option<u64>) -> Option<(u64, Option<u64>)> {
        let end = end.into_iter().chain(self.total).min();
        let mut next = first;
        while self.segments.binary_search(&next).is_ok() {
            next += 1;
        }
        let after = self.segments.iter().copied().find(|&number| number > next);
        let is_wanted = end.is_none_or(|end| next < end);
        is_wanted.then(|| (next, after.into_iter().chain(end).min()))
    }

    /// The missing segments, for a sentence: `3, 5-7 and 9 onwards`.
    pub fn missing(&self) -> String {
        let mut gaps: Vec<String> = Vec::new();
        let mut next = 0;
        for &number in &self.segments {
            match number - next {
                0 => {}
                1 => gaps.push(next.to_string()),
                _ => gaps.push(format!("{next}-{}", number - 1)),
            }
            next = number + 1;
        }
        if self.total.is_none() {
            gaps.push(format!("{next} onwards"));
        }
        match gaps.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

/// The input of a job.
#[derive(Clone, Copy, Debug)]
pub struct Film<'a> {
    /// The file.
    pub path: &'a Path,
    /// Whether its beginning is skipped.
    pub cut: bool,
    /// It holds nothing but pictures, or can be read only once.
    pub alone: bool,
}

/// Creates `output` under a temporary name in `folder` and writes its header; also returns warnings. A job
/// calls this before its work and drops the result, to learn whether the container accepts the streams and what it omits.
///
/// # Errors
/// Those of [`CopiedStreams::open`] and [`Joined::create`].
pub fn begin(folder: &Folder, output: &Path, film: Film<'_>, encoding: &Encoding) -> Result<(Joined, Vec<Warning>)> {
    let encoder = encoding.encoder()?;
    let copied = if film.alone { None } else { Some(CopiedStreams::open(film.path, &encoding.info, film.cut)?) };
    let file = Unfinished::within(folder.path(), output).map_err(|error| Error::writing(output, &error))?;
    let file = Destination::Whole(file);
    let joined = Joined::create(file, encoding.container, &encoding.info, &encoder, copied)?;
    let warnings = joined.warnings().to_vec();
    Ok((joined, warnings))
}

/// Joins the segments of `folder` before the first gap, adds the streams that are copied from `film`, and writes `output`, under
/// the name `other` if there is one. Returns warnings; or `None`, and no output, if `stop` was requested before the end.
///
/// # Errors
/// A segment is damaged, or the output cannot be written.
pub fn join(
    folder: &Folder,
    inventory: &Inventory,
    (output, other): (&Path, Option<&Path>),
    film: Film<'_>,
    encoding: &Encoding,
    stop: &Stop,
) -> Result<Option<Vec<Warning>>> {
    let (mut joined, _) = begin(folder, output, film, encoding)?;
    joined.expect_delay(inventory.delay);
    let mut end = 0;
    for number in 0..inventory.contiguous {
        let frames = frames_of(folder, number)?;
        joined.add(&folder.file(number), &frames, &|| stop.requested())?;
        end = frames.last().map_or(end, |(time, duration)| time + duration);
    }
    if stop.requested() {
        return Ok(None);
    }
    let until = if inventory.complete { f64::INFINITY } else { end as f64 * encoding.frames.time_base.as_f64() };
    Ok(Some(joined.finish(until, other)?.into_iter().collect()))
}

/// Writes the pictures in the segments of `folder` before the first gap to files of these names, from number `first` on; the
/// last one to `other` if there is one. Returns the number after it; or `None`, and no new file, if `stop` was requested before
/// the end.
///
/// # Errors
/// A segment is damaged, or a file cannot be written.
pub fn unpack(
    folder: &Folder,
    inventory: &Inventory,
    (names, first): (&Numbered, u64),
    other: Option<&Path>,
    stop: &Stop,
) -> Result<Option<u64>> {
    folder.note_unpacking()?;
    let mut files = PictureFiles::new(names, folder.path(), first);
    for number in 0..inventory.contiguous {
        let count = frames_of(folder, number)?.len();
        files.add(&folder.file(number), count, &|| stop.requested())?;
    }
    if stop.requested() {
        files.discard();
        return Ok(None);
    }
    files.finish(other).map(Some)
}

fn frames_of(folder: &Folder, number: u64) -> Result<Vec<Shown>> {
    match folder.segment(number)? {
        Some(Segment { frames, .. }) => Ok(frames),
        None => Err(Error::failed(format!("'{}' is gone; paint it again", folder.file(number).display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_segments_are_listed_as_in_a_sentence() {
        let missing = |segments: &[u64], total| {
            Inventory { segments: segments.to_vec(), total, ..Inventory::default() }.missing()
        };
        assert_eq!(missing(&[], None), "0 onwards");
        assert_eq!(missing(&[0, 1], None), "2 onwards");
        assert_eq!(missing(&[0, 2, 4, 8], None), "1, 3, 5-7 and 9 onwards");
        assert_eq!(missing(&[0, 1], Some(2)), "");
        assert_eq!(missing(&[0, 1, 3], Some(4)), "2");
    }

    #[test]
    fn gaps_are_found_one_after_the_other() {
        let there = |segments: &[u64], total| Inventory { segments: segments.to_vec(), total, ..Inventory::default() };
        let begun = there(&[0, 1, 4], None);
        assert_eq!(begun.missing_from(0, None), Some((2, Some(4))));
        assert_eq!(begun.missing_from(4, None), Some((5, None)));
        assert_eq!(begun.missing_from(0, Some(3)), Some((2, Some(3))));
        assert_eq!(begun.missing_from(0, Some(2)), None);
        assert_eq!(there(&[0, 1], Some(2)).missing_from(0, None), None);
        assert_eq!(there(&[1], Some(2)).missing_from(0, Some(9)), Some((0, Some(1))));
        assert_eq!(there(&[], None).missing_from(3, None), Some((3, None)));
    }
}
