//! The folder that holds a job's segments, beside the output file.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::journal::Journal;
use super::marks::Mark;
use crate::digest::sha256;
use crate::error::{Error, Result};
use crate::media::write::Shown;
use crate::whole;

/// A complete segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// The job that it belongs to: [`Journal::digest`].
    pub job: String,
    /// Size of its file, in bytes.
    pub bytes: u64,
    /// How many positions a frame is stored later than it is shown, at most.
    pub delay: usize,
    /// Timestamp and duration of each frame, in ticks of the output.
    pub frames: Vec<Shown>,
    /// Marks of two frames for the next segment: the one where the stabiliser's warm-up starts, and the segment's first one.
    /// `None` at the end of the film.
    pub next: Option<[Mark; 2]>,
}

/// Who may work in a folder at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// One process.
    Alone,
    /// Several processes, each painting other segments.
    Shared,
}

/// An open folder. Dropping it removes the folder if it holds no segment.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    job: String,
    /// Held while the folder is open. The system releases it when the process ends, even by a kill.
    lock: File,
    usage: Use,
    /// See [`Self::moved`].
    moved: Vec<String>,
}

const JOURNAL: &str = "job.json";
/// Says that numbered pictures of the job already have their names.
const UNPACKING: &str = "unpacking";
/// The film's index, if it cannot be beside the film.
pub const INDEX: &str = "film.index";
/// The ending of its name.
const ENDING: &str = ".parts";
/// Bytes in the longest name that file systems take.
const LONGEST: usize = 255;

const LOCK: &str = "lock";

impl Folder {
    /// The folder for `output`: `film.mp4.parts` beside `film.mp4`. The name of a film that leaves no room for that is
    /// shortened.
    pub fn beside(output: &Path) -> PathBuf {
        let name = output.file_name().unwrap_or_default();
        if name.len() + ENDING.len() > LONGEST {
            let (text, digest) = (name.to_string_lossy(), sha256(name.as_encoded_bytes()));
            let start: String = text.chars().take(LONGEST / 8).collect();
            return output.with_file_name(format!("{start}-{}{ENDING}", &digest[..16]));
        }
        let mut name = OsString::from(output);
        name.push(ENDING);
        name.into()
    }

    /// Removes a folder in which a killed job left nothing of use.
    pub fn sweep(output: &Path) {
        let path = Self::beside(output);
        let is_empty = || names_in(&path).iter().all(|name| name == LOCK);
        // Another process that works there keeps it.
        if path.is_dir()
            && is_empty()
            && let Ok(lock) = lock(&path, Use::Alone)
        {
            drop(Self { path, job: String::new(), lock, usage: Use::Alone, moved: Vec::new() });
        }
    }

    /// Notes that pictures of the job are about to get their names; the job resumes all the same if it is killed meanwhile.
    ///
    /// # Errors
    /// The disk is full, or the folder is gone.
    pub fn note_unpacking(&self) -> Result<()> {
        let path = self.path.join(UNPACKING);
        whole::write(&path, b"").map_err(|error| Error::writing(&path, &error))
    }

    /// Whether a job that was killed left some of the pictures that `output` stands for.
    pub fn was_unpacking(output: &Path) -> bool {
        Self::beside(output).join(UNPACKING).exists()
    }

    /// Opens the folder at `path` for the job that `journal` describes, and creates it if it does not exist. `restart`
    /// deletes the segments that are in it.
    ///
    /// # Errors
    /// Another process works in it, it holds a job with other settings, or it cannot be written.
    pub fn open(path: &Path, journal: &Journal, usage: Use, restart: bool) -> Result<Self> {
        let writing = |error| Error::writing(path, &error);
        match fs::create_dir(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(writing(error)),
            _ => {}
        }
        let lock = lock(path, usage)?;
        let mut folder = Self { path: path.to_owned(), job: journal.digest(), lock, usage, moved: Vec::new() };
        if restart {
            folder.clear(|_| true)?;
        }
        match read::<Journal>(&path.join(JOURNAL))? {
            Some(former) => {
                let changes = journal.changes_since(&former);
                if !changes.is_empty() {
                    return Err(Error::usage(format!(
                        "the job in '{}' has other settings: {}; use the same settings to resume it, or add --restart to start \
                         over",
                        path.display(),
                        changes.join(", ")
                    )));
                }
                // On another device a film resumes, and says so; from now on that one counts. Machines that share a film differ.
                folder.moved = journal.machine_changes_since(&former);
                if usage == Use::Alone && !folder.moved.is_empty() {
                    folder.write(JOURNAL, journal)?;
                }
            }
            None => folder.write(JOURNAL, journal)?,
        }
        if usage == Use::Alone {
            // Temporary files of processes that were killed.
            folder.clear(|name| name.ends_with(whole::ENDING))?;
        }
        Ok(folder)
    }

