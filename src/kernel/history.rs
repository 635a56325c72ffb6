//! Recursive averages of pictures over time, at a higher precision than the pictures.
//!
//! A history value is 8.6 fixed point in an `i16`, 0 to 16320. With only 8 bits, an average that moves by a sixteenth
//! of the difference would stop 8 levels short of its target, and slow fades would leave bands. Twice a difference
//! still fits in 16 bits, so one high-half multiplication updates a value, and one vector instruction updates eight or
//! sixteen.

/// Fractional bits of a history value.
pub const FRACTION: u32 = 6;

/// A gain of 1: the history becomes the frame.
pub const FULL_GAIN: i16 = i16::MAX;

/// Sets `history` to exactly `frame`.
pub fn begin(history: &mut [i16], frame: &[u8]) {
    debug_assert_eq!(history.len(), frame.len());
    for (value, &byte) in history.iter_mut().zip(frame) {
        *value = i16::from(byte) << FRACTION;
    }
}

/// `history` of a picture of size `from`, brought to size `to` (width, height): each value is mixed from the four around its
/// place. Made for sizes that differ little.
pub fn resized(history: &[i16], from: (u32, u32), to: (u32, u32)) -> Vec<i16> {
    let axis = |from: u32, to: u32| -> Vec<(usize, usize, f32)> {
        let last = from.saturating_sub(1) as usize;
        let place = |pixel: u32| ((pixel as f32 + 0.5) * from as f32 / to as f32 - 0.5).max(0.0);
        (0..to).map(place).map(|at| (last.min(at as usize), last.min(at as usize + 1), at.fract())).collect()
    };
    let (across, down) = (axis(from.0, to.0), axis(from.1, to.1));
    let stride = from.0 as usize * 3;
    let mut out = Vec::with_capacity(to.0 as usize * to.1 as usize * 3);
    for &(upper, lower, y) in &down {
        let rows = [&history[upper * stride..][..stride], &history[lower * stride..][..stride]];
        for &(left, right, x) in &across {
            out.extend((0..3).map(|channel| {
                let at = |row: &[i16], pixel: usize| f32::from(row[pixel * 3 + channel]);
                let [upper, lower] = rows.map(|row| at(row, left) + x * (at(row, right) - at(row, left)));
                (upper + y * (lower - upper)).round() as i16
            }));
        }
    }
    out
}

/// Moves `history` towards `frame`. `gain` has one value per byte, 0 to [`FULL_GAIN`], which stands for 0 to 1.
pub fn follow(history: &mut [i16], frame: &[u8], gain: &[i16]) {
    debug_assert_eq!((history.len(), gain.len()), (frame.len(), frame.len()));
    for ((value, &byte), &gain) in history.iter_mut().zip(frame).zip(gain) {
        *value = moved(*value, byte, gain);
    }
}

/// As [`follow`], and then sets `frame` to the history, rounded to nearest. A full gain leaves `frame` unchanged.
pub fn follow_and_show(history: &mut [i16], frame: &mut [u8], gain: &[i16]) {
    debug_assert_eq!((history.len(), gain.len()), (frame.len(), frame.len()));
    for ((value, byte), &gain) in history.iter_mut().zip(frame).zip(gain) {
        *value = moved(*value, *byte, gain);
        *byte = ((*value + (1 << (FRACTION - 1))) >> FRACTION) as u8;
    }
}

/// Rounds down. From above, a history reaches a still picture exactly. From below, it stops within 1 / gain units of
/// it: 0.25 levels at a gain of 1/16, which round to the picture.
#[inline(always)]
fn moved(value: i16, byte: u8, gain: i16) -> i16 {
    let twice = ((i16::from(byte) << FRACTION) - value) << 1;
    value + ((i32::from(twice) * i32::from(gain)) >> 16) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gain_shows_the_frame_itself() {
        let all: Vec<u8> = (0..=255).collect();
        for start in [0, 1, 128, 255] {
            let mut history = vec![0; 256];
            begin(&mut history, &[start; 256]);
            let mut shown = all.clone();
            follow_and_show(&mut history, &mut shown, &[FULL_GAIN; 256]);
            assert_eq!(shown, all, "from {start}");
        }
    }

    #[test]
    fn a_gain_of_a_sixteenth_reaches_every_level_from_both_sides() {
        let all: Vec<u8> = (0..=255).collect();
        for start in [0, 255] {
            let mut history = vec![0; 256];
            begin(&mut history, &[start; 256]);
            let mut shown = Vec::new();
            for _ in 0..200 {
                shown.clone_from(&all);
                follow_and_show(&mut history, &mut shown, &[FULL_GAIN / 16; 256]);
            }
            assert_eq!(shown, all, "from {start}");
        }
    }

    #[test]
    fn a_resized_history_keeps_its_shades_at_any_size() {
        for (from, to) in [((1, 1), (5, 3)), ((40, 20), (32, 16)), ((32, 16), (40, 21)), ((7, 9), (1, 1))] {
            let shade = |size: (u32, u32), x: u32, y: u32| {
                ((x as f32 + 0.5) / size.0 as f32 * 8000.0 + (y as f32 + 0.5) / size.1 as f32 * 4000.0) as i16
            };
            let picture = |size: (u32, u32)| -> Vec<i16> {
                (0..size.1).flat_map(|y| (0..size.0).flat_map(move |x| [shade(size, x, y); 3])).collect()
            };
            let resized = resized(&picture(from), from, to);
            let wanted = picture(to);
            assert_eq!(resized.len(), wanted.len());
            let margin = (8000 / from.0 + 4000 / from.1) as u16;
            assert!(resized.iter().zip(&wanted).all(|(a, b)| a.abs_diff(*b) <= margin), "{from:?} to {to:?}");
        }
    }

    #[test]
    fn follow_and_follow_and_show_agree() {
        let frame: Vec<u8> = (0..=255).collect();
        let gain: Vec<i16> = (0..256).map(|step| (step * 128).min(i32::from(i16::MAX)) as i16).collect();
        let (mut a, mut b) = (vec![8000; 256], vec![8000; 256]);
        follow(&mut a, &frame, &gain);
        follow_and_show(&mut b, &mut frame.clone(), &gain);
        assert_eq!(a, b);
    }
}
