//! Tests of the stabiliser on computed scenes.

use super::*;

const SIZE: (u32, u32) = (192, 128);

/// A seeded generator (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Uniform, from 0 to 1.
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Approximately normal: mean 0, standard deviation 1.
    fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }
}

/// Smooth random texture at (`x`, `y`), about 40 to 215, with shapes 24 and 6 pixels wide.
fn texture(x: f32, y: f32, channel: u32) -> f32 {
    let lattice = |x: i64, y: i64, seed: u64| {
        let mut random = Random::new((x as u64) << 40 ^ (y as u64) << 20 ^ seed);
        random.uniform();
        random.uniform() - 0.5
    };
    let octave = |width: f32, seed: u64| {
        let (x, y) = (x / width, y / width);
        let (left, top) = (x.floor(), y.floor());
        let (right, down) = (x - left, y - top);
        let at = |dx, dy| lattice(left as i64 + dx, top as i64 + dy, seed);
        let across = |dy| at(0, dy) * (1.0 - right) + at(1, dy) * right;
        across(0) * (1.0 - down) + across(1) * down
    };
    128.0 + 110.0 * octave(24.0, u64::from(channel)) + 60.0 * octave(6.0, 7 + u64::from(channel))
}

/// A frame of `scene`, a function of column, row and channel, plus noise.
fn frame_of(random: &mut Random, sigma: f32, scene: impl Fn(f32, f32, u32) -> f32) -> Frame {
    let mut frame = Frame::new(SIZE.0, SIZE.1);
    for (place, byte) in frame.pixels.iter_mut().enumerate() {
        let (pixel, channel) = (place as u32 / 3, place as u32 % 3);
        let (x, y) = ((pixel % SIZE.0) as f32, (pixel / SIZE.0) as f32);
        let noise = if sigma > 0.0 { sigma * random.normal() } else { 0.0 };
        *byte = (scene(x, y, channel) + noise).round().clamp(0.0, 255.0) as u8;
    }
    frame
}

/// Stands for a network that passes on 0.6 of the noise.
fn painted(input: &Frame) -> Frame {
    let mut styled = input.clone();
    styled.pixels.iter_mut().for_each(|byte| *byte = (228.0 - 0.6 * f32::from(*byte)).round() as u8);
    styled
}

/// The mean absolute difference within a rectangle (left, top, right, bottom).
fn apart(a: &Frame, b: &Frame, [left, top, right, bottom]: [u32; 4]) -> f64 {
    let stride = a.width as usize * 3;
    let rows = (top as usize..bottom as usize).map(|y| y * stride + left as usize * 3..y * stride + right as usize * 3);
    let (mut sum, mut count) = (0.0, 0);
    for range in rows {
        for (a, b) in a.pixels[range.clone()].iter().zip(&b.pixels[range]) {
            sum += f64::from(a.abs_diff(*b));
            count += 1;
        }
    }
    sum / f64::from(count.max(1))
}

const ALL: [u32; 4] = [0, 0, SIZE.0, SIZE.1];

/// Change between output frames divided by change between input frames, after `settling` frames.
fn still_gain(amount: f32, sigma: f32, settling: usize) -> f64 {
    let (mut random, mut stabilizer) = (Random::new(1), Stabilizer::new(amount));
    let mut last: Option<(Frame, Frame)> = None;
    let (mut ins, mut outs) = (0.0, 0.0);
    for index in 0..settling + 12 {
        let input = frame_of(&mut random, sigma, texture);
        let mut styled = painted(&input);
        stabilizer.stabilize(&input, &mut styled);
        if let Some((before, shown)) = &last
            && index > settling
        {
            ins += apart(&input, before, ALL);
            outs += apart(&styled, shown, ALL);
        }
        last = Some((input, styled));
    }
    outs / ins
}

#[test]
fn amount_zero_is_bit_identical() {
    let (mut random, mut stabilizer) = (Random::new(2), Stabilizer::new(0.0));
    for _ in 0..4 {
        let input = frame_of(&mut random, 4.0, texture);
        let mut styled = painted(&input);
        stabilizer.stabilize(&input, &mut styled);
        assert_eq!(styled, painted(&input));
    }
}

#[test]
fn a_still_scene_stays_still_despite_sensor_noise() {
    assert!((0.5..0.7).contains(&still_gain(0.0, 4.0, 10)), "the network alone: {}", still_gain(0.0, 4.0, 10));
    for (sigma, most) in [(1.0, 0.15), (2.0, 0.12), (4.0, 0.1), (8.0, 0.1)] {
        let gain = still_gain(DEFAULT_AMOUNT, sigma, 10);
        assert!(gain < most, "sigma {sigma}: {gain}");
    }
}

