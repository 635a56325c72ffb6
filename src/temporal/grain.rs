//! Grain that moves with the scene.
//!
//! A [`Drift`] knows which place of the field each part of the frame shows. From frame to frame it follows the motion: what a
//! part shows now is what was shown where it came from. Nothing is drawn anew while that works. Grain is renewed only where the
//! field is pulled out of shape, and at a cut. Where the scene grows or shrinks, the grain of another level takes over
//! ([`crate::kernel::grain`]), so that strokes keep their size.

use std::sync::Arc;

use super::flow::{Flow, Motion};
use super::relay::WARM_UP;
use crate::frame::Frame;
use crate::kernel::grain::{Field, Grain, Map, Point, mixed, offset, torn};
use crate::size::Size;

/// Motion up to this, in cells of the motion's grid, waits until it adds up: a still scene of a noisy camera stands still...
const STILL: f32 = 0.06;
/// ... but a slow pan does not. This fraction of what waits is kept for the next frame.
const KEPT: f32 = 0.8;

/// Grain is renewed where the field is stretched this much more in one direction than in the other...
const STRETCHED: f32 = 3.0;
/// ... or where it is folded: where its area is less than this fraction of what it was.
const FOLDED: f32 = 0.02;
/// The most levels up and down.
const LEVELS: f32 = 4.0;
/// Frames that a renewal takes.
const RENEWAL: f32 = 10.0;
/// Places that begin their renewal within this many frames share a field, so that the new grain holds together.
const TOGETHER: u64 = 64;

/// Frames in which the grain of a segment fades into that of the next one.
const HANDOVER: u64 = 16;

/// The grain of the scene since it began.
#[derive(Clone)]
struct Drift {
    map: Arc<Map>,
    /// Motion of each point that is too small to be followed yet.
    waiting: Vec<[f32; 2]>,
    /// Tells this grain from others.
    number: u64,
    /// Cuts since it began, and frames since the last one.
    cuts: u64,
    frames: u64,
}

impl Drift {
    /// Begins with a frame that the network sees at `seen`.
    fn new(number: u64, motion: &Motion, seen: Size) -> Self {
        let mut drift = Self { map: Arc::new(still(motion, seen, 0)), waiting: Vec::new(), number, cuts: 0, frames: 0 };
        drift.begin(motion, seen);
        drift
    }

    fn begin(&mut self, motion: &Motion, seen: Size) {
        // Grain 0 starts as that of a photo.
        let number = if self.number + self.cuts == 0 { 0 } else { mixed(mixed(self.number) + self.cuts) };
        self.map = Arc::new(still(motion, seen, number));
        self.waiting.clear();
        self.waiting.resize(self.map.points.len(), [0.0; 2]);
        self.frames = 0;
    }

    /// Follows the motion to the next frame.
    fn follow(&mut self, motion: &Motion, seen: Size) {
        if motion.cut {
            self.cuts += 1;
            return self.begin(motion, seen);
        }
        self.frames += 1;
        let old = &*self.map;
        let mut moved = false;
        let mut points = Vec::with_capacity(old.points.len());
        for (place, waiting) in self.waiting.iter_mut().enumerate() {
            let (column, row) = (place % old.columns, place / old.columns);
            let found = row.min(motion.rows - 1) * motion.columns + column.min(motion.columns - 1);
            let [x, y] = motion.vectors[found];
            let sum = [KEPT * waiting[0] + x, KEPT * waiting[1] + y];
            if sum[0].abs().max(sum[1].abs()) < STILL {
                *waiting = sum;
                points.push(old.points[place]);
            } else {
                *waiting = [0.0; 2];
                // What waited was on its way already.
                points.push(shown_at(old, column as f32 + sum[0], row as f32 + sum[1]));
                moved = true;
            }
        }
        let renewing = old.points.iter().any(|point| point.renewed > 0.0);
        if moved || renewing {
            let mut map = Map { points, ..still_like(old) };
            let family = mixed(mixed(self.number ^ 0x6E65_7721) + self.cuts + ((self.frames / TOGETHER) << 20));
            renew(&mut map, offset(family));
            self.map = Arc::new(map);
        }
    }
}

