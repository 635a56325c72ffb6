//! Segments to the final file.

use std::path::Path;

use super::Encoding;
use super::folder::{Folder, Segment};
use crate::error::{Error, Result};
use crate::media::write::{CopiedStreams, Joined, WholeFile};
use crate::pipeline::Stop;

/// What there is of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Segments from the first on without a gap.
    pub contiguous: u64,
    /// Frames in them.
    pub frames: u64,
    /// The last of them ends the film.
    pub complete: bool,
    /// How many segments the film has, if its last one is whole.
    total: Option<u64>,
    /// All whole segments, in order.
    pub whole: Vec<u64>,
    /// The greatest delay of the contiguous ones.
    delay: usize,
}

impl Inventory {
    /// Looks through `folder`.
    ///
    /// # Errors
    /// A segment is of another job, or cannot be read.
    pub fn of(folder: &Folder) -> Result<Self> {
        let mut inventory = Self::default();
        for number in folder.numbers() {
            let Some(segment) = folder.segment(number)? else { continue };
            inventory.whole.push(number);
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

    /// The first gap from segment `first` on that begins before `end`: the first segment of it, and the one after it, if
    /// there is one.
    pub fn missing_from(&self, first: u64, end: Option<u64>) -> Option<(u64, Option<u64>)> {
        let end = end.into_iter().chain(self.total).min();
        let mut next = first;
        while self.whole.binary_search(&next).is_ok() {
            next += 1;
        }
        let after = self.whole.iter().copied().find(|&number| number > next);
        let is_wanted = end.is_none_or(|end| next < end);
        is_wanted.then(|| (next, after.into_iter().chain(end).min()))
    }

    /// The segments that are missing, as a sentence has them: `3, 5 to 7 and all from 9 on`.
    pub fn missing(&self) -> String {
        let mut gaps: Vec<String> = Vec::new();
        let mut next = 0;
        for &number in &self.whole {
            match number - next {
                0 => {}
                1 => gaps.push(next.to_string()),
                _ => gaps.push(format!("{next} to {}", number - 1)),
            }
            next = number + 1;
        }
        if self.total.is_none() {
            gaps.push(format!("all from {next} on"));
        }
        match gaps.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} and {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

/// The film that is painted.
#[derive(Clone, Copy, Debug)]
pub struct Film<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its beginning is left out.
    pub cut: bool,
}

/// Begins `output` with its header, under a temporary name in `folder`. Nothing is written to it: whoever wants to know
/// whether the container takes all that, and what it leaves out, asks for this before the work and drops it.
///
/// # Errors
/// Those of [`CopiedStreams::open`] and [`Joined::create`].
pub fn begin(folder: &Folder, output: &Path, film: Film<'_>, encoding: &Encoding) -> Result<(Joined, Vec<String>)> {
    let encoder = encoding.encoder()?;
    let copied = CopiedStreams::open(film.path, &encoding.info, film.cut)?;
    let file = WholeFile::within(folder.path(), output)?;
    let joined = Joined::create(file, encoding.container, &encoding.info, &encoder, copied)?;
    let warnings = joined.warnings().to_vec();
    Ok((joined, warnings))
}

/// Joins the first segments of `folder`, as many as `inventory` found without a gap, with the streams of `film` that are
/// copied, into `output`; gives what a person should know about that. `None` if `stop` was requested before it was finished; it is
/// then not there.
///
/// # Errors
/// A segment is damaged, or the output cannot be written.
pub fn join(
    folder: &Folder,
    inventory: &Inventory,
    output: &Path,
    film: Film<'_>,
    encoding: &Encoding,
    stop: &Stop,
) -> Result<Option<Vec<String>>> {
    let (mut joined, _) = begin(folder, output, film, encoding)?;
    joined.expect_delay(inventory.delay);
    let mut end = 0;
    for number in 0..inventory.contiguous {
        let Some(Segment { frames, .. }) = folder.segment(number)? else {
            return Err(Error::failed(format!("'{}' has gone", folder.file(number).display())));
        };
        joined.add(&folder.file(number), &frames, &|| stop.requested())?;
        end = frames.last().map_or(end, |(time, duration)| time + duration);
    }
    if stop.requested() {
        return Ok(None);
    }
    let until = if inventory.complete { f64::INFINITY } else { end as f64 * encoding.frames.time_base.as_f64() };
    joined.finish(until).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_reads_as_a_sentence() {
        let missing =
            |whole: &[u64], total| Inventory { whole: whole.to_vec(), total, ..Inventory::default() }.missing();
        assert_eq!(missing(&[], None), "all from 0 on");
        assert_eq!(missing(&[0, 1], None), "all from 2 on");
        assert_eq!(missing(&[0, 2, 4, 8], None), "1, 3, 5 to 7 and all from 9 on");
        assert_eq!(missing(&[0, 1], Some(2)), "");
        assert_eq!(missing(&[0, 1, 3], Some(4)), "2");
    }

    #[test]
    fn gaps_are_found_one_after_the_other() {
        let there = |whole: &[u64], total| Inventory { whole: whole.to_vec(), total, ..Inventory::default() };
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
