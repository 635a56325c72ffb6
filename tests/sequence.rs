//! A program's own sequence of frames: its strokes move along with the scene.

#[path = "common/need.rs"]
mod need;

use impasto::{Device, Frame, Machine, PaintSettings, Studio};

const SIZE: (usize, usize) = (320, 180);
/// Pixels by which the scene moves from frame to frame.
const STEP: usize = 4;

/// A soft, textured wall that passes from right to left.
fn frame(index: usize) -> Frame {
    let mut frame = Frame::new(SIZE.0 as u32, SIZE.1 as u32);
    for (place, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = ((place % SIZE.0 + index * STEP) as f32, (place / SIZE.0) as f32);
        let wave = |across: f32, down: f32| (x * across + y * down).sin() * 20.0;
        let light = 120.0 + wave(0.11, 0.07) + wave(0.031, -0.13) + wave(-0.05, 0.041);
        pixel.fill(light as u8);
    }
    frame
}

/// Mean difference of the paintings of frames that follow each other, with the movement of the scene taken out.
fn apart(paintings: &[Frame]) -> f64 {
    let pairs = paintings.windows(2).flat_map(|pair| {
        let rows = |frame: &'_ Frame| frame.pixels.chunks_exact(SIZE.0 * 3).map(<[u8]>::to_vec).collect::<Vec<_>>();
        rows(&pair[0]).into_iter().zip(rows(&pair[1]))
    });
    let (sum, count) = pairs.fold((0.0, 0.0), |(sum, count), (before, now)| {
        // Without the borders, where the scene is uncovered.
        let inner = 32 * 3..(SIZE.0 - 32) * 3;
        let differences = inner.clone().map(|at| f64::from(before[at + STEP * 3].abs_diff(now[at])));
        (sum + differences.sum::<f64>(), count + inner.len() as f64)
    });
    sum / count
}

#[test]
fn strokes_of_a_sequence_move_with_the_scene_and_those_of_single_frames_do_not() {
    if need::onnx_runtime_or_skip("strokes of a sequence").is_none() {
        return;
    }
    let machine = Machine { device: Device::Cpu, ..Machine::default() };
    let settings = PaintSettings { style: "composition-vii".parse().unwrap(), ..PaintSettings::default() };
    let mut painter = Studio::open(machine).unwrap().painter(&settings).unwrap();
    let frames: Vec<Frame> = (0..6).map(frame).collect();
    let single: Vec<Frame> = frames.iter().map(|frame| painter.paint(frame).unwrap()).collect();
    let sequence: Vec<Frame> = frames.iter().map(|frame| painter.paint_next(frame).unwrap()).collect();
    let (single, sequence) = (apart(&single), apart(&sequence));
    assert!(sequence < 0.9 * single, "{sequence} is not much less than {single}");
}
