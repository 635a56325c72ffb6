//! Writes files atomically: a file is complete or not there, even after a power cut.
//!
//! A file is written under a temporary name in the same file system and synced to disk. Then it is renamed, and its
//! folder is synced. A file that is not committed is removed.

use std::fs::{self, File};
use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir, TempPath};

/// The beginning of temporary names, which hides them.
pub const BEGINNING: &str = ".impasto-";
/// The ending of temporary names, by which the leftovers of a killed process are recognised.
pub const ENDING: &str = ".part";

/// A file that does not have its final name yet. It is removed if it is dropped before [`Self::commit`].
#[derive(Debug)]
pub struct Unfinished {
    temporary: TempPath,
    path: PathBuf,
}

impl Unfinished {
    /// Creates an empty temporary file beside `path`, which will be its final name.
    ///
    /// # Errors
    /// The folder is missing or not writable.
    pub fn beside(path: &Path) -> io::Result<Self> {
        if is_stream(path) {
            // Nothing can be created beside `/dev/fd/63`.
            return Self::within(&std::env::temp_dir(), path);
        }
        Self::within(folder_of(path), path)
    }

    /// As [`Self::beside`], but creates the temporary file in `folder`, which must be in the same file system as
    /// `path`.
    ///
    /// # Errors
    /// The folder is missing or not writable.
    pub fn within(folder: &Path, path: &Path) -> io::Result<Self> {
        Ok(Self { temporary: create(folder)?.into_temp_path(), path: path.to_owned() })
    }

    /// The temporary name, to write to.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes `bytes` and commits them.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn fill(self, bytes: &[u8]) -> io::Result<()> {
        File::options().write(true).open(self.temporary())?.write_all(bytes)?;
        self.commit()
    }

    /// Syncs the file to disk and gives it its final name. The writer must have closed it. An existing file or link of
    /// that name is replaced. A pipe or a device of that name stays, and the bytes are written to it.
    ///
    /// # Errors
    /// The disk is full, or the folder is gone. The temporary file is removed.
    pub fn commit(self) -> io::Result<()> {
        if is_stream(&self.path) {
            let mut stream = File::options().write(true).open(&self.path)?;
            return io::copy(&mut File::open(&self.temporary)?, &mut stream).map(drop);
        }
        let Self { temporary, path } = self;
        keep(temporary, &path)
    }

    /// As [`Self::commit`], under another name than the final one, which [`rename`] gives it later.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn commit_as(self, path: &Path) -> io::Result<()> {
        keep(self.temporary, path)
    }
}

fn keep(temporary: TempPath, path: &Path) -> io::Result<()> {
    sync_file(&temporary)?;
    temporary.persist(path).map_err(|error| error.error)?;
    sync_folder(folder_of(path))
}

/// A folder for files of one job, removed with all that is in it.
#[derive(Debug)]
pub struct Scratch(TempDir);

impl Scratch {
    /// Makes a folder among the system's temporary files.
    ///
    /// # Errors
    /// The disk is full, or nobody may write there.
    pub fn new() -> io::Result<Self> {
        tempfile::Builder::new().prefix("impasto-").tempdir().map(Self)
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// A folder that is being filled under a hidden name beside its final one. It is removed if it is dropped before [`Self::commit`].
#[derive(Debug)]
pub struct GrowingFolder {
    growing: TempDir,
    path: PathBuf,
}

impl GrowingFolder {
    /// Makes an empty folder beside `path`, which will be its final name.
    ///
    /// # Errors
    /// The folder of `path` is missing or not writable.
    pub fn beside(path: &Path) -> io::Result<Self> {
        let growing = tempfile::Builder::new().prefix(".incoming.").tempdir_in(folder_of(path))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(growing.path(), fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { growing, path: path.to_owned() })
    }

    /// The hidden name, to write into.
    pub fn path(&self) -> &Path {
        self.growing.path()
    }

    /// Syncs its files to disk and gives it its final name; a folder of that name is replaced.
    ///
    /// # Errors
    /// The disk is full, or the old folder cannot be removed.
    pub fn commit(self) -> io::Result<()> {
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            // Links have nothing to sync.
            if entry.file_type()?.is_file() {
                sync_file(&entry.path())?;
            }
        }
        if self.path.exists() {
            fs::remove_dir_all(&self.path)?;
        }
        fs::rename(self.path(), &self.path)?;
        sync_folder(folder_of(&self.path))
        // What is dropped now has lost its name, so nothing is removed.
    }
}

/// Writes `bytes` to the file `path`, and replaces an existing file.
///
/// # Errors
/// The folder is missing or not writable, `path` is a folder, or the disk is full. Nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    Unfinished::beside(path)?.fill(bytes)
}

