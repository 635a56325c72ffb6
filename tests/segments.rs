//! An interruption costs a job of `impasto video` at most one segment, and changes nothing in the output.

// These tests print which faults they caused, how often, and with what outcome.
#![allow(clippy::print_stderr, reason = "what scripts/faults collects")]

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clips::{Folder, Run, finish, output};

/// The shortest segments that are allowed, so that short clips have many.
const SHORT: &str = "--segment-frames 40";
/// A moving picture with sensor noise, so that the stabiliser has something to remember.
const NOISY: &str = "testsrc2=s=160x90:r=25,noise=c0s=12:c0f=t:c0_seed=7";

impl Folder {
    /// A clip of `frames` noisy frames, with B-frames and audio.
    fn film(&self, name: &str, frames: u32, options: &str) {
        let seconds = f64::from(frames) / 25.0;
        let source = format!("-f lavfi -t {seconds} -i {NOISY} -f lavfi -i sine=d={seconds}");
        self.ffmpeg(&format!("{source} -map 0 -map 1 -c:v libx264 -qp 12 -g 30 -bf 2 -c:a aac {options} {name}"));
    }

    /// Time, duration and content of each decoded frame.
    fn frames(&self, name: &str) -> String {
        let mut command = need::program("ffmpeg");
        command.args(["-v", "error", "-nostdin", "-i"]).arg(self.path(name));
        command.args("-map 0:v:0 -vsync passthrough -copyts -f framemd5 -".split(' '));
        String::from_utf8(output(&mut command).stdout).unwrap()
    }

