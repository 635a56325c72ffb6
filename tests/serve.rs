//! The network side of a show, by clients that a user has: sockets, and a real browser.

#[cfg(target_os = "linux")]
#[path = "common/browser.rs"]
mod browser;
#[path = "common/need.rs"]
mod need;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use impasto::Frame;
use impasto::Stop;
use impasto::internals::show::{Settings, Show};
use impasto::internals::sink::Sink;
use impasto::internals::sink::http::HttpSink;
use impasto::styles::Expression;
use serde_json::{Value, json};

fn show() -> Arc<Show> {
    let settings = Settings::plain(Expression::single("night"));
    Arc::new(Show::new(["night", "wave", "dots"].map(String::from).to_vec(), settings, Stop::default()))
}

/// A server on a free port, with its show; `token` as `--token`.
fn server(token: Option<&str>) -> (Box<HttpSink>, Arc<Show>, String) {
    let show = show();
    let sink = HttpSink::open("127.0.0.1:0".parse().unwrap(), token.map(str::to_owned), Arc::clone(&show)).unwrap();
    let host = sink.address().split('/').nth(2).unwrap().to_owned();
    (Box::new(sink), show, host)
}

/// Shows `frame` again and again, as a show does, while `look` looks.
fn while_shown<T>(sink: &mut HttpSink, frame: &Frame, look: impl FnOnce() -> T) -> T {
    // Even if an assertion fails; otherwise the scope would wait forever.
    struct AtEnd(Stop);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            self.0.request();
        }
    }
    let stop = Stop::default();
    thread::scope(|scope| {
        let feeding = stop.clone();
        let _end = AtEnd(stop);
        scope.spawn(move || {
            while !feeding.requested() {
                sink.put(frame).unwrap();
                thread::sleep(Duration::from_millis(10));
            }
        });
        look()
    })
}

fn gray(value: u8) -> Frame {
    let mut frame = Frame::new(64, 48);
    frame.pixels.fill(value);
    frame
}

/// Sends a request as it is; gives the connection.
fn send(host: &str, request: &str, headers: &str, body: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let host_header = if headers.contains("Host:") { String::new() } else { format!("Host: {host}\r\n") };
    let length = body.len();
    let head = format!("{request} HTTP/1.1\r\n{host_header}{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream)
}

/// Status and headers, in lower case.
fn head(stream: &mut BufReader<TcpStream>) -> (u16, String) {
    let mut lines = String::new();
    while !lines.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut lines).unwrap() > 0, "the connection ended: {lines}");
    }
    (lines.split(' ').nth(1).unwrap().parse().unwrap(), lines.to_lowercase())
}

fn length(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    line.expect("a length").trim().parse().unwrap()
}

/// Status and body of a whole answer.
fn answer(host: &str, request: &str, headers: &str, body: &str) -> (u16, Vec<u8>) {
    let mut stream = send(host, request, headers, body);
    let (status, head) = head(&mut stream);
    let mut body = vec![0; length(&head)];
    stream.read_exact(&mut body).unwrap();
    (status, body)
}

fn json_of(answer: (u16, Vec<u8>)) -> (u16, Value) {
    (answer.0, serde_json::from_slice(&answer.1).unwrap())
}

/// The next JPEG of a stream, as the gray that it has in the middle.
fn part(stream: &mut BufReader<TcpStream>) -> u8 {
    // The answer comes in chunks: their sizes stand between the lines, so the JPEG is found by its own marks.
    let mut bytes = Vec::new();
    while !bytes.ends_with(&[0xff, 0xd8]) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    bytes = vec![0xff, 0xd8];
    while !bytes.ends_with(&[0xff, 0xd9]) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part.jpg");
    std::fs::write(&path, bytes).unwrap();
    let frame = impasto::internals::picture::read::load(&path, impasto::MaxPixels::default()).unwrap().frame;
    assert_eq!((frame.width, frame.height), (64, 48));
    frame.pixels[(24 * 64 + 32) * 3]
}