fn still(motion: &Motion, seen: Size, number: u64) -> Map {
    let shift = if number == 0 { [0.0; 2] } else { offset(number) };
    Map::still(seen, motion.columns, motion.rows, shift)
}

/// The shape of a map, without its points.
fn still_like(map: &Map) -> Map {
    Map { columns: map.columns, rows: map.rows, points: Vec::new(), base: map.base }
}

/// What the map shows between its points, and beyond them.
fn shown_at(map: &Map, x: f32, y: f32) -> Point {
    let step = map.step();
    let place = |at: f32, points: usize| {
        let first = at.floor().clamp(0.0, points as f32 - 2.0);
        (first as usize, (at - first).clamp(0.0, 1.0), at - at.clamp(0.0, points as f32 - 1.0))
    };
    let ((left, right, beyond_x), (above, down, beyond_y)) = (place(x, map.columns), place(y, map.rows));
    let corner = |column: usize, row: usize| map.points[(above + row) * map.columns + left + column];
    let [a, b, c, d] = [corner(0, 0), corner(1, 0), corner(0, 1), corner(1, 1)];
    let nearest = corner(usize::from(right >= 0.5), usize::from(down >= 0.5));
    let aside = [
        (right - if right >= 0.5 { 1.0 } else { 0.0 } + beyond_x) * step[0],
        (down - if down >= 0.5 { 1.0 } else { 0.0 } + beyond_y) * step[1],
    ];
    let beside = |at: [f32; 2]| [at[0] + aside[0], at[1] + aside[1]];
    let (across, downward) = ([step[0], 0.0], [0.0, step[1]]);
    let is_torn = torn(a.at, b.at, across)
        || torn(c.at, d.at, across)
        || torn(a.at, c.at, downward)
        || torn(b.at, d.at, downward);
    let at = if is_torn {
        beside(nearest.at)
    } else {
        let beyond = [beyond_x * step[0], beyond_y * step[1]];
        std::array::from_fn(|axis| {
            let upper = a.at[axis] + right * (b.at[axis] - a.at[axis]);
            let lower = c.at[axis] + right * (d.at[axis] - c.at[axis]);
            upper + down * (lower - upper) + beyond[axis]
        })
    };
    Point { at, next: beside(nearest.next), ..nearest }
}

/// Sets the levels of the points, continues their renewal, and begins it where the field has lost its shape.
fn renew(map: &mut Map, family: [f32; 2]) {
    let step = map.step();
    let (columns, rows) = (map.columns, map.rows);
    let shapes: Vec<Option<[f32; 2]>> = (0..map.points.len())
        .map(|place| {
            let at = |place: usize| map.points[place].at;
            // The change of coordinates from point to point, relative to that of a picture that has not moved.
            let slope = |before: Option<usize>, after: Option<usize>, whole: [f32; 2]| {
                let sides = [before.map(|from| (from, place)), after.map(|to| (place, to))];
                let known = sides.into_iter().flatten().filter(|&(from, to)| !torn(at(from), at(to), whole));
                let (sum, count) = known.fold(([0.0f32; 2], 0.0f32), |(sum, count), (from, to)| {
                    let (from, to) = (at(from), at(to));
                    ([sum[0] + to[0] - from[0], sum[1] + to[1] - from[1]], count + 1.0)
                });
                let length = (whole[0] + whole[1]) * count;
                (count > 0.0).then(|| sum.map(|sum| sum / length))
            };
            let (column, row) = (place % columns, place / columns);
            let left = (column > 0).then(|| place - 1);
            let right = (column + 1 < columns).then_some(place + 1);
            let above = (row > 0).then(|| place - columns);
            let below = (row + 1 < rows).then_some(place + columns);
            let across = slope(left, right, [step[0], 0.0])?;
            let down = slope(above, below, [0.0, step[1]])?;
            let area = across[0] * down[1] - across[1] * down[0];
            // The singular values of the matrix of both slopes have this sum of squares, and the area as their product.
            let squares = across.iter().chain(&down).map(|slope| slope * slope).sum::<f32>();
            let apart = (squares * squares - 4.0 * area * area).max(0.0).sqrt();
            let stretch = ((squares + apart) / (squares - apart).max(1e-9)).sqrt();
            Some([area, stretch])
        })
        .collect();
    for (place, shape) in shapes.into_iter().enumerate() {
        let home = map.home(place, family);
        let point = &mut map.points[place];
        if point.renewed > 0.0 {
            point.renewed += 1.0 / RENEWAL;
            if point.renewed >= 1.0 {
                *point = Point { at: point.next, next: home, renewed: 0.0, level: 0.0 };
            }
            continue;
        }
        point.next = home;
        match shape {
            Some([area, stretch]) => {
                point.level = (area.max(FOLDED).log2() / 2.0).clamp(-LEVELS, LEVELS);
                if area < FOLDED || stretch > STRETCHED {
                    point.renewed = 1.0 / RENEWAL;
                }
            }
            // Torn from all its neighbours.
            None => point.renewed = 1.0 / RENEWAL,
        }
    }
}

