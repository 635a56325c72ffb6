//! A test scene in place of a camera: a textured landscape with a panning camera and moving things, drawn by the program.

mod scene;

use self::scene::{Backdrop, Color, LAKE, step};
use super::{Source, SourceFormat};
use crate::error::Result;
use crate::frame::{Frame, Rational};

/// The scene, the same for the same index on every machine. Its backdrop is drawn once; a frame is a part of it with a boat, a
/// balloon and a walker. The camera rests, pans and rests, so that parts of the picture stand still for seconds.
#[derive(Debug)]
pub struct SyntheticSource {
    format: SourceFormat,
    next: u64,
    /// Drawn at the first frame.
    backdrop: Option<Backdrop>,
}

impl SyntheticSource {
    /// Endless frames of `width` x `height` at `frame_rate`, 30 per second unless given.
    pub fn at(width: u32, height: u32, frame_rate: Option<Rational>) -> Self {
        let mut source = Self::new(width, height, None);
        if let Some(rate) = frame_rate {
            source.format.frame_rate = rate;
            source.format.time_base = Rational { num: rate.den, den: rate.num };
        }
        source
    }

    /// `frames` frames (endless if `None`) of `width` x `height` at 30 per second.
    pub fn new(width: u32, height: u32, frames: Option<u64>) -> Self {
        let frame_rate = Rational { num: 30, den: 1 };
        let time_base = Rational { num: 1, den: 30 };
        Self { format: SourceFormat { width, height, frame_rate, time_base, frames }, next: 0, backdrop: None }
    }
}

impl Source for SyntheticSource {
    fn format(&self) -> SourceFormat {
        self.format
    }

    fn next(&mut self, frame: &mut Frame) -> Result<bool> {
        if self.format.frames.is_some_and(|frames| self.next >= frames) {
            return Ok(false);
        }
        let SourceFormat { width, height, time_base, .. } = self.format;
        frame.resize(width, height);
        frame.index = self.next;
        frame.time = self.next.cast_signed();
        frame.duration = 1;
        let backdrop = self.backdrop.get_or_insert_with(|| Backdrop::new(width + width / 4, height));
        // The scene repeats, so that its numbers stay exact however long it runs.
        let seconds = (self.next as f64 * time_base.as_f64()) % f64::from(PERIOD);
        draw(frame, backdrop, seconds as f32);
        self.next += 1;
        Ok(true)
    }
}

/// Seconds until the scene repeats: five pans to and fro.
const PERIOD: f32 = 120.0;

/// Seconds in which the camera rests, pans right, rests and pans back.
const PAN: f32 = 24.0;

fn draw(frame: &mut Frame, backdrop: &Backdrop, seconds: f32) {
    let phase = seconds % PAN;
    let pan = step(4.0, 12.0, phase) - step(16.0, 24.0, phase);
    let left = ((backdrop.width - frame.width) as f32 * pan).round() as usize;
    let (wide, row) = (backdrop.width as usize * 3, frame.width as usize * 3);
    for (out, from) in frame.pixels.chunks_exact_mut(row.max(1)).zip(backdrop.pixels.chunks_exact(wide.max(1))) {
        out.copy_from_slice(&from[left * 3..left * 3 + row]);
    }
    let mut stage = Stage { frame, backdrop, left };
    let across = backdrop.width as f32 / stage.frame.height.max(1) as f32;
    // Each crosses the scene from beyond one edge to beyond the other.
    let travel = |period: f32, start: f32| ((seconds + start) % period) / period * (across + 0.5) - 0.25;
    stage.draw(travel(40.0, 14.0), LAKE.0 + 0.075, (0.09, 0.13), true, boat);
    let height = 0.17 + 0.03 * (2.0 * step(0.0, 10.0, (seconds % 20.0 - 10.0).abs()) - 1.0);
    stage.draw(across - travel(60.0, 38.0), height, (0.1, 0.16), true, balloon);
    let stride = (seconds * 1.6) % 1.0;
    stage.draw(across - travel(30.0, 12.0), 0.80, (0.05, 0.13), false, |x, y| walker(x, y, stride));
}

/// A frame on which things are drawn in the backdrop's coordinates.
struct Stage<'a> {
    frame: &'a mut Frame,
    backdrop: &'a Backdrop,
    /// The backdrop's first visible column.
    left: usize,
}

impl Stage<'_> {
    /// Draws what `color` gives for points around `(u, v)`, up to `reach` away; `behind` the near shore or before everything.
    fn draw(&mut self, u: f32, v: f32, reach: (f32, f32), behind: bool, color: impl Fn(f32, f32) -> Option<Color>) {
        let tall = self.frame.height.max(1) as f32;
        let (x, y) = (u * tall - self.left as f32, v * tall);
        let range = |middle: f32, reach: f32, end: u32| {
            ((middle - reach * tall).max(0.0) as u32).min(end)..((middle + reach * tall).max(0.0) as u32).min(end)
        };
        for row in range(y, reach.1, self.frame.height) {
            for column in range(x, reach.0, self.frame.width) {
                let place = row as usize * self.backdrop.width as usize + self.left + column as usize;
                if behind && self.backdrop.near[place] {
                    continue;
                }
                if let Some(color) = color((column as f32 + 0.5 - x) / tall, (row as f32 + 0.5 - y) / tall) {
                    let start = (row * self.frame.width + column) as usize * 3;
                    self.frame.pixels[start..start + 3].copy_from_slice(&color.map(|channel| channel as u8));
                }
            }
        }
    }
}

