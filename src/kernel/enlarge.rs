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

/// Variance of the original's brightness (0 to 255) that counts as flat: a deviation of 10 levels.
const FLAT: f32 = 100.0;

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
    /// The four small pixels around each full pixel, two on each side. At the border, the last one repeats.
    near: [Vec<u32>; 4],
    /// Fraction of the way from the second to the third.
    fraction: Vec<f32>,
}

impl Axis {
    fn new(small: usize, full: usize) -> Self {
        let places = || (0..full).map(|pixel| (pixel as f32 + 0.5) * small as f32 / full as f32 - 0.5);
        let near = [-1, 0, 1, 2].map(|step| {
            let clamped = |place: f32| (place.floor() as i64 + step).clamp(0, small as i64 - 1) as u32;
            places().map(clamped).collect()
        });
        Self { near, fraction: places().map(|place| place - place.floor()).collect() }
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
    /// The pixels around each, as in [`Axis::near`]: RGB8.
    first: Vec<u8>,
    left: Vec<u8>,
    right: Vec<u8>,
    last: Vec<u8>,
    /// The brightness of the middle two in the small original.
    guide_left: Vec<f32>,
    guide_right: Vec<f32>,
}

/// The last four rows, each at its index modulo 4.
type Ring = [Wide; 4];

/// What one row of the full picture needs.
#[derive(Clone, Debug, Default)]
struct Row {
    /// Brightness of the original.
    own: Vec<f32>,
    /// How far the place between the four pixels moves down and across, for each pixel, in units of [`ONE`].
    moves: [Vec<i16>; 2],
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
            self.line(y, original, painted, (seen.pixels, detail), out);
        }
    }

    /// Makes row `y` of the enlarged painting.
    #[inline(always)]
    fn row(&mut self, y: usize, original: &[u8], painted: &[u8], (seen, detail): (&[u8], f32), out: &mut [u8]) {
        let fraction = self.down.fraction[y];
        let near = [0, 1, 2, 3].map(|step| self.down.near[step][y] as usize);
        let weights = catmull_rom(fraction);
        self.spread(painted, &near, false);
        let rows = near.map(|row| &self.painted[row % 4]);
        let Row { own, moves: moved, down, across, plain } = &mut self.row;
        for (own, pixel) in own.iter_mut().zip(original.as_chunks::<3>().0) {
            *own = f32::from(luma(*pixel));
        }
        let [downs, acrosses] = moved;
        moves(own, [rows[1], rows[2]], &self.across.fraction, fraction, downs, acrosses);
        repeat(downs, down);
        repeat(acrosses, across);
        compose(rows, weights, fraction, down, across, out);
        if detail > 0.0 {
            plain.resize(out.len(), 0);
            self.spread(seen, &near, true);
            let Row { down, across, plain, .. } = &mut self.row;
            compose(near.map(|row| &self.seen[row % 4]), weights, fraction, down, across, plain);
            add_detail(original, plain, detail, out);
        }
    }

    /// [`Self::row`], with the widest vectors that the processor has.
    fn line(&mut self, y: usize, original: &[u8], painted: &[u8], seen: (&[u8], f32), out: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn wide(it: &mut Enlarger, y: usize, original: &[u8], painted: &[u8], seen: (&[u8], f32), out: &mut [u8]) {
                it.row(y, original, painted, seen, out);
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has AVX2.
                return unsafe { wide(self, y, original, painted, seen, out) };
            }
        }
        self.row(y, original, painted, seen, out);
    }

    /// Makes the tables for these sizes, and forgets the rows of the last picture.
    fn fit(&mut self, small: (usize, usize), full: (usize, usize)) {
        self.painted.iter_mut().chain(&mut self.seen).for_each(|row| row.index = None);
        if self.sizes == [small, full] {
            return;
        }
        self.sizes = [small, full];
        (self.across, self.down) = (Axis::new(small.0, full.0), Axis::new(small.1, full.1));
        self.taps.iter_mut().for_each(Vec::clear);
        for weights in self.across.fraction.iter().map(|&fraction| catmull_rom(fraction)) {
            self.taps.iter_mut().zip(weights).for_each(|(taps, weight)| taps.extend([weight; 3]));
        }
        for list in [&mut self.row.down, &mut self.row.across] {
            list.resize(full.0 * 3, 0);
        }
        self.row.moves.iter_mut().for_each(|list| list.resize(full.0, 0));
        self.row.own.resize(full.0, 0.0);
    }

    /// Spreads the rows `near` of `picture` that the ring does not hold yet.
    #[inline(always)]
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
            wide.fill(pixels, guide, &self.across, &self.taps);
        }
    }
}

