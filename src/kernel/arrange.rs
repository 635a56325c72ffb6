//! Mirrors a picture, and puts two side by side.

use crate::frame::Frame;

/// Mirrors `frame` left to right, in place.
pub fn mirror(frame: &mut Frame) {
    for row in frame.pixels.chunks_exact_mut((frame.width as usize * 3).max(1)) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

/// Copies `picture` to `(left, top)` of `out`, which has room for it there.
pub fn place(picture: &Frame, out: &mut Frame, (left, top): (u32, u32)) {
    debug_assert!(left + picture.width <= out.width && top + picture.height <= out.height);
    let (from, to) = ((picture.width as usize * 3).max(1), (out.width as usize * 3).max(1));
    let start = left as usize * 3;
    let rows = out.pixels.chunks_exact_mut(to).skip(top as usize);
    for (out, row) in rows.zip(picture.pixels.chunks_exact(from)) {
        out[start..start + from].copy_from_slice(row);
    }
}

/// Writes `left` and `right` side by side into `out`. Both must have the same size. `out` gets the index and the
/// timestamp of `right`.
pub fn beside(left: &Frame, right: &Frame, out: &mut Frame) {
    debug_assert_eq!((left.width, left.height), (right.width, right.height));
    out.resize(left.width + right.width, left.height);
    out.stamp_from(right);
    let row = (left.width as usize * 3).max(1);
    let rows = left.pixels.chunks_exact(row).zip(right.pixels.chunks_exact(row));
    for (out, (left, right)) in out.pixels.chunks_exact_mut(2 * row).zip(rows) {
        out[..row].copy_from_slice(left);
        out[row..].copy_from_slice(right);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(pixels: &[u8]) -> Frame {
        Frame {
            width: 2,
            height: 2,
            pixels: pixels.iter().flat_map(|&value| [value, 0, 9]).collect(),
            ..Frame::default()
        }
    }

    fn reds(frame: &Frame) -> Vec<u8> {
        frame.pixels.chunks_exact(3).map(|pixel| pixel[0]).collect()
    }

    #[test]
    fn mirroring_swaps_columns_and_keeps_colours() {
        let mut mirrored = frame(&[1, 2, 3, 4]);
        mirror(&mut mirrored);
        assert_eq!(mirrored, frame(&[2, 1, 4, 3]));
    }

    #[test]
    fn a_picture_is_placed_where_it_belongs_and_nowhere_else() {
        let mut out = Frame::new(3, 3);
        place(&frame(&[1, 2, 3, 4]), &mut out, (1, 1));
        assert_eq!(reds(&out), [0, 0, 0, 0, 1, 2, 0, 3, 4]);
    }

    #[test]
    fn each_row_holds_the_left_picture_and_then_the_right() {
        let mut out = Frame::default();
        beside(&frame(&[1, 2, 3, 4]), &frame(&[5, 6, 7, 8]), &mut out);
        assert_eq!((out.width, out.height, reds(&out)), (4, 2, vec![1, 2, 5, 6, 3, 4, 7, 8]));
    }
}