#[test]
fn noise_that_grows_with_light_is_averaged_too() {
    let (mut random, mut stabilizer) = (Random::new(10), Stabilizer::new(DEFAULT_AMOUNT));
    let (mut frames, mut shown): (Vec<Frame>, Vec<Frame>) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let clean = frame_of(&mut random, 0.0, texture);
        let noise = frame_of(&mut random, 1.0, |_, _, _| 128.0);
        let mut input = clean;
        for (byte, noise) in input.pixels.iter_mut().zip(noise.pixels) {
            let sigma = 2.0 + f32::from(*byte) / 40.0;
            *byte = (f32::from(*byte) + sigma * (f32::from(noise) - 128.0)).clamp(0.0, 255.0) as u8;
        }
        let mut styled = painted(&input);
        stabilizer.stabilize(&input, &mut styled);
        frames.push(input);
        shown.push(styled);
    }
    let change = |frames: &[Frame]| frames[10..].windows(2).map(|two| apart(&two[0], &two[1], ALL)).sum::<f64>();
    let gain = change(&shown) / change(&frames);
    assert!(gain < 0.12, "{gain}");
}

#[test]
fn a_larger_amount_leaves_less_flicker() {
    let gains: Vec<f64> = [0.0, 0.1, 0.3, 1.0].map(|amount| still_gain(amount, 4.0, 16)).into();
    assert!(gains.is_sorted_by(|more, less| more > less), "{gains:?}");
}

#[test]
fn a_moving_object_is_not_smeared_and_leaves_no_ghost() {
    for (sigma, speed) in [(0.0, 3.0), (2.0, 3.0), (4.0, 1.0), (4.0, 8.0)] {
        let (mut random, mut stabilizer) = (Random::new(3), Stabilizer::new(1.0));
        let (side, top) = (40, 44);
        for index in 0..12 {
            let left = 20.0 + speed * index as f32;
            let inside = |x: f32, y: f32| (left..left + side as f32).contains(&x) && (44.0..84.0).contains(&y);
            let scene = |x: f32, y: f32, channel| {
                if inside(x, y) { 255.0 - texture(x - left + 900.0, y, channel) } else { texture(x, y, channel) }
            };
            let input = frame_of(&mut random, sigma, scene);
            let mut styled = painted(&input);
            stabilizer.stabilize(&input, &mut styled);
            // Averaging is right where noise hides the movement, as long as the result is no further from the
            // noise-free painting than the unaveraged one.
            let clean = painted(&frame_of(&mut random, 0.0, scene));
            let left = left as u32;
            for (place, area) in
                [("inside", [left, top, left + side, top + side]), ("behind", [left - 8, top, left, top + side])]
            {
                let smear = apart(&styled, &clean, area) - apart(&painted(&input), &clean, area);
                assert!(smear < 0.3, "{place}, sigma {sigma}, speed {speed}, frame {index}: {smear}");
            }
        }
    }
}

#[test]
fn strokes_on_a_plain_object_move_with_it() {
    let (mut random, mut stabilizer) = (Random::new(4), Stabilizer::new(1.0));
    for index in 0..10 {
        let left = 20 + 4 * index;
        let inside = |x: f32, y: f32| (left..left + 48).contains(&(x as u32)) && (40.0..88.0).contains(&y);
        let plain = |x, y, channel| if inside(x, y) { 200.0 } else { 0.5 * texture(x, y, channel) };
        let input = frame_of(&mut random, 2.0, plain);
        // A network would paint the same strokes on the object wherever it is.
        let paint = frame_of(&mut random, 0.0, |x, y, channel| {
            if inside(x, y) { texture(x - left as f32, y, channel) } else { plain(x, y, channel) }
        });
        let mut styled = paint.clone();
        stabilizer.stabilize(&input, &mut styled);
        let within = apart(&styled, &paint, [left, 40, left + 48, 88]);
        assert!(within < 1.0, "frame {index}: {within}");
    }
}

#[test]
fn a_pan_is_not_smeared_even_in_a_plain_sky() {
    for sigma in [0.0, 4.0] {
        let (mut random, mut stabilizer) = (Random::new(5), Stabilizer::new(1.0));
        for index in 0..12 {
            let moved = 2.5 * index as f32;
            let scene = |x: f32, y: f32, channel| if y < 40.0 { 180.0 } else { texture(x + moved, y, channel) };
            let input = frame_of(&mut random, sigma, scene);
            let paint = frame_of(&mut random, 0.0, |x, y, channel| texture(x + moved, y, channel));
            let mut styled = paint.clone();
            stabilizer.stabilize(&input, &mut styled);
            let (sky, ground) =
                (apart(&styled, &paint, [0, 0, SIZE.0, 40]), apart(&styled, &paint, [0, 40, SIZE.0, 128]));
            assert!(sky < 0.5 && ground < 0.5, "sigma {sigma}, frame {index}: {sky} {ground}");
        }
    }
}

