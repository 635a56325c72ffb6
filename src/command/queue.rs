//! Several inputs, and the folder that their outputs go to.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::report::{Report, counted};

/// The kind of file that a command takes, for its messages and for searching folders.
pub struct Kind {
    /// Its plural in messages, such as `pictures`.
    pub plural: &'static str,
    /// Whether a file in a folder is of this kind.
    pub is_one: fn(&Path) -> bool,
    /// What to do about a folder of other files.
    pub instead: Option<&'static str>,
}

/// The files to paint.
pub struct Inputs {
    /// The files; `None` is standard input.
    pub paths: Vec<Option<PathBuf>>,
    /// Whether several were named, or a folder: the outputs then go into a folder, even if there is only one.
    pub many: bool,
}

/// Finds the files that `named` stands for: files, standard input, and the contents of folders.
///
/// # Errors
/// A folder is unreadable or has no file of this kind, or standard input is given twice.
pub fn inputs(given: &[PathBuf], kind: &Kind, report: &Report) -> Result<Inputs> {
    let mut paths = Vec::new();
    let mut many = given.len() > 1;
    for path in given {
        if is_dash(path) {
            if paths.contains(&None) {
                return Err(Error::usage("standard input can be read only once; name '-' once"));
            }
            paths.push(None);
        } else if path.is_dir() {
            many = true;
            paths.extend(files_in(path, kind, report)?.into_iter().map(Some));
        } else {
            paths.push(Some(path.clone()));
        }
    }
    Ok(Inputs { paths, many })
}

/// The files of that kind in a folder, sorted by name; hidden files are skipped.
fn files_in(folder: &Path, kind: &Kind, report: &Report) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| Error::reading(folder, &error);
    let (mut files, mut others, mut folders) = (Vec::new(), 0, 0);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if path.is_dir() {
            folders += 1;
        } else if (kind.is_one)(&path) {
            files.push(path);
        } else {
            others += 1;
        }
    }
    let (folder, plural) = (folder.display(), kind.plural);
    if files.is_empty() {
        return Err(Error::failed(match kind.instead {
            Some(cure) if others > 0 => format!("no {plural} in the folder '{folder}'; {cure}"),
            _ => format!("no {plural} in the folder '{folder}'; name a folder that holds some"),
        }));
    }
    let skipped = match (others, folders) {
        (0, 0) => None,
        (_, 0) => Some(counted(others, "other file")),
        (0, _) => Some(counted(folders, "subfolder")),
        _ => Some(format!("{} and {}", counted(others, "other file"), counted(folders, "subfolder"))),
    };
    if let Some(skipped) = skipped {
        let found = counted(files.len(), plural.trim_end_matches('s'));
        report.say(format!("'{folder}': {found}; skipped {skipped}"));
    }
    files.sort();
    Ok(files)
}

/// The endings of video files.
const VIDEO_ENDINGS: [&str; 28] = [
    "mp4", "m4v", "mov", "mkv", "webm", "avi", "ts", "mts", "m2ts", "mpg", "mpeg", "m2v", "vob", "wmv", "asf", "flv",
    "f4v", "ogv", "ogm", "3gp", "3g2", "mxf", "dv", "divx", "rm", "rmvb", "y4m", "nut",
];

/// Whether the name is that of a video file.
pub fn has_video_ending(path: &Path) -> bool {
    path.extension().is_some_and(|own| VIDEO_ENDINGS.iter().any(|ending| own.eq_ignore_ascii_case(ending)))
}

/// Pairs each input with an output in `folder`, and creates the folder. `name_of` makes the output's name from the
/// input's path. `names_file` says whether a path looks like a file to write.
///
/// # Errors
/// `folder` is a file or looks like one, two inputs would get the same name, or the folder cannot be created.
pub fn into_folder(
    folder: &Path,
    inputs: Vec<Option<PathBuf>>,
    kind: &Kind,
    names_file: impl Fn(&Path) -> bool,
    name_of: impl Fn(&Path) -> PathBuf,
) -> Result<Vec<(PathBuf, PathBuf)>> {
    let (shown, plural) = (folder.display(), kind.plural);
    if folder.exists() && !folder.is_dir() {
        return Err(Error::usage(format!("'{shown}' is a file, but several {plural} need a folder; give one with -o")));
    }
    if !folder.exists() && !ends_in_separator(folder) && names_file(folder) {
        return Err(Error::usage(format!(
            "'{shown}' looks like a file, and several {plural} need a folder; name one with -o, or write '{shown}/' if it is one"
        )));
    }
    let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut jobs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let Some(input) = input else {
            return Err(Error::usage(
                "standard input has no name for a file in a folder; give the output file with -o",
            ));
        };
        let output = folder.join(name_of(&input));
        // Some file systems ignore case, so these would be one file.
        let key = PathBuf::from(output.to_string_lossy().to_lowercase());
        if let Some(other) = taken.insert(key, input.clone()) {
            return Err(Error::usage(format!(
                "'{}' and '{}' would both be written to '{}'; write them to different folders",
                other.display(),
                input.display(),
                output.display()
            )));
        }
        jobs.push((input, output));
    }
    fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
    Ok(jobs)
}

/// Refuses to overwrite an input, also through links.
///
/// # Errors
/// An output is an input.
pub fn refuse_overwriting_inputs<'a>(
    inputs: impl Iterator<Item = &'a Path>,
    outputs: impl Iterator<Item = &'a Path>,
) -> Result<()> {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let inputs: Vec<PathBuf> = inputs.filter_map(real).collect();
    for output in outputs {
        if real(output).is_some_and(|output| inputs.contains(&output)) {
            return Err(Error::usage(format!(
                "'{}' is an input and will not be overwritten; choose another output with -o",
                output.display()
            )));
        }
    }
    Ok(())
}

/// The error that a job of `total` files (`plural`) ends with if some failed. Of several, each failure was told when it
/// happened, and is not told again, unless `--quiet` kept it back.
///
/// # Errors
/// A file failed.
pub fn conclude(failures: Vec<Error>, total: usize, plural: &str, report: &Report) -> Result<()> {
    let failed = failures.len();
    match failures.into_iter().next() {
        None => Ok(()),
        Some(only) if total == 1 => Err(only),
        Some(first) if report.quiet => {
            let which = if failed == 1 { "" } else { "; the first" };
            Err(Error::failed(format!("{failed} of {total} {plural} failed{which}: {first}")))
        }
        Some(_) => {
            let above = if failed == 1 { "the warning above says why" } else { "the warnings above say why" };
            Err(Error::failed(format!("{failed} of {total} {plural} failed; {above}")))
        }
    }
}

/// Whether `path` stands for standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether `path` is written as a folder.
pub fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(char::from(byte)))
}
