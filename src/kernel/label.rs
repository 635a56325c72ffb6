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
    let longest = longest(&lines) as u32;
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

/// Space between columns, in characters.
const GAP: usize = 3;

/// How many pages `lines` take on a picture of this size; see [`page`].
pub fn pages(width: u32, height: u32, lines: &[String]) -> usize {
    layout(width, height, lines).len()
}

/// Darkens `frame` and writes page `number`, from 0, of `lines`: in as many columns as fit, and on as many pages as that takes. An
/// empty line starts a new column. If there are fewer pages (the window has grown), writes the last one.
pub fn page(frame: &mut Frame, lines: &[String], number: usize) {
    let advance = get_raster_width(WEIGHT, HEIGHT) as u32;
    let pages = layout(frame.width, frame.height, lines);
    let number = number.min(pages.len().saturating_sub(1));
    frame.pixels.iter_mut().for_each(|value| *value /= 4);
    let mut left = MARGIN;
    for column in pages.get(number).into_iter().flatten() {
        let room = frame.width.saturating_sub(left + MARGIN);
        for (place, line) in (0..).zip(column) {
            draw(frame, (left, MARGIN + place * LINE_HEIGHT), room, line, [255; 3]);
        }
        left += (longest(column) + GAP) as u32 * advance;
    }
    if pages.len() > 1 {
        let top = frame.height.saturating_sub(MARGIN + LINE_HEIGHT);
        let words = format!("page {} of {}, ? for more", number + 1, pages.len());
        draw(frame, (MARGIN, top), frame.width.saturating_sub(2 * MARGIN), &words, [255, 210, 120]);
    }
}

/// The columns of each page.
fn layout(width: u32, height: u32, lines: &[String]) -> Vec<Vec<Vec<String>>> {
    let advance = get_raster_width(WEIGHT, HEIGHT) as u32;
    let across = (width.saturating_sub(2 * MARGIN) / advance) as usize;
    let lines: Vec<String> = lines.iter().flat_map(|line| wrap(line, across)).collect();
    let rows = (height.saturating_sub(2 * MARGIN) / LINE_HEIGHT) as usize;
    let pages = fill(&lines, across, rows.max(1));
    // Several pages are numbered, which takes a line.
    if pages.len() > 1 { fill(&lines, across, rows.saturating_sub(1).max(1)) } else { pages }
}

fn fill(lines: &[String], across: usize, rows: usize) -> Vec<Vec<Vec<String>>> {
    let mut pages: Vec<Vec<Vec<String>>> = Vec::new();
    let mut used = 0;
    for column in lines.split(String::is_empty).flat_map(|part| part.chunks(rows)) {
        let width = longest(column);
        match pages.last_mut() {
            Some(page) if used + GAP + width <= across => {
                used += GAP + width;
                page.push(column.to_vec());
            }
            _ => {
                used = width;
                pages.push(vec![column.to_vec()]);
            }
        }
    }
    pages
}

fn longest(lines: &[String]) -> usize {
    lines.iter().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// Writes `text` on a dark strip at the bottom left of the part of `frame` that begins at `(left, top)` and is `width` x `height`.
pub fn caption(frame: &mut Frame, (left, top): (u32, u32), (width, height): (u32, u32), text: &str) {
    let advance = get_raster_width(WEIGHT, HEIGHT) as u32;
    let wide = (text.chars().count() as u32 * advance + 2 * MARGIN).min(width);
    if height < LINE_HEIGHT || wide <= 2 * MARGIN {
        return;
    }
    let strip = top + height - LINE_HEIGHT;
    let row = frame.width as usize * 3;
    for row in frame.pixels.chunks_exact_mut(row).skip(strip as usize).take(LINE_HEIGHT as usize) {
        row[left as usize * 3..(left + wide) as usize * 3].iter_mut().for_each(|value| *value /= 4);
    }
    draw(frame, (left + MARGIN, strip), wide - 2 * MARGIN, text, [255; 3]);
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

    #[test]
    fn a_page_takes_columns_before_it_takes_pages_and_loses_no_line() {
        let lines: Vec<String> = (0..25).map(|number| format!("{number:>2} words")).collect();
        let shown = |width, height| -> Vec<Vec<usize>> {
            let pages = layout(width, height, &lines);
            let all: Vec<String> = pages.iter().flatten().flatten().cloned().collect();
            assert_eq!(all, lines, "{width}x{height}");
            assert_eq!(super::pages(width, height, &lines), pages.len());
            pages.iter().map(|page| page.iter().map(Vec::len).collect()).collect()
        };
        assert_eq!(shown(640, 640), [[25]]);
        assert_eq!(shown(640, 360), [[17, 8]]);
        assert_eq!(shown(640, 200), [[9, 9, 7]]);
        let parts: Vec<String> = ["a", "b", "", "c"].map(String::from).to_vec();
        assert_eq!(layout(640, 360, &parts), [[vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]]]);
        // Only one column fits, and the page's number takes a line.
        assert_eq!(shown(150, 200), [[8], [8], [8], [1]]);
        assert_eq!(shown(640, 1).len(), 5);
        for (width, height) in [(1, 1), (17, 400), (400, 17), (640, 360)] {
            (0..4).for_each(|number| page(&mut Frame::new(width, height), &lines, number));
        }
    }

    #[test]
    fn a_page_that_a_larger_picture_no_longer_has_shows_the_last_one() {
        let lines: Vec<String> = (0..25).map(|number| format!("{number:>2} words")).collect();
        let written = |number| {
            let mut frame = Frame::new(640, 640);
            page(&mut frame, &lines, number);
            frame
        };
        assert_eq!(written(1), written(0));
        assert!(written(1).pixels.contains(&255));
    }

    #[test]
    fn a_caption_stays_inside_its_own_part_of_the_picture() {
        let mut frame = Frame::new(200, 80);
        frame.pixels.fill(200);
        caption(&mut frame, (100, 0), (100, 40), "painted");
        let changed = |x: u32, y: u32| frame.pixels[((y * 200 + x) * 3) as usize] != 200;
        assert!(changed(101, 39) && changed(101, 20));
        assert!(!changed(99, 39) && !changed(101, 19) && !changed(101, 40));
        caption(&mut Frame::new(3, 3), (0, 0), (3, 3), "painted");
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
