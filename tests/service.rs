//! `impasto serve`, by clients that it has: curl and Python. page.rs opens it in a real browser.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/damage.rs"]
mod damage;
#[path = "common/need.rs"]
mod need;
#[path = "common/server.rs"]
mod server;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use impasto::internals::picture::read;
use impasto::{Frame, MaxPixels};
use serde_json::{Value, json};

use clips::Folder;
use server::{LONG, Server};

/// A picture that ships with the program.
fn photo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/sample.jpg")
}

/// The field of a form that sends it.
fn field(name: &str, path: &Path) -> String {
    format!("{name}=@{}", path.display())
}

fn decoded(bytes: &[u8]) -> Frame {
    read::decode(bytes, "the answer", MaxPixels::default()).unwrap().frame
}

#[test]
fn a_picture_goes_in_and_the_same_painting_comes_out_as_from_the_command_line() {
    let (server, folder) = (Server::new(&[]), Folder::new());
    let image = field("image", &photo());
    let answer = server.form("/api/v1/pictures", &[&image, "style=scream", "strength=0.8", "format=png"]);
    assert!(answer.status == 200 && answer.head.contains("content-type: image/png"), "{}", answer.head);
    let out = folder.path("out.png");
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.args(["image", "--style", "scream", "--strength", "0.8", "-o"]).arg(&out).arg(photo());
    assert!(command.arg("--onnxruntime").arg(need::onnx_runtime()).status().unwrap().success());
    assert_eq!(decoded(&answer.body).pixels, decoded(&fs::read(out).unwrap()).pixels);
    // Without a format, it is the photo's own.
    let answer = server.form("/api/v1/pictures", &[&image, "style=identity"]);
    assert!(answer.head.contains("content-type: image/jpeg"), "{}", answer.head);
    let frame = decoded(&answer.body);
    assert_eq!((frame.width, frame.height), (400, 300));
}