impl Wide {
    #[inline(always)]
    fn fill(&mut self, pixels: &[[u8; 3]], guide: &[u8], across: &Axis, taps: &[Vec<i16>; 4]) {
        let bytes = across.near[0].len() * 3;
        self.smooth.resize(bytes, 0);
        for (list, near) in
            [&mut self.first, &mut self.left, &mut self.right, &mut self.last].into_iter().zip(&across.near)
        {
            list.resize(bytes, 0);
            gather(pixels, near, list);
        }
        for (list, near) in [&mut self.guide_left, &mut self.guide_right].into_iter().zip(&across.near[1..]) {
            list.clear();
            list.extend(near.iter().map(|&place| f32::from(guide[place as usize])));
        }
        filter([&self.first, &self.left, &self.right, &self.last], taps, &mut self.smooth);
    }
}

/// Copies the pixels at the places `near`.
#[inline(never)]
fn gather(pixels: &[[u8; 3]], near: &[u32], out: &mut [u8]) {
    let out = out.as_chunks_mut::<3>().0;
    for (&place, pixel) in near.iter().zip(out) {
        if let Some(&found) = pixels.get(place as usize) {
            *pixel = found;
        }
    }
}

/// The sum of four rows of bytes by their weights, rounded.
#[inline(always)]
fn filter(rows: [&[u8]; 4], taps: &[Vec<i16>; 4], out: &mut [i16]) {
    let count = out.len();
    let [a, b, c, d] = rows.map(|row| &row[..count]);
    let [wa, wb, wc, wd] = [0, 1, 2, 3].map(|tap| &taps[tap][..count]);
    for at in 0..count {
        let near = i16::from(b[at]) * wb[at] + i16::from(c[at]) * wc[at];
        let far = i16::from(a[at]) * wa[at] + i16::from(d[at]) * wd[at];
        out[at] = (near + far + ONE / 2) >> BITS;
    }
}