    /// Makes an interrupted job for `output`: the job kept in `whole.parts`, without the segments `lost`.
    fn stopped(&self, output: &str, lost: &[u32]) {
        let parts = self.path(&format!("{output}.parts"));
        fs::create_dir(&parts).unwrap();
        for entry in fs::read_dir(self.path("whole.parts")).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !lost.iter().any(|number| name.starts_with(&format!("{number:06}."))) {
                fs::copy(entry.path(), parts.join(name)).unwrap();
            }
        }
    }

    /// Starts `impasto video` with these arguments.
    fn start(&self, args: &str) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until segment `number` of `output` is complete.
    fn wait_for_segment(&self, output: &str, number: u32) {
        let start = Instant::now();
        while !self.path(&format!("{output}.parts/{number:06}.json")).exists() {
            assert!(start.elapsed() < Duration::from_secs(60), "segment {number} was not painted");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn end(child: Child) -> Run {
    let done = child.wait_with_output().unwrap();
    let json = serde_json::from_slice(&done.stdout).unwrap_or_default();
    Run { code: done.status.code().unwrap_or(-1), json, errors: String::from_utf8_lossy(&done.stderr).into_owned() }
}

fn resumed(run: &Run) -> u64 {
    run.json["resumed"].as_u64().unwrap()
}

/// Paints `input` in one run, then with segments missing in several places, and compares all frames and packet times.
fn resumes_exactly(input: &str, ending: &str, args: &str, make: impl Fn(&Folder)) {
    let folder = Folder::new();
    make(&folder);
    let whole = format!("whole.{ending}");
    let run = folder.paint(&format!("{input} -o {whole} {SHORT} --keep-segments {args}")).ok();
    let count = run.frames().div_ceil(40) as u32;
    assert!(count >= 3, "{count} segments");
    let parts = folder.path(&format!("{whole}.parts"));
    fs::rename(parts, folder.path("whole.parts")).unwrap();
    let (frames, sound) = (folder.frames(&whole), folder.packets(&whole, "a"));
    assert_eq!(frames.lines().filter(|line| !line.starts_with('#')).count(), run.frames());
    let last = count - 1;
    for (case, lost) in [vec![last], (1..count).collect(), vec![0], vec![1, last]].into_iter().enumerate() {
        let name = format!("{case}.{ending}");
        folder.stopped(&name, &lost);
        let again = folder.paint(&format!("{input} -o {name} {SHORT} {args}")).ok();
        assert_eq!(again.frames(), run.frames(), "{input} {args} without {lost:?}");
        assert!(folder.frames(&name) == frames, "{input} {args} without {lost:?}: other frames");
        assert_eq!(folder.packets(&name, "a"), sound, "{input} {args} without {lost:?}");
        assert!(!folder.path(&format!("{name}.parts")).exists());
    }
}

#[test]
fn a_resumed_job_gives_the_frames_of_an_uninterrupted_one() {
    resumes_exactly("in.mp4", "mp4", "", |folder| folder.film("in.mp4", 150, ""));
    resumes_exactly("in.mp4", "mkv", "--codec ffv1 --stabilize 1", |folder| folder.film("in.mp4", 150, ""));
    resumes_exactly("in.mp4", "mp4", "--codec hevc --stabilize 0", |folder| folder.film("in.mp4", 130, ""));
}

/// A network with grain, as the folder `models`.
fn with_grain(folder: &Folder) {
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/networks/grain.onnx");
    let sha256 = impasto::internals::digest::sha256(&fs::read(network).unwrap());
    fs::create_dir(folder.path("models")).unwrap();
    fs::copy(network, folder.path("models/grain.onnx")).unwrap();
    let manifest = format!(
        "[[network]]\nname = \"grain\"\nfile = \"grain.onnx\"\nlayout = \"nhwc-u8\"\nkind = \"multi\"\nstyles = [\"grain\"]\n\
         license = \"MIT\"\nsource = \"scripts/make_test_networks.py\"\nsha256 = \"{sha256}\"\n\n\
         [[style]]\nname = \"grain\"\nnetwork = \"grain\"\nindex = 0\n"
    );
    fs::write(folder.path("models/styles.toml"), manifest).unwrap();
}

/// The stabiliser remembers what was painted, and that depends on the grain.
#[test]
fn a_still_scene_painted_with_grain_is_the_same_in_a_resumed_job() {
    let folder = Folder::new();
    let still = "color=c=gray:s=320x180:r=25,drawgrid=w=24:h=24:c=white,noise=c0s=6:c0f=t:c0_seed=7";
    folder.ffmpeg(&format!("-f lavfi -t 5 -i {still} -c:v libx264 -qp 12 -g 30 -bf 2 in.mp4"));
    with_grain(&folder);
    let paint = |args: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.args("video --json in.mp4 --models models --style grain --codec ffv1".split(' '));
        finish(command.args(SHORT.split(' ')).args(args.split_whitespace()).current_dir(folder.path("."))).ok()
    };
    paint("-o whole.mkv --keep-segments");
    fs::rename(folder.path("whole.mkv.parts"), folder.path("whole.parts")).unwrap();
    for (case, lost) in [[1, 2], [0, 3], [2, 2]].into_iter().enumerate() {
        let name = format!("{case}.mkv");
        folder.stopped(&name, &lost);
        paint(&format!("-o {name}"));
        assert!(folder.frames(&name) == folder.frames("whole.mkv"), "without {lost:?}: other frames");
    }
}

#[test]
fn grain_is_the_same_in_a_resumed_job_and_on_any_number_of_workers() {
    let folder = Folder::new();
    let pan = "testsrc2=s=640x180:r=25,crop=320:180:2*n:0,noise=c0s=6:c0f=t:c0_seed=7";
    folder.ffmpeg(&format!("-f lavfi -t 5 -i {pan} -c:v libx264 -qp 12 -g 30 -bf 2 in.mp4"));
    with_grain(&folder);
    let paint = |output: &str, args: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.args("video --json --models models --style grain in.mp4 --codec ffv1 --keep-segments".split(' '));
        command.args(SHORT.split(' ')).args(["-o", output]).args(args.split_whitespace()).current_dir(folder.path("."));
        finish(&mut command).ok()
    };
    paint("whole.mkv", "--threads 1");
    fs::rename(folder.path("whole.mkv.parts"), folder.path("whole.parts")).unwrap();
    let frames = folder.frames("whole.mkv");
    for (case, (lost, args)) in
        [([1, 2], "--threads 2"), ([0, 3], "--threads 2"), ([3, 3], "--threads 1")].into_iter().enumerate()
    {
        let name = format!("{case}.mkv");
        folder.stopped(&name, &lost);
        paint(&name, args);
        assert!(folder.frames(&name) == frames, "without {lost:?}, {args}: other frames");
    }
    // Without the stabiliser, the grain warms up all the same.
    paint("off.mkv", "--threads 2 --stabilize 0");
    fs::remove_dir_all(folder.path("whole.parts")).unwrap();
    fs::rename(folder.path("off.mkv.parts"), folder.path("whole.parts")).unwrap();
    folder.stopped("off2.mkv", &[2]);
    paint("off2.mkv", "--threads 1 --stabilize 0");
    assert!(folder.frames("off2.mkv") == folder.frames("off.mkv"));
    paint("seed.mkv", "--threads 2 --stabilize 0 --seed 2");
    assert!(folder.frames("seed.mkv") != folder.frames("off.mkv"), "the seed says nothing");
}

#[test]
fn a_resumed_job_keeps_uneven_times() {
    let uneven = "-vf select='not(eq(mod(n\\,7)\\,3))*not(between(n\\,60\\,90))' -vsync passthrough";
    resumes_exactly("in.mp4", "mp4", "", |folder| folder.film("in.mp4", 200, uneven));
    resumes_exactly("in.mkv", "mov", "", |folder| folder.film("in.mkv", 200, uneven));
    resumes_exactly("in.mkv", "mkv", "--fps 20", |folder| folder.film("in.mkv", 200, uneven));
}