#[test]
fn what_cannot_be_painted_is_refused_in_the_sentence_of_the_command_line() {
    let (server, folder) = (Server::new(&["--max-pixels", "0.2", "--max-upload", "1"]), Folder::new());
    let text = folder.path("notes.jpg");
    fs::write(&text, "these are notes").unwrap();
    fs::write(folder.path("large"), vec![7; 2 << 20]).unwrap();
    folder.ffmpeg("-f lavfi -i testsrc2=s=800x600 -frames:v 1 wide.png");
    let (image, notes) = (field("image", &photo()), field("image", &text));
    let (wide, large) = (field("image", &folder.path("wide.png")), field("image", &folder.path("large")));
    for (fields, status, words) in [
        (vec![notes.as_str()], 400, "'notes.jpg' is not a picture that impasto can read"),
        (vec![&image, "style=screem"], 400, "no style 'screem'; did you mean 'scream'"),
        (vec![&image, "strength=2"], 400, "strength 2 is not from 0 to 1"),
        (vec![&image, "scale=0"], 400, "must be from 0.05 to 20"),
        (vec![&image, "format=gif"], 400, "choose jpeg, png, webp or tiff"),
        (vec![&image, "colour=red"], 400, "no field is called 'colour'"),
        (vec!["style=scream"], 400, "the picture is missing"),
        (vec![wide.as_str()], 400, "'wide.png' claims 800 x 600 pixels"),
        (vec![large.as_str()], 413, "larger than the limit"),
    ] {
        let said = server.form("/api/v1/pictures", &fields).refused(status);
        assert!(said.contains(words), "{fields:?}: {said}");
    }
    assert!(server.curl("/api/v1/pictures", &["-d", "no form"]).refused(400).contains("boundary"));
    assert!(server.curl("/api/v1/nothing", &[]).refused(404).contains("nothing at this address"));
    // A film that is none, too; and none of them leaves anything behind.
    let said = server.form("/api/v1/jobs", &[&field("file", &text)]).refused(400);
    assert!(said.contains("notes.jpg") && !said.contains('/'), "{said}");
    let said = server.form("/api/v1/jobs", &[&field("file", &photo())]).refused(400);
    assert!(said.contains("is one picture; send it to /api/v1/pictures"), "{said}");
    let left: Vec<_> = fs::read_dir(server.jobs_folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

#[test]
fn damaged_uploads_are_painted_or_refused_and_the_server_goes_on() {
    let (server, folder) = (Server::new(&[]), Folder::new());
    let whole = fs::read(photo()).unwrap();
    let mut random = damage::Random::new(27);
    for number in 0..50 {
        let path = folder.path("damaged.jpg");
        fs::write(&path, damage::damaged(&whole, &mut random)).unwrap();
        let answer = server.form("/api/v1/pictures", &[&field("image", &path), "style=identity"]);
        if answer.status != 200 {
            assert!(answer.refused(400).contains("damaged.jpg"), "case {number}");
        }
    }
    assert_eq!(server.curl("/api/v1/health", &[]).json()["status"], "ok");
}

#[test]
fn the_devices_of_the_machine_are_listed() {
    let health = Server::new(&[]).curl("/api/v1/health", &[]).json();
    assert_eq!(health["devices"].as_array().and_then(|devices| devices.last()), Some(&"cpu".into()), "{health}");
}

#[test]
fn every_style_has_a_thumbnail_that_differs_from_the_others() {
    let server = Server::new(&[]);
    let list = server.curl("/api/v1/styles", &[]).json();
    let thumbnail = |number: usize| {
        let style = &list["styles"][number];
        let answer = server.curl(style["thumbnail"].as_str().unwrap(), &[]);
        assert!(answer.status == 200 && answer.head.contains("content-type: image/jpeg"), "{style}: {}", answer.head);
        decoded(&answer.body).pixels
    };
    assert_ne!(thumbnail(0), thumbnail(1));
    assert!(server.curl("/api/v1/styles/screm/thumbnail.jpg", &[]).refused(404).contains("did you mean 'scream'"));
}

#[test]
fn a_film_is_a_job_that_is_followed_and_fetched_and_deleted() {
    let (server, folder) = (Server::new(&[]), Folder::new());
    folder.clip("film.mp4", 2.0, "");
    let film = field("file", &folder.path("film.mp4"));
    let id = server.job(&[&format!("{film};filename=../../odd name.mp4"), "style=identity", "container=mkv"]);
    let events = server.curl(&format!("/api/v1/jobs/{id}/events"), &[]);
    let told = String::from_utf8(events.body).unwrap();
    let last = told.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["state"], &last["name"]), (&json!("done"), &json!("odd name.mp4")));
    assert_eq!(last["outcome"]["frames"], 50);
    let result = server.curl(last["result"].as_str().unwrap(), &[]);
    assert!(result.head.contains("content-type: video/x-matroska"), "{}", result.head);
    fs::write(folder.path("out.mkv"), &result.body).unwrap();
    assert_eq!(folder.times("out.mkv").len(), 50);
    // What players ask for.
    let part = server.curl(last["result"].as_str().unwrap(), &["-r", "10-19"]);
    assert_eq!((part.status, part.body.as_slice()), (206, &result.body[10..20]));
    let preview = server.curl(last["preview"].as_str().unwrap(), &[]);
    assert_eq!((decoded(&preview.body).width, decoded(&preview.body).height), (160, 90));
    assert_eq!(server.curl(&format!("/api/v1/jobs/{id}"), &["-X", "DELETE"]).status, 204);
    server.curl(&format!("/api/v1/jobs/{id}"), &[]).refused(404);
    assert!(!server.jobs_folder().join(&id).exists());
}

#[test]
fn of_two_jobs_one_is_cancelled_and_later_continues_where_it_was() {
    let (server, folder) = (Server::new(&[]), Folder::new());
    folder.clip("long.mp4", 40.0, "");
    folder.clip("short.mp4", 1.0, "");
    let long = server.job(&[&field("file", &folder.path("long.mp4")), "style=scream"]);
    let short = server.job(&[&field("file", &folder.path("short.mp4")), "style=identity"]);
    assert_eq!(server.job_when(&short, |_| true)["state"], "queued");
    server.job_when(&long, |job| job["progress"]["done"].as_u64().is_some_and(|done| done > 110));
    assert_eq!(server.curl(&format!("/api/v1/jobs/{long}/cancel"), &["-X", "POST"]).status, 200);
    server.job_when(&long, |job| job["state"] == "cancelled");
    server.job_when(&short, |job| job["state"] == "done");
    server.curl(&format!("/api/v1/jobs/{short}/cancel"), &["-X", "POST"]).refused(409);
    assert_eq!(server.curl(&format!("/api/v1/jobs/{long}/resume"), &["-X", "POST"]).status, 200);
    // Up to 32 frames before that are seen again: strokes and stabiliser warm up on them.
    let first = server.job_when(&long, |job| job["progress"]["done"].as_u64().is_some_and(|done| done > 0));
    assert!(first["progress"]["done"].as_u64().unwrap() >= 96 - 32, "it began again: {first}");
    assert_eq!(server.job_when(&long, |job| job["state"] == "done")["outcome"]["frames"], 1000);
}

