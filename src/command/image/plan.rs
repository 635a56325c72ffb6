//! Which picture goes where: settled, and checked, before the first one is painted.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::cli::ImageArgs;
use crate::command::queue::{self, Inputs, Kind, ends_in_separator, is_dash};
use crate::error::{Error, Result};
use crate::picture::{Format, read, write};
use crate::report::{Report, counted};
use crate::studio::pictures::PictureJob;

/// Finds the pictures that `args` names and where each goes. Makes the output folder.
///
/// # Errors
/// Inputs and output do not fit together, two outputs have one name, an output is an input, a folder holds no picture,
/// or the output cannot be written.
pub fn plan(args: &ImageArgs, json: bool, report: &Report) -> Result<Vec<PictureJob>> {
    let inputs = queue::inputs(&args.inputs, &PICTURES, report)?;
    let is_video = |path: &&PathBuf| queue::has_video_ending(path) && !read::is_picture(path);
    if let Some(video) = inputs.paths.iter().flatten().find(is_video) {
        return Err(Error::usage(format!("'{}' is a video; paint it with `impasto video`", video.display())));
    }
    let output = args.output.as_path();
    let into = output.is_dir() || ends_in_separator(output) || inputs.many;
    let mut jobs = if is_dash(output) {
        vec![to_standard_output(args, inputs, json)?]
    } else if into {
        into_folder(args, inputs.paths)?
    } else {
        let format = write::format_for(output, args.format)?;
        inputs.paths.into_iter().map(|input| PictureJob { input, output: Some(output.to_owned()), format }).collect()
    };
    let inputs = jobs.iter().filter_map(|job| job.input.as_deref());
    queue::refuse_overwriting_inputs(inputs, jobs.iter().filter_map(|job| job.output.as_deref()))?;
    if !args.overwrite {
        let exists = |job: &PictureJob| job.output.as_deref().is_some_and(Path::is_file);
        if let (false, Some(job)) = (into, jobs.iter().find(|job| exists(job))) {
            return Err(Error::usage(format!(
                "'{}' exists; choose another output, or add --overwrite to replace it",
                job.output.as_deref().unwrap_or(output).display()
            )));
        }
        let all = jobs.len();
        jobs.retain(|job| !exists(job));
        if jobs.len() < all {
            let skipped = counted(all - jobs.len(), "picture");
            report.say(format!(
                "'{}': {skipped} painted already, skipped; add --overwrite to paint again",
                output.display()
            ));
        }
    }
    for folder in first_of_each_folder(&jobs) {
        write::probe(folder)?;
    }
    Ok(jobs)
}

/// What looks like a picture by content, or by its ending, so that a damaged one is missed by nobody.
const PICTURES: Kind = Kind {
    plural: "pictures",
    is_one: |path| Format::from_name(path).is_some() || read::is_picture(path),
    instead: None,
};

fn to_standard_output(args: &ImageArgs, inputs: Inputs, json: bool) -> Result<PictureJob> {
    if json {
        return Err(Error::usage("standard output cannot take both the picture and --json; write to a file with -o"));
    }
    let mut paths = inputs.paths.into_iter();
    match (paths.next(), paths.next()) {
        (Some(input), None) => Ok(PictureJob { input, output: None, format: args.format }),
        _ => Err(Error::usage("standard output takes one picture; name a folder with -o for several")),
    }
}

fn into_folder(args: &ImageArgs, inputs: Vec<Option<PathBuf>>) -> Result<Vec<PictureJob>> {
    let format_of = |input: &Path| args.format.or_else(|| read::sniff(input)).unwrap_or(Format::Png);
    let names_file = |path: &Path| Format::from_name(path).is_some();
    let name_of = |input: &Path| output_name(input, format_of(input));
    let pairs = queue::into_folder(&args.output, inputs, &PICTURES, names_file, name_of)?;
    let job = |(input, output): (PathBuf, PathBuf)| {
        let format = Some(format_of(&input));
        PictureJob { input: Some(input), output: Some(output), format }
    };
    Ok(pairs.into_iter().map(job).collect())
}

/// The input's name, with its own ending if that already stands for `format`, else with the format's usual one.
fn output_name(input: &Path, format: Format) -> PathBuf {
    let name = Path::new(input.file_name().unwrap_or(OsStr::new("picture")));
    if Format::from_name(name) == Some(format) { name.to_owned() } else { name.with_extension(format.ending()) }
}

/// One output of each folder that is written to.
fn first_of_each_folder(jobs: &[PictureJob]) -> Vec<&Path> {
    let mut outputs: Vec<&Path> = jobs.iter().filter_map(|job| job.output.as_deref()).collect();
    outputs.dedup_by_key(|path| path.parent());
    outputs
}
