//! `impasto paint` as a user runs it, on small drawn pictures, with VGG-19 as impasto setup --paint installs it.

#[cfg(target_os = "linux")]
#[path = "common/need.rs"]
mod need;
#[path = "common/screen.rs"]
mod screen;
#[path = "common/user.rs"]
#[allow(dead_code, reason = "other tests ask more of a user")]
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use impasto::internals::picture::write;
use impasto::pictures::Format;
use impasto::{Frame, Picture};
use serde_json::Value;
use user::{User, pixels};

/// A user with a photo, two paintings, and VGG-19.
struct Painter {
    user: User,
    vgg: PathBuf,
}

impl Painter {
    fn new() -> Self {
        let vgg = need::vgg19();
        let painter = Self { user: User::new(), vgg };
        painter.draw(
            "photo.png",
            64,
            48,
            |x, y| if (x / 16 + y / 16) % 2 == 0 { [200, 180, 60] } else { [40, 60, 120] },
        );
        painter.draw("stripes.png", 56, 56, |x, y| if (x + y) / 4 % 2 == 0 { [230, 40, 40] } else { [20, 20, 60] });
        painter.draw("dots.png", 60, 50, |x, y| if x % 8 < 4 && y % 8 < 4 { [20, 160, 60] } else { [240, 230, 200] });
        painter
    }

    fn draw(&self, name: &str, width: u32, height: u32, color: fn(u32, u32) -> [u8; 3]) -> String {
        let mut frame = Frame::new(width, height);
        for (place, pixel) in (0..).zip(frame.pixels.chunks_exact_mut(3)) {
            pixel.copy_from_slice(&color(place % width, place / width));
        }
        let path = self.user.path(name);
        write::save(&Picture::new(frame), &path, Format::Png, 90).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.user.path(name).to_str().unwrap().to_owned()
    }

    /// The arguments of a small, quick painting; `more` may repeat none of them.
    fn arguments(&self, styles: &[&str], output: &str, more: &[&str]) -> Vec<String> {
        let mut arguments = vec!["paint".to_owned(), self.path("photo.png")];
        arguments.extend(styles.iter().map(|style| self.path(style)));
        arguments.extend(["-o".into(), self.path(output), "--vgg".into(), self.vgg.to_str().unwrap().into()]);
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        arguments
    }

    fn paint(&self, styles: &[&str], output: &str, more: &[&str]) -> Value {
        let arguments = self.arguments(styles, output, more);
        self.user.json(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn refused(&self, styles: &[&str], output: &str, more: &[&str], code: i32) -> String {
        let arguments = self.arguments(styles, output, more);
        self.user.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), code)
    }
}

const QUICK: [&str; 4] = ["--size", "64", "--iterations", "8"];

fn totals(summary: &Value) -> Vec<f64> {
    summary["loss"].as_array().unwrap().iter().map(|step| step["total"].as_f64().unwrap()).collect()
}