#[test]
fn after_a_kill_jobs_go_on_where_they_were_and_none_is_lost() {
    let (mut server, folder) = (Server::new(&[]), Folder::new());
    // Long enough that no answer comes too late to be seen.
    folder.clip("film.mp4", 40.0, "");
    folder.clip("next.mp4", 1.0, "");
    let film = server.job(&[&field("file", &folder.path("film.mp4")), "style=scream"]);
    let next = server.job(&[&field("file", &folder.path("next.mp4")), "style=identity"]);
    for least in [100, 500] {
        server.job_when(&film, |job| job["progress"]["done"].as_u64().is_some_and(|done| done > least));
        server = server.after_a_kill(&[]);
        let first = server.job_when(&film, |job| job["progress"]["done"].as_u64().is_some_and(|done| done > 0));
        assert!(first["progress"]["done"].as_u64().unwrap() >= least - least % 96 - 32, "it began again: {first}");
    }
    assert_eq!(server.job_when(&film, |job| job["state"] == "done")["outcome"]["frames"], 1000);
    server.job_when(&next, |job| job["state"] == "done");
    let result = server.curl(&format!("/api/v1/jobs/{film}/result"), &[]);
    fs::write(folder.path("out.mp4"), &result.body).unwrap();
    assert_eq!(folder.times("out.mp4"), folder.times("film.mp4"));
}

#[test]
fn a_picture_that_is_sent_is_the_style_of_another() {
    // The tiny pair of scripts/make_test_networks.py: it paints halfway between the photo and the painting's mean colour.
    let (networks, folder) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks"), Folder::new());
    let mut add = Command::new(env!("CARGO_BIN_EXE_impasto"));
    add.args(["styles", "add"])
        .arg(networks.join("any_style.onnx"))
        .arg("--predictor")
        .arg(networks.join("any_predictor.onnx"));
    add.args(["--like", "magenta", "--name", "any", "--license", "CC0-1.0", "--source", "a test", "--onnxruntime"]);
    assert!(add.arg(need::onnx_runtime()).env("XDG_DATA_HOME", folder.path("data")).status().unwrap().success());
    let server = Server::new(&["--models", folder.path("data/impasto/models").to_str().unwrap()]);
    assert_eq!(server.curl("/api/v1/styles", &[]).json()["style_image"], true);
    folder.ffmpeg("-f lavfi -i color=c=0xC80000:s=40x30 -frames:v 1 -pix_fmt rgb24 photo.png");
    folder.ffmpeg("-f lavfi -i color=c=0x000064:s=70x50 -frames:v 1 -pix_fmt rgb24 style.png");
    let (image, style) = (field("image", &folder.path("photo.png")), field("style_image", &folder.path("style.png")));
    let painted = decoded(&server.form("/api/v1/pictures", &[&image, &style]).body);
    let photo = decoded(&fs::read(folder.path("photo.png")).unwrap());
    let paint = decoded(&fs::read(folder.path("style.png")).unwrap());
    for channel in 0..3 {
        let half = (u16::from(photo.pixels[channel]) + u16::from(paint.pixels[channel])) / 2;
        assert!(u16::from(painted.pixels[channel]).abs_diff(half) <= 2, "{:?}", &painted.pixels[..3]);
    }
    let said = server.form("/api/v1/pictures", &[&image, &style, "style=scream"]).refused(400);
    assert!(said.contains("not both"), "{said}");
}

#[test]
fn a_slow_painting_grows_and_its_result_is_fetched() {
    need::vgg19();
    let server = Server::new(&[]);
    let (file, style) = (field("file", &photo()), field("style_image", &photo()));
    let id = server.job(&["kind=paint", &file, &style, "size=64", "steps=4"]);
    let done = server.job_when(&id, |job| job["state"] == "done");
    assert_eq!((&done["outcome"]["width"], &done["outcome"]["height"]), (&json!(64), &json!(48)));
    let result = server.curl(done["result"].as_str().unwrap(), &[]);
    assert_eq!(decoded(&result.body).width, 64);
    assert!(server.form("/api/v1/jobs", &["kind=paint", &file]).refused(400).contains("style_image"));
}

