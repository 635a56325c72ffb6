//! A file under a temporary name until it is complete.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file that gets its name once it is complete. Dropped before that, it is removed.
#[derive(Debug)]
pub struct WholeFile {
    path: PathBuf,
    temporary: PathBuf,
    /// There is a file under the temporary name.
    exists: bool,
}

impl WholeFile {
    /// Makes an empty file at `temporary`, which must be in the file system of `path`.
    ///
    /// # Errors
    /// The folder is missing or not writable; the error names `path`.
    pub fn create(path: &Path, temporary: PathBuf) -> Result<Self> {
        // Whatever has this name was left by a process that was killed, or is a link that somebody laid there.
        let _ = fs::remove_file(&temporary);
        File::create_new(&temporary).map_err(|error| Error::writing(path, &error))?;
        Ok(Self { path: path.to_owned(), temporary, exists: true })
    }

    /// The final name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name until [`Self::commit`].
    pub fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// Gives the closed file its final name once it is safe on the disk.
    ///
    /// # Errors
    /// The disk is full, or the folder has been removed; the file is then gone.
    pub fn commit(mut self) -> Result<()> {
        commit(&self.temporary, &self.path)?;
        self.exists = false;
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        if self.exists {
            // Nothing can be done if the folder forbids it by now.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes `from` to the disk and renames it to `to`.
///
/// # Errors
/// The disk is full, or the folder has been removed.
pub fn commit(from: &Path, to: &Path) -> Result<()> {
    let synced = OpenOptions::new().write(true).open(from).and_then(|file| file.sync_all());
    synced.and_then(|()| fs::rename(from, to)).map_err(|error| Error::writing(to, &error))
}

/// `.NAME.impasto-PID.part` beside `path`.
///
/// # Errors
/// `path` does not end in a file name.
pub fn temporary_name(path: &Path) -> Result<PathBuf> {
    let name =
        path.file_name().ok_or_else(|| Error::usage(format!("'{}' does not end in a file name", path.display())))?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".impasto-{}.part", std::process::id()));
    Ok(path.with_file_name(temporary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_once_it_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mkv");
        let begin = || WholeFile::create(&path, temporary_name(&path).unwrap()).unwrap();
        let file = begin();
        assert!(file.temporary().exists() && !path.exists());
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        begin().commit().unwrap();
        assert!(path.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named_by_its_final_name() {
        let path = Path::new("no such folder/film.mkv");
        let error = WholeFile::create(path, temporary_name(path).unwrap()).unwrap_err().to_string();
        assert!(error.contains("'no such folder/film.mkv'") && error.contains("does not exist"), "{error}");
        assert!(temporary_name(Path::new("..")).is_err());
    }
}
