//! The grain that strokes grow from: a smooth field of noise, sampled where a frame's coordinates say.
//!
//! A network takes four numbers for each cell of 4x4 pixels that it sees: mean 0, variance 1, alike over about two cells. They
//! come from a [`Field`], which is the same on every machine. A [`Map`] says which place of the field each part of the picture
//! shows, so that the grain can move with the scene (advected textures: Max and Becker 1996, Neyret 2003).

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::size::Size;

/// Side of a cell, in pixels that the network sees.
pub const CELL: u32 = 4;
/// Numbers in a cell.
pub const CHANNELS: usize = 4;

/// Cells across and down the field, which repeats beyond them.
const SIDE: usize = 512;

/// The numbers of one cell.
type Cell = [f32; CHANNELS];

/// A field of smooth noise: mean 0, variance 1.
pub struct Field {
    seed: u64,
    /// [`SIDE`] rows of [`SIDE`] cells, made when they are needed for the first time.
    cells: OnceLock<Vec<Cell>>,
}

impl Field {
    /// The field of `seed`.
    pub fn new(seed: u64) -> Self {
        Self { seed, cells: OnceLock::new() }
    }

    /// All cells row by row, as little-endian numbers: for those who carry the grain elsewhere.
    pub fn bytes(&self) -> Vec<u8> {
        self.cells().iter().flatten().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn cells(&self) -> &[Cell] {
        self.cells.get_or_init(|| cells(self.seed))
    }

    /// The field between cells, with its variance kept at 1.
    fn at(cells: &[Cell], x: f32, y: f32) -> Cell {
        let (left, top) = (x.floor(), y.floor());
        let (right, down) = (x - left, y - top);
        // SIDE is a power of two, so that this also wraps what is below 0.
        let column = |add: i64| (left as i64 + add) as usize % SIDE;
        let row = |add: i64| (top as i64 + add) as usize % SIDE * SIDE;
        let [a, b] = [row(0), row(1)].map(|row| [cells[row + column(0)], cells[row + column(1)]]);
        // Neighbouring cells have a correlation of 2/3, so their mean has a variance of 5/6.
        let kept = |share: f32| 1.0 - share * (1.0 - share) * (2.0 / 3.0);
        let scale = 1.0 / (kept(right) * kept(down)).sqrt();
        std::array::from_fn(|channel| {
            let across = |row: [Cell; 2]| row[0][channel] + right * (row[1][channel] - row[0][channel]);
            let upper = across(a);
            (upper + down * (across(b) - upper)) * scale
        })
    }

    /// The field at a step of 2^`level` cells. Levels are unrelated to each other.
    fn at_level(cells: &[Cell], [x, y]: [f32; 2], level: i32) -> Cell {
        if level == 0 {
            return Self::at(cells, x, y);
        }
        let step = (-level as f32).exp2();
        let [right, down] = offset(level as u64);
        Self::at(cells, x * step + right, y * step + down)
    }
}

/// The cells of a field. Only integers are random, so every machine makes the same field.
fn cells(seed: u64) -> Vec<Cell> {
    let noise = |place: usize| {
        let cell: [i32; CHANNELS] = std::array::from_fn(|channel| {
            // Four uniform numbers add up to a nearly normal one, and the smoothing brings it nearer.
            let bits = mixed(mixed(seed).wrapping_add((place * CHANNELS + channel) as u64));
            (0..4).map(|part| i32::from((bits >> (16 * part)) as u16 as i16)).sum::<i32>()
        });
        cell
    };
    let noise: Vec<[i32; CHANNELS]> = (0..SIDE * SIDE).map(noise).collect();
    // [1, 2, 1] along rows and columns. The sums stay below 2^22, which floats hold exactly.
    let around = |at: usize| [(at + SIDE - 1) % SIDE, at, (at + 1) % SIDE];
    let smooth = |values: &[[i32; CHANNELS]], places: [usize; 3]| -> [i32; CHANNELS] {
        let [a, b, c] = places.map(|place| values[place]);
        std::array::from_fn(|channel| a[channel] + 2 * b[channel] + c[channel])
    };
    let across: Vec<_> = (0..SIDE * SIDE)
        .map(|place| smooth(&noise, around(place % SIDE).map(|column| place / SIDE * SIDE + column)))
        .collect();
    // The variance of a sum of four uniform numbers of 16 bits, times that of the smoothing.
    let scale = (1.0 / (4.0 * 65536.0 * 65536.0 / 12.0 * 36.0f64).sqrt()) as f32;
    (0..SIDE * SIDE)
        .map(|place| smooth(&across, around(place / SIDE).map(|row| row * SIDE + place % SIDE)))
        .map(|cell| cell.map(|value| value as f32 * scale))
        .collect()
}

/// A place far from others in the field, for grain of its own.
pub fn offset(number: u64) -> [f32; 2] {
    let bits = mixed(number);
    [bits, bits >> 32].map(|bits| (bits % SIDE as u64) as f32)
}

/// A well-mixed number for each number (the finaliser of SplitMix64).
pub fn mixed(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// What one point of the picture shows of the field. Coordinates count the cells of the field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    /// The coordinates.
    pub at: [f32; 2],
    /// The coordinates that take over while this point is renewed.
    pub next: [f32; 2],
    /// How far the renewal is: 0 shows `at`, 1 shows `next`.
    pub renewed: f32,
    /// Binary logarithm of the cells of the field that a cell of the picture's first size covers: above 0 where the scene has
    /// shrunk.
    pub level: f32,
}

/// What the picture shows of the field: points on a coarse grid, in the middle of equal rectangles.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Points across and down, at least 2 each.
    pub columns: usize,
    /// See `columns`.
    pub rows: usize,
    /// Row by row.
    pub points: Vec<Point>,
    /// Cells across and down the picture at its first size.
    pub base: [f32; 2],
}

