//! Brings a painting that was made at a small size back to the size of its original, with the original's edges.
//!
//! Each pixel lies between four pixels of the small painting. Plain enlarging mixes them by distance, which blurs every
//! edge. Here the original says which of the four the pixel belongs to: the place between them moves towards those whose
//! brightness in the small original is nearest to the pixel's own (joint bilateral upsampling: Kopf et al. 2007, taken
//! down and across one after the other). Where the original is flat, nothing moves, and the strokes come out smooth, by a
//! Catmull-Rom filter. The result never leaves the range of the four pixels, so it has no halos and no new colours.
//!
//! The picture is made in upright strips, so that all that a strip needs stays in the processor's fastest cache. Colours
//! lie in planes there: what a pixel needs once serves its three values, and each loop takes many pixels at a time. Per
//! row of the small painting, everything that depends on columns is spread to the width of the strip once.

mod shuffle;

use crate::frame::Image;

use shuffle::{CHUNK, brightness, from_planes, pick, to_planes};

/// Variance of the original's brightness (0 to 255) that counts as flat: a deviation of 10 levels.
const FLAT: f32 = 100.0;

/// Fractional bits of places and filter weights. With six, a product with a difference of bytes fits in 16 bits.
const BITS: u32 = 6;
const ONE: i16 = 1 << BITS;

/// Columns of a strip.
const STRIP: usize = 128;

/// Bytes that a chunk and the four pixels around each of its places come from.
const WINDOW: usize = CHUNK + 3;

/// What repeats beyond the border of a plane: the filter reaches two pixels to the left of the first place...
const LEFT: usize = 2;
/// ... and two to the right of the last one. Chunks are read complete.
const RIGHT: usize = 2 + CHUNK;

/// Enlarges paintings. Keeps its tables and buffers between pictures.
#[derive(Clone, Debug, Default)]
pub struct Enlarger {
    /// The sizes that the tables are for: of the small painting and of the full picture, (width, height).
    sizes: [(usize, usize); 2],
    across: Vec<Across>,
    down: Vec<Down>,
    /// The small painting, and for a share of the original the small original.
    painted: [Plane; 3],
    seen: [Plane; 3],
    /// Brightness of the small original.
    guide: Plane,
    /// Spread rows of each strip, of the same two.
    rings: Vec<[Ring; 2]>,
}

/// One value of each small pixel, row by row. The values at the left and right borders repeat beyond them.
#[derive(Clone, Debug, Default)]
struct Plane {
    stride: usize,
    values: Vec<u8>,
}

impl Plane {
    /// Makes room for pictures of `width` x `height`.
    fn resize(&mut self, (width, height): (usize, usize)) {
        self.stride = LEFT + width + RIGHT;
        self.values.resize(height * self.stride, 0);
    }

    fn row(&self, index: usize) -> &[u8] {
        &self.values[index * self.stride..][..self.stride]
    }

    /// A row without what repeats beyond its borders.
    fn inner_mut(&mut self, index: usize) -> &mut [u8] {
        let row = &mut self.values[index * self.stride..][..self.stride];
        let end = row.len() - RIGHT;
        &mut row[LEFT..end]
    }

    /// Repeats the values at the borders of a row beyond them.
    fn extend(&mut self, index: usize) {
        let row = &mut self.values[index * self.stride..][..self.stride];
        let end = row.len() - RIGHT;
        let (first, last) = (row[LEFT], row[end - 1]);
        row[..LEFT].fill(first);
        row[end..].fill(last);
    }
}

/// Where the pixels of a strip lie between those of the small picture, across.
#[derive(Clone, Debug)]
struct Across {
    chunks: [Chunk; STRIP / CHUNK],
    /// Fraction of the way from the second to the third of the four pixels around each.
    fraction: [f32; STRIP],
    /// The filter's weights for the four.
    weights: [[i16; STRIP]; 4],
}

/// Where some neighbours lie in a [`Plane`].
#[derive(Clone, Copy, Debug, Default)]
struct Chunk {
    /// The leftmost place of the first one's four pixels.
    first: usize,
    /// The others', from there.
    places: [u8; CHUNK],
}

