//! Which picture goes where: settled, and checked, before the first one is painted.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::ImageArgs;
use crate::error::{Error, Result};
use crate::picture::Format;
use crate::report::Report;
use crate::sink::image as sink;
use crate::source::image as source;

/// One picture's way.
#[derive(Debug)]
pub struct Job {
    /// The file; standard input if none.
    pub input: Option<PathBuf>,
    /// The file; standard output if none.
    pub output: Option<PathBuf>,
    /// The format to write; the picture's own if none.
    pub format: Option<Format>,
}

impl Job {
    /// What messages call its input.
    pub fn name(&self) -> String {
        self.input.as_ref().map_or_else(|| "standard input".into(), |path| format!("'{}'", path.display()))
    }
}

/// Finds the pictures that `args` names and where each goes. Makes the output folder.
///
/// # Errors
/// Inputs and output do not fit together, two outputs have one name, an output is an input, a folder holds no picture,
/// or the output cannot be written.
pub fn plan(args: &ImageArgs, json: bool, report: &Report) -> Result<Vec<Job>> {
    let inputs = inputs(&args.inputs, report)?;
    let output = args.output.as_path();
    let jobs = if is_dash(output) {
        vec![to_standard_output(args, inputs, json)?]
    } else if output.is_dir() || ends_in_separator(output) || inputs.many {
        into_folder(args, inputs.paths)?
    } else {
        let format = sink::format_for(output, args.format)?;
        inputs.paths.into_iter().map(|input| Job { input, output: Some(output.to_owned()), format }).collect()
    };
    refuse_overwriting_inputs(&jobs)?;
    for folder in first_of_each_folder(&jobs) {
        sink::probe(folder)?;
    }
    Ok(jobs)
}

/// The pictures to paint.
struct Inputs {
    /// Files; none for standard input.
    paths: Vec<Option<PathBuf>>,
    /// Several were named, or a folder was: they go into a folder, even if it is one picture only.
    many: bool,
}

fn inputs(named: &[PathBuf], report: &Report) -> Result<Inputs> {
    let mut paths = Vec::new();
    let mut many = named.len() > 1;
    for path in named {
        if is_dash(path) {
            if paths.contains(&None) {
                return Err(Error::usage("standard input can be read once only; name '-' once"));
            }
            paths.push(None);
        } else if path.is_dir() {
            many = true;
            paths.extend(pictures_in(path, report)?.into_iter().map(Some));
        } else {
            paths.push(Some(path.clone()));
        }
    }
    Ok(Inputs { paths, many })
}

/// The pictures in a folder by name: what looks like one by content, or by its ending, so that a damaged one is missed
/// by nobody. Hidden files are not looked at.
fn pictures_in(folder: &Path, report: &Report) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| Error::reading(folder, &error);
    let (mut pictures, mut others, mut folders) = (Vec::new(), 0, 0);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        if path.is_dir() {
            folders += 1;
        } else if Format::from_name(&path).is_some() || source::sniff(&path).is_some() {
            pictures.push(path);
        } else {
            others += 1;
        }
    }
    let folder = folder.display();
    if pictures.is_empty() {
        return Err(Error::failed(format!("no pictures in the folder '{folder}'; name one that holds some")));
    }
    let left_out = match (others, folders) {
        (0, 0) => None,
        (_, 0) => Some(format!("{others} that are no pictures")),
        (0, _) => Some(format!("folders in it ({folders})")),
        _ => Some(format!("{others} that are no pictures and folders in it ({folders})")),
    };
    if let Some(left_out) = left_out {
        report.say(format!("'{folder}': {} pictures; left out: {left_out}", pictures.len()));
    }
    pictures.sort();
    Ok(pictures)
}

fn to_standard_output(args: &ImageArgs, inputs: Inputs, json: bool) -> Result<Job> {
    if json {
        return Err(Error::usage("standard output cannot take both the picture and --json; write to a file with -o"));
    }
    let mut paths = inputs.paths.into_iter();
    match (paths.next(), paths.next()) {
        (Some(input), None) => Ok(Job { input, output: None, format: args.format }),
        _ => Err(Error::usage("standard output takes one picture; name a folder with -o for several")),
    }
}

fn into_folder(args: &ImageArgs, inputs: Vec<Option<PathBuf>>) -> Result<Vec<Job>> {
    let folder = args.output.as_path();
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        return Err(Error::usage(format!("'{shown}' is a file, and several pictures need a folder; name one with -o")));
    }
    if !folder.exists() && !ends_in_separator(folder) && Format::from_name(folder).is_some() {
        return Err(Error::usage(format!(
            "'{shown}' names a file, and several pictures need a folder; name one with -o, or '{shown}/' if you mean it"
        )));
    }
    let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
    let mut jobs = Vec::with_capacity(inputs.len());
    for input in inputs {
        let Some(input) = input else {
            return Err(Error::usage("standard input has no name to give a file in a folder; name the file with -o"));
        };
        let format = args.format.or_else(|| source::sniff(&input)).unwrap_or(Format::Png);
        let output = folder.join(output_name(&input, format));
        // File systems that fold case would make one file of two.
        let key = PathBuf::from(output.to_string_lossy().to_lowercase());
        if let Some(other) = taken.insert(key, input.clone()) {
            return Err(Error::usage(format!(
                "'{}' and '{}' would both be written to '{}'; paint them into two folders",
                other.display(),
                input.display(),
                output.display()
            )));
        }
        jobs.push(Job { input: Some(input), output: Some(output), format: Some(format) });
    }
    fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
    Ok(jobs)
}

/// The input's name, with its own ending if that already stands for `format`, else with the format's usual one.
fn output_name(input: &Path, format: Format) -> PathBuf {
    let name = Path::new(input.file_name().unwrap_or(OsStr::new("picture")));
    if Format::from_name(name) == Some(format) { name.to_owned() } else { name.with_extension(format.ending()) }
}

fn refuse_overwriting_inputs(jobs: &[Job]) -> Result<()> {
    let real = |path: &PathBuf| fs::canonicalize(path).ok();
    let inputs: Vec<PathBuf> = jobs.iter().filter_map(|job| real(job.input.as_ref()?)).collect();
    for output in jobs.iter().filter_map(|job| job.output.as_ref()) {
        if real(output).is_some_and(|output| inputs.contains(&output)) {
            return Err(Error::usage(format!(
                "'{}' is an input and is not written over; choose another output with -o",
                output.display()
            )));
        }
    }
    Ok(())
}

/// One output of each folder that is written to.
fn first_of_each_folder(jobs: &[Job]) -> Vec<&Path> {
    let mut outputs: Vec<&Path> = jobs.iter().filter_map(|job| job.output.as_deref()).collect();
    outputs.dedup_by_key(|path| path.parent());
    outputs
}

fn is_dash(path: &Path) -> bool {
    path == Path::new("-")
}

fn ends_in_separator(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().last().is_some_and(|&byte| std::path::is_separator(char::from(byte)))
}
