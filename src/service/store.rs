//! The jobs, in memory and in a folder. A job's folder holds its journal and its files; the journal is written last, so a folder
//! without one is what an upload left that never ended.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, PoisonError};

use axum::http::StatusCode;
use bytes::Bytes;
use tokio::sync::watch;

use super::job::{Job, Journal, Outcome, Progress, State};
use crate::error::{Error, Result};
use crate::segments::folder::{self, Use};
use crate::sync::{Stop, lock};
use crate::web::answer::Refusal;
use crate::web::guard::random_token;
use crate::whole;

/// Jobs that are kept; beyond it, the oldest that ended go.
const KEPT: usize = 200;
/// Jobs that may wait, all together and of one client.
const WAITING: usize = 50;
const WAITING_EACH: usize = 10;

const JOURNAL: &str = "job.json";
/// The newest painting of a job that has ended.
const PREVIEW: &str = "preview.jpg";

/// All jobs.
pub struct Store {
    folder: PathBuf,
    /// Held while the server runs: a second one would do the same jobs.
    _lock: File,
    /// Bytes that all jobs together may have on the disk.
    disk: u64,
    inner: Mutex<Inner>,
    /// For the thread that does the jobs.
    changed: Condvar,
    /// For clients that follow; grows with every change.
    revision: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    /// By number.
    entries: Vec<Entry>,
    /// Bytes that uploads in progress may need.
    reserved: u64,
    last_client: String,
    next_number: u64,
    is_closed: bool,
}

struct Entry {
    journal: Journal,
    progress: Option<Progress>,
    /// The newest painting as JPEG, and how many there were.
    preview: (u64, Bytes),
    stop: Stop,
    /// A client wants it to end.
    is_cancelled: bool,
    /// It goes as soon as it has ended.
    is_deleted: bool,
    /// On the disk.
    bytes: u64,
}

/// A job that is being done.
pub struct Running {
    pub journal: Journal,
    pub folder: PathBuf,
    pub stop: Stop,
}

