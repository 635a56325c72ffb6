use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::kernel::grain::{CELL, CHANNELS, Field, Grain};
use crate::network::{Identity, NetworkFile};
use crate::source::SourceFormat;
use crate::source::paced::PacedSource;
use crate::source::synthetic::SyntheticSource;
use crate::sync::Stop;

/// Waits for something that a working show brings about soon.
const LONG: Duration = Duration::from_secs(20);

fn show() -> Show {
    let settings = Settings::plain(Expression::single("identity"));
    Show::new(vec!["dark".into()], settings, Stop::default())
}

/// Paints everything black.
struct Dark;

impl crate::network::Network for Dark {
    fn style_count(&self) -> usize {
        1
    }

    fn run(&mut self, _image: crate::frame::Image<'_>, _weights: &[f32], _grain: &Grain, out: &mut [u8]) -> Result<()> {
        out.fill(0);
        Ok(())
    }
}

/// Paints its grain.
struct Grainy;

impl crate::network::Network for Grainy {
    fn style_count(&self) -> usize {
        1
    }

    fn takes_grain(&self) -> bool {
        true
    }

    fn run(&mut self, image: crate::frame::Image<'_>, _weights: &[f32], grain: &Grain, out: &mut [u8]) -> Result<()> {
        let (columns, rows) = (image.width.div_ceil(CELL), image.height.div_ceil(CELL));
        let mut cells = vec![0.0; (columns * rows) as usize * CHANNELS];
        grain.fill(Size::new(image.width, image.height), 0..columns, 0..rows, &mut cells);
        for (place, pixel) in out.chunks_exact_mut(3).enumerate() {
            let (x, y) = (place as u32 % image.width, place as u32 / image.width);
            let cell = (y / CELL * columns + x / CELL) as usize * CHANNELS;
            pixel.fill((128.0 + 40.0 * cells[cell]) as u8);
        }
        Ok(())
    }
}

/// A textured wall that passes from right to left, a cell of grain a frame.
struct Passing(SyntheticSource);

impl Source for Passing {
    fn format(&self) -> SourceFormat {
        self.0.format()
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        let more = self.0.next(frame)?;
        for (place, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
            let (x, y) = ((place % 160) as f32 + (frame.index * 4) as f32, (place / 160) as f32);
            let wave = |across: f32, down: f32| ((x * across + y * down).sin() + 1.0) * 50.0;
            pixel.fill((wave(0.11, 0.07) + wave(0.031, -0.13)) as u8);
        }
        Ok(more)
    }
}

fn passing() -> Capture<'static> {
    let source = || Passing(SyntheticSource::new(160, 90, None));
    let open = move || -> Result<Box<dyn Source>> { Ok(Box::new(PacedSource::new(source(), Stop::default()))) };
    Capture { name: "test".into(), source: open().unwrap(), open: Box::new(open), returns: true, repeats: false }
}