#[test]
fn a_resumed_job_keeps_its_frame_rate_range_and_size() {
    resumes_exactly("in.mp4", "mp4", "--fps 50", |folder| folder.film("in.mp4", 75, ""));
    resumes_exactly("in.mp4", "mp4", "--fps 10", |folder| folder.film("in.mp4", 300, ""));
    resumes_exactly("in.mp4", "mp4", "--start 0.98 --duration 6", |folder| folder.film("in.mp4", 200, ""));
    resumes_exactly("in.mp4", "mp4", "--size 96x-1 --start 2.5", |folder| folder.film("in.mp4", 200, ""));
    resumes_exactly("in.mp4", "avi", "", |folder| folder.film("in.mp4", 130, ""));
}

#[test]
fn a_film_without_timestamps_or_index_resumes_too() {
    resumes_exactly("in.ts", "mp4", "", |folder| folder.film("in.ts", 130, ""));
    resumes_exactly("in.h264", "mp4", "", |folder| folder.film("in.h264", 130, "-an"));
    resumes_exactly("in.h264", "mkv", "--fps 30", |folder| folder.film("in.h264", 130, "-an"));
}

#[test]
fn a_deinterlaced_job_resumes_too() {
    let woven = "-vf crop=160:88,tinterlace=interleave_top -flags +ilme+ildct -x264opts tff=1";
    resumes_exactly("in.ts", "mkv", "--deinterlace --start 1", |folder| folder.film("in.ts", 270, woven));
}

#[test]
fn a_job_that_keeps_hdr_resumes_too() {
    let hlg =
        "-pix_fmt yuv420p10le -color_range tv -colorspace bt2020nc -color_primaries bt2020 -color_trc arib-std-b67";
    resumes_exactly("in.mp4", "mp4", "--hdr keep", |folder| folder.film("in.mp4", 130, hlg));
}

#[test]
fn every_codec_is_joined_without_a_seam() {
    for (codec, ending) in [("av1", "mkv"), ("vp9", "webm"), ("prores", "mov")] {
        let folder = Folder::new();
        folder.film("in.mp4", 100, "");
        folder.paint(&format!("in.mp4 -o out.{ending} --codec {codec} {SHORT}")).ok();
        let times = folder.times(&format!("out.{ending}"));
        assert_eq!(times.len(), 100, "{codec}");
        let input = folder.times("in.mp4");
        let gap = times.iter().zip(&input).map(|(a, b)| (a - times[0] - (b - input[0])).abs()).fold(0.0, f64::max);
        assert!(gap < 0.0011, "{codec}: {gap}");
        assert_eq!(folder.names(), ["in.mp4".to_owned(), format!("out.{ending}")]);
    }
}

#[test]
fn the_shortest_segments_lose_no_frame() {
    let folder = Folder::new();
    folder.film("in.mp4", 150, "");
    let run = folder.paint("in.mp4 -o out.mp4 --segment-frames 32").without_warnings();
    assert_eq!(run.frames(), 150);
    assert_eq!(folder.times("out.mp4"), folder.times("in.mp4"));
}

/// Segments are closed while the next is begun, so two encoders live at once. `scripts/test-av1` does this fifty times.
#[test]
fn an_av1_encode_does_not_crash_on_busy_cores() {
    let folder = Folder::new();
    folder.film("in.mp4", 100, "");
    let busy = AtomicBool::new(true);
    let run = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let run = folder.paint(&format!("in.mp4 -o out.mkv -y --codec av1 --pix-fmt yuv420p10le {SHORT}"));
        busy.store(false, Ordering::Relaxed);
        run
    });
    assert_eq!(run.ok().frames(), 100);
    assert_eq!(folder.facts("out.mkv", "codec_name,pix_fmt"), "av1,yuv420p10le");
    assert_eq!(folder.times("out.mkv").len(), 100);
}

/// Pseudo-random numbers, the same in every run.
struct Seeded(u64);

impl Seeded {
    fn up_to(&mut self, most: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64 * most
    }
}