#[test]
fn the_state_is_told_and_settings_are_changed() {
    let (_sink, show, host) = server(None);
    let (status, state) = json_of(answer(&host, "GET /api/state", "", ""));
    assert_eq!((status, &state["style"], &state["styles"][1]), (200, &json!("night"), &json!("wave")));
    let patch = r#"{"style": "wave:1,dots:1", "strength": 0.5, "mirror": true}"#;
    let (status, state) = json_of(answer(&host, "POST /api/settings", "", patch));
    assert_eq!((status, &state["style"], &state["mirror"]), (200, &json!("wave:0.5,dots:0.5"), &json!(true)));
    assert_eq!(show.settings().strength, 0.5);
}

#[test]
fn wrong_settings_are_refused_in_a_sentence_and_change_nothing() {
    let (_sink, show, host) = server(None);
    let large = format!("{{\"style\": \"{}\"}}", "x".repeat(100_000));
    for (patch, status, reason) in [
        (r#"{"style": "wafe", "mirror": true}"#, 400, "did you mean 'wave'"),
        (r#"{"strength": 3}"#, 400, "not from 0 to 1"),
        (r#"{"miror": true}"#, 400, "unknown field"),
        ("{", 400, "these settings are not valid"),
        (&large, 413, ""),
    ] {
        let (found, body) = answer(&host, "POST /api/settings", "", patch);
        let body = String::from_utf8(body).unwrap();
        assert_eq!(found, status, "{body}");
        assert!(body.contains(reason), "{body}");
    }
    assert_eq!(show.revision(), 0);
}

#[test]
fn other_sites_pages_and_names_are_refused() {
    let (_sink, show, host) = server(None);
    let patch = r#"{"mirror": true}"#;
    for headers in ["Origin: http://evil.example\r\n", "Host: evil.example\r\n", "Origin: null\r\n"] {
        assert_eq!(answer(&host, "POST /api/settings", headers, patch).0, 403, "{headers}");
        assert_eq!(answer(&host, "GET /api/state", headers, "").0, 403, "{headers}");
    }
    assert_eq!(show.revision(), 0);
    assert_eq!(answer(&host, "POST /api/settings", &format!("Origin: http://{host}\r\n"), patch).0, 200);
}

#[test]
fn who_lacks_the_token_gets_nothing() {
    let (sink, _show, host) = server(Some("open-sesame"));
    assert!(sink.address().ends_with("/?token=open-sesame"));
    assert_eq!(answer(&host, "GET /api/state", "", "").0, 401);
    assert_eq!(answer(&host, "GET /?token=wrong-one", "", "").0, 401);
    assert_eq!(answer(&host, "GET /api/state", "Authorization: Bearer open-sesame\r\n", "").0, 200);
    let mut page = send(&host, "GET /?token=open-sesame", "", "");
    let (status, head) = head(&mut page);
    let port = host.rsplit(':').next().unwrap();
    let cookie = format!("set-cookie: impasto_token_{port}=open-sesame; httponly");
    assert!(status == 200 && head.contains(&cookie), "{head}");
    // Beyond this machine there is always one.
    let abroad = HttpSink::open("0.0.0.0:0".parse().unwrap(), None, show()).unwrap();
    assert!(abroad.address().split("?token=").nth(1).unwrap().len() == 32, "{}", abroad.address());
}

#[test]
fn a_stream_begins_with_the_newest_frame_and_continues_with_the_next() {
    let (mut sink, _show, host) = server(None);
    sink.put(&gray(90)).unwrap();
    let mut stream = while_shown(&mut sink, &gray(40), || {
        let mut stream = send(&host, "GET /stream.mjpeg", "", "");
        let (status, head) = head(&mut stream);
        assert!(status == 200 && head.contains("multipart/x-mixed-replace; boundary="), "{head}");
        assert!(part(&mut stream).abs_diff(40) <= 2);
        stream
    });
    let next = while_shown(&mut sink, &gray(200), || {
        (0..1000).map(|_| part(&mut stream)).find(|value| value.abs_diff(40) > 2)
    });
    assert!(next.unwrap().abs_diff(200) <= 2);
}

#[test]
fn snapshots_are_complete_pictures_and_there_is_none_before_the_first_frame() {
    let (mut sink, _show, host) = server(None);
    assert_eq!(answer(&host, "GET /snapshot.png", "", "").0, 503);
    while_shown(&mut sink, &gray(77), || {
        let (status, png) = answer(&host, "GET /snapshot.png", "", "");
        assert!(status == 200 && png.starts_with(b"\x89PNG"));
        let (status, jpeg) = answer(&host, "GET /snapshot.jpg", "", "");
        assert!(status == 200 && jpeg.starts_with(&[0xff, 0xd8]));
    });
}

/// Noise, which does not compress: a few of these fill every buffer on the way.
fn noise() -> Frame {
    let mut noise = Frame::new(640, 480);
    let mut state = 1u32;
    noise.pixels.iter_mut().for_each(|value| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *value = (state >> 24) as u8;
    });
    noise
}

#[test]
fn a_client_that_reads_nothing_or_never_ends_its_request_is_disconnected_and_the_show_continues() {
    let (mut sink, _show, host) = server(None);
    let noise = noise();
    sink.put(&noise).unwrap();
    // All eight places, and nothing is ever read.
    let mut stalled: Vec<_> = (0..8).map(|_| send(&host, "GET /stream.mjpeg", "", "")).collect();
    assert!(stalled.iter_mut().all(|stream| head(stream).0 == 200));
    let status = || head(&mut send(&host, "GET /stream.mjpeg", "", "")).0;
    assert_eq!(status(), 503);
    // One says nothing, one says a letter now and then and never comes to its point.
    let silent = TcpStream::connect(&host).unwrap();
    let mut slow = TcpStream::connect(&host).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nX-Slow: ").unwrap();
    let start = Instant::now();
    let (mut welcome, mut hung_up) = (false, false);
    while !(welcome && hung_up) {
        assert!(start.elapsed() < Duration::from_secs(60), "viewers let go: {welcome}, talker: {hung_up}");
        let before = Instant::now();
        sink.put(&noise).unwrap();
        assert!(before.elapsed() < Duration::from_secs(5), "a frame took {:?}", before.elapsed());
        welcome = welcome || status() == 200;
        hung_up = hung_up || slow.write_all(b"x").is_err();
        assert_eq!(answer(&host, "GET /api/state", "", "").0, 200);
        thread::sleep(Duration::from_millis(200));
    }
    // Not before some patience: a network may stumble.
    assert!(start.elapsed() > Duration::from_secs(5), "{:?}", start.elapsed());
    silent.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert!(matches!((&silent).read(&mut [0]), Ok(0)), "who says nothing is not let go");
}

#[test]
fn beyond_sixty_four_connections_one_waits_until_another_has_gone() {
    let (_sink, _show, host) = server(None);
    let mut held: Vec<_> = (0..64).map(|_| TcpStream::connect(&host).unwrap()).collect();
    let mut late = send(&host, "GET /api/state", "", "");
    late.get_ref().set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut line = String::new();
    assert!(late.read_line(&mut line).is_err() && line.is_empty(), "{line}");
    held.pop();
    late.get_ref().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(head(&mut late).0, 200);
}

#[test]
fn a_stream_keeps_to_the_rate_that_was_asked_for_and_to_ffmpegs() {
    let (mut sink, _show, host) = server(None);
    assert_eq!(answer(&host, "GET /stream.mjpeg?fps=0", "", "").0, 400);
    for (request, agent, most) in
        [("GET /stream.mjpeg?fps=10", "", 10.0), ("GET /stream.mjpeg", "User-Agent: Lavf/59.27.100\r\n", 25.0)]
    {
        let mut stream = send(&host, request, agent, "");
        head(&mut stream);
        let took = while_shown(&mut sink, &gray(9), || {
            part(&mut stream);
            let start = Instant::now();
            for _ in 0..15 {
                part(&mut stream);
            }
            start.elapsed()
        });
        // However busy the machine is, never faster.
        assert!(took.as_secs_f64() > 13.0 / most, "{request}: 15 frames in {took:?}");
    }
}

#[test]
fn a_client_that_stalls_slows_nobody() {
    let (mut sink, _show, host) = server(None);
    let noise = noise();
    sink.put(&noise).unwrap();
    let mut stalled = send(&host, "GET /stream.mjpeg", "", "");
    head(&mut stalled);
    // Never read again.
    for _ in 0..60 {
        sink.put(&noise).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    let mut quick = send(&host, "GET /stream.mjpeg", "", "");
    head(&mut quick);
    sink.put(&gray(99)).unwrap();
    assert_eq!(answer(&host, "GET /api/state", "", "").0, 200);
}

#[test]
fn the_ninth_viewer_is_told_why_and_takes_the_place_of_one_who_left() {
    let (mut sink, _show, host) = server(None);
    sink.put(&gray(10)).unwrap();
    let open = || {
        let mut stream = send(&host, "GET /stream.mjpeg", "", "");
        (head(&mut stream).0, stream)
    };
    let mut viewers: Vec<_> = (0..8).map(|_| open()).collect();
    assert!(viewers.iter().all(|(status, _)| *status == 200));
    assert_eq!(open().0, 503);
    viewers.pop();
    // The server notices when it has something to send.
    let start = Instant::now();
    let mut status = 503;
    while status != 200 && start.elapsed() < Duration::from_secs(20) {
        sink.put(&gray(20)).unwrap();
        thread::sleep(Duration::from_millis(20));
        status = open().0;
    }
    assert_eq!(status, 200);
}

#[test]
fn the_end_of_the_show_ends_its_connections() {
    let (mut sink, _show, host) = server(None);
    sink.put(&gray(10)).unwrap();
    let mut stream = send(&host, "GET /stream.mjpeg", "", "");
    head(&mut stream);
    sink.finish().unwrap();
    // Whatever was under way, and then the end; a reset is an end too.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(TcpStream::connect(&host).is_err());
}

#[test]
fn a_port_that_is_taken_is_named_with_another() {
    let (_sink, _show, host) = server(None);
    let error = HttpSink::open(host.parse().unwrap(), None, show()).map(drop).unwrap_err().to_string();
    let port: u16 = host.rsplit(':').next().unwrap().parse().unwrap();
    assert!(error.contains(&format!("port {port} is taken")) && error.contains("--serve 127.0.0.1:"), "{error}");
    let error = HttpSink::open("203.0.113.1:0".parse().unwrap(), None, show()).map(drop).unwrap_err().to_string();
    assert!(error.contains("203.0.113.1 is not an address of this machine"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_browser_plays_the_page_and_its_clicks_change_the_show() {
    let (mut sink, show, host) = server(None);
    let stop = Stop::default();
    thread::scope(|scope| {
        let feeding = stop.clone();
        let sink = &mut sink;
        scope.spawn(move || {
            let mut value = 0u8;
            while !feeding.requested() {
                value = value.wrapping_add(16);
                sink.put(&gray(value)).unwrap();
                thread::sleep(Duration::from_millis(30));
            }
        });
        // Also when an assertion fails, or the scope would wait for ever.
        struct AtEnd(Stop);
        impl Drop for AtEnd {
            fn drop(&mut self) {
                self.0.request();
            }
        }
        let _end = AtEnd(stop.clone());
        let mut browser = browser::Browser::open(&format!("http://{host}/"), 1280, 800);
        let mut until = |what: &str, expression: &str| {
            let start = Instant::now();
            while browser.eval(expression) != Value::Bool(true) {
                assert!(start.elapsed() < Duration::from_secs(30), "{what}");
                thread::sleep(Duration::from_millis(50));
            }
        };
        until("no picture", "document.getElementById('picture')?.naturalWidth === 64");
        until("no styles", "document.querySelectorAll('#styles button').length === 3");
        // The pixels that are played change.
        let shade = "(() => { const canvas = document.createElement('canvas'); const context = canvas.getContext('2d'); \
                     context.drawImage(document.getElementById('picture'), 0, 0); \
                     return context.getImageData(5, 5, 1, 1).data[0]; })()";
        let first = browser.eval(shade);
        let start = Instant::now();
        while browser.eval(shade) == first {
            assert!(start.elapsed() < Duration::from_secs(30), "the picture stands still at {first}");
        }
        browser.click("[data-style=wave]");
        browser.click("#mirror");
        let start = Instant::now();
        while show.settings().style.to_string() != "wave" || !show.settings().mirror {
            assert!(start.elapsed() < Duration::from_secs(30), "{:?}", show.settings());
            thread::sleep(Duration::from_millis(20));
        }
        // And what others change is seen on the page.
        show.change(|settings| settings.style = Expression::single("dots"));
        let start = Instant::now();
        while browser.eval("document.querySelector('[data-style=dots]').getAttribute('aria-pressed')") != "true" {
            assert!(start.elapsed() < Duration::from_secs(30));
        }
    });
}
