//! Makes the index of a film, and finds it again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::films::Films;
use super::open;
use super::settings::FilmEvent;
use crate::error::{Error, Result};
use crate::media::read::{DecodeOptions, Index};
use crate::media::sequence::Numbered;
use crate::segments::folder;
use crate::segments::journal::fingerprint;
use crate::sync::Stop;
use crate::sync::pipe::is_pipe;
use crate::warning::Warning;

/// `film.mp4.index` beside `film.mp4`.
pub fn beside(film: &Path) -> PathBuf {
    let mut name = OsString::from(film);
    name.push(".index");
    name.into()
}

/// What the index of a film holds.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// The file that was written.
    pub written: PathBuf,
    /// Number of frames of the complete film.
    pub frames: u64,
}

impl Films<'_> {
    /// Decodes a film and writes its index to `output`, by default beside the film. With it, a job that paints only some
    /// segments begins at once, wherever they are. Calls `listen` with the progress.
    ///
    /// # Errors
    /// The film cannot be read, or the index cannot be written. [`Error::Interrupted`] if `stop` was requested.
    pub fn index(
        &self,
        film: &Path,
        output: Option<&Path>,
        stop: &Stop,
        listen: &(dyn Fn(FilmEvent) + Sync),
    ) -> Result<Indexed> {
        if is_pipe(film) || Numbered::of(film).is_some() || self.settings.raw_input.is_some() {
            return Err(Error::usage(
                "--index is for video files; pictures and raw frames are found without, and a pipe cannot be sought in",
            ));
        }
        let written = output.map_or_else(|| beside(film), Path::to_owned);
        let complete = DecodeOptions {
            start: None,
            duration: None,
            deinterlace: None,
            keep_hdr: false,
            ..open::decoding(self, None)
        };
        let mut observe = |frame, total| {
            listen(FilmEvent::Progress { frame, total, inference_share: 0.0 });
            !stop.requested()
        };
        let found = Index::of_film(film, &complete, fingerprint(film)?, &mut observe);
        listen(FilmEvent::Paused);
        let Some(index) = found? else {
            return Err(Error::Interrupted("interrupted; no index is written".into()));
        };
        index.write(&written)?;
        Ok(Indexed { written, frames: index.frames() as u64 })
    }
}

/// The index of the film of a job with these `facts`: beside the film, or in the job's folder. `None` if there is none, or if
/// it describes another film, which is told.
pub(super) fn find(
    film: &Path,
    parts: &Path,
    facts: &BTreeMap<String, String>,
    listen: &(dyn Fn(FilmEvent) + Sync),
) -> Result<Option<Arc<Index>>> {
    let is_file = !is_pipe(film) && Numbered::of(film).is_none();
    // What is deinterlaced has other pictures.
    if !is_file || ["deinterlace", "raw-input"].iter().any(|name| facts.contains_key(*name)) {
        return Ok(None);
    }
    let mut other = false;
    for path in [beside(film), parts.join(folder::INDEX)] {
        match Index::read(&path)? {
            Some(index) if facts.get("input") == Some(&index.film) => return Ok(Some(Arc::new(index))),
            found => other |= found.is_some(),
        }
    }
    if other {
        let reason = "it describes another film, or this one has changed".to_owned();
        listen(FilmEvent::Warning(Warning::IndexUnusable { video: film.to_owned(), reason }));
    }
    Ok(None)
}
