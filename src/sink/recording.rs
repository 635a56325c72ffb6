//! Records a show while its settings say so, each time into a new file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Sink;
use crate::error::{Error, Result};
use crate::frame::{Frame, Stamp};
use crate::media::write::{Destination, StreamFormat, StreamWriter, growing_name};
use crate::show::Show;
use crate::warning::Warning;
use crate::whole;

/// Starts and stops files as [`crate::show::Settings::record`] changes.
pub struct RecordingSink {
    show: Arc<Show>,
    /// The requested name; further recordings get a number.
    wanted: PathBuf,
    format: StreamFormat,
    open: Option<Recording>,
}

/// The file being written.
struct Recording {
    writer: StreamWriter,
    path: PathBuf,
    /// [`Stamp::time`] of its first frame.
    start: i64,
}

impl RecordingSink {
    /// Records into `wanted` (and `wanted-2` and so on), frames of `format`.
    ///
    /// # Errors
    /// The file name's extension is not a video format, no codec of impasto fits it, or its folder is not writable.
    pub fn new(wanted: &Path, format: StreamFormat, show: Arc<Show>) -> Result<Self> {
        StreamWriter::check(wanted, format)?;
        let growing = growing_name(wanted)?;
        whole::probe(&growing).map_err(|error| Error::writing(wanted, &error))?;
        Ok(Self { show, wanted: wanted.to_owned(), format, open: None })
    }

    /// Begins a file with its first frame.
    fn begin(&self, frame: &Frame, stamp: Stamp) -> Result<Recording> {
        let path = free_name(&self.wanted, 1);
        let mut writer = StreamWriter::open(Destination::Growing(path.clone()), self.format)?;
        writer.put(frame, Stamp { time: 0, ..stamp })?;
        Ok(Recording { writer, path, start: stamp.time })
    }

    /// Ends a recording that failed; the show continues without it. What was written until then plays.
    fn fail(&mut self, error: &Error) {
        let kept = self.open.take().and_then(|recording| growing_name(&recording.path).ok());
        let kept = kept.filter(|path| fs::metadata(path).is_ok_and(|found| found.len() > 0));
        self.show.notice("recording", Some(Warning::RecordingEnded { reason: error.to_string(), kept }));
        self.show.change(|settings| settings.record = false);
        self.show.measure(|statistics| statistics.recording = None);
    }

    fn end(&mut self) -> Result<()> {
        let Some(recording) = self.open.take() else { return Ok(()) };
        self.show.measure(|statistics| statistics.recording = None);
        recording.writer.finish()?;
        self.show.measure(|statistics| statistics.recorded.push(recording.path.display().to_string()));
        Ok(())
    }
}

impl Sink for RecordingSink {
    fn put_at(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        let record = self.show.read(|settings| settings.record);
        let outcome = match (&mut self.open, record) {
            (None, false) => Ok(()),
            (Some(_), false) => self.end(),
            (None, true) => self.begin(frame, stamp).map(|recording| {
                self.show.notice("recording", None);
                self.show.measure(|statistics| statistics.recording = Some(recording.path.display().to_string()));
                self.open = Some(recording);
            }),
            (Some(recording), true) => {
                recording.writer.put(frame, Stamp { time: stamp.time - recording.start, ..stamp })
            }
        };
        if let Err(error) = outcome {
            self.fail(&error);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.end()
    }
}

/// `wanted`, or `wanted` with the first number that is not taken by a file or a recording in progress.
pub fn free_name(wanted: &Path, first: u32) -> PathBuf {
    let (stem, ending) = (wanted.file_stem().unwrap_or_default(), wanted.extension().unwrap_or_default());
    let (stem, ending) = (stem.to_string_lossy(), ending.to_string_lossy());
    let named = |number: u32| match number {
        1 => wanted.to_owned(),
        number => wanted.with_file_name(format!("{stem}-{number}.{ending}")),
    };
    let is_free = |path: &PathBuf| !path.exists() && !growing_name(path).is_ok_and(|growing| growing.exists());
    (first..).map(named).find(is_free).unwrap_or_else(|| wanted.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_recording_replaces_another() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("show.mkv");
        assert_eq!(free_name(&wanted, 1), wanted);
        fs::write(&wanted, "").unwrap();
        assert_eq!(free_name(&wanted, 1), folder.path().join("show-2.mkv"));
        fs::write(folder.path().join("show-2.recording.mkv"), "").unwrap();
        assert_eq!(free_name(&wanted, 1), folder.path().join("show-3.mkv"));
    }
}