fn mean_difference(a: &Path, b: &Path) -> f64 {
    let (a, b) = (pixels(a), pixels(b));
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

#[test]
fn a_picture_is_painted_at_its_size_and_its_loss_falls() {
    let painter = Painter::new();
    let summary = painter.paint(&["stripes.png"], "out.png", &QUICK);
    assert_eq!((&summary["width"], &summary["height"]), (&64.into(), &48.into()));
    let totals = totals(&summary);
    assert_eq!(totals.len(), 8);
    assert!(totals.windows(2).all(|pair| pair[1] <= pair[0]) && totals[7] < 0.5 * totals[0], "{totals:?}");
    let step = &summary["loss"][3];
    let parts = ["content", "style", "tv"].map(|part| step[part].as_f64().unwrap());
    assert!((parts.iter().sum::<f64>() - step["total"].as_f64().unwrap()).abs() < 1e-6, "{step}");
    let painted = pixels(&painter.user.path("out.png"));
    assert_eq!(painted.len(), 64 * 48 * 3);
    assert!(mean_difference(&painter.user.path("out.png"), &painter.user.path("photo.png")) > 5.0);
}

#[test]
fn scales_go_from_coarse_to_fine() {
    let painter = Painter::new();
    let more = ["--size", "64", "--iterations", "3", "--scales", "2", "--scale-step", "2"];
    let summary = painter.paint(&["dots.png"], "out.png", &more);
    let scales: Vec<u64> =
        summary["loss"].as_array().unwrap().iter().map(|step| step["scale"].as_u64().unwrap()).collect();
    assert_eq!(scales, [0, 0, 0, 1, 1, 1]);
    assert_eq!(summary["width"], 64);
}

#[test]
fn noise_and_style_are_canvases_too_and_a_seed_repeats_its_picture() {
    let painter = Painter::new();
    let paint = |output: &str, more: &[&str]| {
        painter.paint(&["stripes.png"], output, &[&["--size", "48", "--iterations", "4"], more].concat());
        painter.user.path(output)
    };
    let first = paint("a.png", &["--init", "noise", "--seed", "5"]);
    assert!(mean_difference(&first, &paint("b.png", &["--init", "noise", "--seed", "5"])) < 0.1);
    assert!(mean_difference(&first, &paint("c.png", &["--init", "noise", "--seed", "6"])) > 1.0);
    assert!(mean_difference(&first, &paint("d.png", &["--init", "style"])) > 1.0);
    let adam = paint("e.png", &["--optimizer", "adam", "--average", "0.5"]);
    assert!(mean_difference(&adam, &paint("f.png", &[])) > 0.1);
}

#[test]
fn two_paintings_mix_by_weight_or_share_the_picture_by_a_mask() {
    let painter = Painter::new();
    let out = |name: &str| painter.user.path(name);
    painter.paint(&["stripes.png", "dots.png:0"], "one.png", &QUICK);
    painter.paint(&["stripes.png"], "alone.png", &QUICK);
    assert!(mean_difference(&out("one.png"), &out("alone.png")) < 1.0, "a weight of 0 counts nothing");
    painter.paint(&["stripes.png", "dots.png:3"], "mix.png", &QUICK);
    assert!(mean_difference(&out("mix.png"), &out("alone.png")) > 2.0);
    let mask = painter.draw("mask.png", 64, 48, |x, _| if x < 32 { [255; 3] } else { [0; 3] });
    painter.paint(&["stripes.png", "dots.png"], "two.png", &[&QUICK[..], &["--mask", &mask]].concat());
    assert!(mean_difference(&out("two.png"), &out("alone.png")) > 2.0);
}

#[test]
fn kept_colours_are_the_photos() {
    let painter = Painter::new();
    painter.paint(&["stripes.png"], "grey.png", &[&QUICK[..], &["--keep-colors"]].concat());
    let (photo, painted) = (pixels(&painter.user.path("photo.png")), pixels(&painter.user.path("grey.png")));
    // Equal shifts of all three channels, except where one of them ends.
    let kept = photo.chunks(3).zip(painted.chunks(3)).filter(|(photo, painted)| {
        let clipped = painted.iter().any(|&byte| byte == 0 || byte == 255);
        let chroma = |pixel: &[u8]| i32::from(pixel[0]) - i32::from(pixel[2]);
        clipped || (chroma(photo) - chroma(painted)).abs() <= 2
    });
    assert_eq!(kept.count(), 64 * 48);
    painter.paint(&["stripes.png"], "match.png", &[&QUICK[..], &["--keep-colors", "match"]].concat());
    assert!(mean_difference(&painter.user.path("grey.png"), &painter.user.path("match.png")) > 1.0);
}

#[test]
fn an_interrupted_painting_is_kept_and_goes_on_to_the_same_end() {
    let painter = Painter::new();
    let flags = ["--size", "64", "--iterations", "60", "--tolerance", "0", "--save-every", "5"];
    let straight = painter.paint(&["stripes.png"], "straight.png", &flags);
    assert!(!painter.user.path("straight.png.state").exists(), "a finished painting needs no state");
    let arguments = painter.arguments(&["stripes.png"], "out.png", &flags);
    let runtime = painter.user.runtime.to_str().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_impasto"))
        .args(&arguments)
        .args(["--onnxruntime", runtime])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let state = painter.user.path("out.png.state");
    let begun = Instant::now();
    while !state.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no state was saved");
        thread::sleep(Duration::from_millis(5));
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(pixels(&painter.user.path("out.png")).len(), 64 * 48 * 3, "the picture so far is kept");

    let again = painter.refused(&["stripes.png"], "out.png", &flags, 2);
    assert!(again.contains("add --resume to continue it"), "{again}");
    let other = painter.refused(&["dots.png"], "out.png", &[&flags[..], &["--resume"]].concat(), 2);
    assert!(other.contains("other pictures or flags"), "{other}");
    let resumed = painter.paint(&["stripes.png"], "out.png", &[&flags[..], &["--resume"]].concat());
    let (last, end) = (totals(&resumed), totals(&straight));
    assert!(last.len() < 60, "{} steps were still to be done", last.len());
    assert!((last.last().unwrap() / end.last().unwrap() - 1.0).abs() < 0.02, "{:?} {:?}", last.last(), end.last());
    assert!(mean_difference(&painter.user.path("out.png"), &painter.user.path("straight.png")) < 3.0);
    assert!(!state.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_preview_shows_the_picture_and_closing_it_ends_only_the_showing() {
    use screen::{SCREEN, Screen};

    let painter = Painter::new();
    let screen = Screen::new();
    let more = ["--size", "128", "--iterations", "40", "--tolerance", "0", "--preview"];
    let mut child = Command::new(env!("CARGO_BIN_EXE_impasto"))
        .args(painter.arguments(&["stripes.png"], "out.png", &more))
        .args(["--onnxruntime", painter.user.runtime.to_str().unwrap()])
        .env("DISPLAY", &screen.display)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let shown = painter.path("shown.png");
    let size = format!("{}x{}", SCREEN.0, SCREEN.1);
    let grab = ["-v", "error", "-y", "-f", "x11grab", "-draw_mouse", "0", "-video_size", &size, "-i", &screen.display];
    let begun = Instant::now();
    loop {
        assert!(begun.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(), "nothing was shown");
        let grabbed = need::program("ffmpeg").args(grab).args(["-frames:v", "1", &shown]).status().unwrap();
        assert!(grabbed.success());
        let lit = pixels(shown.as_ref()).chunks(3).filter(|pixel| pixel.iter().any(|&byte| byte > 60)).count();
        if lit > 128 * 96 / 2 {
            break;
        }
    }
    let window = ["search", "--name", "impasto paint"];
    let xdotool =
        |arguments: &[&str]| need::program("xdotool").args(arguments).env("DISPLAY", &screen.display).output().unwrap();
    xdotool(&[&window[..], &["windowfocus", "key", "q"]].concat());
    while !xdotool(&window).stdout.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(90), "q did not close the window");
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(pixels(&painter.user.path("out.png")).len(), 128 * 96 * 3);
}

#[test]
fn a_timelapse_has_a_frame_for_each_step_and_the_final_size() {
    let painter = Painter::new();
    let film = painter.path("grow.mp4");
    painter.paint(&["stripes.png"], "out.png", &[&QUICK[..], &["--timelapse", &film]].concat());
    let probe = need::program("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-count_frames", "-show_entries"])
        .args(["stream=width,height,nb_read_frames", "-of", "csv=p=0", &film])
        .output()
        .unwrap();
    // 8 steps, and the last picture for two seconds.
    assert_eq!(String::from_utf8_lossy(&probe.stdout).trim(), "64,48,68");
}

#[test]
fn a_timelapse_of_odd_size_warns_of_nothing_and_the_job_says_what_it_takes_before_it_starts() {
    let painter = Painter::new();
    let film = painter.path("grow.mp4");
    let more = ["--size", "63", "--iterations", "2", "--scales", "2", "--scale-step", "1.5", "--timelapse", &film];
    let arguments = painter.arguments(&["stripes.png"], "out.png", &more);
    let output = painter.user.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("warning"), "{said}");
    assert!(said.contains("painting 63x47: 2 scales of up to 2 steps, about"), "{said}");
    assert!(said.contains(", 4 steps\n"), "{said}");
}