/// Where a row lies between those of the small picture.
#[derive(Clone, Debug)]
struct Down {
    /// The four rows around it. At the border, the last one repeats.
    near: [usize; 4],
    /// Fraction of the way from the second to the third.
    fraction: f32,
}

/// The small pixel before the place of `pixel`, which may be -1, and the fraction of the way to the next.
fn place(pixel: usize, small: usize, full: usize) -> (i64, f32) {
    let place = (pixel as f32 + 0.5) * small as f32 / full as f32 - 0.5;
    (place.floor() as i64, place - place.floor())
}

impl Across {
    /// The strip that begins at column `begin`. Columns beyond the picture repeat its last one.
    fn new(begin: usize, small: usize, full: usize) -> Self {
        let places = (begin..begin + STRIP).map(|column| place(column.min(full - 1), small, full));
        let mut it = Self { chunks: Default::default(), fraction: [0.0; STRIP], weights: [[0; STRIP]; 4] };
        for (at, (before, fraction)) in places.enumerate() {
            let first = (before + LEFT as i64 - 1) as usize;
            let chunk = &mut it.chunks[at / CHUNK];
            if at % CHUNK == 0 {
                chunk.first = first;
            }
            chunk.places[at % CHUNK] = (first - chunk.first) as u8;
            it.fraction[at] = fraction;
            for (weights, weight) in it.weights.iter_mut().zip(catmull_rom(fraction)) {
                weights[at] = weight;
            }
        }
        it
    }
}

impl Down {
    fn new(row: usize, small: usize, full: usize) -> Self {
        let (before, fraction) = place(row, small, full);
        let near = [-1, 0, 1, 2].map(|step| (before + step).clamp(0, small as i64 - 1) as usize);
        Self { near, fraction }
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

/// One row of the small picture, spread to the columns of a strip. Red, green and blue lie in planes.
#[derive(Clone, Debug)]
struct Spread {
    /// The row that it holds.
    index: Option<usize>,
    /// Filtered across.
    smooth: [[i16; STRIP]; 3],
    /// The difference between the small pixels on both sides of each, and the lower and the higher of their values.
    wide: [[i16; STRIP]; 3],
    least: [[u8; STRIP]; 3],
    most: [[u8; STRIP]; 3],
    /// The brightness of the same two in the small original, and between them.
    guide_left: [f32; STRIP],
    guide_right: [f32; STRIP],
    guide: [f32; STRIP],
}

impl Default for Spread {
    fn default() -> Self {
        let (words, bytes, guide) = ([[0; STRIP]; 3], [[0; STRIP]; 3], [0.0; STRIP]);
        let (smooth, wide, least, most) = (words, words, bytes, bytes);
        Self { index: None, smooth, wide, least, most, guide_left: guide, guide_right: guide, guide }
    }
}

/// The last four rows, each at its index modulo 4.
type Ring = [Spread; 4];

/// Where each pixel of a row lies between the four small pixels, after it has moved, in units of [`ONE`].
struct Places {
    /// The weights of the upper and the lower small row for the filter, with what moving down adds to them.
    upper: [i16; STRIP],
    lower: [i16; STRIP],
    /// The share of the lower row.
    down: [i16; STRIP],
    /// How far it has moved across.
    across: [i16; STRIP],
}

impl Enlarger {
    /// Enlarges `painted`, the painting of `seen`, to the size of `original` into `out`. `seen` is the original scaled down;
    /// the result is packed RGB8 like the others. `detail` is the share, 0 to 1, of the original's own detail that is added:
    /// of what scaling down took from it.
    pub fn enlarge(&mut self, original: Image<'_>, seen: Image<'_>, painted: &[u8], detail: f32, out: &mut [u8]) {
        let small = (seen.width as usize, seen.height as usize);
        let full = (original.width as usize, original.height as usize);
        debug_assert_eq!((painted.len(), out.len()), (seen.pixels.len(), original.pixels.len()));
        debug_assert!(small.0 <= full.0 && small.1 <= full.1);
        if small.0 == 0 || small.1 == 0 || full.0 == 0 || full.1 == 0 {
            return;
        }
        self.fit(small, full);
        self.dispatch(original.pixels, seen.pixels, painted, detail, out);
    }

    /// Enlarges with the widest vectors that the processor has.
    fn dispatch(&mut self, original: &[u8], seen: &[u8], painted: &[u8], detail: f32, out: &mut [u8]) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl")]
            fn widest(it: &mut Enlarger, original: &[u8], seen: &[u8], painted: &[u8], detail: f32, out: &mut [u8]) {
                it.run::<true>(original, seen, painted, detail, out);
            }
            #[target_feature(enable = "avx2,fma")]
            fn wide(it: &mut Enlarger, original: &[u8], seen: &[u8], painted: &[u8], detail: f32, out: &mut [u8]) {
                it.run::<true>(original, seen, painted, detail, out);
            }
            let [avx2, fma] = [is_x86_feature_detected!("avx2"), is_x86_feature_detected!("fma")];
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl");
            if avx2 && fma && avx512 {
                // SAFETY: the processor has them.
                return unsafe { widest(self, original, seen, painted, detail, out) };
            }
            if avx2 && fma {
                // SAFETY: the processor has both.
                return unsafe { wide(self, original, seen, painted, detail, out) };
            }
        }
        self.run::<false>(original, seen, painted, detail, out);
    }

