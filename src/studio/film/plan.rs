//! What a film job would paint and how, for a program that shares it among machines.

use std::collections::BTreeMap;

use super::films::Films;
use super::settings::{FilmEvent, FilmJob, Work};
use super::{index, open};
use crate::error::Result;
use crate::segments::folder::Folder;
use crate::segments::journal::{DEVICE, Journal, RUNTIME};
use crate::source::Source;
use crate::sync::Stop;

/// What a film job would paint and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Identifies the job's segments: those of another job are never mixed with them.
    pub job: String,
    /// Everything that determines the frames, by the names that users know.
    pub facts: BTreeMap<String, String>,
    /// Width and height of the painted frames, in pixels.
    pub size: (u32, u32),
    /// Number of frames; `None` if unknown.
    pub frames: Option<u64>,
    /// Whether that is exact, because the film has an index.
    pub exact: bool,
    /// Frames in a segment.
    pub segment_frames: u64,
}

impl Films<'_> {
    /// Finds out what `job` would paint, and on which device unless it only joins. Writes nothing.
    ///
    /// # Errors
    /// Those of [`Films::paint`] before the first frame.
    pub fn plan(&mut self, job: &FilmJob, stop: &Stop, listen: &(dyn Fn(FilmEvent) + Sync)) -> Result<Plan> {
        let opened = open::open(job, self, stop)?;
        let (mut facts, format) = (opened.facts, opened.source.format());
        // A deinterlaced film differs from its index in its pictures, not in their number.
        let mut as_indexed = facts.clone();
        as_indexed.remove("deinterlace");
        let found = index::find(&job.input, &Folder::beside(&job.output), &as_indexed, listen)?;
        let counted = found.map(|index| opened.source.frames_by(&index));
        if job.work != Work::Join {
            let painter = self.load((format.width, format.height))?;
            facts.insert(DEVICE.to_owned(), painter.device().to_string());
            facts.extend(painter.engine().map(|engine| (RUNTIME.to_owned(), engine.runtime.version())));
        }
        let journal = Journal { facts };
        Ok(Plan {
            job: journal.digest(),
            facts: journal.facts,
            size: opened.size,
            frames: counted.or(format.frames),
            exact: counted.is_some(),
            segment_frames: self.settings.segment_frames,
        })
    }
}
