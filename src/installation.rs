//! How this program was installed: where its own files are, and how it is repaired.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// A package writes into this file how it is repaired, as a command or a sentence's end; scripts/package does.
const REPAIR: &str = "share/impasto/repair";

/// The source tree that the program was built in.
const SOURCES: &str = env!("CARGO_MANIFEST_DIR");

/// The folder of the program's file, links followed.
pub fn program_folder() -> Option<PathBuf> {
    Some(env::current_exe().ok()?.parent()?.to_owned())
}

/// The folders that may hold the bundled networks: beside the program, in its installation, in its source tree.
pub fn models() -> Vec<PathBuf> {
    let installed = program_folder().map(|folder| [folder.join("models"), folder.join("../share/impasto/models")]);
    installed.into_iter().flatten().chain([Path::new(SOURCES).join("models")]).collect()
}

/// What to do if a file that came with the program is missing or damaged: `run scripts/setup`.
pub fn repair() -> String {
    let prefix = program_folder().and_then(|folder| Some(folder.parent()?.to_owned()));
    repair_of(prefix.as_deref(), Path::new(SOURCES))
}

fn repair_of(prefix: Option<&Path>, sources: &Path) -> String {
    let written = prefix.and_then(|prefix| fs::read_to_string(prefix.join(REPAIR)).ok());
    match written.as_deref().map(str::trim).filter(|written| !written.is_empty()) {
        Some(written) => written.to_owned(),
        None if sources.join("scripts/setup").is_file() => "run scripts/setup".to_owned(),
        None => "install impasto again".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_says_how_it_is_repaired_and_a_source_tree_has_its_script() {
        let place = tempfile::tempdir().unwrap();
        let (prefix, sources) = (place.path().join("usr"), place.path().join("sources"));
        let cure = |prefix: Option<&Path>| repair_of(prefix, &sources);
        assert!(cure(Some(&prefix)).starts_with("install impasto again"), "{}", cure(Some(&prefix)));
        fs::create_dir_all(sources.join("scripts")).unwrap();
        fs::write(sources.join("scripts/setup"), "").unwrap();
        assert_eq!(cure(Some(&prefix)), "run scripts/setup");
        assert_eq!(cure(None), "run scripts/setup");
        fs::create_dir_all(prefix.join("share/impasto")).unwrap();
        fs::write(prefix.join(REPAIR), "run sudo apt install --reinstall impasto\n").unwrap();
        assert_eq!(cure(Some(&prefix)), "run sudo apt install --reinstall impasto");
    }
}