#[test]
fn the_disk_is_limited_and_the_oldest_results_go_first() {
    let (server, folder) = (Server::new(&["--disk", "0.001", "--max-minutes", "0.05"]), Folder::new());
    // A quarter of a mebibyte or so: two of these and their results fill the disk.
    folder.clip("film.mp4", 2.0, "-b:v 900k -crf 1 -preset ultrafast");
    let size = fs::metadata(folder.path("film.mp4")).unwrap().len();
    assert!((200_000..500_000).contains(&size), "{size}");
    let send = || {
        let id = server.job(&[&field("file", &folder.path("film.mp4")), "style=identity"]);
        server.job_when(&id, |job| job["state"] == "done");
        id
    };
    let ids: Vec<String> = (0..4).map(|_| send()).collect();
    server.curl(&format!("/api/v1/jobs/{}", ids[0]), &[]).refused(404);
    assert_eq!(server.job_when(&ids[3], |_| true)["state"], "done");
    // One that never fits, and one that is too long.
    folder.clip("large.mp4", 2.9, "-vf noise=alls=100:allf=t -crf 1 -preset ultrafast");
    assert!(fs::metadata(folder.path("large.mp4")).unwrap().len() > 600_000);
    let said = server.form("/api/v1/jobs", &[&field("file", &folder.path("large.mp4"))]).refused(507);
    assert!(said.contains("--disk"), "{said}");
    folder.clip("long.mp4", 4.0, "-crf 40");
    let said = server.form("/api/v1/jobs", &[&field("file", &folder.path("long.mp4"))]).refused(413);
    assert!(said.contains("--max-minutes"), "{said}");
}

#[test]
fn the_clients_of_max_get_what_they_expect() {
    let (server, folder) = (Server::new(&[]), Folder::new());
    let metadata = server.curl("/model/metadata", &[]).json();
    assert_eq!(metadata["id"], "max-fast-neural-style-transfer");
    assert_eq!(metadata["name"], "MAX Fast Neural Style Transfer");
    assert_eq!(metadata["type"], "Image-To-Image Translation");
    for name in ["description", "source", "license"] {
        assert!(!metadata[name].as_str().unwrap().is_empty(), "{metadata}");
    }
    let swagger = server.curl("/swagger.json", &[]).json();
    assert_eq!(
        (&swagger["swagger"], &swagger["info"]["title"]),
        (&json!("2.0"), &json!("MAX Fast Neural Style Transfer"))
    );
    folder.ffmpeg("-f lavfi -i testsrc2=s=128x72 -frames:v 1 photo.png");
    folder.ffmpeg("-f lavfi -i testsrc2=s=128x72 -frames:v 1 -pix_fmt rgb24 photo.tiff");
    let mut seen = Vec::new();
    for (place, name, sent) in
        [("", "mosaic", "photo.png"), ("?model=candy", "candy", "photo.tiff"), ("?model=udnie", "udnie", "photo.png")]
    {
        let answer = server.form(&format!("/model/predict{place}"), &[&field("image", &folder.path(sent))]);
        assert!(answer.status == 200 && answer.head.contains("content-type: image/jpeg"), "{name}: {}", answer.head);
        let painted = decoded(&answer.body);
        assert_eq!((painted.width, painted.height), (128, 72));
        assert!(!seen.contains(&painted.pixels), "{name} paints as another");
        seen.push(painted.pixels);
    }
    // The field of the form counts as the query does.
    let image = field("image", &folder.path("photo.png"));
    assert_eq!(decoded(&server.form("/model/predict", &[&image, "model=udnie"]).body).pixels, seen[2]);
    fs::write(folder.path("README.md"), "no picture").unwrap();
    let answer =
        server.form("/model/predict", &[&format!("{};type=image/jpeg", field("image", &folder.path("README.md")))]);
    let words = "Invalid file type/extension. Please provide a valid image (supported formats: JPEG, PNG, TIFF).";
    assert_eq!((answer.status, &answer.json()["message"]), (400, &json!(words)));
    assert_eq!(server.form("/model/predict?model=monet", &[&image]).status, 400);
    assert_eq!(server.form("/model/predict", &["model=candy"]).status, 400);
    // As the model's own test does it.
    let script = "import requests, sys\n\
        with open(sys.argv[2], 'rb') as file:\n\
        \x20   r = requests.post(url=sys.argv[1] + '/model/predict?model=rain_princess', files={'image': (sys.argv[2], file, 'image/jpeg')})\n\
        assert r.status_code == 200, r.text\n\
        assert r.headers['content-type'] == 'image/jpeg' and r.content[:2] == b'\\xff\\xd8'\n";
    let python =
        Command::new("/usr/bin/python3").args(["-c", script, &server.address]).arg(folder.path("photo.png")).output();
    let python = python.unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
}