/// Kills a job at 50 seeded moments between its start and its end. A file under the final name must be complete, and the
/// same command must give exactly the bytes of an uninterrupted run.
#[test]
fn a_job_killed_at_any_moment_resumes_to_the_same_file() {
    let folder = Folder::new();
    folder.film("in.mp4", 160, "");
    let args = format!("in.mp4 -o out.mp4 {SHORT}");
    let start = Instant::now();
    folder.paint(&args).ok();
    let quarter = start.elapsed().as_secs_f64() / 4.0;
    let expected = fs::read(folder.path("out.mp4")).unwrap();
    let (mut seeded, mut early, mut midway, mut late) = (Seeded(20_261_124), 0, 0, 0);
    for round in 0..50 {
        fs::remove_file(folder.path("out.mp4")).unwrap();
        let mut child = folder.start(&args);
        // Some of the four segments, and a part of the next: a point in the job, however busy the machine is.
        let (whole, more) = (seeded.up_to(4.0) as u32, Duration::from_secs_f64(seeded.up_to(quarter)));
        let is_there = |number: u32| folder.path(&format!("out.mp4.parts/{number:06}.json")).exists();
        while whole > 0 && !is_there(whole - 1) && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(more);
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        if let Ok(bytes) = fs::read(folder.path("out.mp4")) {
            assert!(bytes == expected, "round {round}: a file under the final name that is not the whole one");
            assert_eq!(folder.names(), ["in.mp4", "out.mp4"], "round {round}");
            late += 1;
            continue;
        }
        let run = folder.paint(&args).ok();
        *(if resumed(&run) > 0 { &mut midway } else { &mut early }) += 1;
        assert!(fs::read(folder.path("out.mp4")).unwrap() == expected, "round {round}: another file");
        assert_eq!(folder.names(), ["in.mp4", "out.mp4"], "round {round}");
    }
    eprintln!(
        "fault: kill -9 at random moments: 50 tried: {midway} resumed from a complete segment, {early} started again, {late} had already finished; the same file 50 times"
    );
    assert!(midway >= 10 && early >= 2, "{midway} {early}");
}

