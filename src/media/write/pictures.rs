//! The segments of a film to a sequence of numbered pictures.

use std::fs;
use std::path::{Path, PathBuf};

use ffmpeg_next::{Error as FfmpegError, Packet};

use crate::error::{Error, Result};
use crate::media::read::Opening;
use crate::media::sequence::Numbered;
use crate::whole;

/// Pictures on their way to files. Each gets its name once it is complete.
pub struct PictureFiles<'a> {
    names: &'a Numbered,
    /// The number of the next picture.
    next: u64,
    /// Those that were not there before.
    made: Vec<PathBuf>,
}

impl<'a> PictureFiles<'a> {
    /// Files of these names, from number `first` on.
    pub fn new(names: &'a Numbered, first: u64) -> Self {
        Self { names, next: first, made: Vec::new() }
    }

    /// Writes the pictures of the segment in `path`, which are the packets of an encoder of pictures. Returns early,
    /// between two pictures, once `stop` returns true.
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
            let file = self.names.file(self.next);
            let is_new = !file.exists();
            let bytes = packet.data().ok_or_else(damaged)?;
            whole::write(&file, bytes).map_err(|error| Error::writing(&file, &error))?;
            if is_new {
                self.made.push(file);
            }
            self.next += 1;
            found += 1;
        }
        if found != count && !stop() { Err(damaged()) } else { Ok(()) }
    }

    /// Removes the pictures that were not there before: the job was stopped, and makes them again when it resumes.
    pub fn discard(self) {
        for file in self.made {
            // What cannot be removed is overwritten later.
            let _ = fs::remove_file(file);
        }
    }

    /// The number after the last picture.
    pub fn next(&self) -> u64 {
        self.next
    }
}
