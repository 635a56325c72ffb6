//! Tests of the motion on computed scenes.

use super::*;
use crate::frame::Frame;

const SIZE: (u32, u32) = (480, 272);

/// Smooth random texture, with shapes 40 and 9 pixels wide.
fn texture(x: f32, y: f32) -> f32 {
    let lattice = |x: i64, y: i64, seed: u64| {
        let mut bits = (x as u64).wrapping_mul(0x9E37_79B9) ^ (y as u64).wrapping_mul(0x85EB_CA6B_27D4) ^ seed;
        for _ in 0..3 {
            bits = (bits ^ (bits >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        }
        (bits >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let octave = |width: f32, seed: u64| {
        let (x, y) = (x / width, y / width);
        let (left, top) = (x.floor(), y.floor());
        let ease = |share: f32| share * share * (3.0 - 2.0 * share);
        let (right, down) = (ease(x - left), ease(y - top));
        let at = |dx, dy| lattice(left as i64 + dx, top as i64 + dy, seed);
        let across = |dy| at(0, dy) * (1.0 - right) + at(1, dy) * right;
        across(0) * (1.0 - down) + across(1) * down
    };
    128.0 + 110.0 * octave(40.0, 1) + 70.0 * octave(9.0, 2)
}

/// A frame of `scene`, a function of column and row, with the noise of a camera.
pub(in crate::temporal) fn frame_of(index: u64, noise: f32, scene: impl Fn(f32, f32) -> f32) -> Frame {
    let mut frame = Frame { index, ..Frame::new(SIZE.0, SIZE.1) };
    let mut bits = index.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    for (place, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        // Four uniform numbers: nearly normal, with a deviation of 0.58.
        let random = (0..4).map(|part| ((bits >> (16 * part)) & 0xFFFF) as f32 / 65536.0 - 0.5).sum::<f32>();
        let (x, y) = ((place as u32 % SIZE.0) as f32, (place as u32 / SIZE.0) as f32);
        pixel.fill((scene(x, y) + noise * random / 0.58).clamp(0.0, 255.0) as u8);
    }
    frame
}

pub(in crate::temporal) fn textured(x: f32, y: f32) -> f32 {
    texture(x, y)
}

/// The vectors of the second of two frames, in pixels of the frame.
fn vectors(first: &Frame, second: &Frame) -> (Motion, Vec<[f32; 2]>) {
    let mut flow = Flow::default();
    flow.find(first.image());
    let motion = flow.find(second.image()).clone();
    let cell = [SIZE.0 as f32 / motion.columns as f32, SIZE.1 as f32 / motion.rows as f32];
    let vectors = motion.vectors.iter().map(|vector| [vector[0] * cell[0], vector[1] * cell[1]]).collect();
    (motion, vectors)
}

/// The mean distance of the vectors from what they should be, without the cells at the border.
fn wrong(motion: &Motion, vectors: &[[f32; 2]], expected: impl Fn(f32, f32) -> [f32; 2]) -> f32 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (place, vector) in vectors.iter().enumerate() {
        let (column, row) = (place % motion.columns, place / motion.columns);
        if (3..motion.columns - 3).contains(&column) && (3..motion.rows - 3).contains(&row) {
            let x = (column as f32 + 0.5) * SIZE.0 as f32 / motion.columns as f32;
            let y = (row as f32 + 0.5) * SIZE.1 as f32 / motion.rows as f32;
            let expected = expected(x, y);
            sum += (vector[0] - expected[0]).hypot(vector[1] - expected[1]);
            count += 1.0;
        }
    }
    sum / count
}

#[test]
fn a_pan_is_found_to_a_fraction_of_a_pixel() {
    // Where a fast pan brings in what was not there before, the border is wrong.
    for (right, down, most) in [(0.6, 0.3, 0.5), (3.0, -2.0, 0.5), (14.0, 5.0, 0.5), (-26.0, 0.0, 2.0)] {
        let first = frame_of(0, 2.0, texture);
        let second = frame_of(1, 2.0, |x, y| texture(x - right, y - down));
        let (motion, vectors) = vectors(&first, &second);
        let error = wrong(&motion, &vectors, |_, _| [-right, -down]);
        assert!(!motion.cut && error < most, "{right}, {down}: wrong by {error}");
    }
}

#[test]
fn a_zoom_and_a_turn_are_found() {
    let middle = [SIZE.0 as f32 / 2.0, SIZE.1 as f32 / 2.0];
    for (zoom, turn) in [(0.03, 0.0), (-0.03, 0.0), (0.0, 0.03)] {
        let from = |x: f32, y: f32| {
            let (x, y) = (x - middle[0], y - middle[1]);
            [zoom * x - turn * y, turn * x + zoom * y]
        };
        let first = frame_of(0, 2.0, texture);
        let second = frame_of(1, 2.0, |x, y| texture(x + from(x, y)[0], y + from(x, y)[1]));
        let (motion, vectors) = vectors(&first, &second);
        let error = wrong(&motion, &vectors, from);
        assert!(!motion.cut && error < 0.4, "{zoom}, {turn}: wrong by {error}");
    }
}

#[test]
fn a_plain_sky_moves_with_the_camera_and_stands_still_beside_a_moving_thing() {
    let sky = |x: f32, y: f32| if y < 120.0 { 200.0 } else { texture(x, y) };
    let (motion, moved) =
        vectors(&frame_of(0, 1.0, sky), &frame_of(1, 1.0, |x, y| if y < 120.0 { 200.0 } else { texture(x - 8.0, y) }));
    let error = wrong(&motion, &moved, |_, _| [-8.0, 0.0]);
    assert!(error < 1.2, "the sky slides: {error}");
    let thing = |left: f32| {
        move |x: f32, y: f32| {
            if (left..left + 90.0).contains(&x) && (150.0..230.0).contains(&y) {
                255.0 - texture(x - left, y)
            } else {
                sky(x, y)
            }
        }
    };
    let (motion, moved) = vectors(&frame_of(0, 1.0, thing(200.0)), &frame_of(1, 1.0, thing(208.0)));
    let mut sky_moves = 0.0f32;
    for (place, vector) in moved.iter().enumerate() {
        if place / motion.columns < motion.rows / 4 {
            sky_moves = sky_moves.max(vector[0].hypot(vector[1]));
        }
    }
    assert!(sky_moves < 0.3, "the sky follows the thing: {sky_moves}");
}

#[test]
fn another_scene_is_a_cut_and_a_pan_or_noise_or_a_change_of_light_is_not() {
    let first = frame_of(0, 4.0, texture);
    let scenes: [(&str, Frame, bool); 5] = [
        ("another scene", frame_of(1, 4.0, |x, y| texture(x + 5000.0, y)), true),
        ("a pan", frame_of(1, 4.0, |x, y| texture(x + 20.0, y)), false),
        ("noise", frame_of(1, 8.0, texture), false),
        ("light", frame_of(1, 4.0, |x, y| texture(x, y) + 12.0), false),
        ("a black frame", frame_of(1, 0.0, |_, _| 0.0), true),
    ];
    for (name, second, expected) in scenes {
        assert_eq!(vectors(&first, &second).0.cut, expected, "{name}");
    }
}

#[test]
fn any_size_has_a_motion_and_a_change_of_size_is_a_cut() {
    let mut flow = Flow::default();
    for (width, height) in [(1, 1), (3, 2), (7, 400), (640, 360), (640, 2)] {
        let frame = Frame::new(width, height);
        assert!(flow.find(frame.image()).cut, "{width}x{height}");
        let motion = flow.find(frame.image());
        assert!(!motion.cut && motion.vectors.iter().all(|vector| *vector == [0.0; 2]), "{width}x{height}");
    }
    assert!(Flow::default().find(Frame::default().image()).vectors.is_empty());
}
