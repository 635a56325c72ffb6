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
    /// Begins `path` with an empty file beside it.
    ///
    /// # Errors
    /// The folder is missing or not writable, or `path` does not end in a file name.
    pub fn beside(path: &Path) -> Result<Self> {
        Self::within(path.parent().unwrap_or(Path::new("")), path)
    }

    /// Begins `path` with an empty file in `folder`, which must be in the same file system.
    ///
    /// # Errors
    /// Those of [`Self::beside`].
    pub fn within(folder: &Path, path: &Path) -> Result<Self> {
        let name = path
            .file_name()
            .ok_or_else(|| Error::usage(format!("'{}' does not end in a file name", path.display())))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".impasto-{}.part", std::process::id()));
        let temporary = folder.join(hidden);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_only_once_it_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.mkv");
        let file = WholeFile::beside(&path).unwrap();
        assert!(file.temporary().exists() && !path.exists());
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let file = WholeFile::beside(&path).unwrap();
        file.commit().unwrap();
        assert!(path.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named_by_its_final_name() {
        let error = WholeFile::beside(Path::new("no such folder/film.mkv")).unwrap_err().to_string();
        assert!(error.contains("'no such folder/film.mkv'") && error.contains("does not exist"), "{error}");
        assert!(WholeFile::beside(Path::new("..")).is_err());
    }
}
