//! Brings a painting that was made at a small size back to the size of its original, with the original's edges.
//!
//! Each pixel lies between four pixels of the small painting. Plain enlarging mixes them by distance, which blurs every
//! edge. Here the original says which of the four the pixel belongs to: the place between them moves towards those whose
//! brightness in the small original is nearest to the pixel's own (joint bilateral upsampling: Kopf et al. 2007, taken
//! down and across one after the other). Where the original is flat, nothing moves, and the strokes come out smooth, by a
//! Catmull-Rom filter. The result never leaves the range of the four pixels, so it has no halos and no new colours.
//!
//! Per row of the small painting, everything that depends on columns is spread to the full width once; each row of the
//! full picture then takes few operations a byte, which the compiler vectorises.

use super::color::luma;
use crate::frame::Image;

/// Variance of the original's brightness (0 to 255) that counts as flat: a deviation of 7 levels.
const FLAT: f32 = 49.0;

/// Fractional bits of places and filter weights. With six, a product with a difference of bytes fits in 16 bits.
const BITS: u32 = 6;
const ONE: i16 = 1 << BITS;

/// Enlarges paintings. Keeps its tables and buffers between pictures.
#[derive(Clone, Debug, Default)]
pub struct Enlarger {
    /// The sizes that the tables are for: of the small painting and of the full picture, (width, height).
    sizes: [(usize, usize); 2],
    across: Axis,
    down: Axis,
    /// The across filter's weights, once for each byte of a row.
    taps: [Vec<i16>; 4],
    /// Fraction of the way across from the left to the right pixel, for each pixel of a row.
    place: Vec<f32>,
    /// Brightness of the small original.
    guide: Vec<u8>,
    /// Four rows of the small painting, and for a share of the original four rows of that.
    painted: Ring,
    seen: Ring,
    row: Row,
}

/// Where the pixels of one axis lie between those of the small picture.
#[derive(Clone, Debug, Default)]
struct Axis {
    /// The last small pixel before each full pixel; -1 before the first.
    before: Vec<isize>,
    /// The fraction of the way to the next.
    fraction: Vec<f32>,
}

impl Axis {
    fn new(small: usize, full: usize) -> Self {
        let place = |pixel: usize| (pixel as f32 + 0.5) * small as f32 / full as f32 - 0.5;
        let before = (0..full).map(|pixel| place(pixel).floor() as isize).collect();
        let fraction = (0..full).map(|pixel| place(pixel) - place(pixel).floor()).collect();
        Self { before, fraction }
    }
}

/// Catmull-Rom weights of the four pixels around a place, in units of [`ONE`]; they sum to it.
fn catmull_rom(t: f32) -> [i16; 4] {
    let cubic = [
        ((2.0 - t) * t - 1.0) * t * 0.5,
        ((3.0 * t - 5.0) * t * t + 2.0) * 0.5,
        ((4.0 - 3.0 * t) * t + 1.0) * t * 0.5,
        (t - 1.0) * t * t * 0.5,
    ];
    let mut weights = cubic.map(|weight| (weight * f32::from(ONE)).round() as i16);
    let rest = ONE - weights.iter().sum::<i16>();
    weights[if t < 0.5 { 1 } else { 2 }] += rest;
    weights
}

/// One row of the small picture, spread to the full width.
#[derive(Clone, Debug, Default)]
struct Wide {
    /// The row that it holds.
    index: Option<usize>,
    /// Filtered across: one value a byte.
    smooth: Vec<i16>,
    /// The pixels to the left and to the right: RGB8.
    left: Vec<u8>,
    right: Vec<u8>,
    /// Their brightness in the small original.
    guide_left: Vec<f32>,
    guide_right: Vec<f32>,
}

/// The last four rows, each at its index modulo 4.
type Ring = [Wide; 4];

/// What one row of the full picture needs.
#[derive(Clone, Debug, Default)]
struct Row {
    /// How far the place between the four pixels moves down and across, for each pixel, in units of [`ONE`].
    moves: Vec<[i16; 2]>,
    /// The same for each byte.
    down: Vec<i16>,
    across: Vec<i16>,
    /// The original enlarged without its detail.
    plain: Vec<u8>,
}

