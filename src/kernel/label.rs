//! Draws text on pictures, in Noto Sans Mono.

use noto_sans_mono_bitmap::{FontWeight, RasterHeight, get_raster, get_raster_width};

use crate::frame::Frame;

/// Height of a line of text, in pixels.
pub const LINE_HEIGHT: u32 = 20;

const HEIGHT: RasterHeight = RasterHeight::Size20;
const WEIGHT: FontWeight = FontWeight::Regular;

/// The number of characters that fit into `width` pixels.
pub fn room(width: u32) -> usize {
    width as usize / get_raster_width(WEIGHT, HEIGHT)
}

/// Draws one line of `text` in `color` over the picture, with its top left corner at `(left, top)`. Text wider than
/// `width` pixels is cut and ends in `~`. Characters that the font lacks become `?`.
pub fn draw(frame: &mut Frame, (left, top): (u32, u32), width: u32, text: &str, color: [u8; 3]) {
    let advance = get_raster_width(WEIGHT, HEIGHT) as u32;
    let room = room(width);
    let count = text.chars().count();
    let shown: String = if count > room {
        text.chars().take(room.saturating_sub(1)).chain((room > 0).then_some('~')).collect()
    } else {
        text.to_owned()
    };
    for (place, character) in (0u32..).zip(shown.chars()) {
        let glyph = get_raster(character, WEIGHT, HEIGHT).or_else(|| get_raster('?', WEIGHT, HEIGHT));
        let Some(glyph) = glyph else { continue };
        for (y, row) in (top..frame.height).zip(glyph.rows()) {
            for (x, &coverage) in (left + place * advance..frame.width).zip(row.iter()) {
                let start = (y as usize * frame.width as usize + x as usize) * 3;
                for (byte, ink) in frame.pixels[start..start + 3].iter_mut().zip(color) {
                    let (under, ink, coverage) = (u32::from(*byte), u32::from(ink), u32::from(coverage));
                    *byte = ((under * (255 - coverage) + ink * coverage + 127) / 255) as u8;
                }
            }
        }
    }
}

/// Space around the text of a panel, in pixels.
const MARGIN: u32 = 8;

/// Darkens the top left of `frame` and writes `lines` there. Long lines wrap; lines that do not fit are not drawn.
pub fn panel(frame: &mut Frame, lines: &[String]) {
    let advance = get_raster_width(WEIGHT, HEIGHT) as u32;
    let across = (frame.width.saturating_sub(2 * MARGIN) / advance) as usize;
    let lines: Vec<String> = lines.iter().flat_map(|line| wrap(line, across)).collect();
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) as u32;
    let room = frame.height.saturating_sub(2 * MARGIN) / LINE_HEIGHT;
    let lines = &lines[..lines.len().min(room as usize)];
    let width = (longest * advance + 2 * MARGIN).min(frame.width);
    let height = lines.len() as u32 * LINE_HEIGHT + 2 * MARGIN;
    if lines.is_empty() || width <= 2 * MARGIN {
        return;
    }
    for row in frame.pixels.chunks_exact_mut(frame.width as usize * 3).take(height as usize) {
        row[..width as usize * 3].iter_mut().for_each(|value| *value /= 4);
    }
    for (place, line) in (0..).zip(lines) {
        draw(frame, (MARGIN, MARGIN + place * LINE_HEIGHT), width - 2 * MARGIN, line, [255; 3]);
    }
}

/// Wraps `line` between words into pieces of up to `room` characters. A longer word is not broken.
fn wrap(line: &str, room: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    // Runs of spaces align columns, so they stay with the word before them.
    for word in line.split_inclusive(' ') {
        let piece = pieces.last().map_or(0, |piece| piece.chars().count());
        match pieces.last_mut() {
            Some(last) if piece == 0 || piece + word.trim_end().chars().count() <= room => last.push_str(word),
            _ => pieces.push(format!("  {word}")),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_wrap_between_words_and_short_ones_are_unchanged() {
        assert_eq!(wrap("left right  style before", 40), ["left right  style before"]);
        assert_eq!(wrap("it was unplugged; plug it in again", 20), ["it was unplugged; ", "  plug it in again"]);
        assert_eq!(wrap("a/very/long/path is cut", 6), ["a/very/long/path ", "  is ", "  cut"]);
        assert_eq!(wrap("", 6), [""]);
    }

    fn inked(text: &str, width: u32) -> Vec<(u32, u32)> {
        let mut frame = Frame::new(200, 30);
        draw(&mut frame, (10, 4), width, text, [255; 3]);
        let pixels = frame.pixels.chunks_exact(3).zip(0u32..);
        pixels.filter(|(pixel, _)| pixel[0] > 128).map(|(_, place)| (place % 200, place / 200)).collect()
    }

    #[test]
    fn text_stays_in_its_box() {
        let ink = inked("starry-night", 180);
        assert!(ink.len() > 100);
        assert!(ink.iter().all(|&(x, y)| (10..190).contains(&x) && (4..24).contains(&y)));
    }

    #[test]
    fn text_that_is_too_long_is_cut_and_never_leaves_the_picture() {
        assert!(inked("a very long name of a style", 60).iter().all(|&(x, _)| x < 70));
        assert!(inked("x", 0).is_empty());
        inked(&"x".repeat(99), 9999);
    }

    #[test]
    fn a_panel_darkens_only_what_its_text_needs_and_fits_any_picture() {
        let lines = ["one".to_owned(), "three".to_owned()];
        let mut frame = Frame::new(100, 100);
        frame.pixels.fill(200);
        panel(&mut frame, &lines);
        let at = |x: usize, y: usize| frame.pixels[(y * 100 + x) * 3];
        assert_eq!((at(1, 1), at(99, 1), at(1, 57)), (50, 200, 200));
        for (width, height) in [(1, 1), (17, 400), (400, 17), (30, 40)] {
            panel(&mut Frame::new(width, height), &lines);
        }
    }
}
