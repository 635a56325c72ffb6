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
    fn follow_and_follow_and_show_agree() {
        let frame: Vec<u8> = (0..=255).collect();
        let gain: Vec<i16> = (0..256).map(|step| (step * 128).min(i16::MAX as i32) as i16).collect();
        let (mut a, mut b) = (vec![8000; 256], vec![8000; 256]);
        follow(&mut a, &frame, &gain);
        follow_and_show(&mut b, &mut frame.clone(), &gain);
        assert_eq!(a, b);
    }
}