impl Enlarger {
    /// Enlarges `painted`, the painting of `seen`, to the size of `original` into `out`. `seen` is the original scaled down;
    /// the result is packed RGB8 like the others. `detail` is the share, 0 to 1, of the original's own detail that is added:
    /// of what scaling down took from it.
    pub fn enlarge(&mut self, original: Image<'_>, seen: Image<'_>, painted: &[u8], detail: f32, out: &mut [u8]) {
        let small = (seen.width as usize, seen.height as usize);
        let full = (original.width as usize, original.height as usize);
        debug_assert_eq!((painted.len(), out.len()), (seen.pixels.len(), original.pixels.len()));
        if small.0 == 0 || small.1 == 0 || full.0 == 0 || full.1 == 0 {
            return;
        }
        self.fit(small, full);
        self.guide.clear();
        self.guide.extend(seen.pixels.as_chunks::<3>().0.iter().map(|pixel| luma(*pixel)));
        let stride = full.0 * 3;
        let rows = original.pixels.chunks_exact(stride).zip(out.chunks_exact_mut(stride));
        for (y, (original, out)) in rows.enumerate() {
            let (before, fraction) = (self.down.before[y], self.down.fraction[y]);
            let near = [-1, 0, 1, 2].map(|step| (before + step).clamp(0, small.1 as isize - 1) as usize);
            self.spread(painted, &near, false);
            let [a, b, c, d] = near.map(|row| &self.painted[row % 4]);
            let [upper, lower] = [b, c];
            moves(original, upper, lower, &self.place, fraction, &mut self.row);
            let weights = catmull_rom(fraction);
            compose([a, b, c, d], weights, fraction, &self.row.down, &self.row.across, out);
            if detail > 0.0 {
                self.spread(seen.pixels, &near, true);
                let rows = near.map(|row| &self.seen[row % 4]);
                let Row { down, across, plain, .. } = &mut self.row;
                plain.resize(stride, 0);
                compose(rows, weights, fraction, down, across, plain);
                add_detail(original, plain, detail, out);
            }
        }
    }

    /// Makes the tables for these sizes, and forgets the rows of the last picture.
    fn fit(&mut self, small: (usize, usize), full: (usize, usize)) {
        self.painted.iter_mut().chain(&mut self.seen).for_each(|row| row.index = None);
        if self.sizes == [small, full] {
            return;
        }
        self.sizes = [small, full];
        (self.across, self.down) = (Axis::new(small.0, full.0), Axis::new(small.1, full.1));
        self.place.clone_from(&self.across.fraction);
        self.taps.iter_mut().for_each(Vec::clear);
        for weights in self.across.fraction.iter().map(|&fraction| catmull_rom(fraction)) {
            self.taps.iter_mut().zip(weights).for_each(|(taps, weight)| taps.extend([weight; 3]));
        }
        for list in [&mut self.row.down, &mut self.row.across] {
            list.resize(full.0 * 3, 0);
        }
        self.row.moves.resize(full.0, [0; 2]);
    }

    /// Spreads the rows `near` of `picture` that the ring does not hold yet.
    fn spread(&mut self, picture: &[u8], near: &[usize; 4], is_seen: bool) {
        let ring = if is_seen { &mut self.seen } else { &mut self.painted };
        let width = self.sizes[0].0;
        for &index in near {
            let wide = &mut ring[index % 4];
            if wide.index == Some(index) {
                continue;
            }
            wide.index = Some(index);
            let pixels = picture[index * width * 3..][..width * 3].as_chunks::<3>().0;
            let guide = &self.guide[index * width..][..width];
            wide.fill(pixels, guide, &self.across.before, &self.taps);
        }
    }
}

impl Wide {
    fn fill(&mut self, pixels: &[[u8; 3]], guide: &[u8], before: &[isize], taps: &[Vec<i16>; 4]) {
        let last = pixels.len() as isize - 1;
        let bytes = before.len() * 3;
        self.smooth.resize(bytes, 0);
        self.left.resize(bytes, 0);
        self.right.resize(bytes, 0);
        let at = |place: isize| place.clamp(0, last) as usize;
        let sides = self.left.as_chunks_mut::<3>().0.iter_mut().zip(self.right.as_chunks_mut::<3>().0);
        for (&before, (left, right)) in before.iter().zip(sides) {
            (*left, *right) = (pixels[at(before)], pixels[at(before + 1)]);
        }
        self.guide_left.clear();
        self.guide_left.extend(before.iter().map(|&before| f32::from(guide[at(before)])));
        self.guide_right.clear();
        self.guide_right.extend(before.iter().map(|&before| f32::from(guide[at(before + 1)])));
        // The outer two of the four pixels.
        let mut outer = [vec![0u8; bytes], vec![0u8; bytes]];
        for (step, outer) in [-1, 2].into_iter().zip(&mut outer) {
            for (&before, outer) in before.iter().zip(outer.as_chunks_mut::<3>().0) {
                *outer = pixels[at(before + step)];
            }
        }
        filter([&outer[0], &self.left, &self.right, &outer[1]], taps, &mut self.smooth);
    }
}

