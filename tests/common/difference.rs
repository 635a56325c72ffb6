//! How far apart two pictures are, sample by sample.

/// The largest difference between two pictures of one size, in the levels of their samples.
#[track_caller]
pub fn largest_difference<T: Copy + Into<i32>>(one: &[T], other: &[T]) -> i32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(&a, &b)| (a.into() - b.into()).abs()).max().unwrap_or(0)
}
