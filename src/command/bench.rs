//! `impasto bench`: how fast networks and complete jobs are on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::device::say_device;
use crate::cli::{BenchArgs, Benched, SharedArgs};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::grain::{Field, Grain};
use crate::media::options::SizeRequest;
use crate::media::read::DecodeOptions;
use crate::media::write::{Container, EncodeOptions};
use crate::network::placement::placement;
use crate::network::provider::{Device, Provider};
use crate::network::{self, Opening, contest};
use crate::pipeline::ordered;
use crate::report::Report;
use crate::segments::folder::{Folder, Use};
use crate::segments::journal::Journal;
use crate::segments::paint::{self, Destination};
use crate::segments::resume::ResumableSource;
use crate::segments::{Encoding, SEGMENT_FRAMES};
use crate::sink::null::NullSink;
use crate::size::Size;
use crate::source::Source;
use crate::source::synthetic::SyntheticSource;
use crate::source::video::VideoSource;
use crate::statistics::{Histogram, Percentiles};
use crate::studio::{Engine, PaintSettings, Painter, Studio, Style, StyleInfo};
use crate::style::expression::Expression;
use crate::style::paintings::Paintings;
use crate::sync::Stop;
use crate::temporal::{DEFAULT_AMOUNT, Stabilizer};

#[derive(Serialize)]
struct BenchReport {
    command: &'static str,
    device: String,
    threads: usize,
    results: Vec<Measured>,
    warnings: Vec<String>,
}

/// One style at one size on one device.
#[derive(Serialize)]
struct Measured {
    device: String,
    style: String,
    width: u32,
    height: u32,
    /// The network alone, frame after frame, with all cores.
    network_ms: Percentiles,
    /// The stabiliser alone, on one core.
    stabilize_ms: Percentiles,
    /// From a synthetic source through parallel workers to a null sink.
    pipeline_fps: f64,
    /// From a file to a file, with the defaults of `impasto video`; only with `--clip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    clip_fps: Option<f64>,
    /// Nodes of the networks that the processor runs, since the device cannot; `null` on the processor itself.
    on_processor: Option<usize>,
    /// The largest difference to the processor's painting, in levels; `null` on the processor itself.
    difference: Option<u8>,
    /// Peak memory of the process during this measurement, in MiB; `null` if the system does not report it.
    peak_mib: Option<f64>,
}