/// Kills a job right before each time that it renames, removes or syncs something, and runs it again. Its `last` act is to make
/// the file of that name.
#[cfg(target_os = "linux")]
fn is_never_left_halfway(folder: &Folder, args: &str, last: &str) {
    use std::os::unix::process::ExitStatusExt;
    let place = tempfile::tempdir().unwrap();
    let shim = place.path().join("kill.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/kill.c");
    let compiled = need::program("cc").args(["-shared", "-fPIC", "-o"]).arg(&shim).args([source, "-ldl"]).status();
    assert!(compiled.unwrap().success());
    let found = || {
        let listed = output(Command::new("find").current_dir(folder.0.path())).stdout;
        let mut names: Vec<String> = String::from_utf8(listed).unwrap().lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    let bytes = |names: &[String]| -> Vec<Option<Vec<u8>>> {
        names.iter().map(|name| fs::read(folder.path(name)).ok()).collect()
    };
    let before = found();
    folder.paint(args).ok();
    let whole = found();
    let expected = bytes(&whole);
    let (mut moments, mut alone) = (0, 0);
    loop {
        let made = whole.iter().filter(|name| !before.contains(name)).map(|name| folder.path(name));
        made.filter(|path| path.is_file()).for_each(|path| fs::remove_file(path).unwrap());
        let mut command = folder.command(args);
        let run = output(command.env("LD_PRELOAD", &shim).env("KILL_AT", (moments + 1).to_string()));
        if run.status.success() {
            break;
        }
        assert_eq!(run.status.signal(), Some(9), "{}", String::from_utf8_lossy(&run.stderr));
        moments += 1;
        if folder.path(last).exists() {
            alone += 1;
        } else {
            folder.paint(args).ok();
        }
        assert_eq!(found(), whole, "{args}: killed at moment {moments}");
        assert!(bytes(&whole) == expected, "{args}: killed at moment {moments}");
    }
    eprintln!(
        "fault: kill -9 before each rename, removal and sync ({last}): {moments} tried: {alone} left the output and nothing \
         else, {} were finished by the same command",
        moments - alone
    );
    assert!(moments > 15 && alone > 0, "{moments} {alone}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_kill_leaves_a_job_that_the_same_command_finishes_or_the_output_and_nothing_else() {
    let folder = Folder::new();
    folder.film("in.mp4", 50, "-an");
    is_never_left_halfway(&folder, &format!("in.mp4 -o out.mp4 {SHORT} --preset ultrafast"), "out.mp4");
    is_never_left_halfway(&folder, "in.mp4 -o out/%d.png --duration 0.12", "out/3.png");
}

#[test]
#[cfg(unix)]
fn an_interrupted_job_is_kept_and_the_same_command_resumes_it() {
    let folder = Folder::new();
    folder.film("in.mp4", 400, "");
    let args = format!("{SHORT} --preset slower --encoder-option threads=1");
    folder.paint(&format!("in.mp4 -o whole.mp4 {args}")).ok();
    let signals = if cfg!(target_os = "linux") { &["INT", "TERM", "HUP"][..] } else { &["INT", "TERM"] };
    for signal in signals {
        let out = format!("{signal}.mp4");
        let args = format!("in.mp4 -o {out} {args}");
        let mut command = folder.command(&args);
        if *signal == "HUP" {
            // These tests may themselves run under `nohup`, which the program respects.
            let mut plain = Command::new("env");
            plain.arg("--default-signal=HUP").arg(env!("CARGO_BIN_EXE_impasto")).args(command.get_args());
            plain.current_dir(folder.0.path());
            command = plain;
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        folder.wait_for_segment(&out, 0);
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success()
        );
        let run = end(child);
        assert_eq!(run.code, 130, "{signal}: {}", run.errors);
        assert!(run.errors.contains("run the same command again to resume"), "{}", run.errors);
        assert!(!folder.path(&out).exists(), "{signal}");
        let parts = fs::read_dir(folder.path(&format!("{out}.parts"))).unwrap();
        let left: Vec<String> = parts.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(left.iter().all(|name| !name.ends_with(".part")), "{left:?}");
        let run = folder.paint(&args).ok();
        assert!(resumed(&run) >= 40 && resumed(&run) < 400, "{}", resumed(&run));
        assert!(
            run.errors.contains(&format!("resuming '{out}' at frame {} of about 400", resumed(&run))),
            "{}",
            run.errors
        );
        assert!(folder.frames(&out) == folder.frames("whole.mp4"), "{signal}");
        eprintln!(
            "fault: SIG{signal}: 1 tried: {} frames were kept, and the same command painted the rest",
            resumed(&run)
        );
    }
}

#[test]
fn changed_settings_are_listed_and_never_mixed() {
    let folder = Folder::new();
    folder.film("in.mp4", 100, "");
    folder.film("other.mp4", 101, "");
    folder.paint(&format!("in.mp4 -o whole.mp4 {SHORT} --keep-segments")).ok();
    fs::rename(folder.path("whole.mp4.parts"), folder.path("whole.parts")).unwrap();
    folder.stopped("out.mp4", &[2]);
    for (input, args, words) in [
        ("in.mp4", "--crf 16", "crf is '16' and was not given"),
        ("in.mp4", "--stabilize 0.5", "stabilize is '0.5' and was '0.8'"),
        ("in.mp4", "--duration 3", "duration is '3' and was not given"),
        ("in.mp4", "--segment-frames 50", "segment-frames is '50' and was '40'"),
        ("other.mp4", "", "input is "),
    ] {
        let short = if args.contains("segment") { "" } else { SHORT };
        folder.refuses(&format!("{input} -o out.mp4 {args} {short}"), 2, words);
        folder.refuses(&format!("{input} -o out.mp4 {args} {short}"), 2, "add --restart");
    }
    let run = folder.paint(&format!("in.mp4 -o out.mp4 {SHORT} --crf 16 --restart")).ok();
    assert_eq!((resumed(&run), run.frames()), (0, 100));
}

#[test]
fn segments_from_two_machines_join_to_the_film_that_one_machine_paints() {
    let folder = Folder::new();
    folder.film("in.mp4", 150, "");
    folder.paint(&format!("in.mp4 -o whole.mp4 {SHORT}")).ok();
    for (machine, part) in [("a", "0..2"), ("b", "2..")] {
        fs::create_dir(folder.path(machine)).unwrap();
        folder.paint(&format!("in.mp4 -o {machine}/out.mp4 {SHORT} --segments {part}")).ok();
        assert!(!folder.path(&format!("{machine}/out.mp4")).exists());
    }
    // The second has no beginning; the first has nothing else.
    let run = folder.paint(&format!("in.mp4 -o b/out.mp4 {SHORT} --join"));
    assert!(run.code == 1 && run.errors.contains("cannot join: segments 0-1 are missing"), "{}", run.errors);
    let run = folder.paint(&format!("in.mp4 -o a/out.mp4 {SHORT} --join")).ok();
    assert!(run.warnings().contains("segments 2 onwards are missing"), "{}", run.warnings());
    assert!(!folder.path("a/out.mp4").exists());
    assert_eq!(folder.times("a/out.beginning.mp4").len(), 80);
    assert!(folder.frames("whole.mp4").starts_with(folder.frames("a/out.beginning.mp4").trim_end()));
    for entry in fs::read_dir(folder.path("b/out.mp4.parts")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.path("a/out.mp4.parts").join(entry.file_name())).unwrap();
    }
    folder.paint(&format!("in.mp4 -o a/out.mp4 {SHORT} --join")).without_warnings();
    assert!(folder.frames("a/out.mp4") == folder.frames("whole.mp4"));
    assert_eq!(folder.packets("a/out.mp4", "a"), folder.packets("whole.mp4", "a"));
    folder.refuses(&format!("in.mp4 -o late.mp4 {SHORT} --segments 9..12"), 2, "ends before segment 9");
}

/// An index makes ranges independent: each machine begins in the middle, and finds the frames that one machine finds.
#[test]
fn a_range_of_a_film_with_an_index_gives_the_frames_of_an_uninterrupted_run() {
    let uneven = "-vf select='not(eq(mod(n\\,7)\\,3))*not(between(n\\,60\\,90))' -vsync passthrough";
    for (input, options, args) in [
        ("in.mp4", "", ""),
        ("in.mkv", uneven, ""),
        ("in.mkv", uneven, "--fps 20"),
        ("in.mp4", "", "--start 0.98 --duration 6 --size 96x-1"),
        ("in.ts", "", ""),
        ("in.mp4", "-x264opts open_gop=1:bframes=3", "--fps 50 --start 1"),
    ] {
        let folder = Folder::new();
        folder.film(input, 200, options);
        folder.paint(&format!("{input} -o whole.mkv {SHORT} {args}")).ok();
        folder.paint(&format!("{input} --index")).ok();
        let plan = folder.paint(&format!("{input} -o out.mkv {SHORT} {args} --plan")).ok().json;
        let frames = folder.frames("whole.mkv").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!((&plan["exact"], plan["frames"].as_u64()), (&true.into(), Some(frames as u64)), "{input} {args}");
        // From the last to the first: none finds the marks that the one before it would leave.
        for number in (0..plan["segments"].as_u64().unwrap()).rev() {
            let run =
                folder.paint(&format!("{input} -o out.mkv {SHORT} {args} --segments {number}..{}", number + 1)).ok();
            assert!(!run.warnings().contains("index"), "{input} {args}: {}", run.warnings());
        }
        folder.paint(&format!("{input} -o out.mkv {SHORT} {args} --join")).ok();
        assert!(folder.frames("out.mkv") == folder.frames("whole.mkv"), "{input} {args}: other frames");
        assert_eq!(folder.packets("out.mkv", "a"), folder.packets("whole.mkv", "a"), "{input} {args}");
    }
}

#[test]
fn an_index_counts_the_frames_of_a_deinterlaced_film_too() {
    let folder = Folder::new();
    folder.film("in.mp4", 130, "-vf tinterlace=interleave_top,fieldorder=tff -flags +ildct+ilme -top 1");
    folder.paint("in.mp4 --index").ok();
    for cut in ["", "--start 0.5", "--fps 10"] {
        let plan = folder.paint(&format!("in.mp4 -o out.mkv {SHORT} --deinterlace {cut} --plan")).ok().json;
        let run = folder.paint(&format!("in.mp4 -o out.mkv -y {SHORT} --deinterlace {cut}")).ok();
        assert_eq!((&plan["exact"], plan["frames"].as_u64()), (&true.into(), Some(run.frames() as u64)), "{cut}");
    }
}

#[test]
fn an_index_of_another_film_is_told_and_not_used() {
    let folder = Folder::new();
    folder.film("in.mp4", 130, "");
    folder.film("other.mp4", 130, "-flags +bitexact");
    folder.paint(&format!("in.mp4 -o whole.mkv {SHORT}")).ok();
    folder.paint("other.mp4 --index -o in.mp4.index").ok();
    for segment in ["2..4", "0..2"] {
        let run = folder.paint(&format!("in.mp4 -o out.mkv {SHORT} --segments {segment}")).ok();
        assert!(run.warnings().contains("it describes another film"), "{}", run.warnings());
    }
    folder.paint(&format!("in.mp4 -o out.mkv {SHORT} --join")).ok();
    assert!(folder.frames("out.mkv") == folder.frames("whole.mkv"));
}

/// Checks a job that ran out of disk space: no file under its final name; complete segments kept and reported.
fn has_kept(folder: &Folder, out: &str, run: &Run) -> bool {
    assert_eq!(run.code, 1, "{out}: {}", run.errors);
    let said = ["cannot write", "the disk is full while writing"];
    assert!(said.iter().any(|said| run.errors.contains(said)), "{out}: {}", run.errors);
    assert!(!run.errors.contains("panicked"), "{out}: {}", run.errors);
    assert!(!folder.path(out).exists(), "{out}");
    let kept = folder.path(&format!("{out}.parts")).exists();
    assert_eq!(kept, run.errors.contains("frames are kept in"), "{out}: {}", run.errors);
    kept
}

/// A file system in memory with a size limit, which disappears with the process that made it.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_keeps_complete_segments_and_leaves_no_partial_file() {
    let folder = Folder::new();
    folder.film("in.mp4", 150, "");
    for ending in ["mp4", "mkv"] {
        folder.paint(&format!("in.mp4 -o whole.{ending} {SHORT} --crf 20")).ok();
    }
    let (mut times, mut kept) = (0, 0);
    // At 16 KiB not even a segment fits; at 180 and 400 some do, and then the next one or the joined file does not.
    for size in [16, 180, 400] {
        for ending in ["mp4", "mkv"] {
            let (disk, out) = (format!("{size}{ending}"), format!("out.{ending}"));
            fs::create_dir(folder.path(&disk)).unwrap();
            let binary = env!("CARGO_BIN_EXE_impasto");
            let job = format!("'{binary}' video in.mp4 -o {disk}/{out} --style identity {SHORT} --crf 20");
            let copy = format!("cp -r {disk}/. {disk}.seen");
            let mount = format!("mount -t tmpfs -o size={size}k none {disk}");
            let mut command = Command::new("unshare");
            command.current_dir(folder.path("")).args(["--map-root-user", "--mount", "sh", "-c"]);
            command.arg(format!("{mount} && {{ {job}; code=$?; mkdir {disk}.seen; {copy}; exit $code; }}"));
            let run = finish(&mut command);
            let hint = "a file system in memory needs root, or a kernel that lets users have name spaces";
            assert!(!run.errors.contains("unshare:") && !run.errors.contains("mount:"), "{hint}: {}", run.errors);
            fs::rename(folder.path(&disk), folder.path(&format!("{disk}.empty"))).unwrap();
            fs::rename(folder.path(&format!("{disk}.seen")), folder.path(&disk)).unwrap();
            times += 1;
            kept += usize::from(has_kept(&folder, &format!("{disk}/{out}"), &run));
            let again = folder.paint(&format!("in.mp4 -o {disk}/{out} {SHORT} --crf 20")).ok();
            assert_eq!(again.frames(), 150, "{disk}");
            assert!(folder.frames(&format!("{disk}/{out}")) == folder.frames(&format!("whole.{ending}")), "{disk}");
        }
    }
    eprintln!(
        "fault: full disk: {times} tried: no incomplete file under the final name; segments kept {kept} times; completed later {times} times"
    );
    assert!(kept > 0 && kept < times);
}

