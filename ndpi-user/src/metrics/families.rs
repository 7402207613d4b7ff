//! Metrics with their names, explanations and values, as the `prometheus` crate encodes them.

use ndpi_text::clean;
use prometheus::TextEncoder;
use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};

use crate::snapshot::Buckets;

/// Before the name of each metric.
const PREFIX: &str = "ndpi_xdp_";

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

/// The metrics of one answer.
#[derive(Debug, Default)]
pub(super) struct Families(Vec<MetricFamily>);

/// One metric, with its samples so far.
#[derive(Debug)]
pub(super) struct Family<'f> {
    kind: MetricType,
    family: &'f mut MetricFamily,
}

impl Families {
    /// A count that only rises; its name ends with `_total`.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, MetricType::COUNTER)
    }

    /// A value that rises and falls.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Family<'_> {
        self.family(name, help, MetricType::GAUGE)
    }

    /// Durations, in seconds.
    pub(super) fn durations(&mut self, name: &str, help: &str, buckets: &Buckets) {
        let mut histogram = Histogram::default();
        let each = buckets.up_to.iter().map(|&(ns, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(seconds(ns));
            bucket.set_cumulative_count(count);
            bucket
        });
        histogram.set_bucket(each.collect());
        histogram.set_sample_count(buckets.count);
        histogram.set_sample_sum(seconds(buckets.sum_ns));
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        self.family(name, help, MetricType::HISTOGRAM).family.mut_metric().push(metric);
    }

    /// All of them in the text format, version 0.0.4.
    pub(super) fn text(mut self) -> String {
        // One without samples has nothing to say.
        self.0.retain(|family| !family.get_metric().is_empty());
        let text = TextEncoder::new().encode_to_string(&self.0);
        text.unwrap_or_else(|error| {
            log::error!("cannot write the metrics: {error}");
            String::new()
        })
    }

    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Family<'_> {
        let mut family = MetricFamily::default();
        family.set_name(format!("{PREFIX}{name}"));
        family.set_help(help.into());
        family.set_field_type(kind);
        self.0.push(family);
        let last = self.0.len() - 1;
        Family { kind, family: &mut self.0[last] }
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn count(&mut self, labels: Labels, value: u64) -> &mut Self {
        self.value(labels, value as f64)
    }

    /// Adds a sample for each of these values of a label.
    pub(super) fn each<'a>(
        &mut self,
        label: &'static str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        for (value, count) in values {
            self.count(&[(label, value)], count);
        }
    }

    /// Adds a sample that is no whole number.
    pub(super) fn value(&mut self, labels: Labels, value: f64) -> &mut Self {
        let mut metric = Metric::default();
        metric.set_label(labels.iter().map(|(name, value)| pair(name, value)).collect());
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        self.family.mut_metric().push(metric);
        self
    }
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.into());
    // What the format itself needs is escaped by the encoder.
    pair.set_value(clean(value).into_owned());
    pair
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
