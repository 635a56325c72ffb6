//! Paints a photo: `cargo run --release --example paint_a_photo -- photo.jpg painting.png [STYLE]`.
//!
//! Without a style it takes the first one. It needs ONNX Runtime, which `scripts/setup` installs.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

use std::env;
use std::path::Path;

use impasto::{Error, Machine, PaintSettings, Picture, Result, Studio, Style};

fn main() -> Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let (input, output, style) = match words.as_slice() {
        [input, output] => (input, output, Style::First),
        [input, output, style] => (input, output, style.parse()?),
        _ => return Err(Error::Usage("write paint_a_photo INPUT OUTPUT [STYLE]".into())),
    };

    // Open the studio once: it knows the styles, and loads ONNX Runtime when a style needs it.
    let studio = Studio::open(Machine::default())?;
    let mut painter = studio.painter(&PaintSettings { style, ..PaintSettings::default() })?;

    // A picture keeps its transparency and its EXIF data beside the pixels.
    let photo = Picture::open(Path::new(input))?;
    let painting = painter.paint_picture(photo)?;
    painting.save(Path::new(output))?;

    println!("{output}: {} on {}", painter.style(), painter.device());
    Ok(())
}
