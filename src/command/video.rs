//! `impasto video`: a video file to a painted video file.

use std::fs;
use std::sync::atomic::Ordering;

use super::is_same_file;
use super::stylist::Stylist;
use super::summary::Summary;
use crate::cli::{SharedArgs, VideoArgs};
use crate::error::{Error, Result};
use crate::media::decode::DecodeOptions;
use crate::media::encode::EncodeOptions;
use crate::media::file::Container;
use crate::media::options::FrameRate;
use crate::pipeline::{Stop, ordered};
use crate::report::Report;
use crate::sink::video::{Painted, VideoSink};
use crate::source::Source;
use crate::source::video::VideoSource;

/// Runs the command.
///
/// # Errors
/// Input, output, options or network do not work; or the job was interrupted, after its file was finished.
pub fn video(args: &VideoArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    check_output(args)?;
    let stop = Stop::at_ctrl_c()?;
    let container = Container::of(&args.output)?;
    let threads = args.style.run.threads.map(usize::from);
    let decoding = DecodeOptions { start: args.start, duration: args.duration, threads };
    let mut source = VideoSource::open(&args.input, &decoding, args.size, args.fps)?;
    if args.fps.is_none() && !container.takes_variable_rate() {
        // AVI and the like have no timestamps, only a rate.
        let rate = FrameRate(source.info().frame_rate);
        source = VideoSource::open(&args.input, &decoding, args.size, Some(rate))?;
    }
    let format = source.format();
    let encoding = EncodeOptions {
        codec: args.codec,
        crf: args.crf,
        preset: args.preset.clone(),
        pixel_format: args.pix_fmt.clone(),
        options: args.encoder_option.clone(),
        threads,
    };
    let frames = source.frame_format();
    let painted = Painted {
        path: &args.input,
        info: source.info(),
        cut: args.start.is_some_and(|start| start.0 > 0.0),
        complete: source.complete(),
    };
    // Before the network is loaded: a wrong option is said at once.
    let sink = VideoSink::create(&args.output, painted, &frames, &encoding)?;
    let (width, height) = sink.size();
    source.warnings().into_iter().chain(sink.warnings()).for_each(|warning| report.warn(warning));
    let stylist = Stylist::new(&args.style, shared, report)?;
    let mut workers = stylist.workers(format.width, format.height)?;
    let mut stabilizer = stylist.stabilizer(args.steady.stabilize);

    let progress = report.progress(format.frames, "frames");
    let done = ordered::run(&mut source, &mut workers, &mut stabilizer, Box::new(sink), &stop, &|so_far| {
        progress.set(so_far.frames, format!("inference {:.0} %", so_far.inference_share * 100.0));
    });
    drop(progress);
    source.warnings().into_iter().for_each(|warning| report.warn(warning));
    let done = done?;

    let output = args.output.display();
    let seconds = done.elapsed.as_secs_f64();
    report.say(format!(
        "{output}: {} frames of {width}x{height} in {seconds:.1} s ({:.1} fps), {} on {}",
        done.frames,
        done.fps(),
        stylist.style(),
        stylist.device(),
    ));
    report.print_json(&Summary {
        command: "video",
        input: args.input.display().to_string(),
        output: output.to_string(),
        style: stylist.style(),
        device: stylist.device(),
        width,
        height,
        frames: done.frames,
        dropped: 0,
        seconds,
        fps: done.fps(),
        inference_ms: done.inference_ms,
        warnings: report.warnings(),
    });
    if stop.requested() && !source.complete().load(Ordering::Acquire) {
        let frames = done.frames;
        return Err(Error::Interrupted(format!("interrupted; '{output}' holds the first {frames} frames and plays")));
    }
    Ok(())
}

/// Refuses outputs that would destroy something, before any work is done.
fn check_output(args: &VideoArgs) -> Result<()> {
    let (input, output) = (&args.input, &args.output);
    let shown = output.display();
    if is_same_file(input, output) {
        return Err(Error::usage(format!("'{shown}' is the input itself; name another output with -o")));
    }
    match fs::metadata(output) {
        Ok(found) if found.is_dir() => Err(Error::usage(format!("'{shown}' is a folder; name a file in it"))),
        Ok(_) if !args.overwrite => {
            Err(Error::usage(format!("'{shown}' exists; name another output, or add --overwrite to replace it")))
        }
        _ => Ok(()),
    }
}
