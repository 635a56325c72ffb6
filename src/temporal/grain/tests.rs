//! Tests of grain that moves with computed scenes.

use super::super::LEAD;
use super::super::flow::tests::{frame_of, textured};
use super::*;
use crate::kernel::grain::{CELL, CHANNELS};

fn carrier() -> Carrier {
    Carrier::new(Arc::new(Field::new(1)))
}

fn filled(grain: &Grain, size: Size) -> Vec<f32> {
    let (columns, rows) = (size.width.div_ceil(CELL), size.height.div_ceil(CELL));
    let mut out = vec![0.0; (columns * rows) as usize * CHANNELS];
    grain.fill(size, 0..columns, 0..rows, &mut out);
    out
}

/// The grain of each frame.
fn grains(carrier: &mut Carrier, frames: impl Iterator<Item = Frame>) -> Vec<Vec<f32>> {
    frames.map(|frame| filled(&carrier.carry(&frame, frame.size(), true), frame.size())).collect()
}

/// The correlation of two grains of 120 columns, where the second is moved by whole cells, away from the borders.
fn alike(a: &[f32], b: &[f32], right: i64, down: i64) -> f32 {
    let (columns, rows) = (120i64, a.len() as i64 / CHANNELS as i64 / 120);
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for row in 10..rows - 10 {
        for column in 12..columns - 12 {
            for channel in 0..CHANNELS as i64 {
                let a = a[(((row - down) * columns + column - right) * CHANNELS as i64 + channel) as usize];
                let b = b[((row * columns + column) * CHANNELS as i64 + channel) as usize];
                (both, of_a, of_b) = (both + a * b, of_a + a * a, of_b + b * b);
            }
        }
    }
    both / (of_a * of_b).sqrt()
}

#[test]
fn the_grain_of_a_still_scene_stands_still_despite_noise() {
    let found = grains(&mut carrier(), (0..25).map(|index| frame_of(index, 4.0, textured)));
    for (index, grain) in found.iter().enumerate() {
        assert!(alike(&found[0], grain, 0, 0) > 0.99, "frame {index}: {}", alike(&found[0], grain, 0, 0));
    }
}

#[test]
fn a_pan_carries_the_grain_along() {
    // Ten frames move the scene by whole cells.
    for (right, down) in [(0.4f32, 0.4f32), (2.0, -0.8), (4.0, 0.0)] {
        let frames = (0..=10)
            .map(|index| frame_of(index, 2.0, |x, y| textured(x - right * index as f32, y - down * index as f32)));
        let found = grains(&mut carrier(), frames);
        let cells = |pixels: f32| (pixels * 10.0 / CELL as f32).round() as i64;
        let carried = alike(&found[0], &found[10], cells(right), cells(down));
        assert!(carried > 0.85, "{right}, {down}: {carried}");
    }
}

#[test]
fn a_zoom_keeps_the_size_and_the_variance_of_the_grain() {
    let frames = (0..40).map(|index| {
        let zoom = 1.03f32.powi(-(index as i32));
        frame_of(index, 1.0, |x, y| textured((x - 240.0) * zoom + 240.0, (y - 136.0) * zoom + 136.0))
    });
    let found = grains(&mut carrier(), frames);
    let grain = &found[39];
    let variance = grain.iter().map(|value| value * value).sum::<f32>() / grain.len() as f32;
    assert!((0.8..1.2).contains(&variance), "{variance}");
    // A field that was merely stretched to three times its size would be alike over two cells by more than 0.8.
    let near = alike(grain, grain, 2, 0);
    assert!(near < 0.5, "{near}");
}

#[test]
fn a_cut_begins_new_grain() {
    let scene = |cut: bool| move |x: f32, y: f32| textured(x + if cut { 5000.0 } else { 0.0 }, y);
    let found = grains(&mut carrier(), (0..6).map(|index| frame_of(index, 2.0, scene(index >= 3))));
    assert!(alike(&found[0], &found[2], 0, 0) > 0.99);
    assert!(alike(&found[2], &found[3], 0, 0).abs() < 0.1, "{}", alike(&found[2], &found[3], 0, 0));
    assert!(alike(&found[3], &found[5], 0, 0) > 0.99);
}

#[test]
fn a_job_that_resumes_at_a_segment_finds_the_same_grain_from_where_its_stabiliser_begins() {
    let frames =
        |from: u64| (from..110).map(|index| frame_of(index, 3.0, move |x, y| textured(x - 1.3 * index as f32, y)));
    let every = 40;
    let all = grains(&mut carrier().with_segments(every), frames(0));
    for start in [40u64, 80] {
        let begin = start.saturating_sub(LEAD);
        let resumed = grains(&mut carrier().with_segments(every), frames(begin));
        assert!(resumed[(start - WARM_UP - begin) as usize..] == all[(start - WARM_UP) as usize..], "from {start}");
    }
}

#[test]
fn the_grain_of_one_segment_fades_into_that_of_the_next() {
    let every = 40;
    let found = grains(&mut carrier().with_segments(every), (0..60).map(|index| frame_of(index, 3.0, textured)));
    assert!(alike(&found[0], &found[50], 0, 0).abs() < 0.1, "each segment has grain of its own");
    for index in 1..60 {
        let step = alike(&found[index - 1], &found[index], 0, 0);
        assert!(step > 0.9, "frame {index}: {step}");
        let variance = found[index].iter().map(|value| value * value).sum::<f32>() / found[index].len() as f32;
        assert!((0.85..1.15).contains(&variance), "frame {index}: {variance}");
    }
}

#[test]
fn a_network_without_grain_costs_no_search_for_motion() {
    let mut carrier = carrier();
    for index in 0..3 {
        let frame = frame_of(index, 0.0, textured);
        let still = Grain::still(Arc::new(Field::new(1)), frame.size());
        assert_eq!(filled(&carrier.carry(&frame, frame.size(), false), frame.size()), filled(&still, frame.size()));
        assert!(carrier.running.is_none() && carrier.flow.find(Frame::default().image()).vectors.is_empty());
    }
}