    /// In what the machine differs from the one that painted the segments that are there: `--device is 'cpu' and was 'webgpu'`.
    pub fn moved(&self) -> &[String] {
        &self.moved
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The digest of the job that the segments belong to.
    pub fn job(&self) -> &str {
        &self.job
    }

    /// The file of segment `number`.
    pub fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:06}.nut"))
    }

    /// Segment `number`, if it is complete.
    ///
    /// # Errors
    /// It belongs to another job.
    pub fn segment(&self, number: u64) -> Result<Option<Segment>> {
        let facts = self.path.join(facts_name(number));
        let Some(segment) = read::<Segment>(&facts)? else { return Ok(None) };
        let file = self.file(number);
        if segment.job != self.job {
            return Err(Error::failed(format!(
                "'{}' belongs to a job with another input or other settings; remove it and {}",
                file.display(),
                facts_name(number)
            )));
        }
        let is_complete = fs::metadata(&file).is_ok_and(|found| found.len() == segment.bytes);
        Ok((is_complete && !segment.frames.is_empty()).then_some(segment))
    }

    /// Records that segment `number` is complete; its file must exist.
    ///
    /// # Errors
    /// The disk is full, or the folder is gone.
    pub fn keep(&self, number: u64, segment: &Segment) -> Result<()> {
        self.write(&facts_name(number), segment)
    }

    /// Numbers of the recorded segments, in order. The file of one may be missing or truncated; see [`Self::segment`].
    pub fn numbers(&self) -> Vec<u64> {
        let names = names_in(&self.path);
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Removes the job's files, and the folder unless it holds files of others.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn remove(self) -> Result<()> {
        // The journal goes last: until then, a later run knows what these files are.
        self.clear(|name| name != JOURNAL)
        // Dropping `self` removes the rest, as for every folder without segments.
    }

    /// Removes the job's files whose names are `unwanted`; files of others stay.
    fn clear(&self, unwanted: impl Fn(&str) -> bool) -> Result<()> {
        for name in names_in(&self.path) {
            let number = name.strip_suffix(".nut").or_else(|| name.strip_suffix(".json"));
            let is_segment = number.is_some_and(|number| number.parse::<u64>().is_ok());
            let is_own =
                is_segment || [JOURNAL, UNPACKING, INDEX].contains(&name.as_str()) || name.ends_with(whole::ENDING);
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
        // A shared folder must be locked exclusively first: other processes may have just started in it.
        let is_alone = || self.usage == Use::Alone || self.lock.try_lock().is_ok();
        if self.numbers().is_empty() && is_alone() && self.clear(|_| true).is_ok() {
            // The folder stays if it holds files of others.
            let _ = fs::remove_file(self.path.join(LOCK));
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect()
}

fn facts_name(number: u64) -> String {
    format!("{number:06}.json")
}

/// Locks the folder. The lock belongs to the open file, so a killed process leaves none behind.
///
/// # Errors
/// Another process works there, or nothing can be written.
pub fn lock(folder: &Path, usage: Use) -> Result<File> {
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
            // Only for the message, so a failure does not matter.
            let _ = file.read_to_string(&mut owner);
            return Err(Error::failed(format!(
                "another impasto (process {}) is working in '{}'; wait until it ends, or stop it",
                owner.trim(),
                folder.display()
            )));
        }
        // Some network file systems do not support locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(writing(error)),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(writing)?;
    Ok(file)
}

/// Reads a JSON file of the job; `None` if it does not exist.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::reading(path, &error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|_| {
        let shown = path.display();
        Error::failed(format!("'{shown}' is damaged or from another version of impasto; add --restart to start over"))
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
    fn a_segment_counts_only_with_its_record_and_all_of_its_bytes() {
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
    fn a_name_without_room_for_an_ending_is_shortened_and_stays_its_own() {
        let long = |last: &str| Folder::beside(Path::new(&format!("out/{}{last}.mp4", "ä".repeat(124))));
        let (a, b) = (long("a"), long("b"));
        assert!(a.file_name().unwrap().len() <= 255 && a != b, "{}", a.display());
        assert_eq!(a.parent(), Some(Path::new("out")));
        assert_eq!(Folder::beside(Path::new("out/film.mp4")), Path::new("out/film.mp4.parts"));
    }

    #[test]
    fn a_folder_without_anything_of_use_is_swept_away_and_no_other() {
        let place = tempfile::tempdir().unwrap();
        let output = place.path().join("a.mp4");
        let path = Folder::beside(&output);
        for (left, is_swept) in [(None, true), (Some(LOCK), true), (Some("notes.txt"), false), (Some(JOURNAL), false)] {
            fs::create_dir_all(&path).unwrap();
            left.into_iter().for_each(|name| fs::write(path.join(name), b"7").unwrap());
            Folder::sweep(&output);
            assert_eq!(!path.exists(), is_swept, "{left:?}");
            let _ = fs::remove_dir_all(&path);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_planted_link_is_not_followed() {
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
    fn two_processes_cannot_both_have_exclusive_use() {
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
    fn a_changed_setting_is_reported_and_refused_unless_the_job_restarts() {
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
        let restarted = open("16", true).unwrap();
        assert!(restarted.numbers().is_empty());
        drop(restarted);
        assert!(!path.exists(), "a folder without segments is removed");
    }
}
