//! A running mean of the pictures of a run.

use std::borrow::Cow;

/// An exponential moving average of pictures. Like Adam's averages, it is corrected for the bias towards its initial
/// zeros.
#[derive(Clone, Debug, Default)]
pub struct Average {
    share: f32,
    /// The sum of the weights of all pictures so far.
    pub weight: f32,
    /// The weighted sum of the pictures, `[3][H][W]`; empty if there is no averaging.
    pub sum: Vec<f32>,
}

impl Average {
    /// An average with decay `share`, 0 to below 1. 0 keeps the last picture alone.
    pub fn new(share: f32) -> Self {
        Self { share, ..Self::default() }
    }

    /// Adds a picture.
    pub fn add(&mut self, planes: &[f32]) {
        if self.share <= 0.0 {
            return;
        }
        self.sum.resize(planes.len(), 0.0);
        self.weight = self.share * self.weight + (1.0 - self.share);
        self.sum.iter_mut().zip(planes).for_each(|(sum, &value)| *sum += (1.0 - self.share) * (value - *sum));
    }

    /// The mean of the pictures so far; `planes` is the last one.
    pub fn of<'a>(&self, planes: &'a [f32]) -> Cow<'a, [f32]> {
        if self.sum.is_empty() { planes.into() } else { self.sum.iter().map(|sum| sum / self.weight).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_of_one_picture_is_that_picture() {
        let mut average = Average::new(0.9);
        average.add(&[0.2, 0.8]);
        assert!((average.of(&[9.0, 9.0])[1] - 0.8).abs() < 1e-6);
        average.add(&[0.4, 0.6]);
        let mean = average.of(&[])[0];
        assert!(mean > 0.3 && mean < 0.32, "the newer counts a little more: {mean}");
        assert_eq!(*Average::new(0.0).of(&[0.5]), [0.5]);
    }
}