impl Map {
    /// A picture that the network sees at `size` and that nothing has moved yet, with the field shifted by `shift` cells.
    pub fn still(size: Size, columns: usize, rows: usize, shift: [f32; 2]) -> Self {
        let base = [size.width, size.height].map(|side| side.max(1) as f32 / CELL as f32);
        let (columns, rows) = (columns.max(2), rows.max(2));
        let mut map = Self { columns, rows, points: Vec::new(), base };
        let place =
            |place: usize| Point { at: map.home(place, shift), next: map.home(place, shift), ..Point::default() };
        map.points = (0..columns * rows).map(place).collect();
        map
    }

    /// The coordinates of a point that has not moved.
    pub fn home(&self, place: usize, shift: [f32; 2]) -> [f32; 2] {
        let [across, down] = self.step();
        let (column, row) = ((place % self.columns) as f32, (place / self.columns) as f32);
        // The middle of a cell has a whole number.
        [(column + 0.5) * across - 0.5 + shift[0], (row + 0.5) * down - 0.5 + shift[1]]
    }

    /// Cells of the field between neighbouring points that have not moved.
    pub fn step(&self) -> [f32; 2] {
        [self.base[0] / self.columns as f32, self.base[1] / self.rows as f32]
    }
}

/// Whether the field is torn between two points: not `step` cells apart, but nearer than not at all or much further.
pub fn torn(from: [f32; 2], to: [f32; 2], step: [f32; 2]) -> bool {
    let reach = step[0].abs() + step[1].abs();
    let strain = [to[0] - from[0] - step[0], to[1] - from[1] - step[1]];
    strain[0].abs() + strain[1].abs() > TORN * reach
}

/// How much the distance of two points may differ from their first one, relative to that.
const TORN: f32 = 1.5;

/// Levels this close to a whole number show that level only; between two, they mix.
const PURE: f32 = 0.35;

/// The grain of one frame. Cheap to clone.
#[derive(Clone)]
pub struct Grain {
    field: Arc<Field>,
    map: Arc<Map>,
    /// What takes over from `map`, and how far it has: 0 to 1.
    coming: Option<(Arc<Map>, f32)>,
}

impl Grain {
    /// Shows what `map` says of `field`.
    pub fn new(field: Arc<Field>, map: Arc<Map>) -> Self {
        Self { field, map, coming: None }
    }

