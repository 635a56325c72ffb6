//! One size of the grey copies, and the motion between two of them.

/// Side of a cell, in pixels.
pub const CELL: usize = 4;

/// Pixels repeated around the picture, so that cells that come from outside have something to be compared with.
const MARGIN: usize = 8;

/// Corrections at each level.
const ROUNDS: usize = 3;
/// Passes over the cells in each correction, forwards and backwards in turn.
const PASSES: usize = 4;

/// How much a cell follows each of its neighbours: as much as it follows its own texture where the gradients of its pixels have
/// this sum of squares.
const SMOOTHNESS: f32 = 250.0;
/// Cells whose brightness differs by this many levels follow each other half as much.
const EDGE: f32 = 8.0;
/// The same for motion, in pixels.
const BREAK: f32 = 1.0;
/// A cell whose pixels differ by this many levels from where they were counts half.
const LOST: f32 = 12.0;
/// Gradients that noise alone can have, as a sum of squares over a cell: subtracts from what a cell's texture counts.
const NOISE: f32 = 16.0;

/// A grey copy at one size.
#[derive(Clone, Debug, Default)]
pub struct Level {
    columns: usize,
    rows: usize,
    /// The copy with [`MARGIN`] pixels around it.
    pixels: Vec<f32>,
    /// The mean brightness.
    mean: f32,
    /// Scratch for the copy without its margin.
    bare: Vec<f32>,
}

impl Level {
    /// Loads `columns` x `rows` pixels that `fill` writes.
    pub fn load(&mut self, columns: usize, rows: usize, fill: impl FnOnce(&mut [f32])) {
        (self.columns, self.rows) = (columns, rows);
        self.bare.resize(columns * rows, 0.0);
        fill(&mut self.bare);
        self.mean = self.bare.iter().sum::<f32>() / self.bare.len() as f32;
        self.pixels.clear();
        self.pixels.reserve((columns + 2 * MARGIN) * (rows + 2 * MARGIN));
        for row in 0..rows + 2 * MARGIN {
            let row = row.saturating_sub(MARGIN).min(rows - 1);
            let row = &self.bare[row * columns..][..columns];
            self.pixels.extend(std::iter::repeat_n(row[0], MARGIN));
            self.pixels.extend_from_slice(row);
            self.pixels.extend(std::iter::repeat_n(row[columns - 1], MARGIN));
        }
    }

    /// Writes the copy at half its size.
    pub fn halve(&self, columns: usize, rows: usize, out: &mut [f32]) {
        for (row, out) in out.chunks_exact_mut(columns).take(rows).enumerate() {
            let [upper, lower] = [0, 1].map(|add| &self.bare[(2 * row + add) * self.columns..][..2 * columns]);
            for ((out, upper), lower) in out.iter_mut().zip(upper.chunks_exact(2)).zip(lower.chunks_exact(2)) {
                *out = (upper[0] + upper[1] + lower[0] + lower[1]) / 4.0;
            }
        }
    }

    /// Pixels across and down.
    pub fn size(&self) -> (usize, usize) {
        (self.columns, self.rows)
    }

    /// Cells across and down.
    pub fn grid(&self) -> (usize, usize) {
        (self.columns.div_ceil(CELL), self.rows.div_ceil(CELL))
    }

    /// The mean difference of a pixel from the mean.
    pub fn contrast(&self) -> f32 {
        self.bare.iter().map(|value| (value - self.mean).abs()).sum::<f32>() / self.bare.len() as f32
    }

    fn stride(&self) -> usize {
        self.columns + 2 * MARGIN
    }

    /// Where the pixel at (`x`, `y`) of the picture is in `pixels`.
    fn at(&self, x: usize, y: usize) -> usize {
        (y + MARGIN) * self.stride() + x + MARGIN
    }
}

/// What the pixels of a cell say about its motion: `texture * motion = pull`, and how far that can be trusted.
#[derive(Clone, Copy, Debug, Default)]
struct Evidence {
    /// Sums of the squares and of the product of the gradients: across, down, both.
    texture: [f32; 3],
    pull: [f32; 2],
    /// How much the motion follows the cells to the right and below.
    ties: [f32; 2],
}