/// Mean difference of two paintings of 160x90, of which the second shows things `pixels` further to the left.
fn apart(first: &Frame, second: &Frame, pixels: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (first, second) in first.pixels.chunks_exact(160 * 3).zip(second.pixels.chunks_exact(160 * 3)) {
        // Without the borders, where the scene is uncovered.
        for at in 16 * 3..(144 - pixels) * 3 {
            sum += f64::from(first[at + pixels * 3].abs_diff(second[at]));
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn after_a_change_of_style_grain_moves_with_the_scene() {
    let (show, meter) = (show(), Meter::new(30.0));
    run(passing(), painting(), Vec::new(), &show, &meter, |view| {
        assert!(until(view, |shown| shown.painted.index > 3));
        show.change(|settings| settings.style = Expression::single("grainy"));
        let (mut last, mut moved): (Option<Frame>, Vec<[f64; 2]>) = (None, Vec::new());
        let start = Instant::now();
        assert!(until(view, |shown| {
            // Until the fade is over.
            let is_grain =
                start.elapsed() > 2 * crate::pipeline::fade::FADE && shown.painted.pixels != shown.original.pixels;
            if let Some(last) = last.take().filter(|_| is_grain) {
                let pixels = (shown.painted.index - last.index) as usize * 4;
                if (1..60).contains(&pixels) {
                    moved.push([apart(&last, &shown.painted, pixels), apart(&last, &shown.painted, 0)]);
                }
            }
            last = Some(shown.painted.clone());
            moved.len() == 12
        }));
        let mean = |which: usize| moved.iter().map(|pair| pair[which]).sum::<f64>() / moved.len() as f64;
        assert!(mean(0) < 0.5 * mean(1), "{moved:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_frozen_painting_keeps_its_grain_and_continues_afterwards() {
    let (show, meter) = (show(), Meter::new(30.0));
    let painting = Styling { first: single("grainy", Box::new(Grainy)), ..painting() };
    run(passing(), painting, Vec::new(), &show, &meter, |view| {
        assert!(until(view, |shown| shown.painted.index > 5));
        show.change(|settings| settings.freeze = true);
        // The frames that were under way may still come.
        thread::sleep(2 * PATIENCE);
        let mut frozen: Option<Frame> = None;
        let mut same = 0;
        assert!(until(view, |shown| {
            let frozen = frozen.get_or_insert_with(|| shown.painted.clone());
            assert_eq!(&shown.painted, frozen);
            same += 1;
            same == 5
        }));
        show.change(|settings| settings.freeze = false);
        let frozen = frozen.unwrap();
        assert!(until(view, |shown| shown.painted.index > frozen.index && shown.painted.pixels != frozen.pixels));
        Ok(())
    })
    .unwrap();
    // Only the window counts latency, and here is none: the frozen picture, shown again and again, counts nothing.
    let total = meter.total();
    assert_eq!((total.latency_ms.p50, total.latency_ms.p99), (0.0, 0.0));
}

fn identity() -> Vec<Chosen> {
    vec![Chosen {
        file: None,
        network: Some(Box::new(Identity)),
        weights: vec![1.0],
        share: 1.0,
        costs: Costs::default(),
    }]
}

fn file(name: &str) -> NetworkFile {
    let (path, layout) = (name.into(), crate::network::Layout::NhwcU8);
    NetworkFile { name: name.into(), path, tiles: None, layout, styles: 1, side: 432, sha256: String::new() }
}

fn single(name: &str, network: Box<dyn crate::network::Network>) -> Vec<Chosen> {
    let (file, weights, costs) = (Some(file(name)), vec![1.0], Costs::default());
    vec![Chosen { file, network: Some(network), weights, share: 1.0, costs }]
}

fn choose(style: &Expression) -> Result<Vec<Chosen>> {
    match style.terms()[0].0.as_str() {
        "dark" => Ok(single("dark", Box::new(Dark))),
        "grainy" => Ok(single("grainy", Box::new(Grainy))),
        "identity" => Ok(identity()),
        other => Err(Error::failed(format!("'{other}' is damaged"))),
    }
}

fn painting() -> Styling<'static> {
    let (stabilizer, governor) = (Stabilizer::new(0.0), Governor::new(None));
    let carrier = Carrier::new(Arc::new(Field::new(1)));
    let (choose, first, scale) = (Box::new(choose), identity(), Scale::default());
    Styling { choose, first, scale, stabilizer, carrier, governor }
}

fn camera(frames: Option<u64>) -> Capture<'static> {
    let open = move || -> Result<Box<dyn Source>> {
        Ok(Box::new(PacedSource::new(SyntheticSource::new(32, 18, frames), Stop::default())))
    };
    Capture {
        name: "test".into(),
        source: open().unwrap(),
        open: Box::new(open),
        returns: frames.is_none(),
        repeats: false,
    }
}

/// Waits until `done` of the newest frame; says whether it came to that.
fn until(view: &View, mut done: impl FnMut(&Shown) -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < LONG {
        match view.frames.take(PATIENCE) {
            Taken::Value(shown) if done(&shown) => return true,
            Taken::Closed => return false,
            _ => {}
        }
    }
    false
}

/// Counts its frames, and may be slow or fail.
struct Counting {
    seen: Arc<AtomicUsize>,
    delay: Duration,
    fail_at: Option<usize>,
}

impl Sink for Counting {
    fn put_at(&mut self, _frame: &Frame, _stamp: Stamp) -> Result<()> {
        thread::sleep(self.delay);
        match self.fail_at {
            Some(place) if self.seen.fetch_add(1, Ordering::Relaxed) == place => Err(Error::failed("the disk is full")),
            Some(_) => Ok(()),
            None => {
                self.seen.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

fn output(name: &str, delay: Duration, fail_at: Option<usize>) -> (Output, Arc<AtomicUsize>) {
    let seen = Arc::default();
    let sink = Box::new(Counting { seen: Arc::clone(&seen), delay, fail_at });
    (Output { name: name.into(), sink, pace: Pace::EachFrame, preview: false }, seen)
}

/// Counts what it paints, and ends the show by `end` in its second painting.
struct Ending {
    paintings: Arc<AtomicUsize>,
    end: Box<dyn FnMut() + Send>,
}

impl crate::network::Network for Ending {
    fn style_count(&self) -> usize {
        1
    }

    fn run(&mut self, _image: crate::frame::Image<'_>, _weights: &[f32], _grain: &Grain, out: &mut [u8]) -> Result<()> {
        out.fill(0);
        if self.paintings.fetch_add(1, Ordering::Relaxed) == 1 {
            // Meanwhile the next frame is made ready.
            thread::sleep(3 * PATIENCE);
            (self.end)();
        }
        Ok(())
    }
}

#[test]
fn nothing_is_painted_that_would_be_there_after_the_show() {
    // The stop comes, or is nearer than a painting takes.
    for left in [None, Some(Duration::ZERO), Some(PATIENCE)] {
        let (show, meter) = (show(), Meter::new(30.0));
        let (paintings, stop) = (Arc::<AtomicUsize>::default(), show.stop.clone());
        let end = move || left.map_or_else(|| stop.request(), |left| stop.request_at(Instant::now() + left));
        let network = Ending { paintings: Arc::clone(&paintings), end: Box::new(end) };
        let painting = Styling { first: single("ending", Box::new(network)), ..painting() };
        run(camera(None), painting, Vec::new(), &show, &meter, |view| {
            until(view, |_| false);
            Ok(())
        })
        .unwrap();
        assert_eq!(paintings.load(Ordering::Relaxed), 2, "{left:?}");
    }
}

#[test]
fn a_slow_output_and_a_failing_one_leave_the_others_their_frames() {
    let (show, meter) = (show(), Meter::new(30.0));
    let (quick, quick_seen) = output("quick", Duration::ZERO, None);
    let (slow, slow_seen) = output("slow", Duration::from_millis(300), None);
    let (failing, _) = output("recording", Duration::ZERO, Some(3));
    let ended = run(camera(Some(30)), painting(), vec![slow, failing, quick], &show, &meter, |view| {
        until(view, |_| false);
        Ok(())
    })
    .unwrap();
    let reason = "the disk is full".to_owned();
    assert_eq!(ended.failed, [Warning::OutputEnded { output: "recording".into(), reason }]);
    assert!(show.statistics().notices.contains(&ended.failed[0].to_string()));
    assert_eq!(ended.total.frames + ended.total.dropped, 30);
    let (quick, slow) = (quick_seen.load(Ordering::Relaxed), slow_seen.load(Ordering::Relaxed));
    assert!(slow < quick && quick <= 31, "{slow} {quick}");
}

#[test]
fn a_style_is_chosen_while_it_runs_and_a_damaged_one_is_refused_by_name() {
    let (show, meter) = (show(), Meter::new(30.0));
    run(camera(None), painting(), Vec::new(), &show, &meter, |view| {
        show.change(|settings| settings.style = Expression::single("dark"));
        assert!(until(view, |shown| shown.painted.pixels.iter().all(|&value| value == 0)));
        show.change(|settings| settings.style = Expression::single("broken"));
        assert!(until(view, |_| show.settings().style == Expression::single("dark")));
        assert_eq!(show.statistics().notices, ["'broken' is damaged; the style stays dark"]);
        show.change(|settings| settings.style = Expression::single("identity"));
        assert!(until(view, |shown| shown.painted.pixels == shown.original.pixels));
        assert!(show.statistics().notices.is_empty());
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_mirrored_show_is_mirrored_and_a_frozen_one_stands_still() {
    let (show, meter) = (show(), Meter::new(30.0));
    run(camera(None), painting(), Vec::new(), &show, &meter, |view| {
        show.change(|settings| settings.mirror = true);
        // The source gives the same picture for the same index again.
        let (mut source, mut plain) = (SyntheticSource::new(32, 18, None), Frame::default());
        source.next(&mut plain).unwrap();
        assert!(until(view, |shown| {
            while plain.index < shown.painted.index {
                source.next(&mut plain).unwrap();
            }
            let mut mirrored = plain.clone();
            arrange::mirror(&mut mirrored);
            shown.painted.pixels == mirrored.pixels && shown.painted.pixels == shown.original.pixels
        }));
        show.change(|settings| settings.freeze = true);
        // The frame that was under way may still come.
        thread::sleep(PATIENCE);
        let mut frozen = None;
        until(view, |shown| {
            frozen = Some(shown.painted.clone());
            true
        });
        let mut same = 0;
        assert!(until(view, |shown| {
            assert_eq!(Some(&shown.painted), frozen.as_ref());
            same += 1;
            same == 3
        }));
        Ok(())
    })
    .unwrap();
}

/// Delivers three frames, then is unplugged.
struct Loose(SyntheticSource, u64);

impl Source for Loose {
    fn format(&self) -> SourceFormat {
        self.0.format()
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        self.1 += 1;
        if self.1 > 3 { Err(Error::failed("camera 0 was unplugged")) } else { self.0.next(frame) }
    }
}

#[test]
fn a_camera_that_vanishes_is_waited_for_and_its_last_frame_stays() {
    let (show, meter) = (show(), Meter::new(30.0));
    let mut tries = 0;
    // It comes back at the second try, with frames of another size.
    let open = move || -> Result<Box<dyn Source>> {
        tries += 1;
        if tries < 2 {
            return Err(Error::failed("there is no camera 0"));
        }
        Ok(Box::new(PacedSource::new(SyntheticSource::new(64, 36, None), Stop::default())))
    };
    let source = Box::new(Loose(SyntheticSource::new(32, 18, None), 0));
    let capture = Capture { name: "test".into(), source, open: Box::new(open), returns: true, repeats: false };
    run(capture, painting(), Vec::new(), &show, &meter, |view| {
        assert!(until(view, |_| show
            .statistics()
            .notices
            .iter()
            .any(|notice| notice.starts_with("camera 0 was unplugged"))));
        // The last frame keeps being handed out.
        assert!(until(view, |shown| shown.painted.width == 32));
        assert!(until(view, |_| show.statistics().notices.is_empty()));
        assert!(until(view, |shown| (shown.painted.width, shown.painted.height) == (32, 18)));
        Ok(())
    })
    .unwrap();
    assert!(meter.total().frames >= 2);
}

#[test]
fn a_file_that_fails_ends_the_show_with_its_reason() {
    let (show, meter) = (show(), Meter::new(30.0));
    let source = Box::new(Loose(SyntheticSource::new(32, 18, None), 0));
    let open = || -> Result<Box<dyn Source>> { Err(Error::failed("never")) };
    let capture = Capture { name: "test".into(), source, open: Box::new(open), returns: false, repeats: false };
    let ended = run(capture, painting(), Vec::new(), &show, &meter, |view| {
        assert!(!until(view, |_| false));
        Ok(())
    });
    assert_eq!(ended.unwrap_err().to_string(), "camera 0 was unplugged");
}

/// Remembers when its frames are shown, and where their pixels lie in memory.
struct Times(Arc<Mutex<Vec<(i64, usize)>>>);

impl Sink for Times {
    fn put_at(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        lock(&self.0).push((stamp.time, frame.pixels.as_ptr().addr()));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_constant_pace_repeats_the_newest_frame_and_its_times_grow() {
    let (show, meter, times) = (show(), Meter::new(30.0), Arc::new(Mutex::new(Vec::new())));
    let pace = Pace::Constant(Rational { num: 120, den: 1 });
    let output = Output { name: "recording".into(), sink: Box::new(Times(Arc::clone(&times))), pace, preview: false };
    let mut painted = HashSet::new();
    // Half a second, so about 60 frames of the output for 15 of the camera.
    run(camera(Some(15)), painting(), vec![output], &show, &meter, |view| {
        until(view, |shown| {
            painted.insert(shown.painted.pixels.as_ptr().addr());
            false
        });
        Ok(())
    })
    .unwrap();
    let times = lock(&times);
    assert!(times.len() > 20, "{} frames", times.len());
    assert_eq!(times[0].0, 0);
    assert!(times.windows(2).all(|pair| pair[1].0 > pair[0].0));
    // A few buffers go round. The viewer may miss one of them, but the output never gets pixels of its own.
    let taken: HashSet<usize> = times.iter().map(|(_, place)| *place).collect();
    assert!(taken.len() <= 8 && !taken.is_disjoint(&painted), "{taken:?} {painted:?}");
}

/// Announces each frame long before it has decoded it, and loses two others before each.
struct Lossy {
    inner: SyntheticSource,
    decoding: Duration,
    arrived: Option<Instant>,
    dropped: u64,
}

impl Lossy {
    fn capture(frames: u64, decoding: Duration) -> Capture<'static> {
        let inner = SyntheticSource::new(32, 18, Some(frames));
        let source = Box::new(Self { inner, decoding, arrived: None, dropped: 0 });
        let open = || -> Result<Box<dyn Source>> { Err(Error::failed("never")) };
        Capture { name: "test".into(), source, open: Box::new(open), returns: false, repeats: false }
    }
}

impl Source for Lossy {
    fn format(&self) -> SourceFormat {
        self.inner.format()
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        self.arrived = Some(Instant::now());
        thread::sleep(self.decoding);
        let is_next = self.inner.next(frame)?;
        self.dropped += if is_next { 2 } else { 5 };
        Ok(is_next)
    }

    fn arrived(&self) -> Option<Instant> {
        self.arrived
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[test]
fn latency_counts_from_a_frames_arrival_and_not_from_when_it_was_decoded() {
    let (show, meter) = (show(), Meter::new(30.0));
    let decoding = Duration::from_millis(150);
    let ended = run(Lossy::capture(4, decoding), painting(), Vec::new(), &show, &meter, |view| {
        until(view, |shown| {
            meter.shown(shown.arrived);
            false
        });
        Ok(())
    })
    .unwrap();
    assert!(ended.total.frames > 0);
    // Percentiles are exact to 2 %.
    assert!(ended.total.latency_ms.p50 >= 147.0, "{:?}", ended.total.latency_ms);
}

#[test]
fn frames_that_the_source_itself_lost_count_as_dropped() {
    let (show, meter) = (show(), Meter::new(30.0));
    let capture = Lossy::capture(10, Duration::ZERO);
    let ended = run(capture, painting(), Vec::new(), &show, &meter, |view| {
        until(view, |_| false);
        Ok(())
    })
    .unwrap();
    // Ten frames, two lost before each, and five at the end.
    assert_eq!(ended.total.frames + ended.total.dropped, 10 + 20 + 5);
    assert!(ended.total.dropped >= 25, "{}", ended.total.dropped);
}
