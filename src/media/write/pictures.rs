//! The segments of a film to a sequence of numbered pictures.

use std::fs;
use std::path::{Path, PathBuf};

use ffmpeg_next::{Error as FfmpegError, Packet};

use crate::error::{Error, Result};
use crate::media::read::Opening;
use crate::media::sequence::Numbered;
use crate::whole::Unfinished;

/// Pictures on their way to files. Each gets its name once it is complete.
pub struct PictureFiles<'a> {
    names: &'a Numbered,
    /// Where they are until then: in the same file system.
    folder: &'a Path,
    /// The number of the next picture.
    next: u64,
    /// The picture before that, which is not written yet.
    held: Option<Vec<u8>>,
    /// Those that were not there before.
    made: Vec<PathBuf>,
}

impl<'a> PictureFiles<'a> {
    /// Files of these names, from number `first` on, that grow in `folder`.
    pub fn new(names: &'a Numbered, folder: &'a Path, first: u64) -> Self {
        Self { names, folder, next: first, held: None, made: Vec::new() }
    }

    /// Writes the pictures of the segment in `path`, which are the packets of an encoder of pictures; the last one waits for
    /// the next segment, or for [`Self::finish`]. Returns early, between two pictures, once `stop` returns true.
    ///
    /// # Errors
    /// The segment is damaged or has not `count` pictures, or a picture cannot be written.
    pub fn add(&mut self, path: &Path, count: usize, stop: &dyn Fn() -> bool) -> Result<()> {
        let mut segment = Opening::segment(path)?.open()?;
        let damaged = || {
            let shown = path.display();
            Error::failed(format!(
                "'{shown}' is damaged; delete it, and run the same command without --join to repaint it"
            ))
        };
        let (mut packet, mut found) = (Packet::empty(), 0);
        while !stop() {
            match segment.next_packet(&mut packet) {
                Ok(()) => {}
                Err(FfmpegError::Eof) => break,
                Err(_) => return Err(damaged()),
            }
            self.write_held(None)?;
            self.held = Some(packet.data().ok_or_else(damaged)?.to_vec());
            self.next += 1;
            found += 1;
        }
        if found != count && !stop() { Err(damaged()) } else { Ok(()) }
    }

    /// Writes the last picture, under its own name or `other` instead. Returns the number after it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self, other: Option<&Path>) -> Result<u64> {
        self.write_held(other)?;
        Ok(self.next)
    }

    fn write_held(&mut self, other: Option<&Path>) -> Result<()> {
        let Some(bytes) = self.held.take() else { return Ok(()) };
        let file = self.names.file(self.next - 1);
        let is_new = !file.exists();
        let growing = Unfinished::within(self.folder, other.unwrap_or(&file));
        growing.and_then(|growing| growing.fill(&bytes)).map_err(|error| Error::writing(&file, &error))?;
        if is_new && other.is_none() {
            self.made.push(file);
        }
        Ok(())
    }

    /// Removes the pictures that were not there before: the job was stopped, and makes them again when it resumes.
    pub fn discard(self) {
        for file in self.made {
            // What cannot be removed is overwritten later.
            let _ = fs::remove_file(file);
        }
    }
}
