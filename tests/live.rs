//! `impasto live` as a user runs it, with the synthetic camera and small clips.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;
#[cfg(target_os = "linux")]
#[path = "common/screen.rs"]
mod screen;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clips::Folder;
use serde_json::Value;

/// How long anything here may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A small synthetic show that copies the picture, without a window; `args` are separated by spaces.
fn show(folder: &Folder, args: &str) -> Command {
    let mut command = live(folder, args);
    command.args("--camera synthetic --style identity --no-window".split_whitespace());
    if !args.contains("--resolution") {
        command.args(["--resolution", "64x36"]);
    }
    command
}

fn live(folder: &Folder, args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.arg("live").args(args.split_whitespace()).current_dir(folder.0.path());
    command
}

/// Exit code, lines of JSON and words of a show that ends by itself.
fn ended(command: &mut Command) -> (i32, Vec<Value>, String) {
    let output = clips::output(command.arg("--json"));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap_or(-1), lines, String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Waits until `done`, and fails with `what` if it does not come to that.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LONG, "{what}");
        sleep(Duration::from_millis(50));
    }
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

fn wait(child: &mut Child) -> ExitStatus {
    let mut status = None;
    until("it did not end", || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// Frames that `ffprobe` decodes.
fn frames(folder: &Folder, name: &str) -> usize {
    folder.probe(name, "-select_streams v -show_entries frame=pts_time").len()
}

#[test]
fn a_show_is_recorded_at_a_constant_rate_and_reported_each_second() {
    let folder = Folder::new();
    let (code, lines, words) = ended(&mut show(&folder, "--duration 3 --record show.mkv"));
    assert_eq!(code, 0, "{words}");
    let (last, running) = lines.split_last().unwrap();
    assert!(running.len() >= 2, "{lines:?}");
    assert_eq!(last["output"], "show.mkv");
    assert_eq!((&running[0]["recording"], &running[0]["style"]), (&"show.mkv".into(), &"identity".into()));
    for field in ["frames", "dropped", "seconds", "fps", "inference_ms", "latency_ms", "late", "warnings"] {
        assert!(!last[field].is_null(), "{field}: {last}");
    }
    let times = folder.probe("show.mkv", "-select_streams v -show_entries frame=pts_time");
    let times: Vec<f64> = times.iter().map(|time| time.parse().unwrap()).collect();
    // How many there are depends on how busy the machine is; where they lie does not.
    assert!(times.len() > 10 && times[0] == 0.0, "{times:?}");
    assert!(times.iter().all(|time| (time * 30.0 - (time * 30.0).round()).abs() < 0.05), "{times:?}");
    assert_eq!(folder.probe("show.mkv", "-show_entries stream=codec_name,width,height"), ["h264,64,36"]);
}

#[test]
fn a_recording_plays_after_the_program_was_killed() {
    for name in ["show.mkv", "show.mp4"] {
        let folder = Folder::new();
        let mut child = show(&folder, &format!("--record {name}")).stderr(Stdio::null()).spawn().unwrap();
        let growing = name.replace("show.", "show.recording.");
        // Two seconds of film at least: so often comes a key frame.
        let start = Instant::now();
        until("nothing is recorded", || {
            start.elapsed() > Duration::from_secs(5)
                && fs::metadata(folder.path(&growing)).is_ok_and(|found| found.len() > 2000)
        });
        signal(&child, "-KILL");
        child.wait().unwrap();
        assert!(!folder.path(name).exists());
        assert!(frames(&folder, &growing) > 10, "{growing}");
    }
}

#[test]
fn ctrl_c_is_a_normal_end_that_closes_the_recording_and_names_it() {
    let folder = Folder::new();
    let mut child = show(&folder, "--record show.mp4").stderr(Stdio::piped()).spawn().unwrap();
    until("nothing is recorded", || folder.path("show.recording.mp4").exists());
    sleep(Duration::from_secs(1));
    signal(&child, "-INT");
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(words.contains("recorded show.mp4") && !words.contains("interrupted"), "{words}");
    assert!(frames(&folder, "show.mp4") > 5);
    assert!(!folder.path("show.recording.mp4").exists());
}

#[test]
fn without_a_recording_ctrl_c_mentions_none() {
    let folder = Folder::new();
    let mut child = show(&folder, "--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    reports(&mut child).next().expect("the show does not start");
    signal(&child, "-INT");
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(words.contains(" dropped, ") && !words.contains("record") && !words.contains("interrupted"), "{words}");
}

#[test]
fn an_abort_in_a_library_is_out_of_memory_only_where_memory_is_short() {
    let folder = Folder::new();
    for (limit, said, not_said) in [
        ("unlimited", "internal error: a library aborted; please report it", "memory"),
        ("1000000", "out of memory: a library aborted", "report"),
    ] {
        let mut command = Command::new("bash");
        let inner = show(&folder, "--json");
        command
            .args(["-c", &format!("ulimit -v {limit}; exec \"$@\""), "bash", env!("CARGO_BIN_EXE_impasto")])
            .args(inner.get_args())
            .current_dir(folder.0.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        reports(&mut child).next().expect("the show does not start");
        signal(&child, "-ABRT");
        assert_eq!(wait(&mut child).code(), Some(1), "{limit}");
        let mut words = String::new();
        child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
        let last = words.lines().last().unwrap();
        assert!(last.contains(said) && !last.contains(not_said), "{limit}: {words}");
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_not_the_show() {
    let folder = Folder::new();
    // Files may grow to 40 KiB, after which writing fails.
    let limited = "trap '' XFSZ; ulimit -f 40; exec \"$@\"";
    let mut command = Command::new("bash");
    let inner = show(&folder, "--duration 6 --record show.mkv --resolution 160x90");
    command
        .args(["-c", limited, "bash", env!("CARGO_BIN_EXE_impasto")])
        .args(inner.get_args())
        .current_dir(folder.0.path());
    let (code, lines, words) = ended(&mut command);
    let last = lines.last().unwrap();
    assert_eq!(code, 1, "the recording that was asked for is not there: {words}");
    assert!(words.contains("the recording ended: ") && words.contains("holds what was recorded"), "{words}");
    assert!(last["seconds"].as_f64().unwrap() >= 6.0, "{last}");
    assert!(frames(&folder, "show.recording.mkv") > 0);
}

#[test]
fn a_show_is_sent_as_a_transport_stream_that_another_program_plays() {
    let folder = Folder::new();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("udp://127.0.0.1:{port}");
    let mut child = show(&folder, &format!("--send {address}")).stderr(Stdio::null()).spawn().unwrap();
    let input = format!("{address}?timeout=20000000");
    folder.ffmpeg(&format!("-i {input} -frames:v 20 -c copy seen.ts"));
    signal(&child, "-INT");
    wait(&mut child);
    assert_eq!(folder.probe("seen.ts", "-show_entries program_stream=codec_name,width,height")[0], "h264,64,36");
    assert!(frames(&folder, "seen.ts") >= 15);
}

/// A port that nobody uses now.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Lines of JSON while a show runs.
fn reports(child: &mut Child) -> impl Iterator<Item = Value> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
}

/// The first report of which `wanted` is true.
fn report(reports: &mut impl Iterator<Item = Value>, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = reports.by_ref().take(LONG.as_secs() as usize).find(|line| wanted(line));
    found.unwrap_or_else(|| panic!("{what}"))
}

fn notices(line: &Value) -> String {
    line["notices"].to_string()
}

/// Sends `body` to the show's page as the page does.
fn set(port: u16, body: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head = format!("POST /api/settings HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json");
    let length = body.len();
    write!(stream, "{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_change_of_style_drops_no_frame() {
    let (folder, port) = (Folder::new(), free_port());
    // A fifth of a second a frame is much for a picture of this size, and little for loading a network.
    let args = format!(
        "--camera synthetic --no-window --resolution 160x90 --fps 5 --size fixed --style starry-night --duration 16 --json \
         --serve 127.0.0.1:{port}"
    );
    let mut child = live(&folder, &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = reports(&mut child);
    let begun = lines.next().unwrap();
    // Within one network, into another one, between both, and back.
    let styles = ["scream", "fine-great-wave", "fine-water-lilies:0.5,udnie:0.5", "identity", "starry-night"];
    for style in styles {
        set(port, &format!("{{\"style\": \"{style}\"}}"));
        let shown = report(&mut lines, "the style does not come", |line| line["style"] == style);
        assert_eq!(notices(&shown), "[]", "{style}");
    }
    let last = lines.last().unwrap();
    assert_eq!(wait(&mut child).code(), Some(0));
    assert_eq!(last["output"], format!("http://127.0.0.1:{port}/"), "nothing was recorded");
    // The first second is that of a start.
    assert_eq!(last["dropped"], begun["dropped"], "{last}");
    assert!(last["frames"].as_u64().unwrap() >= 70, "{last}");
}

#[test]
fn who_receives_by_tcp_may_come_late_go_and_come_again() {
    let folder = Folder::new();
    let port = free_port();
    let mut command = show(&folder, &format!("--json --send tcp://127.0.0.1:{port}"));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = reports(&mut child);
    report(&mut lines, "nobody is missed", |line| notices(line).contains("start the receiver"));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for _ in 0..2 {
        let (mut receiver, _) = listener.accept().unwrap();
        receiver.set_read_timeout(Some(LONG)).unwrap();
        let mut packet = [0; 188];
        for _ in 0..50 {
            receiver.read_exact(&mut packet).unwrap();
            assert_eq!(packet[0], b'G', "no packet of a transport stream");
        }
        report(&mut lines, "somebody is missed", |line| notices(line) == "[]");
        drop(receiver);
        report(&mut lines, "nobody is missed", |line| notices(line).contains("stopped accepting data"));
    }
    signal(&child, "-INT");
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn who_receives_by_srt_may_come_late_go_and_come_again() {
    let folder = Folder::new();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut child = show(&folder, &format!("--send srt://127.0.0.1:{port}")).stderr(Stdio::null()).spawn().unwrap();
    for name in ["first.ts", "second.ts"] {
        folder.ffmpeg(&format!("-i srt://127.0.0.1:{port}?mode=listener -frames:v 20 -c copy {name}"));
        assert!(frames(&folder, name) >= 15, "{name}");
    }
    signal(&child, "-INT");
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[test]
fn a_network_camera_that_goes_away_is_waited_for_and_the_show_resumes() {
    let folder = Folder::new();
    let port = free_port();
    let camera = || {
        let child = show(&folder, &format!("--serve 127.0.0.1:{port}")).stderr(Stdio::null()).spawn().unwrap();
        until("the camera does not start", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        child
    };
    let mut first = camera();
    let args = format!("--camera http://127.0.0.1:{port}/stream.mjpeg --style identity --no-window --json");
    let mut child = live(&folder, &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = reports(&mut child);
    let seen = report(&mut lines, "there are no frames", |line| line["frames"].as_u64() > Some(10));
    assert_eq!((&seen["width"], &seen["height"]), (&64.into(), &36.into()));
    signal(&first, "-KILL");
    first.wait().unwrap();
    let gone = report(&mut lines, "the camera is not missed", |line| notices(line).contains("/stream.mjpeg'"));
    assert!(notices(&gone).contains("the show resumes when it is back"), "{gone}");
    let mut second = camera();
    let back = report(&mut lines, "the show does not resume", |line| notices(line) == "[]");
    report(&mut lines, "there are no more frames", |line| line["frames"].as_u64() > back["frames"].as_u64());
    // A camera that says nothing any more does not keep a show that ends.
    signal(&second, "-STOP");
    signal(&child, "-INT");
    assert_eq!(wait(&mut child).code(), Some(0));
    signal(&second, "-KILL");
    second.wait().unwrap();
}

#[test]
fn a_file_plays_once_at_its_own_speed_and_then_the_show_ends() {
    let folder = Folder::new();
    folder.clip("clip.mp4", 2.0, "");
    let (code, lines, words) = ended(&mut live(&folder, "--camera clip.mp4 --style identity --no-window"));
    let last = lines.last().unwrap();
    assert_eq!(code, 0, "{words}");
    assert!(last["seconds"].as_f64().unwrap() >= 1.9, "{last}");
    let seen = last["frames"].as_u64().unwrap() + last["dropped"].as_u64().unwrap();
    assert_eq!((seen, &last["width"], &last["height"]), (50, &160.into(), &90.into()));
}

#[test]
fn what_cannot_work_is_said_in_one_sentence_before_the_show() {
    let folder = Folder::new();
    fs::write(folder.path("note.txt"), "not a video").unwrap();
    for (args, code, sentence) in [
        ("--camera note.txt --no-window", 1, "note.txt"),
        ("--camera no-such-camera --no-window", 1, "camera"),
        ("--camera synthetic --no-window --record show.txt", 2, "is not a video format"),
        ("--camera synthetic --no-window --record missing/show.mkv", 1, "its folder does not exist"),
        ("--camera synthetic --no-window --send ftp://example.org", 2, "write udp://HOST:PORT"),
        ("--camera synthetic --no-window --style stary", 2, "did you mean 'starry-night'"),
        ("--camera synthetic --style identity", 1, "add --no-window"),
    ] {
        let mut command = live(&folder, args);
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        let (found, _, words) = ended(&mut command);
        assert_eq!(found, code, "{args}: {words}");
        assert!(words.contains(sentence) && words.matches("impasto: ").count() == 1, "{args}: {words}");
        assert!(!words.contains("panicked"), "{words}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_screen_is_a_camera_and_one_that_ends_is_waited_for() {
    let (folder, screen) = (Folder::new(), screen::Screen::new());
    let mut command = live(&folder, "--camera screen --style identity --no-window --json --fps 10");
    command.env("DISPLAY", &screen.display).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut lines = reports(&mut child);
    let seen = report(&mut lines, "there are no frames", |line| line["frames"].as_u64() > Some(3));
    assert_eq!((&seen["width"], &seen["height"]), (&screen::SCREEN.0.into(), &screen::SCREEN.1.into()));
    drop(screen);
    report(&mut lines, "the screen is not missed", |line| notices(line).contains("'screen' stopped sending frames"));
    signal(&child, "-INT");
    assert_eq!(wait(&mut child).code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_display_that_dies_ends_the_show_in_a_sentence_and_closes_its_recording() {
    let (folder, screen) = (Folder::new(), screen::Screen::new());
    let mut command = live(&folder, "--camera synthetic --resolution 64x36 --style identity --record show.mp4");
    command.env("DISPLAY", &screen.display).env_remove("WAYLAND_DISPLAY");
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    until("nothing is recorded", || folder.path("show.recording.mp4").exists());
    sleep(Duration::from_secs(1));
    drop(screen);
    assert_eq!(wait(&mut child).code(), Some(1));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(words.contains("impasto: the display is gone") && !words.contains("XIO"), "{words}");
    assert!(frames(&folder, "show.mp4") > 5);
}

#[cfg(target_os = "linux")]
#[test]
fn long_text_of_an_input_method_does_not_end_the_show() {
    let (folder, screen) = (Folder::new(), screen::Screen::new());
    // The letter a stands for 80 bytes, more than the window library has room for.
    fs::write(folder.path("compose"), format!("<a> : \"{}\"\n", "ä".repeat(40))).unwrap();
    let mut command = live(&folder, "--camera synthetic --resolution 64x36 --style starry-night --json");
    command.env("DISPLAY", &screen.display).env_remove("WAYLAND_DISPLAY").env("LC_ALL", "C.UTF-8");
    command.env("XCOMPOSEFILE", folder.path("compose")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = reports(&mut child);
    lines.next().unwrap();
    let press = |key: &str| {
        let mut tool = need::program("xdotool");
        tool.args(["mousemove", "400", "300", "key", key]).env("DISPLAY", &screen.display);
        assert!(tool.status().unwrap().success());
    };
    press("a");
    press("Right");
    report(&mut lines, "keys are not heard any more", |line| line["style"] == "great-wave");
    press("q");
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(words.contains("x11.rs"), "the text was not too long for the window library: {words}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_snapshot_that_cannot_be_saved_is_said_and_the_show_goes_on() {
    let (folder, screen) = (Folder::new(), screen::Screen::new());
    fs::create_dir(folder.path("pictures")).unwrap();
    let args = "--camera synthetic --resolution 64x36 --style identity --json --folder pictures";
    let mut command = live(&folder, args);
    command.env("DISPLAY", &screen.display).env_remove("WAYLAND_DISPLAY");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = reports(&mut child);
    lines.next().unwrap();
    // The folder vanishes while the show runs.
    fs::remove_dir(folder.path("pictures")).unwrap();
    let press = |keys: &[&str]| {
        let mut tool = need::program("xdotool");
        tool.args(["mousemove", "400", "300", "key", "--delay", "20"]).args(keys).env("DISPLAY", &screen.display);
        assert!(tool.status().unwrap().success());
    };
    press(&["s", "r"]);
    let noticed = report(&mut lines, "no notice", |line| notices(line).contains("the recording ended: "));
    assert!(notices(&noticed).contains("its folder does not exist"), "{noticed}");
    report(&mut lines, "the show stands", |line| line["frames"].as_u64() > noticed["frames"].as_u64());
    press(&["q"]);
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(words.contains("impasto.png': its folder does not exist"), "{words}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_keys_of_the_window_change_style_save_record_and_end() {
    let (folder, screen) = (Folder::new(), screen::Screen::new());
    let mut command = live(&folder, "--camera synthetic --resolution 160x90 --json --style starry-night");
    command.env("DISPLAY", &screen.display).env_remove("WAYLAND_DISPLAY");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| -> Value { serde_json::from_str(&line.unwrap()).unwrap() });
    let press = |keys: &[&str]| {
        let mut tool = need::program("xdotool");
        tool.args(["mousemove", "400", "300", "key", "--delay", "20"]).args(keys).env("DISPLAY", &screen.display);
        assert!(tool.status().unwrap().success());
    };
    // The window is there when the show reports.
    assert_eq!(lines.next().unwrap()["style"], "starry-night");
    press(&["Right", "b"]);
    let blend = lines.by_ref().take(20).find(|line| line["style"] != "starry-night").unwrap();
    assert_eq!(blend["style"], "great-wave:0.5,scream:0.5");
    press(&["s", "r"]);
    assert!(lines.by_ref().take(20).any(|line| line["recording"] == "./impasto.mkv"));
    press(&["r"]);
    assert!(lines.by_ref().take(20).any(|line| line["recording"].is_null()));
    // Around all styles: the unstyled picture is not among them.
    press(&vec!["Right"; 40]);
    let seen = lines.by_ref().take(3).last().unwrap();
    assert!(!seen["style"].as_str().unwrap().contains("photo"), "{seen}");
    press(&["q"]);
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut words = String::new();
    child.stderr.take().unwrap().read_to_string(&mut words).unwrap();
    assert!(words.contains("recorded ./impasto.mkv"), "{words}");
    assert!(frames(&folder, "impasto.mkv") > 3);
    let saved = impasto::internals::picture::read::load(&folder.path("impasto.png"), impasto::MaxPixels::default())
        .unwrap()
        .frame;
    assert_eq!((saved.width, saved.height), (160, 90));
}