    /// Fades into `map`: at 0 it does not show, at 1 nothing else does.
    #[must_use]
    pub fn fading_into(self, map: Arc<Map>, progress: f32) -> Self {
        Self { coming: Some((map, progress.clamp(0.0, 1.0))), ..self }
    }

    /// The grain of a picture that stands by itself, which the network sees at `size`.
    pub fn still(field: Arc<Field>, size: Size) -> Self {
        Self::new(field, Arc::new(Map::still(size, 2, 2, [0.0; 2])))
    }

    /// Writes the cells `columns` x `rows` of a picture that the network sees at `size` to `out`, [`CHANNELS`] numbers each.
    pub fn fill(&self, size: Size, columns: Range<u32>, rows: Range<u32>, out: &mut [f32]) {
        let coming = self.coming.as_ref().filter(|(_, progress)| *progress > 0.0);
        match coming {
            Some((map, progress)) if *progress < 1.0 => {
                self.layer(&self.map, size, (&columns, &rows), |cell, value| cell.copy_from_slice(&value), out);
                // Unrelated fields keep their variance if the squares of their weights add up to 1.
                let (old, new) = ((1.0 - progress).sqrt(), progress.sqrt());
                let add = |cell: &mut [f32], value: Cell| {
                    cell.iter_mut().zip(value).for_each(|(cell, value)| *cell = old * *cell + new * value);
                };
                self.layer(map, size, (&columns, &rows), add, out);
            }
            _ => {
                let map = coming.map_or(&self.map, |(map, _)| map);
                self.layer(map, size, (&columns, &rows), |cell, value| cell.copy_from_slice(&value), out);
            }
        }
    }

    fn layer(
        &self,
        map: &Map,
        size: Size,
        (columns, rows): (&Range<u32>, &Range<u32>),
        put: impl Fn(&mut [f32], Cell),
        out: &mut [f32],
    ) {
        let place = |cell: u32, side: u32, points: usize| -> (usize, f32) {
            let middle = (cell as f32 + 0.5) * (CELL as f32 / side as f32);
            let place = middle * points as f32 - 0.5;
            // Half a rectangle at each border has a point on one side only.
            let first = place.floor().clamp(0.0, points as f32 - 2.0);
            (first as usize, place - first)
        };
        let field = self.field.cells();
        // A network that sees the picture smaller than at first takes larger steps.
        let level = (map.base[0] * CELL as f32 / size.width as f32).log2();
        let width = (columns.end - columns.start) as usize * CHANNELS;
        for (row, out) in rows.clone().zip(out.chunks_exact_mut(width.max(1))) {
            let (above, down) = place(row, size.height, map.rows);
            let mut block = Block::default();
            let mut known = usize::MAX;
            for (column, cell) in columns.clone().zip(out.chunks_exact_mut(CHANNELS)) {
                let (left, right) = place(column, size.width, map.columns);
                if left != known {
                    known = left;
                    block = Block::new(map, left, above, down);
                }
                put(cell, block.value(field, right, level));
            }
        }
    }
}

/// The part of a row of cells between two columns of points.
#[derive(Default)]
struct Block {
    /// Coordinates at the left, and from there to the right.
    at: Line,
    next: Line,
    /// See [`Point::renewed`] and [`Point::level`].
    renewed: [f32; 2],
    level: [f32; 2],
}

/// Coordinates between two points, or to the right and the left of them where the field is torn.
#[derive(Clone, Copy, Default)]
struct Line {
    ends: [[f32; 2]; 2],
    /// The step between the points if it is torn.
    torn: Option<f32>,
}

impl Line {
    fn at(&self, right: f32) -> [f32; 2] {
        let [from, to] = self.ends;
        match self.torn {
            None => [from[0] + right * (to[0] - from[0]), from[1] + right * (to[1] - from[1])],
            Some(step) if right < 0.5 => [from[0] + right * step, from[1]],
            Some(step) => [to[0] - (1.0 - right) * step, to[1]],
        }
    }
}

