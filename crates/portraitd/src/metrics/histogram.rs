//! A histogram as it stood at one moment, ready to be written.

use portraitd_store::Histogram;
use prometheus_client::encoding::MetricEncoder;
use prometheus_client::encoding::NoLabelSet;
use std::fmt;

/// What a histogram had recorded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    sum: f64,
    count: u64,
    /// Upper ends, and how many values fell into the range that ends there.
    buckets: Vec<(f64, u64)>,
}

impl Recorded {
    /// Of one that records microseconds.
    pub(super) fn seconds(histogram: &Histogram) -> Self {
        Self::scaled(histogram, 1e6)
    }

    /// Of one that records whatever its name says.
    pub(super) fn plain(histogram: &Histogram) -> Self {
        Self::scaled(histogram, 1.0)
    }

    #[expect(clippy::cast_precision_loss, reason = "a sum of 2^53 microseconds is 285 years")]
    fn scaled(histogram: &Histogram, per_unit: f64) -> Self {
        let buckets: Vec<_> = histogram
            .ranges()
            .map(|(bound, count)| (bound.map_or(f64::INFINITY, |bound| bound as f64 / per_unit), count))
            .collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Self { sum: histogram.sum() as f64 / per_unit, count, buckets }
    }

    pub(super) fn encode(&self, encoder: &mut MetricEncoder<'_>) -> fmt::Result {
        encoder.encode_histogram::<NoLabelSet>(self.sum, self.count, &self.buckets, None)
    }
}
