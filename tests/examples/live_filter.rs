//! Shows a painted camera in a window: `cargo run --release --example live_filter -- [CAMERA [STYLE]]`.
//!
//! CAMERA is what `impasto live --camera` takes; without one, a moving test scene is painted. It needs ONNX Runtime, which
//! `scripts/setup` installs. `impasto live` does the same with a thread for each step, so that no frame waits for another.

use std::env;

use impasto::live::{SourceSettings, Window, open_source};
use impasto::{Frame, Machine, PaintSettings, Result, Stop, Studio, Style};

fn main() -> Result<()> {
    let mut words = env::args().skip(1);
    let camera = words.next().unwrap_or_else(|| "synthetic".into());
    let style = words.next().map_or(Ok(Style::First), |style| style.parse())?;

    let studio = Studio::open(Machine::default())?;
    let mut painter = studio.painter(&PaintSettings { style, ..PaintSettings::default() })?;

    // Ctrl-C ends the loop; it also ends waiting for a camera.
    let stop = Stop::at_ctrl_c()?;
    let mut source = open_source(&SourceSettings { name: camera, ..SourceSettings::default() }, &stop)?;
    let format = source.format();
    let mut window = Window::open("live_filter", format.width, format.height, "a desktop is needed")?;

    let mut frame = Frame::default();
    while window.is_open() && !stop.requested() && source.next(&mut frame)? {
        window.show(painter.paint_next(&frame)?.image())?;
    }
    Ok(())
}