    /// `WIDE` says that the processor has AVX2 and FMA.
    #[inline(always)]
    fn run<const WIDE: bool>(&mut self, original: &[u8], seen: &[u8], painted: &[u8], detail: f32, out: &mut [u8]) {
        self.load::<WIDE>(seen, painted, detail > 0.0);
        self.rings.iter_mut().flatten().flatten().for_each(|row| row.index = None);
        let stride = self.sizes[1].0 * 3;
        let mut first = 0;
        while let Some(Down { near, .. }) = self.down.get(first) {
            let count = self.down[first..].iter().take_while(|row| row.near == *near).count();
            let bytes = first * stride..(first + count) * stride;
            self.band::<WIDE>(first, &original[bytes.clone()], detail, &mut out[bytes]);
            first += count;
        }
    }

    /// Puts the small pictures into planes.
    #[inline(always)]
    fn load<const WIDE: bool>(&mut self, seen: &[u8], painted: &[u8], detailed: bool) {
        let stride = self.sizes[0].0 * 3;
        for (index, (seen, painted)) in seen.chunks_exact(stride).zip(painted.chunks_exact(stride)).enumerate() {
            to_planes::<WIDE>(painted, self.painted.each_mut().map(|plane| plane.inner_mut(index)));
            self.painted.iter_mut().for_each(|plane| plane.extend(index));
            if detailed {
                to_planes::<WIDE>(seen, self.seen.each_mut().map(|plane| plane.inner_mut(index)));
                self.seen.iter_mut().for_each(|plane| plane.extend(index));
            }
            brightness::<WIDE>(seen, self.guide.inner_mut(index));
            self.guide.extend(index);
        }
    }

    /// Makes the tables for these sizes.
    fn fit(&mut self, small: (usize, usize), full: (usize, usize)) {
        if self.sizes != [small, full] {
            self.sizes = [small, full];
            self.across = (0..full.0).step_by(STRIP).map(|begin| Across::new(begin, small.0, full.0)).collect();
            self.down = (0..full.1).map(|row| Down::new(row, small.1, full.1)).collect();
            self.rings.resize_with(self.across.len(), Default::default);
            self.painted
                .iter_mut()
                .chain(&mut self.seen)
                .chain([&mut self.guide])
                .for_each(|plane| plane.resize(small));
        }
    }

    /// Makes the rows from `first` on that `original` and `out` hold, which lie between the same rows of the small picture.
    #[inline(always)]
    fn band<const WIDE: bool>(&mut self, first: usize, original: &[u8], detail: f32, out: &mut [u8]) {
        let Self { sizes: [_, full], across, down, painted, seen, guide, rings, .. } = self;
        let stride = full.0 * 3;
        for (strip, (across, [painted_ring, seen_ring])) in across.iter().zip(rings).enumerate() {
            let bytes = strip * STRIP * 3..stride.min((strip + 1) * STRIP * 3);
            let pixels = original.chunks_exact(stride).zip(out.chunks_exact_mut(stride));
            for (Down { near, fraction }, (original, out)) in down[first..].iter().zip(pixels) {
                let (original, out) = (&original[bytes.clone()], &mut out[bytes.clone()]);
                spread::<WIDE>(painted_ring, near, painted, guide, across);
                let rows = near.map(|row| &painted_ring[row % 4]);
                let places = Places::new::<WIDE>(original, [rows[1], rows[2]], across, *fraction);
                let [red, green, blue] = compose(rows, *fraction, &places);
                from_planes::<WIDE>([&red, &green, &blue], out);
                if detail > 0.0 {
                    spread::<WIDE>(seen_ring, near, seen, guide, across);
                    let plain = compose(near.map(|row| &seen_ring[row % 4]), *fraction, &places);
                    add_detail(original, &plain, detail, out);
                }
            }
        }
    }
}

