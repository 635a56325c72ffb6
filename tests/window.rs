//! A real window on a screen of its own: what it shows is photographed, and keys are pressed.

// Xvfb is an X11 screen in memory.
#![cfg(target_os = "linux")]

#[path = "common/need.rs"]
mod need;
#[path = "common/screen.rs"]
mod screen;

use std::env;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use impasto::Frame;
use impasto::live::{Key, Window};
use screen::{SCREEN, Screen};

const TITLE: &str = "four quarters";

/// Set in the process that [`alone`] starts.
const ALONE: &str = "IMPASTO_WINDOW_TEST";

/// Runs `body`, which is that of `test`, on a screen of its own.
fn on_screen(test: &str, body: fn()) {
    let screen = env::var_os(ALONE).is_none().then(Screen::new);
    alone(test, screen.as_ref().map(|screen| screen.display.as_str()), body);
}

/// Runs `body`, which is that of `test`, with this DISPLAY in a process of its own: threads share their environment.
fn alone(test: &str, display: Option<&str>, body: fn()) {
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(ALONE, "1").env_remove("WAYLAND_DISPLAY").env_remove("DISPLAY");
    let output = command.envs(display.map(|display| ("DISPLAY", display))).output().unwrap();
    let words = String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(output.status.success() && words.contains("1 passed"), "{words}");
}

