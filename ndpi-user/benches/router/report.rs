//! The results, for people and for programs.

use serde_json::json;

use crate::Turn;
use crate::lane::Lane;

/// Prints each round, then how many connections there are in each lane for each without anything.
pub(crate) fn print(turns: &[Turn], json: bool) {
    for (lane, round) in turns.iter().flat_map(|turn| Lane::ALL.into_iter().zip(turn)) {
        let (name, rate, failed) = (lane.name(), round.rate(), round.done.failed);
        if json {
            let line = json!({
                "lane": name, "connections_per_second": rate.round(), "failed": failed,
                "decided": round.decided, "program_cpus": round.cpus,
            });
            println!("{line}");
        } else {
            println!(
                "{name:<18}{rate:>8.0} connections/s, {failed} failed; {} decided, {:.2} CPUs",
                round.decided, round.cpus
            );
        }
    }
    for lane in [Lane::EmptyXdp, Lane::Ours] {
        let (name, (middle, low, high)) = (lane.name(), shares(turns, lane));
        if json {
            let line =
                json!({"lane": name, "of_nothing_attached": middle, "low": low, "high": high});
            println!("{line}");
        } else {
            println!("{name:<18}{middle:>8.2} of nothing attached ({low:.2} to {high:.2})");
        }
    }
}

/// Connections in a lane for each without anything, turn by turn: the middle, the least, the most.
fn shares(turns: &[Turn], lane: Lane) -> (f64, f64, f64) {
    let share = |turn: &Turn| turn[lane as usize].rate() / turn[Lane::Nothing as usize].rate();
    let mut shares: Vec<_> = turns.iter().map(share).collect();
    shares.sort_by(f64::total_cmp);
    let at = |index: usize| shares.get(index).copied().unwrap_or(f64::NAN);
    (at(shares.len() / 2), at(0), at(shares.len().saturating_sub(1)))
}
