//! The contact sheet's layout: labelled pictures in rows that fit its width.

use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::label;

/// White between the pictures, in pixels.
const GAP: u32 = 6;
const WHITE: u8 = 255;
const INK: [u8; 3] = [30; 3];

/// One picture with the name above it.
struct Cell<'a> {
    name: &'a str,
    picture: &'a Frame,
}

/// The width of one picture: `wanted`, or less so that two fit beside each other on a sheet of `width`.
pub fn cell(wanted: u32, width: u32) -> u32 {
    wanted.min((width.saturating_sub(3 * GAP) / 2).max(1))
}

/// Lays out each photo (`rows[photo]`: the photo itself, then its painting in each of `styles`) on a sheet of at most
/// `width` columns. A single photo's paintings run on like words; several photos make a table, cut into blocks that fit.
///
/// # Errors
/// The sheet has a side longer than `max_side`, which the format cannot hold.
pub fn lay_out(rows: &[Vec<Frame>], styles: &[String], width: u32, max_side: u32) -> Result<Frame> {
    let picture = rows.iter().flatten().map(|picture| picture.width).max().unwrap_or(1);
    let fit = ((width.saturating_sub(GAP)) / (picture + GAP)).max(1) as usize;
    let lines = arrange(rows, styles, fit);
    let tops = lines.iter().map(|line| heading(line, picture) + pictures(line));
    let height = GAP + tops.sum::<u32>();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let width = columns * (picture + GAP) + GAP;
    if width.max(height) > max_side {
        return Err(Error::usage(format!(
            "the sheet would be {width}x{height}, and its format allows {max_side} pixels a side at most; give a smaller --cell, or fewer photos or styles"
        )));
    }
    let mut sheet = Frame::new(width, height);
    sheet.pixels.fill(WHITE);
    let mut top = GAP;
    for line in &lines {
        let below = top + heading(line, picture);
        for (column, cell) in (0..).zip(line) {
            let left = GAP + column * (picture + GAP);
            for (place, words) in (0..).zip(parted(cell.name, label::room(picture))) {
                label::draw(&mut sheet, (left, top + place * label::LINE_HEIGHT), picture, &words, INK);
            }
            paste(&mut sheet, (left, below), cell.picture);
        }
        top = below + pictures(line);
    }
    Ok(sheet)
}

/// The sheet's lines: `fit` pictures or fewer in each, shared out evenly.
fn arrange<'a>(rows: &'a [Vec<Frame>], styles: &'a [String], fit: usize) -> Vec<Vec<Cell<'a>>> {
    let names: Vec<&str> = std::iter::once("photo").chain(styles.iter().map(String::as_str)).collect();
    let even = |count: usize, fit: usize| count.div_ceil(count.div_ceil(fit.max(1)).max(1)).max(1);
    if let [row] = rows {
        let cells = names.iter().zip(row).map(|(name, picture)| Cell { name, picture });
        let per_line = even(names.len(), fit);
        let mut lines: Vec<Vec<Cell>> = Vec::new();
        for (place, cell) in cells.enumerate() {
            match lines.last_mut() {
                Some(line) if !place.is_multiple_of(per_line) => line.push(cell),
                _ => lines.push(vec![cell]),
            }
        }
        return lines;
    }
    let per_block = even(styles.len(), fit.saturating_sub(1));
    let mut lines = Vec::new();
    for first in (0..styles.len()).step_by(per_block) {
        let block = first + 1..(first + 1 + per_block).min(names.len());
        for (number, row) in rows.iter().enumerate() {
            // The names stand above the first photo of a block.
            let named = |place: usize| if number == 0 { names[place] } else { "" };
            let places = std::iter::once(0).chain(block.clone());
            lines.push(places.map(|place| Cell { name: named(place), picture: &row[place] }).collect());
        }
    }
    lines
}

