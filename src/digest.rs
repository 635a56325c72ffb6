//! SHA-256 hashes in hexadecimal.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

/// The SHA-256 hash of `bytes`: 64 lower-case hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 hash of the file `path`, as from [`sha256`]. Reads the entire file into memory.
///
/// # Errors
/// The file cannot be read.
pub fn of_file(path: &Path) -> Result<String> {
    Ok(sha256(&fs::read(path).map_err(|error| Error::reading(path, &error))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_a_file_of_them_have_the_same_hash() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(b"abc"), known);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        assert_eq!(of_file(&path).unwrap(), known);
        assert!(of_file(&folder.path().join("none")).unwrap_err().to_string().contains("no file"));
    }
}