/// Carries the grain of a sequence of frames along with the scene.
///
/// In a film, each segment has grain of its own, as it has a stabiliser of its own (`super::Relay`). It takes over `WARM_UP` frames
/// before the segment, when that stabiliser begins, for it remembers what was painted. So the pictures of a segment depend only on
/// its own frames and on the `LEAD` before.
pub struct Carrier {
    field: Arc<Field>,
    every: u64,
    flow: Flow,
    running: Option<Drift>,
    /// The grain of the next segment, while it warms up.
    next: Option<Drift>,
}

impl Carrier {
    /// Carries `field`, in one piece.
    pub fn new(field: Arc<Field>) -> Self {
        Self { field, every: u64::MAX, flow: Flow::default(), running: None, next: None }
    }

    /// Hands over [`WARM_UP`] before each frame whose [`Frame::index`] is a multiple of `every`, which is raised to at least
    /// [`WARM_UP`].
    #[must_use]
    pub fn with_segments(self, every: u64) -> Self {
        Self { every: every.max(WARM_UP), ..self }
    }

    /// The grain of the next frame, which the networks see at `seen`. If none of them takes grain, the motion is not looked for.
    pub fn carry(&mut self, frame: &Frame, seen: Size, wanted: bool) -> Grain {
        if !wanted {
            self.flow.forget();
            (self.running, self.next) = (None, None);
            return Grain::still(Arc::clone(&self.field), seen);
        }
        let motion = self.flow.find(frame.image());
        if motion.vectors.is_empty() {
            return Grain::still(Arc::clone(&self.field), seen);
        }
        let shifted = frame.index + WARM_UP;
        let (place, segment) = (shifted % self.every, shifted / self.every);
        let begins = place == 0;
        match (begins.then(|| self.next.take()).flatten(), &mut self.running) {
            (Some(mut next), _) => {
                next.follow(motion, seen);
                self.running = Some(next);
            }
            (None, Some(running)) => running.follow(motion, seen),
            (None, None) => self.running = Some(Drift::new(segment, motion, seen)),
        }
        if place >= self.every - WARM_UP {
            match &mut self.next {
                Some(next) => next.follow(motion, seen),
                None => self.next = Some(Drift::new(segment + 1, motion, seen)),
            }
        }
        let map = |drift: &Drift| Arc::clone(&drift.map);
        let Some(running) = &self.running else { return Grain::still(Arc::clone(&self.field), seen) };
        let grain = Grain::new(Arc::clone(&self.field), map(running));
        match &self.next {
            Some(next) if place >= self.every - HANDOVER => {
                let progress = (place + HANDOVER + 1 - self.every) as f32 / (HANDOVER + 1) as f32;
                grain.fading_into(map(next), progress)
            }
            _ => grain,
        }
    }
}

#[cfg(test)]
mod tests;
