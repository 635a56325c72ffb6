//! Moves the texture of one picture to another.

/// Adds to `picture` what `fine` has over `coarse`, the same picture without its detail.
pub fn add(fine: &[u8], coarse: &[u8], picture: &mut [u8]) {
    debug_assert_eq!((fine.len(), coarse.len()), (picture.len(), picture.len()));
    for ((value, &fine), &coarse) in picture.iter_mut().zip(fine).zip(coarse) {
        *value = (i16::from(*value) + i16::from(fine) - i16::from(coarse)).clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texture_is_added_and_stays_in_range() {
        let mut picture = [100, 250, 3, 100];
        add(&[120, 255, 0, 77], &[110, 200, 50, 77], &mut picture);
        assert_eq!(picture, [110, 255, 0, 100]);
    }
}