/// How far the place between the four pixels moves for each pixel of a row of brightness `own`, `fraction` of the way from
/// `upper` to `lower`: down, and across.
#[inline(always)]
fn moves(own: &[f32], rows: [&Wide; 2], place: &[f32], fraction: f32, downs: &mut [i16], acrosses: &mut [i16]) {
    let [upper, lower] = rows;
    let count = own.len();
    let (place, downs, acrosses) = (&place[..count], &mut downs[..count], &mut acrosses[..count]);
    let (uls, urs) = (&upper.guide_left[..count], &upper.guide_right[..count]);
    let (lls, lrs) = (&lower.guide_left[..count], &lower.guide_right[..count]);
    for at in 0..count {
        let (own, x, ul, ur, ll, lr) = (own[at], place[at], uls[at], urs[at], lls[at], lrs[at]);
        let down = toward(own, ul + x * (ur - ul), ll + x * (lr - ll), fraction);
        let across = toward(own, ul + down * (ll - ul), ur + down * (lr - ur), x);
        downs[at] = rounded((down - fraction) * f32::from(ONE));
        acrosses[at] = rounded((across - x) * f32::from(ONE));
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

/// The nearest integer of a small number. A cast would check for what is no number, one value at a time.
#[inline(always)]
fn rounded(value: f32) -> i16 {
    // At this magnitude the last bit of an f32 is worth 1.
    const SHIFT: f32 = (3 << 22) as f32;
    (value + SHIFT).to_bits() as i16
}

/// Repeats each value for the three bytes of its pixel.
#[inline(always)]
fn repeat(pixels: &[i16], bytes: &mut [i16]) {
    for (&value, bytes) in pixels.iter().zip(bytes.as_chunks_mut::<3>().0) {
        *bytes = [value; 3];
    }
}

/// One row of the enlarged painting from the four rows around it.
#[inline(always)]
fn compose(rows: [&Wide; 4], weights: [i16; 4], fraction: f32, down: &[i16], across: &[i16], out: &mut [u8]) {
    let place = (fraction * f32::from(ONE)) as i16;
    let [a, b, c, d] = rows;
    let count = out.len();
    let [above, upper, lower, below] = [a, b, c, d].map(|row| &row.smooth[..count]);
    let (ul, ur, ll, lr) = (&b.left[..count], &b.right[..count], &c.left[..count], &c.right[..count]);
    let (down, across) = (&down[..count], &across[..count]);
    for at in 0..count {
        let (up, low) = (upper[at], lower[at]);
        let plain = above[at] * weights[0] + up * weights[1] + low * weights[2] + below[at] * weights[3];
        let vertical = down[at] * (low - up);
        let (least, most) = (ul[at].min(ur[at]).min(ll[at].min(lr[at])), ul[at].max(ur[at]).max(ll[at].max(lr[at])));
        let wide_up = i16::from(ur[at]) - i16::from(ul[at]);
        let wide_low = i16::from(lr[at]) - i16::from(ll[at]);
        let wide = wide_up + (((place + down[at]) * (wide_low - wide_up)) >> BITS);
        let horizontal = across[at] * wide;
        let value = ((plain + ONE / 2) >> BITS) + (vertical >> BITS) + (horizontal >> BITS);
        out[at] = value.max(i16::from(least)).min(i16::from(most)) as u8;
    }
}

/// Adds `share` of what `original` has over `plain` to `out`.
#[inline(always)]
fn add_detail(original: &[u8], plain: &[u8], share: f32, out: &mut [u8]) {
    let share = (share.clamp(0.0, 1.0) * 128.0).round() as i16;
    for ((out, &original), &plain) in out.iter_mut().zip(original).zip(plain) {
        let detail = (i16::from(original) - i16::from(plain)) * share;
        *out = (i16::from(*out) + ((detail + 64) >> 7)).clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(width: u32, height: u32, pixels: &[u8]) -> Image<'_> {
        Image { width, height, pixels }
    }

    /// Dark left of column `border`, light from there on.
    fn step(width: u32, height: u32, border: u32, (dark, light): (u8, u8)) -> Vec<u8> {
        (0..height).flat_map(|_| (0..width).flat_map(move |x| [if x < border { dark } else { light }; 3])).collect()
    }

    /// `pixels` scaled down by a whole number: the mean of each square.
    fn shrunk(width: usize, height: usize, by: usize, pixels: &[u8]) -> Vec<u8> {
        let mean = |row: usize, column: usize, channel: usize| {
            let square = (0..by * by).map(|at| (row * by + at / by) * width + column * by + at % by);
            let sum: usize = square.map(|pixel| usize::from(pixels[pixel * 3 + channel])).sum();
            (sum / (by * by)) as u8
        };
        let places = (0..height / by).flat_map(|row| (0..width / by).map(move |column| (row, column)));
        places.flat_map(|(row, column)| [0, 1, 2].map(|channel| mean(row, column, channel))).collect()
    }

    fn noise(count: usize, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn an_edge_of_the_original_stays_one_pixel_wide() {
        for border in 45..=50 {
            for tones in [(60, 160), (200, 80)] {
                let (original, truth) = (step(96, 12, border, (40, 220)), step(96, 12, border, tones));
                let (seen, painted) = (shrunk(96, 12, 3, &original), shrunk(96, 12, 3, &truth));
                let mut out = vec![0; original.len()];
                let small = image(32, 4, &seen);
                Enlarger::default().enlarge(image(96, 12, &original), small, &painted, 0.0, &mut out);
                let far = |(place, value): &(usize, &u8)| value.abs_diff(truth[*place]) > 15;
                let wrong = out.iter().enumerate().skip(96 * 3 * 6).take(96 * 3).filter(far).count() / 3;
                assert!(wrong <= 1, "an edge at {border} is {wrong} pixels wide");
            }
        }
    }

    #[test]
    fn a_flat_original_gives_a_smooth_painting_without_steps() {
        let (original, seen) = (vec![128; 160 * 90 * 3], vec![128; 40 * 30 * 3]);
        let painted: Vec<u8> = (0..30).flat_map(|y| (0..40).flat_map(move |x| [4 * x + y; 3])).collect();
        let mut out = vec![0; original.len()];
        Enlarger::default().enlarge(image(160, 90, &original), image(40, 30, &seen), &painted, 0.0, &mut out);
        for (place, value) in out.iter().step_by(3).enumerate() {
            let (x, y) = ((place % 160) as f32, (place / 160) as f32);
            if (8.0..152.0).contains(&x) && (6.0..84.0).contains(&y) {
                let wanted = 4.0 * ((x + 0.5) / 4.0 - 0.5) + (y + 0.5) / 3.0 - 0.5;
                assert!((f32::from(*value) - wanted).abs() <= 1.5, "{x}, {y}: {value}, not {wanted}");
            }
        }
    }

    #[test]
    fn there_are_no_halos_and_no_colours_that_were_not_painted_nearby() {
        let (original, seen) = (noise(120 * 80 * 3, 1), noise(48 * 32 * 3, 2));
        // Every channel has a range of its own.
        let painted: Vec<u8> =
            noise(48 * 32 * 3, 3).iter().enumerate().map(|(at, value)| value / 8 + [0, 90, 200][at % 3]).collect();
        let mut out = vec![0; original.len()];
        Enlarger::default().enlarge(image(120, 80, &original), image(48, 32, &seen), &painted, 0.0, &mut out);
        for pixel in out.as_chunks::<3>().0 {
            assert!(pixel[0] < 32 && (90..122).contains(&pixel[1]) && pixel[2] >= 200, "{pixel:?}");
        }
    }

    #[test]
    fn a_full_share_of_detail_restores_the_original_where_nothing_was_painted() {
        let original = noise(90 * 60 * 3, 4);
        let seen = shrunk(90, 60, 3, &original);
        let mut out = vec![0; original.len()];
        Enlarger::default().enlarge(image(90, 60, &original), image(30, 20, &seen), &seen, 1.0, &mut out);
        assert_eq!(out, original);
    }

    #[test]
    fn any_sizes_are_enlarged() {
        let mut enlarger = Enlarger::default();
        for (small, full) in
            [((1, 1), (1, 1)), ((1, 1), (7, 5)), ((2, 1), (3, 9)), ((31, 17), (97, 53)), ((5, 3), (5, 3))]
        {
            let pixels = |(width, height): (u32, u32)| vec![77; (width * height * 3) as usize];
            let (original, seen, mut out) = (pixels(full), pixels(small), pixels(full));
            out.fill(0);
            let small = image(small.0, small.1, &seen);
            enlarger.enlarge(image(full.0, full.1, &original), small, &seen, 0.5, &mut out);
            assert!(out.iter().all(|&value| value == 77), "{full:?}");
        }
        enlarger.enlarge(image(0, 0, &[]), image(0, 0, &[]), &[], 0.0, &mut []);
    }
}
