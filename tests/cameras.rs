//! Real cameras: the tests do something only where IMPASTO_TEST_CAMERA names a device ("0", "/dev/video0", part of a name).
//!
//! The faults need devices that can be told to have them. IMPASTO_TEST_CAMERA_UNPLUG=1 says that the camera is one of
//! Linux's virtual driver `vivid`, which v4l2-ctl can unplug;
//! IMPASTO_TEST_CAMERA_FEEDER is the process that feeds a v4l2loopback camera, which is stopped and continued;
//! IMPASTO_TEST_CAMERA_EXCLUSIVE=1 says that only one program at a time can use the camera.

use std::env;
use std::io::{Write, stderr};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use impasto::frame::Frame;
use impasto::source::Source;
use impasto::source::camera::{Camera, CameraSource, PixelFormat, Wish, cameras};

/// Tests take turns: there is one camera.
static CAMERA: Mutex<()> = Mutex::new(());

/// The value of `variable` and the right to use the camera, or nothing, said past the test runner's capture.
fn turn(test: &str, variable: &str) -> Option<(String, MutexGuard<'static, ()>)> {
    let value = env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() || env::var_os("IMPASTO_TEST_CAMERA").is_none() {
        say(&format!("{test}: NOTHING WAS TESTED, set IMPASTO_TEST_CAMERA and {variable}"));
        return None;
    }
    Some((value?, CAMERA.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Past the test runner's capture.
fn say(words: &str) {
    stderr().write_all(format!("{words}\n").as_bytes()).unwrap();
}

fn which() -> String {
    env::var("IMPASTO_TEST_CAMERA").unwrap()
}

/// The smallest pictures that the camera has.
fn open() -> CameraSource {
    CameraSource::open(&which(), &Wish { size: Some((1, 1)), ..Wish::default() }).unwrap()
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
fn the_camera_is_listed_with_its_formats_and_found_by_all_its_names() {
    let Some((which, _turn)) = turn("the_camera_is_listed", "IMPASTO_TEST_CAMERA") else { return };
    let cameras = cameras().unwrap();
    let source = CameraSource::open(&which, &Wish::default()).unwrap();
    let camera = source.camera().clone();
    say(&source.chosen());
    drop(source);
    assert!(cameras.contains(&camera), "{cameras:#?}");
    assert!(!camera.formats.is_empty());
    assert!(camera.formats.iter().all(|format| format.width > 0 && !format.frame_rates.is_empty()), "{camera:#?}");
    let error = CameraSource::open("no such camera", &Wish::default()).unwrap_err().to_string();
    assert!(error.contains("choose from") && error.contains(&camera.name), "{error}");
    for name in
        [camera.index.to_string(), camera.path.clone().unwrap_or(camera.index.to_string()), camera.name.to_uppercase()]
    {
        assert_eq!(CameraSource::open(&name, &Wish::default()).unwrap().camera().index, camera.index);
    }
}

#[test]
fn frames_come_in_order_and_a_closed_camera_can_be_opened_again() {
    let Some(_turn) = turn("frames_come", "IMPASTO_TEST_CAMERA") else { return };
    let mut formats: Vec<PixelFormat> = open().camera().formats.iter().map(|format| format.pixel_format).collect();
    formats.dedup();
    // Each of its pixel formats, and the first once more.
    for pixel_format in formats.iter().chain(&formats[..1]) {
        let wish = Wish { size: Some((1, 1)), pixel_format: Some(*pixel_format), ..Wish::default() };
        let mut source = CameraSource::open(&which(), &wish).unwrap();
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
fn who_is_slow_gets_the_newest_frame() {
    let Some(_turn) = turn("who_is_slow", "IMPASTO_TEST_CAMERA") else { return };
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
fn frames_that_the_driver_loses_count_as_dropped() {
    let Some(_turn) = turn("frames_that_the_driver_loses", "IMPASTO_TEST_CAMERA_UNPLUG") else { return };
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
fn a_camera_in_use_names_the_program_that_has_it() {
    let Some(_turn) = turn("a_camera_in_use", "IMPASTO_TEST_CAMERA_EXCLUSIVE") else { return };
    let camera = open().camera().clone();
    let mut other = v4l2_ctl(&camera, &["--stream-mmap"]).spawn().unwrap();
    sleep(Duration::from_secs(4));
    let opened = CameraSource::open(&which(), &Wish::default()).map(|source| source.chosen());
    other.kill().unwrap();
    other.wait().unwrap();
    let error = opened.unwrap_err().to_string();
    say(&error);
    assert!(error.contains("is in use; close the program v4l2-ctl"), "{error}");
    drop(open());
}

#[test]
fn a_camera_that_falls_silent_is_an_error_after_five_seconds() {
    let Some((feeder, _turn)) = turn("a_camera_that_falls_silent", "IMPASTO_TEST_CAMERA_FEEDER") else { return };
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
fn an_unplugged_camera_is_an_error_within_seconds() {
    let Some(_turn) = turn("an_unplugged_camera", "IMPASTO_TEST_CAMERA_UNPLUG") else { return };
    let mut source = open();
    assert!(source.next(&mut Frame::default()).unwrap());
    assert!(v4l2_ctl(source.camera(), &["-c", "disconnect=1"]).status().unwrap().success());
    let (error, waited) = end(&mut source);
    say(&format!("after {waited:?}: {error}"));
    assert!(error.contains("was unplugged"), "{error}");
    assert!(waited < Duration::from_secs(5), "{waited:?}");
    drop(source);
    let again = CameraSource::open(&which(), &Wish::default()).map(|source| source.chosen());
    // The driver plugs it in again when the last program has closed it.
    say(&format!("opened again: {again:?}"));
    assert!(again.is_ok());
}