#[test]
fn drifting_light_is_followed() {
    let (mut random, mut stabilizer) = (Random::new(6), Stabilizer::new(1.0));
    for index in 0..60 {
        let light = 0.5 * index as f32;
        let input = frame_of(&mut random, 2.0, |x, y, channel| texture(x, y, channel) + light - 20.0);
        let mut styled = painted(&input);
        stabilizer.stabilize(&input, &mut styled);
        let behind = apart(&styled, &painted(&input), ALL);
        assert!(behind < 3.5, "frame {index}: {behind}");
    }
}

#[test]
fn a_very_slow_fade_reaches_its_end_exactly() {
    let (mut random, mut stabilizer) = (Random::new(7), Stabilizer::new(1.0));
    let at = |light: f32| move |x: f32, _, _| 20.0 + (x / 2.0).floor() + light;
    for index in 0..150 {
        let input = frame_of(&mut random, 0.0, at((index as f32 / 20.0).min(6.0).floor()));
        let mut styled = painted(&input);
        stabilizer.stabilize(&input, &mut styled);
        let most = styled.pixels.iter().zip(&painted(&input).pixels).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(most <= Some(1), "frame {index}: {most:?}");
    }
    let input = frame_of(&mut random, 0.0, at(6.0));
    let mut styled = painted(&input);
    stabilizer.stabilize(&input, &mut styled);
    assert_eq!(styled, painted(&input));
}

#[test]
fn the_first_frame_after_a_cut_is_shown_unchanged() {
    let (mut random, mut stabilizer) = (Random::new(8), Stabilizer::new(1.0));
    for scene in 0..3 {
        for index in 0..6 {
            let input = frame_of(&mut random, 4.0, |x, y, channel| texture(x + 5000.0 * scene as f32, y, channel));
            let mut styled = painted(&input);
            stabilizer.stabilize(&input, &mut styled);
            assert_eq!(styled == painted(&input), index == 0, "scene {scene}, frame {index}");
        }
    }
}

#[test]
fn a_new_shape_starts_again() {
    let mut stabilizer = Stabilizer::new(1.0);
    for (width, height) in [(64, 36), (36, 64), (1, 1), (3, 2), (5, 1), (64, 36)] {
        for value in [100, 102] {
            let mut input = Frame::new(width, height);
            input.pixels.fill(value);
            let mut styled = input.clone();
            stabilizer.stabilize(&input, &mut styled);
            assert_eq!(styled == input, value == 100, "{width}x{height}");
        }
    }
    stabilizer.stabilize(&Frame::default(), &mut Frame::default());
}

#[test]
fn another_size_of_a_still_scene_turns_over_slowly() {
    let (mut random, mut stabilizer) = (Random::new(12), Stabilizer::new(1.0));
    for index in 0..40 {
        // The paintings of the smaller size are darker.
        let (width, height, darker) = if index < 20 { (192, 128, 0) } else { (168, 112, 30) };
        let mut input = Frame::new(width, height);
        let scale = SIZE.0 as f32 / width as f32;
        for (place, pixel) in input.pixels.as_chunks_mut::<3>().0.iter_mut().enumerate() {
            let (x, y) = ((place as u32 % width) as f32 * scale, (place as u32 / width) as f32 * scale);
            *pixel = [0, 1, 2].map(|channel| (texture(x, y, channel) + 2.0 * random.normal()) as u8);
        }
        let mut styled = Frame::new(width, height);
        styled.pixels.fill(100 - darker);
        stabilizer.stabilize(&input, &mut styled);
        let mean = styled.pixels.iter().map(|&value| f32::from(value)).sum::<f32>() / styled.pixels.len() as f32;
        match index {
            0..20 => assert_eq!(mean, 100.0),
            20 => assert!(mean > 90.0, "it jumps to {mean}"),
            39 => assert!(mean < 82.0, "it stays at {mean}"),
            _ => {}
        }
    }
}

#[test]
fn when_an_object_enters_the_still_background_fades_to_its_new_colours() {
    let (mut random, mut stabilizer) = (Random::new(9), Stabilizer::new(DEFAULT_AMOUNT));
    let far = [100, 0, SIZE.0, SIZE.1];
    let mut last: Option<Frame> = None;
    for index in 0..60 {
        let enters = index >= 15;
        let input =
            frame_of(&mut random, 3.0, |x, y, channel| if enters && x < 24.0 { 250.0 } else { texture(x, y, channel) });
        // As with instance normalisation, all colours depend on the entire picture.
        let mut styled = painted(&input);
        styled.pixels.iter_mut().for_each(|byte| *byte -= if enters { 40 } else { 0 });
        let paint = styled.clone();
        stabilizer.stabilize(&input, &mut styled);
        if let Some(last) = last.filter(|_| index >= 15) {
            let step = apart(&styled, &last, far);
            assert!(step < 40.0 / 8.0, "frame {index}: {step} levels at once");
        }
        if index == 59 {
            assert!(apart(&styled, &paint, far) < 4.0, "arrived: {}", apart(&styled, &paint, far));
        }
        last = Some(styled);
    }
}
