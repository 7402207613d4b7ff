//! The results, for people and for programs.

use crate::measure::{Case, Figures};

pub(crate) fn begin(json: bool) {
    if !json {
        println!(
            "{:>9} {:>8} {:>11} {:>11} {:>10} {:>10} {:>9}",
            "packets/s", "pause us", "median us", "99 % us", "reads/s", "ns/packet", "reader %"
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures to look at")]
pub(crate) fn print(case: &Case, figures: &Figures, json: bool) {
    let micros = |share| at(&figures.latencies, share) as f64 / 1000.0;
    let (median, most, cost) = (micros(0.5), micros(0.99), at(&figures.costs, 0.5));
    let seconds = figures.lasted.as_secs_f64();
    let reads = figures.passes as f64 / seconds;
    let busy = 100.0 * figures.reader.as_secs_f64() / seconds;
    let (rate, pause) = (case.rate, case.pause.as_micros());
    if json {
        let line = serde_json::json!({
            "rate": rate,
            "pause_us": u64::try_from(pause).unwrap_or(u64::MAX),
            "latency_us": median,
            "latency_99_us": most,
            "reads_per_second": reads.round(),
            "ns_per_packet": cost,
            "reader_percent": busy,
            "lost": figures.costs.len() - figures.latencies.len(),
        });
        println!("{line}");
    } else {
        println!(
            "{rate:>9} {pause:>8} {median:>11.1} {most:>11.1} {reads:>10.0} {cost:>10} {busy:>9.1}"
        );
    }
}

/// What `share` of the sorted `values` are not above.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index by a share"
)]
fn at(values: &[u64], share: f64) -> u64 {
    let index = (values.len().saturating_sub(1) as f64 * share) as usize;
    values.get(index).copied().unwrap_or(0)
}