/// Spreads the rows `near` of a picture that the ring does not hold yet.
#[inline(always)]
fn spread<const WIDE: bool>(ring: &mut Ring, near: &[usize; 4], picture: &[Plane; 3], guide: &Plane, across: &Across) {
    for &index in near {
        let row = &mut ring[index % 4];
        if row.index == Some(index) {
            continue;
        }
        row.index = Some(index);
        for (channel, plane) in picture.iter().enumerate() {
            let taps = gather::<WIDE, 4>(plane.row(index), 0, &across.chunks);
            row.smooth[channel] = filter(&taps, &across.weights);
            let [_, left, right, _] = &taps;
            let (mut wide, mut least, mut most) = ([0; STRIP], [0; STRIP], [0; STRIP]);
            for at in 0..STRIP {
                wide[at] = i16::from(right[at]) - i16::from(left[at]);
                (least[at], most[at]) = (left[at].min(right[at]), left[at].max(right[at]));
            }
            (row.wide[channel], row.least[channel], row.most[channel]) = (wide, least, most);
        }
        let [left, right] = gather::<WIDE, 2>(guide.row(index), 1, &across.chunks);
        for at in 0..STRIP {
            let (left, right) = (f32::from(left[at]), f32::from(right[at]));
            (row.guide_left[at], row.guide_right[at]) = (left, right);
            row.guide[at] = fused::<WIDE>(across.fraction[at], right - left, left);
        }
    }
}

/// The values `skip` to the right of the places of the chunks, then those one further to the right, and so on.
#[inline(always)]
fn gather<const WIDE: bool, const TAPS: usize>(
    row: &[u8],
    skip: usize,
    chunks: &[Chunk; STRIP / CHUNK],
) -> [[u8; STRIP]; TAPS] {
    let mut taps = [[0; STRIP]; TAPS];
    for (at, chunk) in chunks.iter().enumerate() {
        let Some(window) = row.get(chunk.first..).and_then(|row| row.first_chunk::<WINDOW>()) else { continue };
        for (tap, out) in taps.iter_mut().enumerate() {
            let Some(from) = window[(skip + tap).min(3)..].first_chunk() else { continue };
            out.as_chunks_mut().0[at] = pick::<WIDE>(from, &chunk.places);
        }
    }
    taps
}

/// `a * b + c`, in one step where the processor has it.
#[inline(always)]
fn fused<const WIDE: bool>(a: f32, b: f32, c: f32) -> f32 {
    if WIDE { a.mul_add(b, c) } else { a * b + c }
}

/// The sum of four rows of bytes by their weights, rounded.
#[inline(always)]
fn filter([a, b, c, d]: &[[u8; STRIP]; 4], [wa, wb, wc, wd]: &[[i16; STRIP]; 4]) -> [i16; STRIP] {
    let mut out = [0; STRIP];
    for at in 0..STRIP {
        let near = i16::from(b[at]) * wb[at] + i16::from(c[at]) * wc[at];
        let far = i16::from(a[at]) * wa[at] + i16::from(d[at]) * wd[at];
        out[at] = (near + far + ONE / 2) >> BITS;
    }
    out
}