impl Block {
    /// The points to the right of `left` and below `above`, at the share `down` of the way to the next row of points.
    fn new(map: &Map, left: usize, above: usize, down: f32) -> Self {
        let [across, downward] = map.step();
        let corner = |column: usize, row: usize| map.points[(above + row) * map.columns + left + column];
        let corners = [[corner(0, 0), corner(1, 0)], [corner(0, 1), corner(1, 1)]];
        let line = |of: fn(&Point) -> [f32; 2]| {
            let sides = [0, 1].map(|column| {
                let [upper, lower] = [of(&corners[0][column]), of(&corners[1][column])];
                if torn(upper, lower, [0.0, downward]) {
                    // As the nearer point goes on.
                    let (near, steps) = if down < 0.5 { (upper, down) } else { (lower, down - 1.0) };
                    [near[0], near[1] + steps * downward]
                } else {
                    [upper[0] + down * (lower[0] - upper[0]), upper[1] + down * (lower[1] - upper[1])]
                }
            });
            Line { ends: sides, torn: torn(sides[0], sides[1], [across, 0.0]).then_some(across) }
        };
        let number = |of: fn(&Point) -> f32| {
            [0, 1].map(|column| {
                let down = down.clamp(0.0, 1.0);
                of(&corners[0][column]) * (1.0 - down) + of(&corners[1][column]) * down
            })
        };
        let renewed = number(|point| point.renewed);
        let next = if renewed == [0.0; 2] { Line::default() } else { line(|point| point.next) };
        Self { at: line(|point| point.at), next, renewed, level: number(|point| point.level) }
    }

    fn value(&self, field: &[Cell], right: f32, level: f32) -> Cell {
        let between = |[from, to]: [f32; 2]| from + right.clamp(0.0, 1.0) * (to - from);
        let renewed = between(self.renewed);
        let old = at_levels(field, self.at.at(right), level + between(self.level));
        if renewed <= 0.0 {
            return old;
        }
        let new = at_levels(field, self.next.at(right), level);
        let (old_share, new_share) = ((1.0 - renewed).max(0.0).sqrt(), renewed.sqrt());
        std::array::from_fn(|channel| old_share * old[channel] + new_share * new[channel])
    }
}