/// A job that is being received. Its folder goes if it is dropped.
pub struct Draft<'a> {
    store: &'a Store,
    pub id: String,
    pub folder: PathBuf,
    reserved: u64,
    is_kept: bool,
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        lock(&self.store.inner).reserved -= self.reserved;
        if !self.is_kept {
            // What cannot be removed now is removed at the next start.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Store {
    /// Opens the folder, makes it if it is missing, and takes up the jobs that are in it.
    ///
    /// # Errors
    /// Another server uses it, or it cannot be written.
    pub fn open(folder: &Path, disk: u64) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
        let lock = folder::lock(folder, Use::Alone)?;
        let mut entries = Vec::new();
        let inside = fs::read_dir(folder).map_err(|error| Error::reading(folder, &error))?;
        for path in inside.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
            let journal =
                fs::read(path.join(JOURNAL)).ok().and_then(|text| serde_json::from_slice::<Journal>(&text).ok());
            match journal {
                Some(journal) if path.file_name().is_some_and(|name| name == journal.id.as_str()) => {
                    let preview = fs::read(path.join(PREVIEW)).unwrap_or_default();
                    entries.push(Entry::new(journal, size_of(&path), preview.into()));
                }
                // Not one of ours: only what looks like an upload that never ended is removed.
                _ if is_id(&path) && !path.join(JOURNAL).exists() => {
                    let _ = fs::remove_dir_all(&path);
                }
                _ => {}
            }
        }
        entries.sort_by_key(|entry| entry.journal.number);
        let next_number = entries.last().map_or(0, |entry| entry.journal.number + 1);
        let inner = Mutex::new(Inner { entries, next_number, ..Inner::default() });
        let (changed, revision) = (Condvar::new(), watch::Sender::new(0));
        Ok(Self { folder: folder.to_owned(), _lock: lock, disk, inner, changed, revision })
    }

    /// Makes room for a job of `client` whose files may need so many `bytes`, and a folder for it. Old results go for it.
    ///
    /// # Errors
    /// Too many jobs wait, or the room is taken by jobs that have not ended.
    pub fn draft(&self, client: &str, bytes: u64) -> Result<Draft<'_>, Refusal> {
        let id = random_token()?;
        let mut gone = Vec::new();
        let room = self.make_room(client, bytes, &mut gone);
        for id in gone {
            let _ = fs::remove_dir_all(self.folder.join(id));
        }
        room?;
        // Its end gives the room back.
        let draft = Draft { store: self, folder: self.folder.join(&id), id, reserved: bytes, is_kept: false };
        fs::create_dir(&draft.folder).map_err(|error| Error::writing(&draft.folder, &error))?;
        self.tell();
        Ok(draft)
    }

    /// Reserves room for `bytes` of a job of `client`; the folders of `gone` are then removed.
    fn make_room(&self, client: &str, bytes: u64, gone: &mut Vec<String>) -> Result<(), Refusal> {
        let mut inner = lock(&self.inner);
        let waiting = || inner.entries.iter().filter(|entry| !entry.journal.state.is_final());
        let own = waiting().filter(|entry| entry.journal.client == client).count();
        if own >= WAITING_EACH || waiting().count() >= WAITING {
            let words = if own >= WAITING_EACH {
                format!("{own} of your jobs are waiting already; wait until one has ended, or cancel one")
            } else {
                format!("{} jobs are waiting already; wait until one has ended", waiting().count())
            };
            return Err(Refusal::busy(words, 30));
        }
        let no_room = || {
            let words = format!(
                "there is no room for it: jobs may have {} MiB on the disk; delete some, or start the server with a higher --disk",
                self.disk >> 20
            );
            Refusal::new(StatusCode::INSUFFICIENT_STORAGE, words)
        };
        // Before anything goes for a job that has no room in any case.
        let held = waiting().map(|entry| entry.bytes).sum::<u64>() + inner.reserved;
        if held.saturating_add(bytes) > self.disk {
            return Err(no_room());
        }
        loop {
            let used = inner.entries.iter().map(|entry| entry.bytes).sum::<u64>() + inner.reserved;
            if used.saturating_add(bytes) <= self.disk && inner.entries.len() < KEPT {
                break;
            }
            let Some(oldest) = inner.entries.iter().position(|entry| entry.journal.state.is_final()) else {
                return Err(no_room());
            };
            gone.push(inner.entries.remove(oldest).journal.id);
        }
        inner.reserved += bytes;
        Ok(())
    }

    /// Puts a job that was received into the queue.
    ///
    /// # Errors
    /// The disk is full.
    pub fn keep(&self, mut draft: Draft<'_>, mut journal: Journal, poster: Bytes) -> Result<Job> {
        let id = journal.id.clone();
        journal.number = {
            let mut inner = lock(&self.inner);
            inner.next_number += 1;
            inner.next_number - 1
        };
        self.write(&journal)?;
        draft.is_kept = true;
        // Its result will need room too.
        let bytes = size_of(&draft.folder).max(draft.reserved);
        {
            let mut inner = lock(&self.inner);
            let place = inner.entries.partition_point(|entry| entry.journal.number < journal.number);
            inner.entries.insert(place, Entry::new(journal, bytes, poster));
        }
        drop(draft);
        self.tell();
        self.job(&id).ok_or_else(|| Error::internal("a new job is not there"))
    }

    /// Waits for the next job; `None` once the store is closed. Clients take turns.
    pub fn next(&self) -> Option<Running> {
        let mut inner = lock(&self.inner);
        loop {
            if inner.is_closed {
                return None;
            }
            let waits = |entry: &Entry| entry.journal.state == State::Queued;
            let is_other = |entry: &Entry| entry.journal.client != inner.last_client;
            let of_others = inner.entries.iter().position(|entry| waits(entry) && is_other(entry));
            let place = of_others.or_else(|| inner.entries.iter().position(waits));
            if let Some(place) = place {
                let entry = &mut inner.entries[place];
                entry.journal.state = State::Running;
                entry.progress = Some(Progress::default());
                let running = Running {
                    folder: self.folder.join(&entry.journal.id),
                    journal: entry.journal.clone(),
                    stop: entry.stop.clone(),
                };
                inner.last_client.clone_from(&running.journal.client);
                drop(inner);
                self.tell();
                return Some(running);
            }
            inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A job has ended. What a client asked for meanwhile is done now; an interruption by the server's end changes nothing.
    pub fn ended(&self, id: &str, outcome: Result<Outcome>, warnings: Vec<String>) {
        let folder = self.folder.join(id);
        let (journal, preview, is_deleted) = {
            let inner = lock(&self.inner);
            let Some(entry) = inner.entries.iter().find(|entry| entry.journal.id == id) else { return };
            let mut journal = Journal { warnings, ..entry.journal.clone() };
            journal.state = match outcome {
                Ok(outcome) => {
                    journal.outcome = Some(outcome);
                    State::Done
                }
                Err(_) if entry.is_cancelled => State::Cancelled,
                Err(_) if inner.is_closed => State::Queued,
                Err(error) => {
                    journal.error = Some(error.to_string());
                    State::Failed
                }
            };
            (journal, entry.preview.1.clone(), entry.is_deleted)
        };
        let mut bytes = 0;
        if !is_deleted {
            // Only for the eye: if it cannot be written, nothing is missing.
            let _ = whole::write(&folder.join(PREVIEW), &preview);
            bytes = size_of(&folder);
            // If it cannot be written, the job is done once more after a restart.
            let _ = self.write(&journal);
        }
        let mut inner = lock(&self.inner);
        let Some(place) = inner.entries.iter().position(|entry| entry.journal.id == id) else { return };
        let entry = &mut inner.entries[place];
        // A client may have deleted it meanwhile.
        let is_deleted = entry.is_deleted;
        if is_deleted {
            inner.entries.remove(place);
        } else {
            (entry.journal, entry.progress, entry.bytes) = (journal, None, bytes);
        }
        drop(inner);
        if is_deleted {
            let _ = fs::remove_dir_all(folder);
        }
        self.tell();
    }

    /// Ends a job; what was painted of it is kept.
    ///
    /// # Errors
    /// There is no such job, or it has ended.
    pub fn cancel(&self, id: &str) -> Result<Job, Refusal> {
        self.change(id, |entry| match entry.journal.state {
            State::Running => {
                entry.is_cancelled = true;
                entry.stop.request();
                Ok(())
            }
            State::Queued => {
                entry.journal.state = State::Cancelled;
                Ok(())
            }
            _ => Err(Refusal::new(StatusCode::CONFLICT, "the job has ended already; delete it, or send it again")),
        })
    }

    /// Puts a job that was cancelled or failed back into the queue. It continues where it was.
    ///
    /// # Errors
    /// There is no such job, or it is done or under way.
    pub fn resume(&self, id: &str) -> Result<Job, Refusal> {
        self.change(id, |entry| match entry.journal.state {
            State::Cancelled | State::Failed => {
                entry.journal.state = State::Queued;
                entry.journal.error = None;
                (entry.is_cancelled, entry.stop) = (false, Stop::default());
                Ok(())
            }
            _ => Err(Refusal::new(StatusCode::CONFLICT, "only a job that was cancelled or failed can be resumed")),
        })
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Entry) -> Result<(), Refusal>) -> Result<Job, Refusal> {
        {
            let mut inner = lock(&self.inner);
            let entry = inner.entries.iter_mut().find(|entry| entry.journal.id == id && !entry.is_deleted);
            let entry = entry.ok_or_else(no_job)?;
            change(entry)?;
            if entry.journal.state != State::Running {
                self.write(&entry.journal)?;
            }
        }
        self.tell();
        self.job(id).ok_or_else(no_job)
    }

    /// Ends a job, if it runs, and removes its files.
    ///
    /// # Errors
    /// There is no such job.
    pub fn delete(&self, id: &str) -> Result<(), Refusal> {
        let is_running = {
            let mut inner = lock(&self.inner);
            let place = inner.entries.iter().position(|entry| entry.journal.id == id && !entry.is_deleted);
            let place = place.ok_or_else(no_job)?;
            let entry = &mut inner.entries[place];
            let is_running = entry.journal.state == State::Running;
            if is_running {
                entry.is_deleted = true;
                entry.stop.request();
            } else {
                inner.entries.remove(place);
            }
            is_running
        };
        let folder = self.folder.join(id);
        if is_running {
            // Also if the server is killed before the job has ended.
            let _ = fs::remove_file(folder.join(JOURNAL));
        } else {
            let _ = fs::remove_dir_all(folder);
        }
        self.tell();
        Ok(())
    }

    /// Notes how far a running job is.
    pub fn note(&self, id: &str, progress: Progress) {
        self.update(id, |entry| entry.progress = Some(progress));
    }

    /// Shows the newest painting of a running job.
    pub fn show(&self, id: &str, jpeg: Bytes) {
        self.update(id, |entry| entry.preview = (entry.preview.0 + 1, jpeg));
    }

    fn update(&self, id: &str, update: impl FnOnce(&mut Entry)) {
        if let Some(entry) = lock(&self.inner).entries.iter_mut().find(|entry| entry.journal.id == id) {
            update(entry);
        }
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// The job `id`.
    pub fn job(&self, id: &str) -> Option<Job> {
        self.jobs().into_iter().find(|job| job.id == id)
    }

    /// All jobs, the newest first.
    pub fn jobs(&self) -> Vec<Job> {
        let inner = lock(&self.inner);
        let mut ahead = inner.entries.iter().filter(|entry| entry.journal.state == State::Running).count();
        let shown = inner.entries.iter().filter(|entry| !entry.is_deleted);
        let mut jobs: Vec<Job> = shown
            .map(|entry| {
                let before = ahead;
                let is_queued = entry.journal.state == State::Queued;
                ahead += usize::from(is_queued);
                entry.shown(is_queued.then_some(before))
            })
            .collect();
        jobs.reverse();
        jobs
    }

    /// The newest painting of the job `id` as JPEG.
    pub fn preview(&self, id: &str) -> Option<Bytes> {
        let inner = lock(&self.inner);
        let entry = inner.entries.iter().find(|entry| entry.journal.id == id)?;
        (entry.preview.0 > 0).then(|| entry.preview.1.clone())
    }

    /// The file with the result of the job `id`, and its type.
    pub fn result(&self, id: &str) -> Option<(PathBuf, &'static str)> {
        let inner = lock(&self.inner);
        let found = inner.entries.iter().find(|entry| entry.journal.id == id && entry.journal.state == State::Done)?;
        Some((self.folder.join(id).join(found.journal.result()), found.journal.kind_of_result()))
    }

    /// Bytes that the jobs have on the disk, and may have.
    pub fn disk(&self) -> (u64, u64) {
        (lock(&self.inner).entries.iter().map(|entry| entry.bytes).sum(), self.disk)
    }

    /// Follows the changes.
    pub fn follow(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Ends the running job, which goes on at the next start.
    pub fn close(&self) {
        let mut inner = lock(&self.inner);
        inner.is_closed = true;
        inner
            .entries
            .iter()
            .filter(|entry| entry.journal.state == State::Running)
            .for_each(|entry| entry.stop.request());
        drop(inner);
        self.tell();
    }

    fn tell(&self) {
        self.changed.notify_all();
        self.revision.send_modify(|revision| *revision += 1);
    }

    fn write(&self, journal: &Journal) -> Result<()> {
        let path = self.folder.join(&journal.id).join(JOURNAL);
        let text = serde_json::to_vec_pretty(journal).map_err(std::io::Error::from);
        text.and_then(|text| whole::write(&path, &text)).map_err(|error| Error::writing(&path, &error))
    }
}

impl Entry {
    fn new(mut journal: Journal, bytes: u64, preview: Bytes) -> Self {
        if journal.state == State::Running {
            journal.state = State::Queued;
        }
        let (progress, preview, stop) = (None, (u64::from(!preview.is_empty()), preview), Stop::default());
        Self { journal, progress, preview, stop, is_cancelled: false, is_deleted: false, bytes }
    }

    fn shown(&self, ahead: Option<usize>) -> Job {
        let Journal { id, kind, state, name, created, outcome, error, warnings, ending, .. } = self.journal.clone();
        let shown = self.preview.0;
        Job {
            preview: (shown > 0).then(|| format!("/api/v1/jobs/{id}/preview.jpg?{shown}")),
            result: (state == State::Done).then(|| format!("/api/v1/jobs/{id}/result")),
            progress: self.progress.clone(),
            id,
            kind,
            state,
            name,
            created,
            ahead,
            ending,
            outcome,
            error,
            warnings,
        }
    }
}

fn no_job() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is no such job; it may have been deleted, or have gone to make room")
}

/// Whether the folder's name is one that a job may have.
fn is_id(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Bytes of all files in `folder`, and in the folders inside it.
fn size_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