impl Places {
    /// For the pixels `original`, which lie `fraction` of the way from the upper row to the lower.
    #[inline(always)]
    fn new<const WIDE: bool>(original: &[u8], [upper, lower]: [&Spread; 2], columns: &Across, fraction: f32) -> Self {
        let mut own = [0; STRIP];
        brightness::<WIDE>(original, &mut own);
        let none = [0; STRIP];
        let mut it = Self { upper: none, lower: none, down: none, across: none };
        for at in 0..STRIP {
            let (own, x) = (f32::from(own[at]), columns.fraction[at]);
            let (ul, ur) = (upper.guide_left[at], upper.guide_right[at]);
            let (ll, lr) = (lower.guide_left[at], lower.guide_right[at]);
            let down = toward::<WIDE>(own, upper.guide[at], lower.guide[at], fraction);
            let (left, right) = (fused::<WIDE>(down, ll - ul, ul), fused::<WIDE>(down, lr - ur, ur));
            it.down[at] = rounded::<WIDE>(down);
            it.across[at] = rounded::<WIDE>(toward::<WIDE>(own, left, right, x) - x);
        }
        let (place, weights) = (rounded::<WIDE>(fraction), catmull_rom(fraction));
        for at in 0..STRIP {
            let moved = it.down[at] - place;
            (it.upper[at], it.lower[at]) = (weights[1] - moved, weights[2] + moved);
        }
        it
    }
}

/// The place between two pixels, 0 to 1, for one that lies at `place` by distance and has the brightness `own`, when
/// theirs is `from` and `to`.
#[inline(always)]
fn toward<const WIDE: bool>(own: f32, from: f32, to: f32, place: f32) -> f32 {
    let unlike = |other: f32| fused::<WIDE>(own - other, own - other, FLAT);
    let from = place * unlike(from);
    from / fused::<WIDE>(1.0 - place, unlike(to), from)
}

/// A small number in units of [`ONE`], to the nearest. A cast would check for what is no number, one value at a time.
#[inline(always)]
fn rounded<const WIDE: bool>(value: f32) -> i16 {
    // At this magnitude the last bit of an f32 is worth 1.
    const SHIFT: f32 = (3 << 22) as f32;
    fused::<WIDE>(value, f32::from(ONE), SHIFT).to_bits() as i16
}

/// One row of the enlarged painting, from the four rows around it.
///
/// The sums may leave 16 bits on the way, but end within them: a place between four pixels has a value near theirs.
#[inline(always)]
fn compose(rows: [&Spread; 4], fraction: f32, places: &Places) -> [[u8; STRIP]; 3] {
    let [first, .., last] = catmull_rom(fraction);
    let [above, upper, lower, below] = rows;
    let mut planes = [[0; STRIP]; 3];
    for (channel, out) in planes.iter_mut().enumerate() {
        let (above, below) = (&above.smooth[channel], &below.smooth[channel]);
        let (up, low) = (&upper.smooth[channel], &lower.smooth[channel]);
        let (wide_up, wide_low) = (&upper.wide[channel], &lower.wide[channel]);
        let (least_up, least_low) = (&upper.least[channel], &lower.least[channel]);
        let (most_up, most_low) = (&upper.most[channel], &lower.most[channel]);
        for at in 0..STRIP {
            let (least, most) = (least_up[at].min(least_low[at]), most_up[at].max(most_low[at]));
            let down = places.down[at];
            let wide = ((ONE - down) * wide_up[at] + down * wide_low[at]) >> BITS;
            let middle = up[at].wrapping_mul(places.upper[at]).wrapping_add(low[at].wrapping_mul(places.lower[at]));
            let outer = above[at] * first + below[at] * last + places.across[at] * wide;
            let value = (middle.wrapping_add(outer).wrapping_add(ONE / 2)) >> BITS;
            out[at] = value.max(i16::from(least)).min(i16::from(most)) as u8;
        }
    }
    planes
}

/// Adds `share` of what `original` has over `plain` to `out`.
#[inline(always)]
fn add_detail(original: &[u8], plain: &[[u8; STRIP]; 3], share: f32, out: &mut [u8]) {
    let share = (share.clamp(0.0, 1.0) * 128.0).round() as i16;
    let pixels = out.as_chunks_mut::<3>().0.iter_mut().zip(original.as_chunks::<3>().0);
    for (at, (out, original)) in pixels.enumerate().take(STRIP) {
        for channel in 0..3 {
            let detail = (i16::from(original[channel]) - i16::from(plain[channel][at])) * share;
            out[channel] = (i16::from(out[channel]) + ((detail + 64) >> 7)).clamp(0, 255) as u8;
        }
    }
}

#[cfg(test)]
mod tests;