/// Styles, output, flags; exit code, words.
type Case<'a> = (&'a [&'a str], &'a str, &'a [&'a str], i32, &'a str);

#[test]
fn what_cannot_be_painted_is_refused_in_one_sentence_with_the_cure() {
    let painter = Painter::new();
    painter.draw("small.png", 8, 8, |_, _| [9; 3]);
    let mask = painter.draw("mask.png", 32, 48, |_, _| [255; 3]);
    let black = painter.draw("black.png", 64, 48, |_, _| [0; 3]);
    let cases: [Case; 12] = [
        (&["missing.jpg"], "out.png", &[], 1, "no file"),
        (&["small.png"], "out.png", &[], 1, "use a larger picture"),
        (&["stripes.png"], "out.png", &["--mask", &mask], 1, "scale the mask to the photo's size"),
        (&["stripes.png"], "out.png", &["--mask", &black], 1, "paint white into it"),
        (&["stripes.png"], "out.png", &["--mask", &mask, "--mask", &mask], 2, "one --mask for each style"),
        (&["stripes.png"], "out.png", &["--style-weight", "0", "--content-weight", "0"], 2, "raise --style-weight"),
        (&["stripes.png:0"], "out.png", &[], 2, "weights of all paintings are 0"),
        (&["stripes.png"], "out.png", &["--layer-weights", "1,1"], 2, "five numbers"),
        (&["stripes.png"], "out.xyz", &[], 2, "no picture format"),
        (&["stripes.png"], "photo.png", &[], 2, "is also an input"),
        (&["stripes.png"], "out.png", &["--resume"], 1, "run without --resume"),
        (&["stripes.png"], "out.png", &["--size", "20"], 2, "larger --size"),
    ];
    for (styles, output, more, code, words) in cases {
        let said = painter.refused(styles, output, more, code);
        assert!(said.contains(words), "{words}: {said}");
        assert!(!painter.user.path("out.png").exists());
    }
}

#[test]
fn a_missing_or_damaged_vgg_is_named_with_the_cure() {
    let painter = Painter::new();
    let run = |folder: &Path| {
        let mut arguments = painter.arguments(&["stripes.png"], "out.png", &QUICK);
        let place = arguments.iter().position(|argument| argument == "--vgg").unwrap();
        arguments[place + 1] = folder.to_str().unwrap().into();
        painter.user.refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), 1)
    };
    let folder = painter.user.path("vgg");
    let said = run(&folder);
    assert!(said.contains("VGG-19 is not installed") && said.contains("impasto setup --paint"), "{said}");
    fs::create_dir(&folder).unwrap();
    for file in fs::read_dir(&painter.vgg).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.join(file.file_name())).unwrap();
    }
    for (name, place) in [("weights.bin", 5_000_000), ("avg.gradient.onnx", 20_000)] {
        let file = folder.join(name);
        let mut bytes = fs::read(&file).unwrap();
        bytes[place] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let said = run(&folder);
        assert!(said.contains("damaged") && said.contains(name) && said.contains("impasto setup --paint"), "{said}");
        bytes[place] ^= 1;
        fs::write(&file, &bytes).unwrap();
    }
}