/// An estimate of the motion, refined from level to level.
#[derive(Clone, Debug, Default)]
pub struct Estimate {
    /// Cells across and down.
    columns: usize,
    rows: usize,
    /// Where each cell was, relative to where it is, in pixels of the level.
    pub vectors: Vec<[f32; 2]>,
    /// The mean difference of a pixel from where it was, in levels, when it was compared last.
    pub difference: f32,
    coarse: Vec<[f32; 2]>,
    evidence: Vec<Evidence>,
    /// Mean brightness of each cell.
    brightness: Vec<f32>,
}

impl Estimate {
    /// Starts at the coarsest level.
    pub fn clear(&mut self) {
        (self.columns, self.rows) = (0, 0);
        self.vectors.clear();
    }

    /// Refines the estimate at the next finer level.
    pub fn refine(&mut self, now: &Level, before: &Level) {
        self.enlarge(now.grid());
        self.measure_brightness(now);
        for _ in 0..ROUNDS {
            self.compare(now, before);
            self.tie();
            for pass in 0..PASSES {
                self.relax(pass % 2 == 0);
            }
        }
    }

    /// Takes the estimate of the level with half the size to the grid of this one.
    fn enlarge(&mut self, (columns, rows): (usize, usize)) {
        std::mem::swap(&mut self.coarse, &mut self.vectors);
        let (old_columns, old_rows) = (self.columns, self.rows);
        (self.columns, self.rows) = (columns, rows);
        self.vectors.clear();
        if self.coarse.is_empty() {
            self.vectors.resize(columns * rows, [0.0; 2]);
            return;
        }
        // The middle of cell 0 is at a quarter of the coarser cell.
        let place = |at: usize, cells: usize| {
            let place = ((at as f32 + 0.5) / 2.0 - 0.5).clamp(0.0, (cells - 1) as f32);
            let first = (place as usize).min(cells.saturating_sub(2));
            (first, (first + 1).min(cells - 1), place - first as f32)
        };
        for row in 0..rows {
            let (above, below, down) = place(row, old_rows);
            for column in 0..columns {
                let (left, right, across) = place(column, old_columns);
                let at = |row: usize, column: usize| self.coarse[row * old_columns + column];
                let [a, b, c, d] = [at(above, left), at(above, right), at(below, left), at(below, right)];
                self.vectors.push(std::array::from_fn(|axis| {
                    let upper = a[axis] + across * (b[axis] - a[axis]);
                    let lower = c[axis] + across * (d[axis] - c[axis]);
                    2.0 * (upper + down * (lower - upper))
                }));
            }
        }
    }

    fn measure_brightness(&mut self, now: &Level) {
        self.brightness.clear();
        for row in 0..self.rows {
            for column in 0..self.columns {
                let start = now.at(column * CELL, row * CELL);
                let sum: f32 =
                    (0..CELL).map(|y| now.pixels[start + y * now.stride()..][..CELL].iter().sum::<f32>()).sum();
                self.brightness.push(sum / (CELL * CELL) as f32);
            }
        }
    }