fn xdotool(arguments: &[&str]) {
    let output = need::program("xdotool").args(arguments).output().unwrap();
    assert!(output.status.success(), "xdotool {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The screen as it is now.
fn photograph() -> Frame {
    let size = format!("{}x{}", SCREEN.0, SCREEN.1);
    let output = need::program("ffmpeg")
        .args(["-v", "error", "-f", "x11grab", "-draw_mouse", "0", "-video_size", &size])
        .args(["-i", &env::var("DISPLAY").unwrap(), "-frames:v", "1", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut frame = Frame::new(SCREEN.0, SCREEN.1);
    assert_eq!(output.stdout.len(), frame.pixels.len());
    frame.pixels = output.stdout;
    frame
}

fn color(frame: &Frame, x: u32, y: u32) -> [u8; 3] {
    let start = ((y * frame.width + x) * 3) as usize;
    frame.pixels[start..start + 3].try_into().unwrap()
}

const RED: [u8; 3] = [220, 30, 20];
const GREEN: [u8; 3] = [10, 180, 40];
const BLUE: [u8; 3] = [30, 60, 230];
const YELLOW: [u8; 3] = [250, 210, 0];
const BLACK: [u8; 3] = [0; 3];

/// Red and green above, blue and yellow below.
fn quarters(width: u32, height: u32) -> Frame {
    let mut frame = Frame::new(width, height);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    for (pixel, (x, y)) in frame.pixels.chunks_exact_mut(3).zip(places) {
        pixel.copy_from_slice(match (x < width / 2, y < height / 2) {
            (true, true) => &RED,
            (false, true) => &GREEN,
            (true, false) => &BLUE,
            (false, false) => &YELLOW,
        });
    }
    frame
}

/// Polls until `done`; says whether it came to that.
fn until(window: &mut Window, mut done: impl FnMut(&mut Window) -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        window.poll().unwrap();
        if done(window) {
            return true;
        }
        sleep(Duration::from_millis(10));
    }
    false
}

/// Polls until the screen has these colours at these places, and fails with what it has instead.
fn sees(window: &mut Window, expected: &[(u32, u32, [u8; 3])]) {
    let mut seen = Vec::new();
    let there = until(window, |_| {
        let frame = photograph();
        seen = expected.iter().map(|&(x, y, _)| (x, y, color(&frame, x, y))).collect();
        seen == expected
    });
    assert!(there, "expected {expected:?}, seen {seen:?}");
}

#[test]
fn a_picture_is_shown_fitted_and_keys_arrive() {
    on_screen("a_picture_is_shown_fitted_and_keys_arrive", || {
        let mut window = Window::open(TITLE, 400, 300, "").unwrap();
        window.show(quarters(400, 300).image()).unwrap();
        // It lies in the middle of the screen: 200 to 600, 150 to 450. Every corner and the cross in the middle.
        let corners = [(200, 150, RED), (599, 150, GREEN), (200, 449, BLUE), (599, 449, YELLOW)];
        let cross = [(399, 299, RED), (400, 299, GREEN), (399, 300, BLUE), (400, 300, YELLOW)];
        let around = [(199, 300, BLACK), (600, 300, BLACK), (400, 149, BLACK), (400, 450, BLACK)];
        sees(&mut window, &[corners, cross, around].concat());

        // The keyboard is the pointer's window's, for nobody manages windows here.
        xdotool(&["mousemove", "400", "300", "key", "--delay", "1", "space", "plus", "Left", "s", "Return"]);
        let mut keys = Vec::new();
        until(&mut window, |window| {
            keys.extend(window.keys());
            keys.len() >= 5
        });
        assert_eq!(keys, [Key::Char(' '), Key::Char('+'), Key::Left, Key::Char('s'), Key::Enter]);

        // X11 forgets what a window showed that is taken off the screen.
        xdotool(&["search", "--name", TITLE, "windowunmap", "%1", "windowmap", "%1"]);
        sees(&mut window, &corners);

        // 400x500 from (200, 50): a picture of 400x300 with black above and below, without a new call of show.
        xdotool(&["search", "--name", TITLE, "windowmove", "200", "50", "windowsize", "400", "500"]);
        let bars = [(400, 149, BLACK), (400, 450, BLACK), (210, 60, BLACK), (590, 540, BLACK)];
        sees(&mut window, &[corners, bars].concat());
        // A picture of another size and shape fills the width: 400x200.
        window.show(quarters(100, 50).image()).unwrap();
        let corners = [(205, 205, RED), (595, 205, GREEN), (205, 395, BLUE), (595, 395, YELLOW)];
        sees(&mut window, &[corners, [(400, 199, BLACK), (400, 400, BLACK), bars[2], bars[3]]].concat());

        assert!(window.is_open());
        xdotool(&["key", "q"]);
        assert!(until(&mut window, |window| !window.is_open()), "q did not close the window");
        assert_eq!(window.keys(), []);
        drop(window);
        assert_eq!(color(&photograph(), 400, 300), BLACK);
    });
}

#[test]
fn two_pictures_are_shown_side_by_side_and_at_full_height_once_the_window_is_widened() {
    on_screen("two_pictures_are_shown_side_by_side_and_at_full_height_once_the_window_is_widened", || {
        let mut window = Window::open(TITLE, 320, 240, "").unwrap();
        let (mut left, mut right) = (Frame::new(320, 240), Frame::new(320, 240));
        left.pixels.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&RED));
        right.pixels.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(&BLUE));
        let show = |window: &mut Window| window.show_both([left.image(), right.image()], ["left", "right"]).unwrap();
        // In the middle of the screen: 240 to 560, 180 to 420. Each picture is 160x120 there, with black above and below.
        show(&mut window);
        sees(
            &mut window,
            &[
                (245, 245, RED),
                (395, 245, RED),
                (405, 245, BLUE),
                (555, 245, BLUE),
                (400, 235, BLACK),
                (400, 365, BLACK),
            ],
        );
        // 640x240 at the right edge of the screen, 160 to 800.
        window.widen(true);
        sees(&mut window, &[(165, 185, RED), (475, 185, RED), (485, 185, BLUE), (795, 185, BLUE), (165, 175, BLACK)]);
        // The captions are white on a dark strip at the bottom of each picture.
        let frame = photograph();
        let ink = |from: u32| (from..from + 80).any(|x| (400..420).any(|y| color(&frame, x, y) == [255; 3]));
        assert!(ink(160) && ink(480), "there are no captions");
        // Two pictures of 640x240 do not fit beside each other on a screen of 800 columns: nothing changes.
        window.widen(true);
        show(&mut window);
        sees(&mut window, &[(165, 185, RED), (795, 185, BLUE)]);
        window.widen(false);
        window.show(left.image()).unwrap();
        sees(&mut window, &[(165, 185, RED), (475, 185, RED), (485, 185, BLACK)]);
    });
}

