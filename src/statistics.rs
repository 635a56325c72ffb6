//! Percentiles of durations.

use std::time::Duration;

use serde::Serialize;

/// Percentiles of durations, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// The median.
    pub p50: f64,
    /// The 95th percentile.
    pub p95: f64,
    /// The 99th percentile.
    pub p99: f64,
}

/// A histogram of durations. It takes constant memory however long the job, and is accurate to 2 %.
#[derive(Clone, Debug)]
pub struct Histogram {
    /// Bucket `i` counts durations from `GROWTH^i` microseconds up to `GROWTH^(i + 1)`.
    buckets: Vec<u64>,
    count: u64,
    total: Duration,
}

const GROWTH: f64 = 1.02;
/// Covers up to `1.02^1100` microseconds: 48 minutes.
const BUCKETS: usize = 1100;

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, total: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts one duration.
    pub fn add(&mut self, time: Duration) {
        let micros = (time.as_secs_f64() * 1e6).max(1.0);
        let bucket = (micros.ln() / GROWTH.ln()) as usize;
        self.buckets[bucket.min(BUCKETS - 1)] += 1;
        self.count += 1;
        self.total += time;
    }

    /// The sum of all durations.
    pub fn total(&self) -> Duration {
        self.total
    }

    /// The number of durations counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The median, 95th and 99th percentile; zeros if nothing was counted.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles { p50: self.quantile(0.50), p95: self.quantile(0.95), p99: self.quantile(0.99) }
    }

    fn quantile(&self, share: f64) -> f64 {
        let rank = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                // The middle of the bucket, in milliseconds to three places.
                let millis = GROWTH.powf(bucket as f64 + 0.5) / 1e3;
                return (millis * 1e3).round() / 1e3;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_within_two_percent() {
        let mut histogram = Histogram::default();
        for millis in 1..=1000 {
            histogram.add(Duration::from_millis(millis));
        }
        let Percentiles { p50, p95, p99 } = histogram.percentiles();
        for (measured, truth) in [(p50, 500.0), (p95, 950.0), (p99, 990.0)] {
            assert!((measured / truth - 1.0f64).abs() < 0.02, "{measured} for {truth}");
        }
    }

    #[test]
    fn an_empty_histogram_gives_zeros() {
        assert_eq!(Histogram::default().percentiles(), Percentiles::default());
    }
}
