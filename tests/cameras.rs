//! Real cameras. scripts/test-cameras runs these tests in a virtual machine that has some; elsewhere they are ignored.
//!
//! IMPASTO_TEST_CAMERA is the camera ("0", "/dev/video0", part of a name). The faults need a camera that can be told to
//! have them, and are picked by name: `unplugged` takes one of Linux's virtual driver `vivid`, which v4l2-ctl unplugs;
//! `in_use` one that a single program at a time can use; `falls_silent` a v4l2loopback camera, and in
//! IMPASTO_TEST_CAMERA_FEEDER the process that feeds it, which is stopped and continued.

use std::env;
use std::io::{Write, stderr};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use impasto::internals::source::camera::{Camera, CameraSource, Wish, cameras};
use impasto::live::{PixelFormat, Source};
use impasto::{Frame, Stop};

/// Tests take turns: there is one camera.
static CAMERA: Mutex<()> = Mutex::new(());

/// The right to use the camera.
fn turn() -> MutexGuard<'static, ()> {
    CAMERA.lock().unwrap_or_else(PoisonError::into_inner)
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; run scripts/test-cameras, which has cameras"))
}

/// Past the test runner's capture.
fn say(words: &str) {
    stderr().write_all(format!("{words}\n").as_bytes()).unwrap();
}

fn which() -> String {
    variable("IMPASTO_TEST_CAMERA")
}

/// The smallest pictures that the camera has.
fn open() -> CameraSource {
    CameraSource::open(&which(), &Wish { size: Some((1, 1)), ..Wish::default() }, &Stop::default()).unwrap()
}