#[test]
fn strangers_get_nothing_and_the_page_loads_nothing_from_elsewhere() {
    let server = Server::new(&["--token", "open-sesame"]);
    server.curl("/api/v1/styles", &[]).refused(401);
    server.form("/model/predict", &[&field("image", &photo())]);
    let token = ["-H", "Authorization: Bearer open-sesame"];
    assert_eq!(server.curl("/api/v1/styles", &token).status, 200);
    for header in ["Origin: http://evil.example", "Host: evil.example"] {
        server.curl("/api/v1/styles", &[&token[..], &["-H", header]].concat()).refused(403);
    }
    let page = server.curl("/?token=open-sesame", &[]);
    assert!(page.head.contains("content-security-policy: default-src 'self'"), "{}", page.head);
    let port = server.host().rsplit(':').next().unwrap();
    let cookie = format!("set-cookie: impasto_token_{port}=open-sesame; httponly");
    assert!(page.head.contains(&cookie), "{}", page.head);
    let scripts = ["page", "api", "styles", "jobs", "camera", "server", "browser", "worker", "grain", "pixels"];
    let scripts = scripts.map(|name| format!("/{name}.js"));
    for file in scripts.iter().map(String::as_str).chain(["/", "/page.css", "/look.css", "/api/v1/docs/"]) {
        let answer = server.curl(file, &token);
        let text = String::from_utf8(answer.body).unwrap();
        assert_eq!(answer.status, 200, "{file}");
        assert!(!text.contains("http://") && !text.contains("https://"), "{file} names an address");
    }
}

#[test]
fn a_client_that_sends_one_byte_at_a_time_is_disconnected_and_one_that_waits_for_its_painting_is_not() {
    let server = Server::new(&[]);
    let mut slow = TcpStream::connect(server.host()).unwrap();
    let head = format!(
        "POST /api/v1/pictures HTTP/1.1\r\nHost: {}\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n",
        server.host()
    );
    slow.write_all(head.as_bytes()).unwrap();
    slow.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < Duration::from_secs(60), "it is still connected");
        let is_gone = slow.write_all(b"-").is_err() || matches!(slow.read(&mut [0]), Ok(0));
        if is_gone {
            break;
        }
    }
    assert!(start.elapsed() > Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(server.form("/api/v1/pictures", &[&field("image", &photo()), "style=identity"]).status, 200);
}

#[test]
fn the_description_names_every_route_and_its_answers_are_what_it_says() {
    let server = Server::new(&[]);
    let description = server.curl("/api/v1/openapi.json", &[]).json();
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    for (path, method) in [
        ("/pictures", "post"),
        ("/styles", "get"),
        ("/styles/{name}/thumbnail.jpg", "get"),
        ("/jobs", "post"),
        ("/jobs/{id}", "delete"),
        ("/jobs/{id}/events", "get"),
        ("/jobs/{id}/cancel", "post"),
        ("/jobs/{id}/result", "get"),
        ("/live", "get"),
        ("/health", "get"),
    ] {
        assert!(description["paths"][format!("/api/v1{path}")][method].is_object(), "{method} {path}");
    }
    let style = &description["components"]["schemas"]["StyleEntry"]["properties"];
    let listed = server.curl("/api/v1/styles", &[]).json();
    for name in listed["styles"][0].as_object().unwrap().keys() {
        assert!(style[name].is_object(), "{name} is not described");
    }
    let metrics = String::from_utf8(server.curl("/metrics", &[]).body).unwrap();
    assert!(metrics.contains("impasto_pictures_waiting 0") && metrics.ends_with("# EOF\n"), "{metrics}");
}

