//! `impasto live`: a camera to a window, a recording and the network, as it happens.

mod keys;
mod watch;

use std::sync::Arc;

use serde::Serialize;

use super::device::say_device;
use super::summary::Summary;
use crate::cli::{LiveArgs, SeenSize, SharedArgs};
use crate::error::{Error, Result};
use crate::frame::Rational;
use crate::media::write::StreamFormat;
use crate::pipeline::governor::Governor;
use crate::pipeline::live::{self, Output, Pace, Styling};
use crate::pipeline::meter::Meter;
use crate::report::Report;
use crate::show::{Settings, Show};
use crate::sink::http::HttpSink;
use crate::sink::recording::RecordingSink;
use crate::sink::send::SendSink;
use crate::size::Size;
use crate::statistics::Percentiles;
use crate::studio::repertoire::Repertoire;
use crate::studio::{Studio, capture};
use crate::sync::Stop;

/// What `--json` prints at the end.
#[derive(Serialize)]
struct LiveSummary {
    #[serde(flatten)]
    shared: Summary<String>,
    /// From a frame's arrival at the source to the display or, without a window, to the outputs.
    latency_ms: Percentiles,
    /// Frames shown more than half a frame's time too late.
    late: u64,
    /// Columns and rows of what the network saw at the end.
    seen: (u32, u32),
}

/// Runs the command.
///
/// # Errors
/// The source, the style or an output does not start; or an output failed during the show, which is reported at its end.
pub fn live(args: &LiveArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let interrupt = Stop::at_ctrl_c()?;
    let stop = Stop::default().also_at_ctrl_c()?;
    let source = args.source(shared.max_pixels);
    let capture = capture::open(&source, &stop).map_err(|error| {
        if interrupt.requested() { Error::Interrupted("interrupted before the show began".into()) } else { error }
    })?;
    let format = capture.source.format();
    capture.source.warnings().into_iter().for_each(|warning| report.warn(warning));
    let rate = args.fps.map_or_else(|| usual_rate(format.frame_rate), |wish| wish.0);
    let studio = Studio::open(args.style.run.machine(shared))?;
    let look = args.style.settings();
    let painter = studio.painter_for(&look, Size::new(format.width, format.height))?;
    say_device(&studio, report);
    let (style, device) = (painter.style().to_owned(), painter.device().to_string());
    let (stabilizer, carrier) = (painter.stabilizer(args.steady.stabilize), painter.carrier());
    let styles = Repertoire::new(&studio, &look, &painter, (format.width, format.height))?;
    let settings = Settings {
        strength: args.style.strength,
        scale: args.style.scale.factor(),
        keep_colors: args.style.keep_colors,
        mirror: args.mirror,
        record: args.record.is_some(),
        ..Settings::plain(styles.first())
    };
    let show = Arc::new(Show::new(styles.names(), settings, stop).with_unstyled(styles.unstyled()));
    let told = Arc::clone(&show);
    let mut styles = styles.with_listener(move |warning| told.notice("device", Some(warning)));
    let color = capture.source.color();
    let stream = StreamFormat { width: format.width, height: format.height, frame_rate: rate, color };
    let recorder = recorder(args, stream, &show)?;
    let outputs = outputs(args, stream, &show, report)?;
    let names: Vec<String> = outputs.iter().map(|output| output.name.clone()).collect();
    let outputs = recorder.into_iter().chain(outputs).collect();
    let first = styles.choose(&show.settings().style)?;
    let held = (args.size == SeenSize::Auto).then(|| rate.as_f64());
    let styling = Styling {
        choose: Box::new(|style| styles.choose(style)),
        first,
        scale: args.style.scale,
        stabilizer,
        carrier,
        governor: Governor::new(held),
    };
    // 30, or 29.97.
    let shown_rate = (rate.as_f64() * 1e2).round() / 1e2;
    let mut watcher = watch::Watcher::open(args, &show, &interrupt, (format.width, format.height), report)?;
    report.say(format!(
        "{}: {}x{} at {} fps, {style} on {device}{}",
        args.camera,
        format.width,
        format.height,
        shown_rate,
        if args.no_window { "; press Ctrl-C to end" } else { "; press ? in the window for its keys, q to end" },
    ));
    let meter = Meter::new(rate.as_f64());
    let ended = live::run(capture, styling, outputs, &show, &meter, |view| watcher.watch(view, &meter))?;

    styles.keep_costs(&ended.costs);
    let total = ended.total;
    let seconds = total.elapsed.as_secs_f64();
    let fps = total.frames as f64 / seconds.max(1e-9);
    let statistics = show.statistics();
    ended.failed.iter().for_each(|warning| report.warn(warning));
    let is_recorded = !statistics.recorded.is_empty();
    let recorded = statistics.recorded.iter().map(|path| format!("; recorded {path}")).collect::<String>();
    report.say(format!(
        "{} frames in {seconds:.1} s ({fps:.1} fps), {} dropped, {} late; the network saw {}x{}; latency {:.0} ms (p95 {:.0} ms) \
         from capture to {}{recorded}",
        total.frames,
        total.dropped,
        total.late,
        statistics.seen.0,
        statistics.seen.1,
        total.latency_ms.p50,
        total.latency_ms.p95,
        if args.no_window { "outputs" } else { "display" },
    ));
    if fps < 0.8 * rate.as_f64() && total.frames > 0 {
        report.say(format!(
            "too slow for {shown_rate} fps: try --scale 2, a smaller --resolution, or another style (impasto bench measures them)"
        ));
    }
    report.print_json(&LiveSummary {
        shared: Summary {
            command: "live",
            input: args.camera.clone(),
            output: [statistics.recorded, names].concat().join(", "),
            style: show.settings().style.to_string(),
            device,
            width: format.width,
            height: format.height,
            frames: total.frames,
            dropped: total.dropped,
            seconds,
            fps,
            inference_ms: total.inference_ms,
            warnings: report.warnings(),
        },
        latency_ms: total.latency_ms,
        late: total.late,
        seen: statistics.seen,
    });
    // Ctrl-C is the usual end of a show, so it is no failure.
    let mut failed: Vec<String> = ended.failed.iter().map(ToString::to_string).collect();
    if let Some(wanted) = args.record.as_ref().filter(|_| !is_recorded) {
        let cure = if seconds < 1.0 { "; let the show run longer" } else { "" };
        failed.push(format!("'{}' was not recorded{cure}", wanted.display()));
    }
    if failed.is_empty() { Ok(()) } else { Err(Error::Failed(failed.join("; "))) }
}

