//! The results, for people and for programs.

use crate::measure::Measured;

pub(crate) fn json(results: &[Measured]) {
    for result in results {
        let (low, high) = result.quartiles();
        println!(
            "{{\"path\": \"{}\", \"family\": \"{}\", \"flows\": {}, \"ns\": {:.1}, \"low\": {low:.1}, \"high\": {high:.1}}}",
            result.path,
            result.family,
            result.flows,
            result.median()
        );
    }
}

/// With each path's ratio to xdp-filter's cost for the same family.
pub(crate) fn table(results: &[Measured]) {
    println!(
        "{:<14} {:<6} {:>9} {:>8} {:>15} {:>9}",
        "path", "family", "flows", "ns", "quartiles", "ratio"
    );
    for result in results {
        let (low, high) = result.quartiles();
        let peer = results
            .iter()
            .find(|peer| peer.path == "xdp-filter" && peer.family == result.family)
            .map(|peer| format!("{:.2}", result.median() / peer.median()));
        println!(
            "{:<14} {:<6} {:>9} {:>8.1} {:>15} {:>9}",
            result.path,
            result.family,
            result.flows,
            result.median(),
            format!("{low:.1}-{high:.1}"),
            peer.unwrap_or_default()
        );
    }
}