#[test]
fn a_browser_that_paints_by_itself_gets_all_it_needs_from_the_server_and_nothing_else() {
    need::onnxruntime_web();
    let server = Server::new(&[]);
    let recipe = server.curl("/browser/recipe?style=scream:3,udnie:1", &[]).json();
    let [network] = recipe["networks"].as_array().unwrap().as_slice() else { panic!("{recipe}") };
    let weights: Vec<f64> = network["weights"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert_eq!((weights.iter().sum::<f64>(), weights.iter().copied().fold(0.0, f64::max)), (1.0, 0.75));
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let sent = server.curl(network["address"].as_str().unwrap(), &[]);
    assert_eq!(sent.body, fs::read(models.join("live.onnx")).unwrap());
    let runtime = recipe["runtime"].as_str().unwrap();
    for (file, kind) in [("ort.wasm.min.mjs", "javascript"), ("ort-wasm-simd-threaded.wasm", "application/wasm")] {
        let answer = server.curl(&format!("{runtime}{file}"), &["-I"]);
        assert!(answer.status == 200 && answer.head.contains(kind), "{}", answer.head);
        // Without these, a browser gives it one thread only.
        assert!(answer.head.contains("cross-origin-embedder-policy: require-corp"), "{}", answer.head);
    }
    assert_eq!(server.curl("/browser/grain", &[]).body.len(), 512 * 512 * 4 * 4);
    assert!(server.curl("/browser/recipe?style=screem", &[]).refused(400).contains("did you mean 'scream'"));
    for path in ["package.json", "..%2f..%2fsecret", "ort.js"] {
        server.curl(&format!("{runtime}{path}"), &[]).refused(404);
    }
    server.curl("/browser/networks/0123", &[]).refused(404);
}

#[test]
fn a_field_that_means_nothing_for_a_job_is_refused() {
    let (server, folder) = (Server::new(&[]), Folder::new());
    folder.clip("film.mp4", 1.0, "");
    let (film, image) = (field("file", &folder.path("film.mp4")), field("image", &photo()));
    for name in ["quality", "size"] {
        let said = server.form("/api/v1/jobs", &[&film, &format!("{name}=80")]).refused(400);
        assert!(said.contains(&format!("a film has no field '{name}'")), "{said}");
    }
    let said = server.form("/api/v1/pictures", &[&image, "steps=10"]).refused(400);
    assert!(said.contains("a picture has no field 'steps'"), "{said}");
}

#[test]
fn a_film_that_does_not_state_its_length_ends_at_the_limit_too() {
    let (server, folder) = (Server::new(&["--max-minutes", "0.05"]), Folder::new());
    folder.clip("stated.mp4", 8.0, "");
    // Written as a stream, a Matroska file has no length.
    folder.ffmpeg("-i stated.mp4 -c copy -f matroska -live 1 film.mkv");
    let id = server.job(&[&field("file", &folder.path("film.mkv")), "style=identity"]);
    let start = Instant::now();
    let job = loop {
        let job = server.curl(&format!("/api/v1/jobs/{id}"), &[]).json();
        if job["state"] == "failed" {
            break job;
        }
        assert!(start.elapsed() < LONG && job["state"] != "done", "{job}");
        thread::sleep(Duration::from_millis(50));
    };
    assert!(job["error"].as_str().unwrap().contains("--max-minutes"), "{job}");
}

#[test]
fn a_client_that_sends_too_much_reads_why_after_its_last_byte() {
    let server = Server::new(&["--max-upload", "1"]);
    for (path, field) in [("/api/v1/pictures", "image"), ("/api/v1/jobs", "file")] {
        // It sends everything before it reads anything.
        let mut client = TcpStream::connect(server.host()).unwrap();
        client.set_read_timeout(Some(LONG)).unwrap();
        let part = format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"large.jpg\"\r\n\r\n");
        let large = vec![7; 24 << 20];
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=b\r\n\
             Content-Length: {}\r\n\r\n{part}",
            server.host(),
            part.len() + large.len() + "\r\n--b--\r\n".len()
        );
        for bytes in [head.as_bytes(), &large, b"\r\n--b--\r\n"] {
            client.write_all(bytes).unwrap();
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("larger than the limit of 1 MiB"), "{answer}");
    }
}