/// The sum of four rows of bytes by their weights, rounded.
fn filter(rows: [&[u8]; 4], taps: &[Vec<i16>; 4], out: &mut [i16]) {
    let near = rows[1].iter().zip(rows[2]).zip(taps[1].iter().zip(&taps[2]));
    let far = rows[0].iter().zip(rows[3]).zip(taps[0].iter().zip(&taps[3]));
    for ((out, ((b, c), (wb, wc))), ((a, d), (wa, wd))) in out.iter_mut().zip(near).zip(far) {
        let [a, b, c, d] = [*a, *b, *c, *d].map(i16::from);
        *out = (a * wa + b * wb + c * wc + d * wd + ONE / 2) >> BITS;
    }
}

/// How far the place between the four pixels moves for each pixel of the row `original`, `fraction` of the way from
/// `upper` to `lower`.
fn moves(original: &[u8], upper: &Wide, lower: &Wide, place: &[f32], fraction: f32, row: &mut Row) {
    let pixels = original.as_chunks::<3>().0;
    let guides = upper.guide_left.iter().zip(&upper.guide_right).zip(lower.guide_left.iter().zip(&lower.guide_right));
    for (((pixel, ((&ul, &ur), (&ll, &lr))), &x), moved) in pixels.iter().zip(guides).zip(place).zip(&mut row.moves) {
        let own = f32::from(luma(*pixel));
        let down = toward(own, ul + x * (ur - ul), ll + x * (lr - ll), fraction);
        let across = toward(own, ul + down * (ll - ul), ur + down * (lr - ur), x);
        let fixed = |value: f32| (value * f32::from(ONE)) as i16;
        *moved = [fixed(down - fraction), fixed(across - x)];
    }
    let bytes = row.down.as_chunks_mut::<3>().0.iter_mut().zip(row.across.as_chunks_mut::<3>().0);
    for (&[down, across], (downs, acrosses)) in row.moves.iter().zip(bytes) {
        (*downs, *acrosses) = ([down; 3], [across; 3]);
    }
}

/// The place between two pixels, 0 to 1, for one that lies at `place` by distance and has the brightness `own`, when
/// theirs is `from` and `to`.
#[inline(always)]
fn toward(own: f32, from: f32, to: f32, place: f32) -> f32 {
    let unlike = |other: f32| FLAT + (own - other) * (own - other);
    let (from, to) = (place * unlike(from), (1.0 - place) * unlike(to));
    from / (from + to)
}

/// One row of the enlarged painting from the four rows around it.
fn compose(rows: [&Wide; 4], weights: [i16; 4], fraction: f32, down: &[i16], across: &[i16], out: &mut [u8]) {
    let place = (fraction * f32::from(ONE)) as i16;
    let [a, b, c, d] = rows;
    let count = out.len();
    let smooth = [&a.smooth[..count], &b.smooth[..count], &c.smooth[..count], &d.smooth[..count]];
    let corners = [&b.left[..count], &b.right[..count], &c.left[..count], &c.right[..count]];
    let (down, across) = (&down[..count], &across[..count]);
    for at in 0..count {
        let [above, upper, lower, below] = [smooth[0][at], smooth[1][at], smooth[2][at], smooth[3][at]];
        let plain =
            (above * weights[0] + upper * weights[1] + lower * weights[2] + below * weights[3] + ONE / 2) >> BITS;
        let corner = [corners[0][at], corners[1][at], corners[2][at], corners[3][at]];
        let least = corner[0].min(corner[1]).min(corner[2].min(corner[3]));
        let most = corner[0].max(corner[1]).max(corner[2].max(corner[3]));
        let [ul, ur, ll, lr] = corner.map(i16::from);
        let vertical = (down[at] * (lower - upper)) >> BITS;
        let wide = (ur - ul) + (((place + down[at]) * ((lr - ll) - (ur - ul)) / 2) >> (BITS - 1));
        let horizontal = (across[at] * wide) >> BITS;
        out[at] = (plain + vertical + horizontal).clamp(i16::from(least), i16::from(most)) as u8;
    }
}

/// Adds `share` of what `original` has over `plain` to `out`.
fn add_detail(original: &[u8], plain: &[u8], share: f32, out: &mut [u8]) {
    let share = (share.clamp(0.0, 1.0) * 128.0).round() as i16;
    for ((out, &original), &plain) in out.iter_mut().zip(original).zip(plain) {
        let detail = (i16::from(original) - i16::from(plain)) * share;
        *out = (i16::from(*out) + ((detail + 64) >> 7)).clamp(0, 255) as u8;
    }
}
