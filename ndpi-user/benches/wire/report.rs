//! The results, for people and for programs.

use crate::lane::{Lane, Reasons};

/// Decided traffic is to reach this share of what an empty drop reaches.
const DECIDED: f64 = 0.70;
/// New flows are to reach this share.
const NEW: f64 = 0.10;

/// Prints the results and says whether all frames are accounted for and the targets reached.
pub(crate) fn print(lanes: &[Lane], json: bool) -> bool {
    let drop =
        lanes.iter().find(|lane| lane.name == "empty drop").map_or(f64::NAN, |it| it.rates().0);
    if json {
        for lane in lanes {
            print_json(lane, drop);
        }
    } else {
        print_table(lanes, drop);
    }
    lanes.iter().all(|lane| lane.account.unaccounted().is_empty() && !misses(lane, drop))
}

fn misses(lane: &Lane, drop: f64) -> bool {
    target(lane.name).is_some_and(|target| lane.rates().0 < target * drop)
}

fn target(name: &str) -> Option<f64> {
    match name {
        "ours, decided" => Some(DECIDED),
        "ours, all new" => Some(NEW),
        _ => None,
    }
}

fn print_json(lane: &Lane, drop: f64) {
    let (middle, low, high) = lane.rates();
    let account = &lane.account;
    let mut line = serde_json::json!({
        "lane": lane.name,
        "pps": middle.round(),
        "low": low.round(),
        "high": high.round(),
        "of_empty_drop": middle / drop,
        "sent": account.sent,
        "turned_away": account.turned_away,
        "arrived": account.arrived,
        "to_stack": account.to_stack,
        "unaccounted": account.unaccounted().iter().map(|(_, packets)| packets).sum::<u64>(),
    });
    if let (Some(ours), Some(line)) = (account.ours, line.as_object_mut()) {
        let Reasons { seen, dropped, passed, shown, ring_full, held_back } = ours;
        let kernel = [("seen", seen), ("dropped", dropped), ("passed", passed), ("shown", shown)];
        let losses =
            [("ring_full", ring_full), ("held_back", held_back), ("left_out", account.left_out)];
        for (name, packets) in kernel.into_iter().chain(losses) {
            line.insert(name.to_owned(), packets.into());
        }
    }
    println!("{line}");
}

fn print_table(lanes: &[Lane], drop: f64) {
    println!(
        "{:<20} {:>11} {:>23} {:>11} {:>11}",
        "", "packets/s", "slowest to fastest", "empty drop", "target"
    );
    for lane in lanes {
        let (middle, low, high) = lane.rates();
        let target = match target(lane.name) {
            Some(target) if misses(lane, drop) => format!("{target:.2} missed"),
            Some(target) => format!("{target:.2}"),
            None => String::new(),
        };
        println!(
            "{:<20} {middle:>11.0} {:>23} {:>10.2}x {target:>11}",
            lane.name,
            format!("{low:.0} to {high:.0}"),
            middle / drop,
        );
    }
    println!();
    println!(
        "{:<16} {:>11} {:>11} {:>11} {:>11} {:>11} {:>9} {:>9} {:>9} {:>9}",
        "",
        "sent",
        "turned away",
        "arrived",
        "dropped",
        "to stack",
        "shown",
        "left out",
        "ring full",
        "held back",
    );
    for lane in lanes {
        let account = &lane.account;
        let ours = |value: fn(&Reasons) -> u64| {
            account.ours.as_ref().map_or_else(|| "-".to_owned(), |ours| value(ours).to_string())
        };
        println!(
            "{:<16} {:>11} {:>11} {:>11} {:>11} {:>11} {:>9} {:>9} {:>9} {:>9}",
            lane.name,
            account.sent,
            account.turned_away,
            account.arrived,
            ours(|it| it.dropped),
            account.to_stack,
            ours(|it| it.shown),
            account.ours.map_or_else(|| "-".to_owned(), |_| account.left_out.to_string()),
            ours(|it| it.ring_full),
            ours(|it| it.held_back),
        );
        for (stage, packets) in account.unaccounted() {
            println!("{:<16} {packets} packets unaccounted for at: {stage}", "");
        }
    }
}