/// The field at a level between two whole ones.
fn at_levels(field: &[Cell], at: [f32; 2], level: f32) -> Cell {
    if level.abs() <= PURE {
        return Field::at(field, at[0], at[1]);
    }
    let below = level.floor();
    let share = ((level - below - PURE) / (1.0 - 2.0 * PURE)).clamp(0.0, 1.0);
    let below = below as i32;
    match share {
        0.0 => Field::at_level(field, at, below),
        1.0 => Field::at_level(field, at, below + 1),
        _ => {
            let (fine, coarse) = (Field::at_level(field, at, below), Field::at_level(field, at, below + 1));
            let (fine_share, coarse_share) = ((1.0 - share).sqrt(), share.sqrt());
            std::array::from_fn(|channel| fine_share * fine[channel] + coarse_share * coarse[channel])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(grain: &Grain, size: Size) -> Vec<f32> {
        let (columns, rows) = (size.width.div_ceil(CELL), size.height.div_ceil(CELL));
        let mut out = vec![0.0; (columns * rows) as usize * CHANNELS];
        grain.fill(size, 0..columns, 0..rows, &mut out);
        out
    }

    fn moments(values: &[f32]) -> (f32, f32) {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32)
    }

    fn alike(a: &[f32], b: &[f32]) -> f32 {
        let ((mean_a, of_a), (mean_b, of_b)) = (moments(a), moments(b));
        let both = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum::<f32>() / a.len() as f32;
        both / (of_a * of_b).sqrt()
    }

    #[test]
    fn a_seed_stands_for_the_same_field_everywhere_and_seeds_for_different_ones() {
        let field = Field::new(1);
        let bits: Vec<u32> = field.cells()[..2].iter().flatten().map(|value| value.to_bits()).collect();
        assert_eq!(bits, FIRST_CELLS, "the first cells of seed 1");
        let other = Field::new(2);
        let flat = |field: &Field| field.cells().iter().flatten().copied().collect::<Vec<f32>>();
        assert!(alike(&flat(&field), &flat(&other)).abs() < 0.01);
    }

    const FIRST_CELLS: [u32; 8] =
        [1025205694, 3197726579, 3211072824, 3204239902, 1037320086, 1062252384, 3218413592, 3211699207];

    #[test]
    fn a_picture_has_grain_of_mean_0_and_variance_1_that_is_alike_over_two_cells() {
        let size = Size::new(1280, 720);
        let values = filled(&Grain::still(Arc::new(Field::new(3)), size), size);
        let (mean, variance) = moments(&values);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        for (apart, expected) in [(1, 2.0 / 3.0), (2, 1.0 / 6.0), (3, 0.0)] {
            let found = alike(&values[..values.len() - apart * CHANNELS], &values[apart * CHANNELS..]);
            assert!((found - expected).abs() < 0.03, "{apart} cells: {found}");
        }
    }

    #[test]
    fn between_cells_between_levels_and_between_maps_the_variance_is_still_1() {
        let field = Arc::new(Field::new(4));
        let size = Size::new(1280, 720);
        let map = |shift| Arc::new(Map::still(size, 60, 34, shift));
        let still = Grain::new(Arc::clone(&field), map([0.5, 0.3]));
        let fading = still.clone().fading_into(map([200.0, 100.0]), 0.4);
        let mut renewing = Map::still(size, 60, 34, [0.0; 2]);
        for (place, point) in renewing.points.iter_mut().enumerate() {
            point.renewed = 0.01 * (place % 100) as f32;
            point.next = [point.next[0] + 77.3, point.next[1] + 155.8];
        }
        let renewing = Grain::new(field, Arc::new(renewing));
        let smaller = Size::new(900, 506);
        for (case, grain, size) in [
            ("between cells", &still, size),
            ("seen smaller", &still, smaller),
            ("seen much smaller", &still, Size::new(426, 240)),
            ("between maps", &fading, size),
            ("renewed", &renewing, size),
        ] {
            let (mean, variance) = moments(&filled(grain, size));
            assert!(mean.abs() < 0.06 && (variance - 1.0).abs() < 0.08, "{case}: {mean} {variance}");
        }
    }

    #[test]
    fn a_part_of_the_cells_is_what_the_whole_has_there() {
        let size = Size::new(643, 361);
        let mut map = Map::still(size, 40, 20, [0.0; 2]);
        for (place, point) in map.points.iter_mut().enumerate() {
            point.at[0] += (place as f32 * 0.7).sin();
            // Torn, for some.
            point.at[1] += if place % 40 > 30 { 40.0 } else { 0.0 };
        }
        let grain = Grain::new(Arc::new(Field::new(5)), Arc::new(map));
        let all = filled(&grain, size);
        let (columns, rows) = (37..92u32, 11..60u32);
        let mut part = vec![0.0; columns.len() * rows.len() * CHANNELS];
        grain.fill(size, columns.clone(), rows.clone(), &mut part);
        let across = size.width.div_ceil(CELL);
        let expected = rows.flat_map(|row| {
            let start = (row * across + columns.start) as usize * CHANNELS;
            &all[start..start + columns.len() * CHANNELS]
        });
        assert!(part.iter().eq(expected));
    }

    #[test]
    fn a_size_that_the_governor_takes_shows_the_same_grain() {
        let base = Size::new(640, 360);
        let grain = Grain::new(Arc::new(Field::new(6)), Arc::new(Map::still(base, 60, 34, [0.0; 2])));
        let large = filled(&grain, base);
        // 1 / 1.25 of the sides: four cells for five.
        let small = filled(&grain, Size::new(512, 288));
        let near = |place: usize| {
            let (column, row, channel) = (place / CHANNELS % 128, place / CHANNELS / 128, place % CHANNELS);
            let spot = |at: usize| ((at as f32 + 0.5) * 1.25 - 0.5).round() as usize;
            large[(spot(row).min(89) * 160 + spot(column).min(159)) * CHANNELS + channel]
        };
        let there: Vec<f32> = (0..small.len()).map(near).collect();
        assert!(alike(&small, &there) > 0.85, "{}", alike(&small, &there));
    }
}