fn v4l2_ctl(camera: &Camera, arguments: &[&str]) -> Command {
    let mut command = Command::new("v4l2-ctl");
    command.arg("-d").arg(camera.path.as_ref().unwrap()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The error that ends the frames, and how long it took to come.
fn end(source: &mut CameraSource) -> (String, Duration) {
    let (start, mut frame) = (Instant::now(), Frame::default());
    loop {
        if let Err(error) = source.next(&mut frame) {
            return (error.to_string(), start.elapsed());
        }
        assert!(start.elapsed() < Duration::from_secs(30), "frames still come");
    }
}

#[test]
#[ignore = "needs a camera: run scripts/test-cameras"]
fn the_camera_is_listed_with_its_formats_and_found_by_all_its_names() {
    let (_turn, which) = (turn(), which());
    let cameras = cameras().unwrap();
    let source = CameraSource::open(&which, &Wish::default(), &Stop::default()).unwrap();
    let camera = source.camera().clone();
    say(&source.chosen());
    drop(source);
    assert!(cameras.contains(&camera), "{cameras:#?}");
    assert!(!camera.formats.is_empty());
    assert!(camera.formats.iter().all(|format| format.width > 0 && !format.frame_rates.is_empty()), "{camera:#?}");
    let error = CameraSource::open("no such camera", &Wish::default(), &Stop::default()).unwrap_err().to_string();
    assert!(error.contains("choose from") && error.contains(&camera.name), "{error}");
    for name in
        [camera.index.to_string(), camera.path.clone().unwrap_or(camera.index.to_string()), camera.name.to_uppercase()]
    {
        assert_eq!(CameraSource::open(&name, &Wish::default(), &Stop::default()).unwrap().camera().index, camera.index);
    }
}

#[test]
#[ignore = "needs a camera: run scripts/test-cameras"]
fn frames_come_in_order_and_a_closed_camera_can_be_opened_again() {
    let _turn = turn();
    let mut formats: Vec<PixelFormat> = open().camera().formats.iter().map(|format| format.pixel_format).collect();
    formats.dedup();
    // Each of its pixel formats, and the first once more.
    for pixel_format in formats.iter().chain(&formats[..1]) {
        let wish = Wish { size: Some((1, 1)), pixel_format: Some(*pixel_format), ..Wish::default() };
        let mut source = CameraSource::open(&which(), &wish, &Stop::default()).unwrap();
        let format = source.format();
        let (mut frame, mut last, mut sum) = (Frame::default(), -1, Vec::new());
        for index in 0..5 {
            assert!(source.next(&mut frame).unwrap());
            assert_eq!((frame.width, frame.height, frame.index), (format.width, format.height, index));
            assert_eq!(frame.pixels.len(), (format.width * format.height * 3) as usize);
            assert!(frame.time > last, "{} after {last}", frame.time);
            last = frame.time;
            sum.push(frame.pixels.iter().map(|v| u64::from(*v)).sum::<u64>());
        }
        let (low, high) = (frame.pixels.iter().min().unwrap(), frame.pixels.iter().max().unwrap());
        say(&format!("{}: levels {low} to {high}, sums {sum:?}", source.chosen()));
        if let Some(folder) = env::var_os("IMPASTO_TEST_CAMERA_PICTURES") {
            let mut picture = format!("P6 {} {} 255\n", frame.width, frame.height).into_bytes();
            picture.extend(&frame.pixels);
            let name = source.chosen().replace(|c: char| !c.is_alphanumeric(), "_");
            std::fs::write(std::path::Path::new(&folder).join(name + ".ppm"), picture).unwrap();
        }
        let closing = Instant::now();
        drop(source);
        assert!(closing.elapsed() < Duration::from_secs(3));
    }
}

#[test]
#[ignore = "needs a camera: run scripts/test-cameras"]
fn who_is_slow_gets_the_newest_frame() {
    let _turn = turn();
    let mut source = open();
    let mut frame = Frame::default();
    assert!(source.next(&mut frame).unwrap());
    let first = frame.time;
    sleep(Duration::from_secs(3));
    assert!(source.next(&mut frame).unwrap());
    assert!(frame.time - first > 1_500_000, "a frame of {} us after the first", frame.time - first);
    assert!(source.dropped() > 0);
    assert!(source.arrived().unwrap().elapsed() < Duration::from_secs(1), "the newest frame is not new");
}

#[test]
#[ignore = "it takes a camera: run scripts/test-cameras"]
fn frames_that_the_driver_loses_count_as_dropped() {
    let _turn = turn();
    let mut source = open();
    let camera = source.camera().clone();
    let lose = |percent: u32| {
        let control = format!("percentage_of_dropped_buffers={percent}");
        assert!(v4l2_ctl(&camera, &["-c", &control]).status().unwrap().success());
    };
    let mut frame = Frame::default();
    assert!(source.next(&mut frame).unwrap());
    lose(60);
    let before = source.dropped();
    let next = (0..10).try_for_each(|_| source.next(&mut frame).map(drop));
    lose(0);
    next.unwrap();
    let lost = source.dropped() - before;
    say(&format!("{lost} frames dropped around 10 that came"));
    // Of 60 in 100 that are lost, the chance that fewer than three are is one in hundreds.
    assert!(lost >= 3, "{lost}");
}

#[test]
#[ignore = "needs a camera: run scripts/test-cameras"]
fn a_camera_in_use_names_the_program_that_has_it() {
    let _turn = turn();
    let camera = open().camera().clone();
    let mut other = v4l2_ctl(&camera, &["--stream-mmap"]).spawn().unwrap();
    sleep(Duration::from_secs(4));
    let opened = CameraSource::open(&which(), &Wish::default(), &Stop::default()).map(|source| source.chosen());
    other.kill().unwrap();
    other.wait().unwrap();
    let error = opened.unwrap_err().to_string();
    say(&error);
    assert!(error.contains("is in use; close the program v4l2-ctl"), "{error}");
    drop(open());
}

#[test]
#[ignore = "needs a camera: run scripts/test-cameras"]
fn a_camera_that_falls_silent_is_an_error_after_five_seconds() {
    let (_turn, feeder) = (turn(), variable("IMPASTO_TEST_CAMERA_FEEDER"));
    let signal = |name: &str| assert!(Command::new("kill").args([name, &feeder]).status().unwrap().success());
    let mut source = open();
    assert!(source.next(&mut Frame::default()).unwrap());
    signal("-STOP");
    let (error, waited) = end(&mut source);
    say(&format!("after {waited:?}: {error}"));
    let closing = Instant::now();
    drop(source);
    let closed = closing.elapsed();
    signal("-CONT");
    assert!(error.contains("has delivered nothing for 5 seconds"), "{error}");
    assert!(waited < Duration::from_secs(12) && closed < Duration::from_secs(3), "{waited:?}, {closed:?}");
}

#[test]
#[ignore = "needs a camera: run scripts/test-cameras"]
fn an_unplugged_camera_is_an_error_within_seconds() {
    let _turn = turn();
    let mut source = open();
    assert!(source.next(&mut Frame::default()).unwrap());
    assert!(v4l2_ctl(source.camera(), &["-c", "disconnect=1"]).status().unwrap().success());
    let (error, waited) = end(&mut source);
    say(&format!("after {waited:?}: {error}"));
    assert!(error.contains("was unplugged"), "{error}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    drop(source);
    let again = CameraSource::open(&which(), &Wish::default(), &Stop::default()).map(|source| source.chosen());
    // The driver plugs it in again when the last program has closed it.
    say(&format!("opened again: {again:?}"));
    assert!(again.is_ok());
}