#[test]
#[cfg(unix)]
fn a_limit_on_the_size_of_files_is_a_full_disk() {
    let folder = Folder::new();
    folder.film("in.mp4", 150, "");
    let (mut times, mut kept) = (0, 0);
    // At 4 KiB not even a segment fits, at 60 and 150 the joined file does not.
    for limit in [4, 60, 150] {
        let out = format!("{limit}.mp4");
        let binary = env!("CARGO_BIN_EXE_impasto");
        let mut command = Command::new("bash");
        command.current_dir(folder.0.path()).arg("-c").arg(format!(
            "trap '' XFSZ; ulimit -f {limit}; exec '{binary}' video in.mp4 -o {out} --style identity {SHORT} --crf 20"
        ));
        let run = finish(&mut command);
        times += 1;
        kept += usize::from(has_kept(&folder, &out, &run));
        let again = folder.paint(&format!("in.mp4 -o {out} {SHORT} --crf 20")).ok();
        assert_eq!(again.frames(), 150, "{out}");
    }
    eprintln!(
        "fault: limit on the size of files (ulimit -f): {times} tried: no incomplete file under the final name; segments kept {kept} times; completed later {times} times"
    );
    assert!(kept > 0 && kept < times);
}

#[test]
fn a_folder_that_disappears_is_an_error_in_one_sentence() {
    for gone in ["place/out.mp4.parts", "place"] {
        let folder = Folder::new();
        folder.film("in.mp4", 400, "");
        fs::create_dir(folder.path("place")).unwrap();
        let args = format!("in.mp4 -o place/out.mp4 {SHORT} --preset slower");
        let child = folder.start(&args);
        folder.wait_for_segment("place/out.mp4", 0);
        // What is made meanwhile comes in between.
        while fs::remove_dir_all(folder.path(gone)).is_err() && folder.path(gone).exists() {}
        let run = end(child);
        assert_eq!(run.code, 1, "{gone}: {}", run.errors);
        assert!(run.errors.contains("its folder does not exist"), "{gone}: {}", run.errors);
        assert!(!folder.path("place/out.mp4").exists());
        eprintln!("fault: folder removed ({gone}): 1 tried: exit code 1, one sentence, no file");
    }
}