#[test]
fn the_help_of_a_small_window_has_pages_and_loses_no_line() {
    on_screen("the_help_of_a_small_window_has_pages_and_loses_no_line", || {
        let mut window = Window::open(TITLE, 320, 180, "").unwrap();
        let picture = quarters(320, 180);
        window.show(picture.image()).unwrap();
        sees(&mut window, &[(245, 215, RED)]);
        let lines: Vec<String> = (0..20).map(|number| format!("{number:<30}")).collect();
        let mut pages = 0;
        loop {
            window.turn_help(lines.clone());
            window.show(picture.image()).unwrap();
            if !until(&mut window, |_| color(&photograph(), 245, 215) != RED) || pages == 9 {
                break;
            }
            pages += 1;
            // Seven of the eight lines that have room: the last one numbers the pages.
            if pages == 3 {
                break;
            }
        }
        assert_eq!(pages, 3);
        window.turn_help(lines.clone());
        window.show(picture.image()).unwrap();
        sees(&mut window, &[(245, 215, RED)]);
        // Opened again, it can be closed at once.
        assert!(!window.close_help());
        window.turn_help(lines);
        assert!(window.close_help());
    });
}

#[test]
fn escape_closes_and_a_large_picture_is_scaled_down() {
    on_screen("escape_closes_and_a_large_picture_is_scaled_down", || {
        // 1280x160 at (0, 220), of which the screen shows the left 800 columns.
        let mut window = Window::open(TITLE, 6400, 800, "").unwrap();
        window.show(quarters(6400, 800).image()).unwrap();
        let edges = [(5, 225, RED), (5, 375, BLUE), (645, 225, GREEN), (645, 375, YELLOW)];
        sees(&mut window, &[edges, [(5, 219, BLACK), (5, 380, BLACK), (635, 225, RED), (635, 375, BLUE)]].concat());
        xdotool(&["mousemove", "400", "300", "key", "Escape"]);
        assert!(until(&mut window, |window| !window.is_open()), "Escape did not close the window");
    });
}

/// What the close button of a title bar sends (ICCCM, section 4.2.8.1).
fn press_the_close_button() {
    let found = need::program("xdotool").args(["search", "--name", TITLE]).output().unwrap();
    let window = String::from_utf8(found.stdout).unwrap().lines().next().unwrap().parse().unwrap();
    let x = x11_dl::xlib::Xlib::open().unwrap();
    // SAFETY: plain calls of Xlib with what it gave; the event is as large as XSendEvent reads.
    unsafe {
        let display = (x.XOpenDisplay)(std::ptr::null());
        assert!(!display.is_null());
        let atom = |name: &std::ffi::CStr| (x.XInternAtom)(display, name.as_ptr(), 0);
        let mut data = x11_dl::xlib::ClientMessageData::new();
        data.set_long(0, atom(c"WM_DELETE_WINDOW") as std::ffi::c_long);
        let message = x11_dl::xlib::XClientMessageEvent {
            type_: x11_dl::xlib::ClientMessage,
            serial: 0,
            send_event: 1,
            display,
            window,
            message_type: atom(c"WM_PROTOCOLS"),
            format: 32,
            data,
        };
        assert_ne!((x.XSendEvent)(display, window, 0, 0, &mut message.into()), 0);
        (x.XCloseDisplay)(display);
    }
}

#[test]
fn the_close_button_closes() {
    on_screen("the_close_button_closes", || {
        let mut window = Window::open(TITLE, 400, 300, "").unwrap();
        window.show(quarters(400, 300).image()).unwrap();
        sees(&mut window, &[(200, 150, RED)]);
        press_the_close_button();
        assert!(until(&mut window, |window| !window.is_open()), "the close button did not close the window");
        drop(window);
        assert_eq!(color(&photograph(), 400, 300), BLACK);
    });
}

#[test]
fn without_a_display_one_sentence_names_the_cure() {
    alone("without_a_display_one_sentence_names_the_cure", None, || {
        let error = Window::open(TITLE, 400, 300, "leave out --preview").map(drop).unwrap_err();
        let sentence = "there is no display to open a window on (DISPLAY is not set); leave out --preview";
        assert_eq!((error.to_string().as_str(), error.exit_code()), (sentence, 1));
    });
}

#[test]
fn a_display_that_does_not_answer_is_named() {
    alone("a_display_that_does_not_answer_is_named", Some(":4095"), || {
        let error = Window::open(TITLE, 400, 300, "leave out --preview").map(drop).unwrap_err().to_string();
        assert!(error.contains("(DISPLAY is :4095, but ") && error.ends_with("; leave out --preview"), "{error}");
    });
}
