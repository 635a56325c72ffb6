//! The folder of a job's segments, beside its output.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::marks::Mark;
use crate::error::{Error, Result};
use crate::media::write::Shown;
use crate::whole;

/// A segment that is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// The job that it is of: [`Journal::digest`].
    pub job: String,
    /// Size of its file.
    pub bytes: u64,
    /// By how many places a picture is stored later than it is shown, at most.
    pub delay: usize,
    /// When each frame is shown and for how long, in ticks of the output.
    pub frames: Vec<Shown>,
    /// The first frame of the next segment, and before it the one from which on the stabiliser must see the frames to warm up;
    /// `None` at the end of the film.
    pub next: Option<[Mark; 2]>,
}

/// How a folder is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// By one process alone.
    Alone,
    /// Together with others that paint other segments.
    Shared,
}

/// An open folder. Dropped, it is removed if no segment in it is whole.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    job: String,
    /// Held as long as the folder is open; the system lets it go with the process, however that ends.
    lock: File,
    usage: Use,
}

const JOURNAL: &str = "job.json";
const LOCK: &str = "lock";

impl Folder {
    /// The folder that belongs to `output`: `film.mp4.parts` beside `film.mp4`.
    pub fn beside(output: &Path) -> PathBuf {
        let mut name = OsString::from(output);
        name.push(".parts");
        name.into()
    }