#[test]
fn two_processes_do_not_work_on_one_job() {
    let folder = Folder::new();
    folder.film("in.mp4", 400, "");
    let args = format!("in.mp4 -o out.mp4 {SHORT} --preset slower");
    let child = folder.start(&args);
    folder.wait_for_segment("out.mp4", 0);
    let words = format!("another impasto (process {}) is working", child.id());
    let refused = folder.paint(&args);
    assert!(refused.code == 1 && refused.errors.contains(&words), "{}", refused.errors);
    let refused = folder.paint(&format!("{args} --restart"));
    assert!(refused.code == 1 && refused.errors.contains(&words), "{}", refused.errors);
    assert_eq!(end(child).ok().frames(), 400);
}

/// A network that paints until a frame is nearly white, and then gives values that are not numbers.
#[test]
fn a_network_that_fails_midway_costs_no_complete_segment() {
    let folder = Folder::new();
    let white = "testsrc2=s=160x90:r=25:d=4,drawbox=color=white:t=fill:enable=gte(n\\,90)";
    folder.ffmpeg(&format!("-f lavfi -i {white} -c:v libx264 in.mp4"));
    fs::create_dir(folder.path("styles")).unwrap();
    let network = format!("{}/tests/networks/fails_on_white.onnx", env!("CARGO_MANIFEST_DIR"));
    let bytes = fs::read(network).unwrap();
    let hash = impasto::internals::digest::sha256(&bytes);
    fs::write(folder.path("styles/fails.onnx"), bytes).unwrap();
    let manifest = format!(
        "[[network]]\nname = \"fails\"\nfile = \"fails.onnx\"\nlayout = \"nchw-f32\"\nkind = \"single\"\nstyles = [\"fails\"]\n\
         license = \"CC0-1.0\"\nsource = \"a test\"\nsha256 = \"{hash}\"\n[[style]]\nname = \"fails\"\nnetwork = \"fails\"\nindex = 0\n"
    );
    fs::write(folder.path("styles/styles.toml"), manifest).unwrap();
    let runtime = need::onnx_runtime();
    let paint = |more: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        let args = format!("video --json --models styles --style fails --device cpu in.mp4 -o out.mp4 {SHORT} {more}");
        finish(command.args(args.split_whitespace()).arg("--onnxruntime").arg(&runtime).current_dir(folder.0.path()))
    };
    for time in 0..2 {
        let run = paint("");
        assert_eq!(run.code, 1, "{}", run.errors);
        assert!(run.errors.contains("frame 9"), "{time}: {}", run.errors);
        assert!(run.errors.contains("80 frames are kept in 'out.mp4.parts'"), "{time}: {}", run.errors);
        assert!(!folder.path("out.mp4").exists());
    }
    assert_eq!(paint("--join").ok().frames(), 80);
    assert_eq!(folder.times("out.beginning.mp4").len(), 80);
    eprintln!(
        "fault: network fails midway: 2 tried: exit code 1, the frame reported, both complete segments kept and joined"
    );
}