/// Syncs the file `growing`, which was written under a name of its own, to disk and renames it to `path`.
///
/// # Errors
/// The disk is full, or the folder is gone. The file keeps its old name.
pub fn rename(growing: &Path, path: &Path) -> io::Result<()> {
    sync_file(growing)?;
    fs::rename(growing, path)?;
    sync_folder(folder_of(path))
}

/// Whether `path` exists as a pipe or a device, which is written to and never replaced.
pub fn is_stream(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir())
}

/// Checks that a file can be created beside `path`, so that a job fails before its work and not after.
///
/// # Errors
/// The folder is missing or not writable.
pub fn probe(path: &Path) -> io::Result<()> {
    if is_stream(path) {
        return Ok(());
    }
    // Without a name where the system can, so that a kill leaves none behind.
    tempfile::tempfile_in(folder_of(path)).map(drop)
}

/// Whether both paths lead to the same existing file, also through links. Used to keep a job from overwriting its
/// input.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
        identity(a).is_some() && identity(a) == identity(b)
    }
    #[cfg(not(unix))]
    {
        let identity = |path: &Path| fs::canonicalize(path).ok();
        identity(a).is_some() && identity(a) == identity(b)
    }
}

/// Syncs the names in `folder` to disk, where the system can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        // A folder cannot be opened as a file.
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot sync folders, and a folder may be writable but not readable.
        Err(error) if [InvalidInput, Unsupported, PermissionDenied].contains(&error.kind()) => Ok(()),
        synced => synced,
    }
}

/// Syncs a file that was written elsewhere to disk.
///
/// # Errors
/// It is missing, or the disk is full.
pub fn sync_file(path: &Path) -> io::Result<()> {
    File::options().write(true).open(path)?.sync_all()
}

/// The folder that `path` is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Creates an empty file under an unpredictable name, with the permissions of an ordinary new file.
fn create(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(BEGINNING).suffix(ENDING);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_gets_its_name_only_when_it_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "old").unwrap();
        let unfinished = Unfinished::beside(&path).unwrap();
        fs::write(unfinished.temporary(), "half").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()).len(), 2);
        drop(unfinished);
        assert_eq!(names(folder.path()), ["a"]);
        write(&path, b"new").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), names(folder.path())), ("new", vec!["a".to_owned()]));
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inside")).unwrap();
        assert!(write(&taken, b"bytes").is_err());
        assert!(write(&folder.path().join("none/a"), b"bytes").is_err());
        assert!(probe(&folder.path().join("none/a")).is_err());
        probe(&folder.path().join("a")).unwrap();
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[test]
    fn a_folder_is_complete_or_not_there_and_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("old"), "").unwrap();
        let growing = GrowingFolder::beside(&path).unwrap();
        fs::write(growing.path().join("new"), "").unwrap();
        drop(growing);
        assert_eq!((names(folder.path()), names(&path)), (vec!["a".to_owned()], vec!["old".to_owned()]));
        let growing = GrowingFolder::beside(&path).unwrap();
        fs::write(growing.path().join("new"), "").unwrap();
        growing.commit().unwrap();
        assert_eq!((names(folder.path()), names(&path)), (vec!["a".to_owned()], vec!["new".to_owned()]));
    }

    #[test]
    fn the_longest_possible_name_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let name = "n".repeat(255);
        write(&folder.path().join(&name), b"bytes").unwrap();
        assert_eq!(names(folder.path()), [name]);
    }

    #[test]
    #[cfg(unix)]
    fn a_named_pipe_is_written_to_and_stays() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        write(&pipe, b"through the pipe").unwrap();
        assert_eq!(reader.join().unwrap(), b"through the pipe");
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        assert_eq!(names(folder.path()), ["pipe"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("a"), folder.path().join("precious"));
        fs::write(&elsewhere, b"theirs").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        write(&path, b"ours").unwrap();
        assert_eq!((fs::read(&elsewhere).unwrap(), fs::read(&path).unwrap()), (b"theirs".to_vec(), b"ours".to_vec()));
    }
}
