//! The values of a histogram at one moment.

use portraitd_store::Histogram;
use prometheus_client::encoding::MetricEncoder;
use prometheus_client::encoding::NoLabelSet;
use std::fmt;

/// The values of a histogram at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistogramValues {
    sum: f64,
    count: u64,
    /// The upper end of each range, and the number of values in it.
    buckets: Vec<(f64, u64)>,
}

impl HistogramValues {
    /// The values of a histogram of microseconds, in seconds.
    pub(super) fn seconds(histogram: &Histogram) -> Self {
        Self::scaled(histogram, 1e6)
    }

    /// The values of a histogram, in the unit that it records.
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