#[test]
fn one_video_that_fails_does_not_stop_the_others() {
    let folder = Folder::new();
    fs::create_dir(folder.path("films")).unwrap();
    folder.film("films/a.mp4", 50, "");
    fs::write(folder.path("films/b.mkv"), "this is no video").unwrap();
    folder.film("films/c.ts", 50, "");
    fs::write(folder.path("films/notes.txt"), "not looked at").unwrap();
    let run = folder.paint(&format!("films -o painted {SHORT}"));
    assert_eq!(run.code, 1, "{}", run.errors);
    assert!(run.errors.contains("1 of 3 videos failed"), "{}", run.errors);
    assert!(run.errors.contains("2 of 3 videos painted, 0 skipped, 1 failed"), "{}", run.errors);
    let states = |run: &Run| -> Vec<String> {
        let videos = run.json["videos"].as_array().unwrap();
        videos.iter().map(|video| video["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(&run), ["painted", "failed", "painted"]);
    assert!(run.json["videos"][1]["error"].as_str().unwrap().contains("is not a video"));
    assert_eq!(run.frames(), 100);
    let mut names: Vec<_> =
        fs::read_dir(folder.path("painted")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["a.mp4", "c.ts"]);
    // The same command resumes: finished videos are skipped, failed ones are tried again.
    folder.film("films/b.mkv", 50, "");
    let run = folder.paint(&format!("films -o painted {SHORT}")).ok();
    assert_eq!(states(&run), ["there", "painted", "there"]);
    assert_eq!(folder.times("painted/b.mkv").len(), 50);
    // Several names to one file, and a file that is no folder.
    folder.refuses("films/a.mp4 films/b.mkv -o out.mp4", 2, "several videos need a folder");
    folder.refuses("films/a.mp4 films/a.mp4 -o other/", 2, "would both be written to");
    folder.refuses("films -o films -q", 2, "is an input and will not be overwritten");
}