/// Measures each style at each size on each device; prints a table or JSON.
pub fn bench(args: &BenchArgs, shared: &SharedArgs, report: &Report) -> Result<()> {
    let (runtime, devices) = match args.device {
        Benched::One(device) => (args.hardware.machine(device, shared).runtime()?, vec![device]),
        Benched::All => {
            let runtime = args.hardware.machine(Device::Auto, shared).runtime()?;
            let probes = Provider::probe_all(&runtime).into_iter();
            (runtime, probes.filter(|probe| probe.outcome.is_ok()).map(|probe| probe.device).collect())
        }
    };
    let several = args.device == Benched::All;
    let (mut results, mut threads, mut last) = (Vec::new(), 0, String::new());
    for device in devices {
        let studio = Studio::open(args.hardware.machine(device, shared))?.with_runtime(runtime.clone());
        let engine = match bench_on(args, &studio, report, results.is_empty(), &mut results) {
            Ok(engine) => engine,
            // What the others do is still worth knowing.
            Err(error) if several => {
                report.warn(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        (threads, last) = (engine.threads, engine.provider.device.to_string());
    }
    let device = if several { "all".to_owned() } else { last };
    let warnings = report.warnings();
    report.print_json(&BenchReport { command: "bench", device, threads, results, warnings });
    Ok(())
}

/// Measures each style at each size on the device of `studio`.
fn bench_on(
    args: &BenchArgs,
    studio: &Studio,
    report: &Report,
    is_first: bool,
    results: &mut Vec<Measured>,
) -> Result<Engine> {
    let mut styles = args.style.clone();
    if styles.is_empty() && args.style_image.is_none() {
        styles = one_of_each_network(studio);
    }
    let named = |name: &String| Style::Named(Expression::single(name));
    let picture = |path: &PathBuf| Style::Pictures(Paintings::single(path));
    // The device is chosen for the first size.
    let first = args.size.first().map_or(Size::new(640, 360), |size| size.of(Size::new(640, 360)));
    // All of them now, so that a wrong name does not end the table in its middle.
    let painters = styles
        .iter()
        .map(named)
        .chain(args.style_image.iter().map(picture))
        .map(|style| studio.painter_for(&PaintSettings { style, ..PaintSettings::default() }, first))
        .collect::<Result<Vec<_>>>()?;
    let engine = studio.engine(None)?;
    say_device(studio, report);
    if is_first {
        report.print(format!(
            "{:<12} {:<16} {:>9}  {:>8} {:>8} {:>8}  {:>9}  {:>8} {:>8}  {:>6} {:>7}  {:>8}",
            "device",
            "style",
            "size",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "steady ms",
            "pipe fps",
            "clip fps",
            "on cpu",
            "differs",
            "peak MiB"
        ));
    }
    for painter in painters {
        for size in &args.size {
            let Size { width, height } = size.of(Size::new(640, 360));
            let row = measure(args, report, &engine, &painter, (width, height))?;
            let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
            let Percentiles { p50, p95, p99 } = row.network_ms;
            report.print(format!(
                "{:<12} {:<16} {:>9}  {p50:>8.1} {p95:>8.1} {p99:>8.1}  {:>9.2}  {:>8.1} {:>8}  {:>6} {:>7}  {:>8}",
                row.device,
                row.style,
                format!("{width}x{height}"),
                row.stabilize_ms.p50,
                row.pipeline_fps,
                number(row.clip_fps),
                row.on_processor.map_or_else(|| "-".to_owned(), |nodes| nodes.to_string()),
                row.difference.map_or_else(|| "-".to_owned(), |levels| levels.to_string()),
                number(row.peak_mib)
            ));
            results.push(row);
        }
    }
    Ok(engine)
}

fn one_of_each_network(studio: &Studio) -> Vec<String> {
    let mut styles: Vec<StyleInfo> = Vec::new();
    for style in studio.styles() {
        if !styles.iter().any(|known| known.network == style.network) {
            styles.push(style);
        }
    }
    styles.into_iter().map(|style| style.name).collect()
}

fn measure(
    args: &BenchArgs,
    report: &Report,
    engine: &Engine,
    painter: &Painter,
    (width, height): (u32, u32),
) -> Result<Measured> {
    forget_peak();
    let span = Duration::from_secs_f64(args.seconds);
    let network_ms = network_alone(engine, painter, (width, height), span)?;
    let stabilize_ms = stabilizer_alone((width, height))?;
    let pipeline_fps = pipeline(painter, (width, height), span)?;
    let clip_fps = match &args.clip {
        Some(clip) => Some(clip_to_file(painter, clip, (width, height), span, report)?),
        None => None,
    };
    // Before the processor paints its own picture to compare with.
    let peak_mib = peak_mib();
    let (device, style) = (engine.provider.device.to_string(), painter.style().to_owned());
    let (on_processor, difference) = beside_processor(engine, painter, (width, height))?;
    Ok(Measured {
        device,
        style,
        width,
        height,
        network_ms,
        stabilize_ms,
        pipeline_fps,
        clip_fps,
        on_processor,
        difference,
        peak_mib,
    })
}

/// How many nodes of the networks the processor runs, and by how much the painting differs from the processor's.
fn beside_processor(engine: &Engine, painter: &Painter, size: (u32, u32)) -> Result<(Option<usize>, Option<u8>)> {
    if engine.provider.device == Device::Cpu {
        return Ok((None, None));
    }
    let processor = Provider::processor("to compare with");
    let (mut nodes, mut difference) = (0, 0);
    for choice in painter.choices() {
        let Some(file) = &choice.network else { continue };
        let opening = engine.opening();
        nodes += placement(file, &opening)?.fallbacks();
        let paint = |opening: &Opening<'_>| contest::measure(file, &choice.weights, Size::new(size.0, size.1), opening);
        let here = paint(&opening)?;
        difference = difference.max(here.difference(&paint(&Opening { provider: &processor, ..opening })?));
    }
    Ok((Some(nodes), Some(difference)))
}

/// Frame after frame with all cores: the shortest time that a frame can take.
fn network_alone(
    engine: &Engine,
    painter: &Painter,
    (width, height): (u32, u32),
    span: Duration,
) -> Result<Percentiles> {
    let mut frame = Frame::default();
    SyntheticSource::new(width, height, None).next(&mut frame)?;
    let mut out = vec![0; frame.pixels.len()];
    let grain = Grain::still(Arc::new(Field::new(0)), frame.size());
    let mut histogram = Histogram::default();
    for choice in painter.choices() {
        let Some(file) = &choice.network else { continue };
        let mut network = network::open(file, &engine.opening())?;
        // The first runs allocate memory and infer shapes.
        for _ in 0..3 {
            network.run(frame.image(), &choice.weights, &grain, &mut out)?;
        }
        let start = Instant::now();
        while start.elapsed() < span {
            let one = Instant::now();
            network.run(frame.image(), &choice.weights, &grain, &mut out)?;
            histogram.add(one.elapsed());
        }
    }
    Ok(histogram.percentiles())
}

/// The stabiliser on moving frames. Its time hardly depends on what they show.
fn stabilizer_alone((width, height): (u32, u32)) -> Result<Percentiles> {
    let mut source = SyntheticSource::new(width, height, None);
    let mut stabilizer = Stabilizer::new(DEFAULT_AMOUNT);
    let (mut input, mut styled) = (Frame::default(), Frame::default());
    let mut histogram = Histogram::default();
    for _ in 0..60 {
        source.next(&mut input)?;
        styled.clone_from(&input);
        let one = Instant::now();
        stabilizer.stabilize(&input, &mut styled);
        histogram.add(one.elapsed());
    }
    Ok(histogram.percentiles())
}

/// Frames per second from a synthetic source to a null sink.
fn pipeline(painter: &Painter, (width, height): (u32, u32), span: Duration) -> Result<f64> {
    let mut workers = painter.workers(width, height)?;
    let (mut carrier, mut stabilizer) = (painter.carrier(), painter.stabilizer(DEFAULT_AMOUNT));
    let mut source = SyntheticSource::new(width, height, None);
    let stop = Stop::default();
    let start = Instant::now();
    let observe = |_: ordered::Progress<'_>| {
        if start.elapsed() >= span {
            stop.request();
        }
    };
    let frame = Size::new(width, height);
    let (seen, wanted) = workers.first().map_or((frame, false), |one| (one.seen_size(frame), one.takes_grain()));
    let carry = &mut |input: &_| carrier.carry(input, seen, wanted);
    let steady = &mut |input: &_, styled: &mut _| stabilizer.stabilize(input, styled);
    let summary = ordered::run(&mut source, carry, &mut workers, steady, Box::new(NullSink), &stop, &observe)?;
    Ok((summary.fps() * 100.0).round() / 100.0)
}

/// Frames per second from a decoded file to an encoded one, for at most `span`, with the defaults of `impasto video`.
fn clip_to_file(
    painter: &Painter,
    clip: &Path,
    (width, height): (u32, u32),
    span: Duration,
    report: &Report,
) -> Result<f64> {
    let size = SizeRequest { width: Some(width), height: Some(height) };
    let source = VideoSource::open(clip, &DecodeOptions::default(), Some(size), None)?;
    let (info, frames) = (source.info().clone(), source.frame_format());
    let container = Container::named("mp4").ok_or_else(|| Error::internal("no container called mp4"))?;
    let encoding = Encoding { container, info, frames, options: EncodeOptions::default() };
    let place = tempfile::tempdir().map_err(|error| Error::writing(&std::env::temp_dir(), &error))?;
    let nothing = Journal { facts: BTreeMap::new() };
    let folder = Folder::open(&place.path().join("bench.parts"), &nothing, Use::Alone, false)?;
    source
        .warnings()
        .into_iter()
        .chain(encoding.encoder()?.warnings().to_vec())
        .for_each(|warning| report.warn(warning));
    let mut workers = painter.workers(frames.width, frames.height)?;
    let temporal = (painter.carrier(), painter.stabilizer(DEFAULT_AMOUNT));
    let stop = Stop::default();
    let start = Instant::now();
    let observe = |_: ordered::Progress<'_>| {
        if start.elapsed() >= span {
            stop.request();
        }
    };
    let destination = Destination { folder: &folder, encoding: &encoding, every: SEGMENT_FRAMES, warms_up: true };
    let mut source = ResumableSource::new(source);
    let summary = paint::paint_segments(&mut source, &mut workers, temporal, destination, (0, None), &stop, &observe)?;
    Ok((summary.fps() * 100.0).round() / 100.0)
}

/// Resets the peak memory counter, where the system can (Linux).
fn forget_peak() {
    // Where it cannot, the peak since the process started is an upper bound.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Peak memory of this process, in MiB.
fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string(Path::new("/proc/self/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some((kib / 102.4).round() / 10.0)
}
