//! The page of `impasto serve`, in a real Chromium.

#![cfg(target_os = "linux")]

#[path = "common/browser.rs"]
mod browser;
#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;
#[path = "common/server.rs"]
mod server;

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use clips::Folder;
use server::{LONG, Server};

/// Waits until an expression is true in the page.
fn until(browser: &mut browser::Browser, expression: &str) {
    let start = Instant::now();
    while browser.eval(expression) != Value::Bool(true) {
        let words = browser.eval("document.getElementById('wrong')?.textContent");
        assert!(start.elapsed() < LONG, "{expression}: {words}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Drops a picture on the page as a desktop does.
const DROP: &str = "(async () => { \
    const blob = await (await fetch('sample.jpg')).blob(); \
    const data = new DataTransfer(); \
    data.items.add(new File([blob], 'cat.jpg', { type: 'image/jpeg' })); \
    document.getElementById('frame').dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer: data })); \
    return true; })()";

#[test]
fn in_a_browser_a_photo_is_dropped_and_painted_and_repainted_in_another_style() {
    let server = Server::new(&[]);
    let mut browser = browser::Browser::open(&server.address, 1280, 900);
    until(&mut browser, "document.querySelectorAll('#styles img.there').length > 3");
    assert_eq!(browser.eval(DROP), true);
    until(&mut browser, "document.getElementById('painting').naturalWidth === 400");
    let first = browser.eval("document.getElementById('painting').src");
    browser.click("#styles button:nth-child(2)");
    until(
        &mut browser,
        &format!(
            "!document.getElementById('painting').src.endsWith({first}) && document.getElementById('busy').hidden"
        ),
    );
    assert_eq!(browser.eval("document.getElementById('download').download"), "cat-painted.jpg");
    // The slider can be moved by keys.
    browser.eval("document.getElementById('divide').focus()");
    for kind in ["keyDown", "keyUp"] {
        browser.ask(
            "Input.dispatchKeyEvent",
            json!({ "type": kind, "key": "End", "code": "End", "windowsVirtualKeyCode": 35 }),
        );
    }
    until(&mut browser, "document.getElementById('compare').style.getPropertyValue('--at') === '100%'");
}

#[test]
fn in_a_browser_the_camera_is_painted_by_the_server() {
    let server = Server::new(&[]);
    let mut browser = browser::Browser::open(&server.address, 1280, 900);
    until(&mut browser, "document.querySelectorAll('#styles button').length > 3");
    browser.click("#open-camera");
    until(&mut browser, "/^[0-9.]+ fps . [1-9][0-9]* ms/.test(document.getElementById('latency').textContent)");
    // What is shown is painted: some of it is neither black nor clear.
    until(
        &mut browser,
        "document.getElementById('canvas').getContext('2d').getImageData(0, 0, 64, 64).data.some((value, place) => place % 4 < 3 && value > 30)",
    );
    browser.click("#record");
    // Several frames, on a busy machine too.
    thread::sleep(Duration::from_secs(5));
    browser.click("#record");
    until(&mut browser, "Number(document.getElementById('record').dataset.bytes) > 1000");
    let painted = String::from_utf8(server.curl("/metrics", &[]).body).unwrap();
    assert!(painted.contains("impasto_cameras 1"), "{painted}");
    browser.click("#close-camera");
    let start = Instant::now();
    while !String::from_utf8(server.curl("/metrics", &[]).body).unwrap().contains("impasto_cameras 0") {
        assert!(start.elapsed() < LONG, "the camera is still painted");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn in_a_browser_a_film_is_sent_followed_and_played() {
    let (server, folder) = (Server::new(&[]), Folder::new());
    folder.clip("film.mp4", 2.0, "");
    let mut browser = browser::Browser::open(&server.address, 390, 844);
    until(&mut browser, "document.querySelectorAll('#styles button').length > 3");
    let root = browser.ask("DOM.getDocument", json!({}))["root"]["nodeId"].clone();
    let input = browser.ask("DOM.querySelector", json!({ "nodeId": root, "selector": "#file" }))["nodeId"].clone();
    browser.ask("DOM.setFileInputFiles", json!({ "nodeId": input, "files": [folder.path("film.mp4")] }));
    until(
        &mut browser,
        "!document.getElementById('film').hidden && document.getElementById('film').videoWidth === 160",
    );
    assert_eq!(browser.eval("document.getElementById('download').download"), "film-painted.mp4");
    // No wider than a phone.
    assert_eq!(browser.eval("document.documentElement.scrollWidth <= innerWidth"), true);
    browser.click("#delete");
    until(&mut browser, "!document.getElementById('empty').hidden");
}

/// Whether some of the canvas is neither black nor clear.
const PAINTED: &str = "document.getElementById('canvas').getContext('2d').getImageData(0, 0, 64, 64).data.some((value, place) => place % 4 < 3 && value > 30)";

fn metrics(server: &Server) -> String {
    String::from_utf8(server.curl("/metrics", &[]).body).unwrap()
}

#[test]
fn in_a_browser_the_camera_is_painted_by_webassembly_and_no_frame_is_sent() {
    need::onnxruntime_web();
    let server = Server::new(&[]);
    let mut browser = browser::Browser::open(&server.address, 1280, 900);
    until(&mut browser, "document.querySelectorAll('#styles button').length > 3");
    browser.click("#open-camera");
    until(&mut browser, "/painted by the server/.test(document.getElementById('latency').textContent)");
    browser.click("#in-browser");
    let here = "/^[0-9.]+ fps . [1-9][0-9]* ms . painted in this browser .WebAssembly, [1-9]+ thread/";
    until(&mut browser, &format!("{here}.test(document.getElementById('latency').textContent)"));
    until(&mut browser, PAINTED);
    assert_eq!(browser.eval("document.getElementById('where').textContent"), "No picture leaves this computer.");
    assert_eq!(browser.eval("document.getElementById('canvas').width <= 320"), true);
    let frames = |text: &str| text.lines().find(|line| line.starts_with("impasto_live_frames")).map(str::to_owned);
    let before = metrics(&server);
    assert!(before.contains("impasto_cameras 0") && frames(&before).is_some(), "{before}");
    browser.click("#record");
    // Several frames, on a busy machine too.
    thread::sleep(Duration::from_secs(5));
    browser.click("#record");
    until(&mut browser, "Number(document.getElementById('record').dataset.bytes) > 1000");
    assert_eq!(frames(&metrics(&server)), frames(&before));
    // And back.
    browser.click("#by-server");
    until(&mut browser, "/painted by the server/.test(document.getElementById('latency').textContent)");
}

/// Paints a picture of 192x108 pixels in the page, and by the server; gives the largest and the mean difference of their numbers.
const COMPARE: &str = "(async () => { \
    const { InBrowser } = await import('/browser.js'); \
    const canvas = Object.assign(document.createElement('canvas'), { width: 192, height: 108 }); \
    const pixels = picture => { \
        const context = canvas.getContext('2d', { willReadFrequently: true }); \
        context.drawImage(picture, 0, 0, 192, 108); \
        return context.getImageData(0, 0, 192, 108).data; \
    }; \
    pixels(await createImageBitmap(await (await fetch('sample.jpg')).blob())); \
    const form = new FormData(); \
    const asked = SETTINGS; \
    for (const [name, value] of Object.entries(asked)) form.append(name, value); \
    form.append('format', 'png'); \
    form.append('image', await new Promise(resolve => canvas.toBlob(resolve)), 'cat.png'); \
    const painter = new InBrowser('DEVICE'); \
    const here = await new Promise(async (resolve, reject) => { \
        await painter.open(asked, (number, picture) => resolve(picture), words => reject(new Error(words))); \
        painter.send(1, canvas); \
    }); \
    painter.close(); \
    const there = await fetch('api/v1/pictures', { method: 'POST', body: form }); \
    const [a, b] = [pixels(here), pixels(await createImageBitmap(await there.blob()))]; \
    const differences = a.map((value, place) => Math.abs(value - b[place])); \
    return [differences.reduce((most, value) => Math.max(most, value), 0), differences.reduce((sum, value) => sum + value, 0) / (192 * 108 * 3)]; \
})().catch(error => error.stack)";

#[test]
fn a_picture_painted_in_the_browser_is_the_one_that_the_server_paints() {
    need::onnxruntime_web();
    let server = Server::new(&[]);
    let mut browser = browser::Browser::open(&server.address, 1280, 900);
    let mut differences = |settings: &str| {
        let found = browser.eval(&COMPARE.replace("SETTINGS", settings).replace("DEVICE", "wasm"));
        let number = |place: usize| found[place].as_f64().unwrap_or_else(|| panic!("{settings}: {found}"));
        [number(0), number(1)]
    };
    for settings in [
        "{ style: 'scream', strength: 1, scale: '1', keep_colors: false }",
        "{ style: 'scream:0.6,starry-night:0.4', strength: 0.7, scale: '1', keep_colors: true }",
        "{ style: 'udnie:0.5,identity:0.5', strength: 1, scale: '1', keep_colors: false }",
    ] {
        let [largest, mean] = differences(settings);
        assert!(largest <= 4.0 && mean < 0.2, "{settings}: {largest} at most, {mean} on average");
    }
}

#[test]
fn without_the_browsers_runtime_the_page_says_how_to_get_it() {
    let empty = tempfile::tempdir().unwrap();
    let server = Server::with_env(&[], &[("XDG_DATA_HOME", empty.path().to_str().unwrap())]);
    let mut browser = browser::Browser::open(&server.address, 1280, 900);
    until(&mut browser, "document.querySelectorAll('#styles button').length > 3");
    browser.click("#open-camera");
    until(&mut browser, "/painted by the server/.test(document.getElementById('latency').textContent)");
    assert_eq!(browser.eval("document.getElementById('in-browser').disabled"), true);
    let words = browser.eval("document.getElementById('where').textContent");
    assert!(words.as_str().unwrap().contains("run impasto setup --web"), "{words}");
    assert!(server.curl("/browser/recipe?style=scream", &[]).refused(404).contains("run impasto setup --web"));
}
