//! The one way to write a file: completely or not at all, also through a power cut.
//!
//! It grows under a temporary name in the same file system, is made safe on the disk, gets its name by a rename, and the folder
//! that holds the name is made safe too. A file that is not finished is removed.

use std::fs::{self, File};
use std::io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

/// The ending of temporary names: what a killed process leaves behind is known by it.
pub const ENDING: &str = ".part";

/// A file that does not have its name yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Unfinished {
    temporary: TempPath,
    path: PathBuf,
}

impl Unfinished {
    /// Begins the file `path` with an empty one beside it.
    ///
    /// # Errors
    /// The folder is missing or may not be written.
    pub fn beside(path: &Path) -> io::Result<Self> {
        Self::within(folder_of(path), path)
    }

    /// As [`Self::beside`], but grows in `folder`, which must be in the file system of `path`.
    ///
    /// # Errors
    /// The folder is missing or may not be written.
    pub fn within(folder: &Path, path: &Path) -> io::Result<Self> {
        Ok(Self { temporary: create(folder)?.into_temp_path(), path: path.to_owned() })
    }

    /// The name to write to until then.
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// The name that it gets.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the closed file its name once all of it is on the disk; a file or a link of that name is replaced.
    ///
    /// # Errors
    /// The disk is full, or the folder has gone; so has the file then.
    pub fn commit(self) -> io::Result<()> {
        sync_file(&self.temporary)?;
        self.temporary.persist(&self.path).map_err(|error| error.error)?;
        sync_folder(folder_of(&self.path))
    }
}

/// Writes `bytes` to the file `path`, which is replaced.
///
/// # Errors
/// The folder is missing or may not be written, `path` is a folder, or the disk is full; nothing is left behind.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = Unfinished::beside(path)?;
    File::options().write(true).open(unfinished.temporary())?.write_all(bytes)?;
    unfinished.commit()
}

/// Gives the file `growing`, which people could see under that name, its final one.
///
/// # Errors
/// The disk is full, or the folder has gone; the file keeps its name.
pub fn rename(growing: &Path, path: &Path) -> io::Result<()> {
    sync_file(growing)?;
    fs::rename(growing, path)?;
    sync_folder(folder_of(path))
}

/// Tries whether files can be made beside `path`, so that a job fails before its work, not after.
///
/// # Errors
/// The folder is missing or may not be written.
pub fn probe(path: &Path) -> io::Result<()> {
    Unfinished::beside(path).map(drop)
}

/// Whether both paths are one existing file, also through links: what is written must not be what is read.
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

/// Makes the names in `folder` safe on the disk, where the system has a way to.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        // A folder cannot be opened as a file.
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot, and a folder may be writable but not readable.
        Err(error) if [InvalidInput, Unsupported, PermissionDenied].contains(&error.kind()) => Ok(()),
        synced => synced,
    }
}

fn sync_file(path: &Path) -> io::Result<()> {
    File::options().write(true).open(path)?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// An empty file under a name that nobody can foresee, with the permissions that a new file gets.
fn create(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".impasto-").suffix(ENDING);
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
    fn a_file_has_its_name_only_when_it_is_complete() {
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
    fn a_name_of_the_longest_kind_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let name = "n".repeat(255);
        write(&folder.path().join(&name), b"bytes").unwrap();
        assert_eq!(names(folder.path()), [name]);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_under_the_name_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("a"), folder.path().join("precious"));
        fs::write(&elsewhere, b"theirs").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        write(&path, b"ours").unwrap();
        assert_eq!((fs::read(&elsewhere).unwrap(), fs::read(&path).unwrap()), (b"theirs".to_vec(), b"ours".to_vec()));
    }
}
