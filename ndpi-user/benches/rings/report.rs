//! The results, for people and for programs.

use serde_json::json;

use crate::measure::{Case, Figures, Rings};

pub(crate) fn begin(json: bool) {
    if !json {
        println!(
            "{:>9}  {:<12} {:>10} {:>12} {:>8} {:>10} {:>12}",
            "producers", "rings", "ns/packet", "shown/s", "full", "contended", "stall (us)"
        );
    }
}

pub(crate) fn print(case: Case, figures: &Figures, json: bool) {
    let rings = match case.rings {
        Rings::OneForAll => "one for all",
        Rings::OneForEach => "one for each",
    };
    let Figures { cost, shown, full, contended, longest_stall } = figures;
    let stall = longest_stall.as_micros();
    if json {
        let line = json!({
            "producers": case.producers, "rings": rings, "ns_per_packet": cost.round(),
            "shown_per_second": shown.round(), "full": full, "contended": contended,
            "longest_stall_us": u64::try_from(stall).unwrap_or(u64::MAX),
        });
        println!("{line}");
    } else {
        let producers = case.producers;
        println!(
            "{producers:>9}  {rings:<12} {cost:>10.0} {shown:>12.0} {full:>8} {contended:>10} {stall:>12}"
        );
    }
}