/// Rows of the names above a line, with the space below them.
fn heading(line: &[Cell<'_>], width: u32) -> u32 {
    let rows = line.iter().map(|cell| parted(cell.name, label::room(width)).len()).max().unwrap_or(0) as u32;
    if rows == 0 { 0 } else { rows * label::LINE_HEIGHT + GAP }
}

/// Rows of a line's pictures, with the space below them.
fn pictures(line: &[Cell<'_>]) -> u32 {
    line.iter().map(|cell| cell.picture.height).max().unwrap_or(0) + GAP
}

/// `name` in pieces of up to `room` characters, parted after `-`, `_` or a space where there is one; nothing is left out.
fn parted(name: &str, room: usize) -> Vec<String> {
    let room = room.max(1);
    let mut rest: Vec<char> = name.chars().collect();
    let mut pieces = Vec::new();
    while rest.len() > room {
        let end = rest[..room].iter().rposition(|c| matches!(c, '-' | '_' | ' ')).map_or(room, |place| place + 1);
        let tail = rest.split_off(end);
        pieces.push(rest.into_iter().collect());
        rest = tail;
    }
    if !rest.is_empty() {
        pieces.push(rest.into_iter().collect());
    }
    pieces
}

fn paste(sheet: &mut Frame, (left, top): (u32, u32), picture: &Frame) {
    let stride = picture.width as usize * 3;
    for (y, row) in (top as usize..).zip(picture.pixels.chunks_exact(stride)) {
        let start = (y * sheet.width as usize + left as usize) * 3;
        sheet.pixels[start..start + stride].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn styles(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("style-{number}")).collect()
    }

    /// Photos with `styles` paintings each.
    fn rows(photos: usize, styles: usize) -> Vec<Vec<Frame>> {
        vec![vec![Frame::new(100, 50); styles + 1]; photos]
    }

    fn names<'a>(lines: &[Vec<Cell<'a>>]) -> Vec<Vec<&'a str>> {
        lines.iter().map(|line| line.iter().map(|cell| cell.name).collect()).collect()
    }

    #[test]
    fn the_styles_of_one_photo_wrap_into_even_lines() {
        let (rows, styles) = (rows(1, 6), styles(6));
        let lines = arrange(&rows, &styles, 5);
        let expected = [&["photo", "style-0", "style-1", "style-2"][..], &["style-3", "style-4", "style-5"]];
        assert_eq!(names(&lines), expected);
    }

    #[test]
    fn several_photos_make_a_table_in_blocks_that_each_begin_with_the_photo() {
        let (rows, styles) = (rows(2, 4), styles(4));
        let lines = arrange(&rows, &styles, 4);
        let expected =
            [&["photo", "style-0", "style-1"][..], &["", "", ""], &["photo", "style-2", "style-3"], &["", "", ""]];
        assert_eq!(names(&lines), expected);
    }

    #[test]
    fn a_sheet_is_never_wider_than_asked_and_all_of_it_is_there() {
        for (photos, count, width) in [(1, 27, 1600), (3, 27, 1600), (1, 1, 1600), (2, 5, 250), (1, 9, 220)] {
            let sheet = lay_out(&rows(photos, count), &styles(count), width, 65_500).unwrap();
            assert!(sheet.width <= width, "{} for {width}", sheet.width);
            let black = sheet.pixels.chunks_exact(3).filter(|pixel| pixel == &[0; 3]).count();
            assert!(black >= photos * (count + 1) * 100 * 50, "{photos} photos in {count} styles at {width}");
        }
        assert!(lay_out(&rows(9, 9), &styles(9), 300, 1000).is_err(), "a format that cannot hold it");
    }

    #[test]
    fn pictures_shrink_so_that_two_fit_beside_each_other() {
        assert_eq!((cell(256, 1600), cell(256, 300), cell(4096, 64)), (256, 141, 23));
    }

    #[test]
    fn long_names_are_parted_and_never_cut() {
        assert_eq!(parted("fine-woman-with-hat", 12), ["fine-woman-", "with-hat"]);
        assert_eq!(parted("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(parted("udnie", 12), ["udnie"]);
        assert!(parted("", 12).is_empty());
    }
}