    /// Compares each cell with where the estimate says that it was.
    fn compare(&mut self, now: &Level, before: &Level) {
        self.evidence.clear();
        let stride = now.stride();
        let (width, height) = (now.columns as f32, now.rows as f32);
        let lighter = before.mean - now.mean;
        let mut total = 0.0;
        for row in 0..self.rows {
            for column in 0..self.columns {
                let vector = self.vectors[row * self.columns + column];
                let (x, y) = ((column * CELL) as f32, (row * CELL) as f32);
                // As far outside as the margin holds a cell and the pixels beyond it.
                let edge = (MARGIN - CELL - 2) as f32;
                let from_x = (x + vector[0]).clamp(-edge, width);
                let from_y = (y + vector[1]).clamp(-edge, height);
                let (left, top) = (from_x.floor(), from_y.floor());
                let (right, down) = (from_x - left, from_y - top);
                let source =
                    (top as isize + MARGIN as isize) as usize * stride + (left as isize + MARGIN as isize) as usize;
                let start = now.at(column * CELL, row * CELL);
                let (mut squares, mut pull, mut apart) = ([0.0f32; 3], [0.0f32; 2], 0.0f32);
                for y in 0..CELL {
                    let own = &now.pixels[start + y * stride - 1..][..CELL + 2];
                    let above = &now.pixels[start + (y * stride) - stride..][..CELL];
                    let below = &now.pixels[start + (y + 1) * stride..][..CELL];
                    let upper = &before.pixels[source + y * stride..][..CELL + 1];
                    let lower = &before.pixels[source + (y + 1) * stride..][..CELL + 1];
                    for x in 0..CELL {
                        let a = upper[x] + right * (upper[x + 1] - upper[x]);
                        let b = lower[x] + right * (lower[x + 1] - lower[x]);
                        let difference = a + down * (b - a) - own[x + 1] - lighter;
                        let (across, downward) = ((own[x + 2] - own[x]) / 2.0, (below[x] - above[x]) / 2.0);
                        squares[0] += across * across;
                        squares[1] += downward * downward;
                        squares[2] += across * downward;
                        pull[0] += across * difference;
                        pull[1] += downward * difference;
                        apart += difference.abs();
                    }
                }
                let apart = apart / (CELL * CELL) as f32;
                total += apart;
                let texture = squares[0] + squares[1];
                let trust = (1.0 - NOISE / texture.max(NOISE)) / (1.0 + (apart / LOST).powi(2));
                let [xx, yy, xy] = squares.map(|sum| sum * trust);
                // What the texture says of the motion itself, not of its correction.
                let pull = [
                    xx * vector[0] + xy * vector[1] - pull[0] * trust,
                    xy * vector[0] + yy * vector[1] - pull[1] * trust,
                ];
                self.evidence.push(Evidence { texture: [xx, yy, xy], pull, ties: [0.0; 2] });
            }
        }
        self.difference = total / self.evidence.len().max(1) as f32;
    }

    /// Ties each cell to the next ones across and down.
    fn tie(&mut self) {
        let (columns, rows) = (self.columns, self.rows);
        for place in 0..columns * rows {
            let tie = |other: usize| {
                let light = (self.brightness[place] - self.brightness[other]) / EDGE;
                let (own, its) = (self.vectors[place], self.vectors[other]);
                let motion = ((own[0] - its[0]).powi(2) + (own[1] - its[1]).powi(2)) / (BREAK * BREAK);
                SMOOTHNESS / ((1.0 + light * light) * (1.0 + motion))
            };
            let right = if place % columns + 1 < columns { tie(place + 1) } else { 0.0 };
            let below = if place / columns + 1 < rows { tie(place + columns) } else { 0.0 };
            self.evidence[place].ties = [right, below];
        }
    }

    /// Moves each cell to where its texture and its neighbours want it.
    fn relax(&mut self, forwards: bool) {
        let (columns, count) = (self.columns, self.vectors.len());
        for step in 0..count {
            let place = if forwards { step } else { count - 1 - step };
            let Evidence { texture: [xx, yy, xy], pull, ties } = self.evidence[place];
            let (mut tied, mut toward) = (0.0, [0.0f32; 2]);
            let mut add = |tie: f32, other: usize| {
                let its = self.vectors[other];
                tied += tie;
                toward = [toward[0] + tie * its[0], toward[1] + tie * its[1]];
            };
            if ties[0] > 0.0 {
                add(ties[0], place + 1);
            }
            if ties[1] > 0.0 {
                add(ties[1], place + columns);
            }
            if place % columns > 0 {
                add(self.evidence[place - 1].ties[0], place - 1);
            }
            if place >= columns {
                add(self.evidence[place - columns].ties[1], place - columns);
            }
            let (a, d) = (xx + tied, yy + tied);
            let determinant = a * d - xy * xy;
            if determinant > 1e-6 {
                let [p, q] = [pull[0] + toward[0], pull[1] + toward[1]];
                self.vectors[place] = [(d * p - xy * q) / determinant, (a * q - xy * p) / determinant];
            }
        }
    }
}
