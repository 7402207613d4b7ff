//! The results, for people and for programs.

use serde_json::json;

use crate::Turn;
use crate::lane::Lane;

/// Prints each round, then how many connections there are with the program for each without.
pub(crate) fn print(turns: &[Turn], json: bool) {
    for (lane, round) in turns.iter().flatten() {
        let name = match lane {
            Lane::Nothing => "nothing attached",
            Lane::Ours => "ours",
        };
        let (rate, failed) = (round.rate(), round.done.failed);
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
    let (middle, low, high) = shares(turns);
    if json {
        println!(
            "{}",
            json!({"lane": "of nothing attached", "share": middle, "low": low, "high": high})
        );
    } else {
        println!("{:<18}{middle:>8.2} ({low:.2} to {high:.2})", "of nothing");
    }
}

/// Connections with the program for each without, turn by turn: the middle, the least, the most.
fn shares(turns: &[Turn]) -> (f64, f64, f64) {
    let share = |[(_, without), (_, with)]: &Turn| with.rate() / without.rate();
    let mut shares: Vec<_> = turns.iter().map(share).collect();
    shares.sort_by(f64::total_cmp);
    let at = |index: usize| shares.get(index).copied().unwrap_or(f64::NAN);
    (at(shares.len() / 2), at(0), at(shares.len().saturating_sub(1)))
}
