//! Blends one picture into another.

/// Moves `picture` towards `other` by the fraction `share` (0 keeps `picture`, 1 gives `other`), rounded to nearest.
///
/// Uses 8.8 fixed point, which the compiler vectorises. The error is below one level.
pub fn toward(other: &[u8], picture: &mut [u8], share: f32) {
    debug_assert_eq!(other.len(), picture.len());
    let share = (share.clamp(0.0, 1.0) * 256.0).round() as u32;
    let keep = 256 - share;
    for (byte, &target) in picture.iter_mut().zip(other) {
        *byte = ((u32::from(*byte) * keep + u32::from(target) * share + 128) >> 8) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_zero_and_one_are_exact() {
        let all: Vec<u8> = (0..=255).collect();
        let reversed: Vec<u8> = (0..=255).rev().collect();
        for (share, expected) in [(0.0, &all), (1.0, &reversed)] {
            let mut picture = all.clone();
            toward(&reversed, &mut picture, share);
            assert_eq!(&picture, expected);
        }
    }
}