/// The source's frame rate, but no more than cameras usually have.
fn usual_rate(rate: Rational) -> Rational {
    if rate.as_f64() > 1.0 && rate.as_f64() <= 30.5 { rate } else { Rational { num: 30, den: 1 } }
}

/// The requested outputs except the recording. One that cannot start fails now, before anybody relies on it.
fn outputs(args: &LiveArgs, format: StreamFormat, show: &Arc<Show>, report: &Report) -> Result<Vec<Output>> {
    let pace = Pace::Constant(format.frame_rate);
    let mut outputs = Vec::new();
    if let Some(address) = &args.send {
        let sink = Box::new(SendSink::new(address, format, Arc::clone(show))?);
        outputs.push(Output { name: address.clone(), sink, pace, preview: false });
    }
    if let Some(camera) = &args.virtual_camera {
        let (sink, name) = camera.open(format.width, format.height, format.frame_rate.as_f64().round() as u32)?;
        report.say(format!("select {name} in other programs"));
        outputs.push(Output { name, sink, pace: Pace::EachFrame, preview: false });
    }
    if let Some(listen) = args.serve {
        let sink = HttpSink::open(listen, args.token.clone(), Arc::clone(show))?;
        report.say(format!("open {} in a browser", sink.address()));
        let name = sink.address().to_owned();
        outputs.push(Output { name, sink: Box::new(sink), pace: Pace::EachFrame, preview: true });
    }
    Ok(outputs)
}

/// The recording, if a flag, a key or the page can start it.
fn recorder(args: &LiveArgs, format: StreamFormat, show: &Arc<Show>) -> Result<Option<Output>> {
    if args.record.is_none() && args.serve.is_none() && args.no_window {
        return Ok(None);
    }
    let path = args.record.clone().unwrap_or_else(|| args.folder.join("impasto.mkv"));
    let sink = Box::new(RecordingSink::new(&path, format, Arc::clone(show))?);
    let (name, pace) = (format!("recording {}", path.display()), Pace::Constant(format.frame_rate));
    Ok(Some(Output { name, sink, pace, preview: false }))
}
