//! One size of the grey copies, and the motion between two of them.

/// Side of a cell, in pixels.
pub const CELL: usize = 4;

/// Pixels repeated around the picture, so that cells that come from outside have something to be compared with.
const MARGIN: usize = 8;

/// Corrections at each level.
const ROUNDS: usize = 3;
/// Passes over the cells in each correction, forwards and backwards in turn.
const PASSES: usize = 6;

/// How much a cell follows each of its neighbours: as much as it follows its own texture where the gradients of its pixels have
/// this sum of squares.
const SMOOTHNESS: f32 = 80.0;
/// Cells whose brightness differs by this many levels follow each other half as much.
const EDGE: f32 = 8.0;
/// The same for motion, in pixels.
const BREAK: f32 = 1.0;
/// A cell whose pixels differ by this many levels from where they were counts half.
const LOST: f32 = 6.0;
/// How much a cell stays where it is if its fine texture shows that it stands still.
const STILL: f32 = 300.0;
/// How much a cell follows the camera, relative to [`SMOOTHNESS`].
const CAMERA: f32 = 0.03;
/// Cells whose motion differs from the camera's by this many pixels count a quarter for it.
const SAME: f32 = 0.3;
/// Squares of gradients of a cell that counts half for the motion of the camera.
const ENOUGH: f32 = 20.0;
/// A cell and its neighbours move with the camera if that brings them this many levels nearer to the frame before.
const CLEARLY: f32 = 0.1;
/// Gradients that noise alone can have, as a sum of squares over a cell: subtracts from what a cell's texture counts.
const NOISE: f32 = 4.0;

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

    /// The first pixel of a cell moved by `vector`, and the shares of the next pixels across and down.
    fn source(&self, column: usize, row: usize, vector: [f32; 2]) -> (usize, [f32; 2]) {
        // As far outside as the margin holds a cell and the pixels beyond it.
        let edge = (MARGIN - CELL - 2) as f32;
        let x = ((column * CELL) as f32 + vector[0]).clamp(-edge, self.columns as f32);
        let y = ((row * CELL) as f32 + vector[1]).clamp(-edge, self.rows as f32);
        let (left, top) = ((x + MARGIN as f32) as usize, (y + MARGIN as f32) as usize);
        (top * self.stride() + left, [x + MARGIN as f32 - left as f32, y + MARGIN as f32 - top as f32])
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

/// The mean difference of a cell from where `vector` says that it was.
fn apart(now: &Level, before: &Level, (column, row): (usize, usize), vector: [f32; 2], lighter: f32) -> f32 {
    let (start, stride) = (now.at(column * CELL, row * CELL), now.stride());
    let (source, [right, down]) = now.source(column, row, vector);
    let mut sum = 0.0;
    for y in 0..CELL {
        let own = &now.pixels[start + y * stride..][..CELL];
        let upper = &before.pixels[source + y * stride..][..CELL + 1];
        let lower = &before.pixels[source + (y + 1) * stride..][..CELL + 1];
        for x in 0..CELL {
            let a = upper[x] + right * (upper[x + 1] - upper[x]);
            let b = lower[x] + right * (lower[x + 1] - lower[x]);
            sum += (a + down * (b - a) - own[x] - lighter).abs();
        }
    }
    sum / (CELL * CELL) as f32
}

/// The middle of a cell, in pixels from the middle of the picture.
fn spot(place: usize, columns: usize, rows: usize) -> [f32; 2] {
    let from_middle = |at: usize, cells: usize| (at as f32 + 0.5 - cells as f32 / 2.0) * CELL as f32;
    [from_middle(place % columns, columns), from_middle(place / columns, rows)]
}

/// A motion of the camera.
#[derive(Clone, Copy, Debug, Default)]
struct Camera {
    /// In pixels, in the middle of the picture.
    shift: [f32; 2],
    /// Change of size and angle, 0 for none.
    zoom: f32,
    turn: f32,
}

impl Camera {
    fn at(&self, place: usize, columns: usize, rows: usize) -> [f32; 2] {
        let [x, y] = spot(place, columns, rows);
        [self.shift[0] + self.zoom * x - self.turn * y, self.shift[1] + self.turn * x + self.zoom * y]
    }
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
    changes: Vec<f32>,
    /// How much lighter most of the frame before was, in levels.
    lighter: f32,
    /// How far the cells of each level are known to stand still.
    still: Vec<Vec<f32>>,
    level: usize,
    camera: Camera,
    /// How much each cell counts for the motion of the camera.
    votes: Vec<f32>,
    /// How many levels nearer each cell is to itself if it moves with the camera, and the size of that.
    gains: Vec<(f32, f32)>,
}

impl Estimate {
    /// Starts again, for a number of levels.
    pub fn begin(&mut self, levels: usize) {
        (self.columns, self.rows) = (0, 0);
        self.still.resize(levels, Vec::new());
        self.vectors.clear();
        self.camera = Camera::default();
    }

    /// How far the cells of the finest level are known to stand still, 0 to 1, for the caller to fill in.
    pub fn stillness(&mut self) -> &mut Vec<f32> {
        &mut self.still[0]
    }

    /// Takes that to the coarser levels.
    pub fn spread_stillness(&mut self, levels: &[Level]) {
        for place in 1..levels.len() {
            let ((columns, rows), (fine_columns, fine_rows)) = (levels[place].grid(), levels[place - 1].grid());
            let (finer, coarser) = self.still.split_at_mut(place);
            let (finer, coarser) = (&finer[place - 1], &mut coarser[0]);
            coarser.clear();
            if finer.len() != fine_columns * fine_rows {
                continue;
            }
            for row in 0..rows {
                for column in 0..columns {
                    let at = |row: usize, column: usize| {
                        finer[row.min(fine_rows - 1) * fine_columns + column.min(fine_columns - 1)]
                    };
                    let (row, column) = (2 * row, 2 * column);
                    coarser.push(
                        (at(row, column) + at(row, column + 1) + at(row + 1, column) + at(row + 1, column + 1)) / 4.0,
                    );
                }
            }
        }
    }

    /// Refines the estimate at the next finer level, number `level` from the finest.
    pub fn refine(&mut self, level: usize, now: &Level, before: &Level) {
        self.level = level;
        self.enlarge(now.grid());
        self.measure_brightness(now, before);
        self.camera.shift = self.camera.shift.map(|pixels| 2.0 * pixels);
        self.prefer_camera(now, before);
        for _ in 0..ROUNDS {
            self.compare(now, before);
            self.find_camera();
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

    /// Measures how bright each cell is, and how much darker or lighter most of them have become.
    fn measure_brightness(&mut self, now: &Level, before: &Level) {
        self.brightness.clear();
        self.changes.clear();
        for row in 0..self.rows {
            for column in 0..self.columns {
                let start = now.at(column * CELL, row * CELL);
                let mean = |level: &Level| {
                    let line = |y: usize| level.pixels[start + y * level.stride()..][..CELL].iter().sum::<f32>();
                    (0..CELL).map(line).sum::<f32>() / (CELL * CELL) as f32
                };
                self.brightness.push(mean(now));
                self.changes.push(mean(before) - mean(now));
            }
        }
        let middle = self.changes.len() / 2;
        self.lighter = *self.changes.select_nth_unstable_by(middle, f32::total_cmp).1;
    }

    /// Sets the motion to the camera's where the picture says so: coarse levels mix what stands still with what moves beside it.
    fn prefer_camera(&mut self, now: &Level, before: &Level) {
        let (columns, rows) = (self.columns, self.rows);
        self.gains.clear();
        for place in 0..columns * rows {
            let cell = (place % columns, place / columns);
            let (own, camera) = (self.vectors[place], self.camera.at(place, columns, rows));
            let gain = if (own[0] - camera[0]).abs() + (own[1] - camera[1]).abs() < 0.1 {
                0.0
            } else {
                apart(now, before, cell, own, self.lighter) - apart(now, before, cell, camera, self.lighter)
            };
            self.gains.push((gain, gain.abs()));
        }
        for place in 0..columns * rows {
            let (column, row) = (place % columns, place / columns);
            let (mut sum, mut all, mut count) = (0.0, 0.0, 0.0);
            for row in row.saturating_sub(1)..(row + 2).min(rows) {
                let around = row * columns + column.saturating_sub(1)..row * columns + (column + 2).min(columns);
                for &(gain, size) in &self.gains[around] {
                    (sum, all, count) = (sum + gain, all + size, count + 1.0);
                }
            }
            // Clearly nearer, and nearly everywhere around.
            if sum > CLEARLY * count && sum > 0.6 * all && self.gains[place].0 > 0.0 {
                self.vectors[place] = self.camera.at(place, columns, rows);
            }
        }
    }

    /// Finds the motion of the camera: the shift, zoom and turn that most cells with texture share.
    fn find_camera(&mut self) {
        let (columns, rows) = (self.columns, self.rows);
        for _ in 0..3 {
            let (mut weight, mut middle, mut mean) = (1e-6f32, [0.0f32; 2], [0.0f32; 2]);
            let votes = |camera: &Camera, place: usize, evidence: &Evidence, own: [f32; 2]| {
                let [x, y] = camera.at(place, columns, rows);
                let apart = ((own[0] - x).powi(2) + (own[1] - y).powi(2)) / (SAME * SAME);
                let texture = evidence.texture[0] + evidence.texture[1];
                texture / (texture + ENOUGH) / (1.0 + apart).powi(2)
            };
            self.votes.clear();
            for (place, (evidence, &own)) in self.evidence.iter().zip(&self.vectors).enumerate() {
                let vote = votes(&self.camera, place, evidence, own);
                let at = spot(place, columns, rows);
                weight += vote;
                for axis in 0..2 {
                    middle[axis] += vote * at[axis];
                    mean[axis] += vote * own[axis];
                }
                self.votes.push(vote);
            }
            let (middle, mean) = (middle.map(|sum| sum / weight), mean.map(|sum| sum / weight));
            // Some votes for no zoom and no turn, so that a few cells in one place do not find any.
            let (mut zoom, mut turn, mut spread) = (0.0f32, 0.0f32, (columns * rows * columns * columns) as f32);
            for (place, (&vote, own)) in self.votes.iter().zip(&self.vectors).enumerate() {
                let [x, y] = spot(place, columns, rows);
                let (x, y, u, v) = (x - middle[0], y - middle[1], own[0] - mean[0], own[1] - mean[1]);
                zoom += vote * (x * u + y * v);
                turn += vote * (x * v - y * u);
                spread += vote * (x * x + y * y);
            }
            let (zoom, turn) = (zoom / spread, turn / spread);
            let shift = [mean[0] - zoom * middle[0] + turn * middle[1], mean[1] - turn * middle[0] - zoom * middle[1]];
            self.camera = Camera { shift, zoom, turn };
        }
    }

    /// Compares each cell with where the estimate says that it was.
    fn compare(&mut self, now: &Level, before: &Level) {
        self.evidence.clear();
        let stride = now.stride();
        let lighter = self.lighter;
        let mut total = 0.0;
        for row in 0..self.rows {
            for column in 0..self.columns {
                let vector = self.vectors[row * self.columns + column];
                let (source, [right, down]) = now.source(column, row, vector);
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
                let still = STILL * self.still[self.level].get(row * self.columns + column).copied().unwrap_or(0.0);
                self.evidence.push(Evidence { texture: [xx + still, yy + still, xy], pull, ties: [0.0; 2] });
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
        let (columns, rows, count) = (self.columns, self.rows, self.vectors.len());
        for step in 0..count {
            let place = if forwards { step } else { count - 1 - step };
            let Evidence { texture: [xx, yy, xy], pull, ties } = self.evidence[place];
            let follows = CAMERA * SMOOTHNESS;
            let (mut tied, mut toward) = (follows, self.camera.at(place, columns, rows).map(|pixels| follows * pixels));
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
