//! Quarter turns and mirror images, as cameras note them beside the pixels.

use crate::frame::Image;

/// How the pixels of a picture move so that it is seen upright. The default leaves them where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Rows become columns.
    pub transposed: bool,
    /// Afterwards, left and right change places.
    pub mirrored: bool,
    /// Afterwards, top and bottom change places.
    pub flipped: bool,
}

impl Turn {
    /// Whether no pixel moves.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Width and height after the turn.
    pub fn size(self, width: u32, height: u32) -> (u32, u32) {
        if self.transposed { (height, width) } else { (width, height) }
    }

    /// Writes `image` turned to `out`, which has the same number of bytes.
    pub fn apply(self, image: Image<'_>, out: &mut [u8]) {
        self.apply_to((image.width, image.height), image.pixels, out);
    }

    /// As [`Self::apply`], for channels of any type; `size` is the width and height of `from`.
    pub fn apply_to<T: Copy>(self, size: (u32, u32), from: &[T], out: &mut [T]) {
        /// Side of the squares that are turned one after the other, so that both pictures stay in the cache.
        const BLOCK: usize = 32;
        let (wide, high) = self.size(size.0, size.1);
        let (wide, high, stride) = (wide as usize, high as usize, size.0 as usize);
        let (from, _) = from.as_chunks::<3>();
        let (to, _) = out.as_chunks_mut::<3>();
        for top in (0..high).step_by(BLOCK) {
            for left in (0..wide).step_by(BLOCK) {
                for y in top..(top + BLOCK).min(high) {
                    let row = if self.flipped { high - 1 - y } else { y };
                    for x in left..(left + BLOCK).min(wide) {
                        let column = if self.mirrored { wide - 1 - x } else { x };
                        let place = if self.transposed { column * stride + row } else { row * stride + column };
                        to[y * wide + x] = from[place];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a picture of 3x2 pixels, numbered 1 to 6, after a turn.
    fn turned(turn: Turn) -> Vec<Vec<u8>> {
        let pixels: Vec<u8> = (1..=6).flat_map(|value| [value; 3]).collect();
        let mut out = vec![0; pixels.len()];
        turn.apply(Image { width: 3, height: 2, pixels: &pixels }, &mut out);
        let row = turn.size(3, 2).0 as usize * 3;
        out.chunks(row).map(|row| row.iter().step_by(3).copied().collect()).collect()
    }

    #[test]
    fn a_quarter_turn_clockwise_puts_the_left_column_on_top() {
        let clockwise = Turn { transposed: true, mirrored: true, flipped: false };
        assert_eq!(turned(clockwise), [[4, 1], [5, 2], [6, 3]]);
        let half = Turn { transposed: false, mirrored: true, flipped: true };
        assert_eq!(turned(half), [[6, 5, 4], [3, 2, 1]]);
        let anticlockwise = Turn { transposed: true, mirrored: false, flipped: true };
        assert_eq!(turned(anticlockwise), [[3, 6], [2, 5], [1, 4]]);
        assert_eq!(turned(Turn::default()), [[1, 2, 3], [4, 5, 6]]);
    }
}