    /// Opens the folder at `path`, making it if it is not there, for the job that `journal` describes. `restart` throws away
    /// what is in it.
    ///
    /// # Errors
    /// Another process works there, it holds another job, or it cannot be written.
    pub fn open(path: &Path, journal: &Journal, usage: Use, restart: bool) -> Result<Self> {
        let writing = |error| Error::writing(path, &error);
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(writing(error)),
            _ => {}
        }
        let lock = lock(path, usage)?;
        let folder = Self { path: path.to_owned(), job: journal.digest(), lock, usage };
        if restart {
            folder.clear(|_| true)?;
        }
        match read::<Journal>(&path.join(JOURNAL))? {
            Some(former) => {
                let changes = journal.changes_since(&former);
                if !changes.is_empty() {
                    return Err(Error::usage(format!(
                        "'{}' holds a job that was begun otherwise: {}; ask for the same to go on with it, or add --restart to \
                         begin anew",
                        path.display(),
                        changes.join(", ")
                    )));
                }
            }
            None => folder.write(JOURNAL, journal)?,
        }
        if usage == Use::Alone {
            // What processes left behind that were killed.
            folder.clear(|name| name.ends_with(whole::ENDING))?;
        }
        Ok(folder)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The job that its segments are of.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The file of segment `number`.
    pub fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:06}.nut"))
    }

    /// Segment `number`, if it is whole.
    ///
    /// # Errors
    /// It is of another job.
    pub fn segment(&self, number: u64) -> Result<Option<Segment>> {
        let facts = self.path.join(facts_name(number));
        let Some(segment) = read::<Segment>(&facts)? else { return Ok(None) };
        let file = self.file(number);
        if segment.job != self.job {
            return Err(Error::failed(format!(
                "'{}' belongs to another job, with another input or other settings; take it away with its {}",
                file.display(),
                facts_name(number)
            )));
        }
        let is_whole = fs::metadata(&file).is_ok_and(|found| found.len() == segment.bytes);
        Ok((is_whole && !segment.frames.is_empty()).then_some(segment))
    }

    /// Says that segment `number`, whose file is there, is whole.
    ///
    /// # Errors
    /// The disk is full, or the folder has gone.
    pub fn keep(&self, number: u64, segment: &Segment) -> Result<()> {
        self.write(&facts_name(number), segment)
    }

    /// Numbers of the segments whose facts are there, in order; some may not be whole.
    pub fn numbers(&self) -> Vec<u64> {
        let names = self.names();
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Removes the job, and the folder if nobody has put anything else into it.
    ///
    /// # Errors
    /// A file may not be removed.
    pub fn remove(self) -> Result<()> {
        self.clear(|_| true)
        // The rest is done as for every folder without a segment.
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).into_iter().flatten();
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }

    /// Removes the files of a job whose names are `unwanted`; other people's files stay.
    fn clear(&self, unwanted: impl Fn(&str) -> bool) -> Result<()> {
        for name in self.names() {
            let number = name.strip_suffix(".nut").or_else(|| name.strip_suffix(".json"));
            let is_segment = number.is_some_and(|number| number.parse::<u64>().is_ok());
            let is_own = is_segment || name == JOURNAL || name.ends_with(whole::ENDING);
            if is_own && unwanted(&name) {
                let path = self.path.join(name);
                fs::remove_file(&path).map_err(|error| Error::writing(&path, &error))?;
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let path = self.path.join(name);
        let written = serde_json::to_vec(value).map_err(std::io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            whole::write(&path, &bytes)
        });
        written.map_err(|error| Error::writing(&path, &error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // One that is shared is taken alone first: others may have only begun.
        let is_alone = || self.usage == Use::Alone || self.lock.try_lock().is_ok();
        if self.numbers().is_empty() && is_alone() && self.clear(|_| true).is_ok() {
            // What is left of other people's files stays, and so does the folder then.
            let _ = fs::remove_file(self.path.join(LOCK));
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn facts_name(number: u64) -> String {
    format!("{number:06}.json")
}

/// Takes the folder's lock. It belongs to the open file, so none is left of a process that was killed.
fn lock(folder: &Path, usage: Use) -> Result<File> {
    let path = folder.join(LOCK);
    let writing = |error| Error::writing(&path, &error);
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(writing)?;
    let locked = match usage {
        Use::Alone => file.try_lock(),
        Use::Shared => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Only for the sentence.
            let _ = file.read_to_string(&mut owner);
            return Err(Error::failed(format!(
                "another impasto (process {}) is at work in '{}'; wait until it has ended, or stop it",
                owner.trim(),
                folder.display()
            )));
        }
        // Some network file systems have no locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(writing(error)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(writing)?;
    Ok(file)
}

/// A file of ours; `None` where there is none.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::reading(path, &error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        let shown = path.display();
        Error::failed(format!(
            "'{shown}' is damaged or of another version of impasto ({error}); add --restart to begin anew"
        ))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn journal(crf: &str) -> Journal {
        Journal { facts: BTreeMap::from([("--crf".to_owned(), crf.to_owned())]) }
    }

    fn segment(folder: &Folder, bytes: u64) -> Segment {
        Segment { job: folder.job().to_owned(), bytes, delay: 2, frames: vec![(0, 1)], next: None }
    }

    #[test]
    fn a_segment_counts_when_its_facts_and_all_of_its_bytes_are_there() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("a.mp4.parts"), &journal("20"), Use::Alone, false).unwrap();
        assert_eq!(folder.segment(0).unwrap(), None);
        fs::write(folder.file(0), b"12345").unwrap();
        assert_eq!(folder.segment(0).unwrap(), None);
        folder.keep(0, &segment(&folder, 5)).unwrap();
        assert_eq!(folder.segment(0).unwrap(), Some(segment(&folder, 5)));
        fs::write(folder.file(0), b"123").unwrap();
        assert_eq!(folder.segment(0).unwrap(), None);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_that_somebody_laid_is_not_followed() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::open(&place.path().join("a.mp4.parts"), &journal("20"), Use::Alone, false).unwrap();
        let elsewhere = place.path().join("precious");
        fs::write(&elsewhere, b"theirs").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.path().join(facts_name(0))).unwrap();
        folder.keep(0, &segment(&folder, 5)).unwrap();
        assert_eq!(fs::read(&elsewhere).unwrap(), b"theirs");
        assert_eq!(folder.numbers(), [0]);
    }

    #[test]
    fn two_processes_cannot_both_have_a_job_alone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.mp4.parts");
        let open = |usage| Folder::open(&path, &journal("20"), usage, false);
        let first = open(Use::Alone).unwrap();
        let refused = open(Use::Shared).unwrap_err().to_string();
        assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        drop(first);
        let _first = open(Use::Shared).unwrap();
        let _second = open(Use::Shared).unwrap();
        assert!(open(Use::Alone).is_err());
    }

    #[test]
    fn another_job_is_refused_by_name_unless_it_begins_anew() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.mp4.parts");
        let open = |crf, restart| Folder::open(&path, &journal(crf), Use::Alone, restart);
        {
            let folder = open("20", false).unwrap();
            fs::write(folder.file(0), b"12345").unwrap();
            folder.keep(0, &segment(&folder, 5)).unwrap();
        }
        let refused = open("16", false).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        assert!(refused.to_string().contains("--crf is '16' and was '20'"), "{refused}");
        assert!(open("20", false).unwrap().segment(0).unwrap().is_some());
        let anew = open("16", true).unwrap();
        assert!(anew.numbers().is_empty());
        drop(anew);
        assert!(!path.exists(), "nothing whole, nothing left");
    }
}