fn boat(x: f32, y: f32) -> Option<Color> {
    let stripe = (y * 40.0).floor() % 2.0 == 0.0;
    match y {
        0.0..0.028 if x.abs() < 0.07 - y => Some(if y < 0.006 { [236.0, 226.0, 206.0] } else { [116.0, 46.0, 36.0] }),
        -0.12..0.0 if (-0.006..-0.002).contains(&x) => Some([70.0, 52.0, 40.0]),
        -0.115..-0.008 if x > 0.0 && x < (y + 0.115) * 0.6 => {
            Some(if stripe { [244.0, 238.0, 222.0] } else { [222.0, 92.0, 60.0] })
        }
        -0.095..-0.008 if x < -0.01 && -x - 0.01 < (y + 0.095) * 0.5 => Some([230.0, 222.0, 198.0]),
        _ => None,
    }
}

fn balloon(x: f32, y: f32) -> Option<Color> {
    let (radius, below) = (0.085, y + 0.055);
    // A sphere above, drawn in to a neck below.
    let half =
        if below < 0.0 { (radius * radius - below * below).max(0.0).sqrt() } else { radius - below * below * 6.5 };
    if below < 0.105 && x.abs() < half {
        let gore = ((x / half + 1.0) * 4.0).floor() as usize % 2;
        let light = 1.0 - 0.45 * step(-0.2, 1.0, x / radius) - 0.15 * step(0.0, 0.1, below);
        let color = [[206.0, 44.0, 52.0], [250.0, 204.0, 84.0]][gore];
        return Some(color.map(|channel: f32| channel * light));
    }
    if (0.085..0.115).contains(&y) && x.abs() < 0.017 {
        return Some(if (y * 300.0).floor() % 2.0 == 0.0 { [120.0, 80.0, 44.0] } else { [92.0, 58.0, 32.0] });
    }
    ((0.05..0.085).contains(&y) && (x.abs() - 0.015).abs() < 0.0025).then_some([64.0, 50.0, 40.0])
}

/// `stride` counts steps, from 0 to 1.
fn walker(x: f32, y: f32, stride: f32) -> Option<Color> {
    let swing = 2.0 * (2.0 * stride - 1.0).abs() - 1.0;
    let leg = |side: f32| {
        let down = (y - 0.03) / 0.07;
        (0.0..1.0).contains(&down) && (x - side * swing * 0.028 * down).abs() < 0.0095
    };
    let head = (x + 0.003) * (x + 0.003) + (y + 0.072) * (y + 0.072);
    if head < 0.017 * 0.017 {
        return Some(if y < -0.076 { [72.0, 44.0, 28.0] } else { [228.0, 178.0, 146.0] });
    }
    if (-0.056..0.035).contains(&y) && x.abs() < 0.017 + 0.06 * (y + 0.056) {
        let checked = ((x * 110.0).floor() + (y * 110.0).floor()) % 2.0 == 0.0;
        return Some(if checked { [40.0, 74.0, 156.0] } else { [62.0, 104.0, 186.0] });
    }
    (leg(1.0) || leg(-1.0)).then_some([48.0, 42.0, 50.0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::arrange;

    fn frames(count: usize) -> Vec<Frame> {
        let mut source = SyntheticSource::new(160, 90, None);
        let mut next = || {
            let mut frame = Frame::default();
            source.next(&mut frame).unwrap();
            frame
        };
        (0..count).map(|_| next()).collect()
    }

    fn changed(a: &Frame, b: &Frame) -> usize {
        a.pixels.chunks_exact(3).zip(b.pixels.chunks_exact(3)).filter(|(a, b)| a != b).count()
    }

    #[test]
    fn most_of_a_resting_scene_stands_still_while_something_moves_and_then_the_camera_pans() {
        let frames = frames(300);
        let all = 160 * 90;
        for pair in frames[..100].windows(11) {
            let moved = changed(&pair[0], &pair[10]);
            assert!(moved > 0 && moved < all / 10, "{moved} of {all} pixels changed");
        }
        assert!(changed(&frames[120], &frames[240]) > all / 2, "the camera does not pan");
    }

    #[test]
    fn each_part_of_the_scene_has_texture() {
        let frame = &frames(1)[0];
        let luma = |x: usize, y: usize| {
            let start = (y * 160 + x) * 3;
            frame.pixels[start..start + 3].iter().map(|value| i32::from(*value)).sum::<i32>() / 3
        };
        // Squares of a ninth of the height: even the smoothest has levels to paint.
        for top in (0..80).step_by(10) {
            for left in (0..160).step_by(10) {
                let square = || (0..10).flat_map(move |y| (0..10).map(move |x| luma(left + x, top + y)));
                let range = square().max().unwrap() - square().min().unwrap();
                assert!(range >= 4, "the square at {left}, {top} is flat: {range} levels");
            }
        }
    }

    #[test]
    fn the_same_index_gives_the_same_frame_and_any_size_can_be_drawn() {
        assert_eq!(frames(40)[39], frames(40)[39]);
        for (width, height) in [(1, 1), (2, 300), (300, 2), (8, 8)] {
            let mut source = SyntheticSource::new(width, height, None);
            let mut frame = Frame::default();
            for _ in 0..200 {
                source.next(&mut frame).unwrap();
            }
            assert_eq!(frame.pixels.len(), (width * height * 3) as usize);
            arrange::mirror(&mut frame);
        }
    }
}
