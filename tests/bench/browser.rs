//! Painting in a browser: frames per second of a real Chromium, by WebAssembly and by the server, from the same page.
//!
//! Each way paints still frames one after another, so that nothing but the painting is in its way: the least of several times
//! counts. The page itself shows what a camera gets.

#[path = "../common/browser.rs"]
mod browser;
#[path = "../common/need.rs"]
mod need;
#[path = "../common/server.rs"]
mod server;

use serde_json::Value;

use browser::Browser;
use server::Server;

const SIZES: [(u32, u32); 2] = [(320, 180), (640, 360)];
/// Frames of each way and size; the first ones allocate and plan.
const FRAMES: usize = 40;

/// Milliseconds of each frame.
const PAINT: &str = "(async () => { \
    const { ByServer } = await import('/server.js'); \
    const { InBrowser } = await import('/browser.js'); \
    const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT }); \
    const cat = await createImageBitmap(await (await fetch('sample.jpg')).blob()); \
    canvas.getContext('2d').drawImage(cat, 0, 0, WIDTH, HEIGHT); \
    const painter = PAINTER; \
    let next; \
    const painted = (number, picture) => { picture.close(); next(); }; \
    await painter.open({ style: 'scream', strength: 1, scale: '1', keep_colors: false }, painted, words => console.error(words)); \
    const times = []; \
    for (let number = 0; number < FRAMES; number++) { \
        const begun = performance.now(); \
        await new Promise(resolve => { next = resolve; painter.send(number, canvas); }); \
        times.push(performance.now() - begun); \
    } \
    painter.close(); \
    return { times, words: painter.words }; \
})()";

#[expect(clippy::print_stdout, reason = "the table is the result")]
fn main() {
    // `cargo test --benches` only wants to know that it works.
    let frames = if std::env::args().any(|argument| argument == "--test") { 1 } else { FRAMES };
    need::onnxruntime_web();
    let server = Server::new(&[]);
    let mut browser = Browser::open(&server.address, 1280, 900);
    println!("{:<12}{:<60}{:>10}{:>10}", "frame", "way", "best fps", "median");
    for (width, height) in SIZES {
        for painter in ["new InBrowser('wasm')", "new ByServer()"] {
            let script = PAINT.replace("WIDTH", &width.to_string()).replace("HEIGHT", &height.to_string());
            let script = script.replace("PAINTER", painter).replace("FRAMES", &frames.to_string());
            let found = browser.eval(&script);
            let times = found["times"].as_array().expect("the page paints");
            let mut times: Vec<f64> = times.iter().filter_map(Value::as_f64).collect();
            times.sort_by(f64::total_cmp);
            let (best, median) = (1000.0 / times[0], 1000.0 / times[times.len() / 2]);
            let (frame, words) = (format!("{width}x{height}"), found["words"].as_str().unwrap_or_default());
            println!("{frame:<12}{words:<60}{best:>10.1}{median:>10.1}");
        }
    }
}
