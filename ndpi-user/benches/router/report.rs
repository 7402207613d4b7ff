//! The results, for people and for programs.

use serde_json::json;

use crate::Turn;
use crate::lane::Lane;

/// Prints each round, then how many connections there are in each lane for each without anything.
pub(crate) fn print(lanes: &[Lane], turns: &[Turn], json: bool) {
    for (lane, round) in turns.iter().flat_map(|turn| lanes.iter().zip(turn)) {
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
    for (place, lane) in lanes.iter().enumerate().skip(1) {
        let (name, shares) = (lane.name(), Shares::of(turns, place));
        let Shares { low, lower_quarter, middle, high } = shares;
        if json {
            let line = json!({
                "lane": name, "of_nothing_attached": middle, "lower_quarter": lower_quarter,
                "low": low, "high": high,
            });
            println!("{line}");
        } else {
            println!(
                "{name:<18}{middle:>8.2} of nothing attached, {lower_quarter:.2} at the lower quarter \
                 ({low:.2} to {high:.2})"
            );
        }
    }
}

/// Connections in a lane for each without anything, turn by turn.
struct Shares {
    low: f64,
    /// A quarter of the turns had less.
    lower_quarter: f64,
    middle: f64,
    high: f64,
}

impl Shares {
    /// Those of the lane at `place`; of the first, which has nothing, all are 1.
    fn of(turns: &[Turn], place: usize) -> Self {
        let share = |turn: &Turn| turn[place].rate() / turn[0].rate();
        let mut shares: Vec<_> = turns.iter().map(share).collect();
        shares.sort_by(f64::total_cmp);
        let at = |index: usize| shares.get(index).copied().unwrap_or(f64::NAN);
        let turns = shares.len();
        Self {
            low: at(0),
            lower_quarter: at(turns / 4),
            middle: at(turns / 2),
            high: at(turns.saturating_sub(1)),
        }
    }
}
