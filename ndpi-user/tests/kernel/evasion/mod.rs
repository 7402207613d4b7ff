//! Ways around a `drop` verdict: a flow that is blocked, and the same flow sent in every form that
//! the parser has a rule for.
//!
//! A form is either still blocked, or it is let through, or dropped, under a reason that the
//! statistics name.

mod fragments;
mod ipv4;
mod ipv6;
mod link;
mod transport;

use ndpi_common::{Action, Hook, Outcome, Reason, Switches};
use testkit::frame::Talk;

use crate::forms::hooks_for;
use crate::harness::{Answer, Kernel, Settings, kernel};

/// The outcome of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Dropped by the flow's verdict.
    Blocked,
    /// Let through, and counted under this reason.
    Passes(Reason),
    /// Let through or dropped under this reason, as one of the switches says.
    Depends(Reason, u32),
    /// A later fragment whose first has not been seen: dropped, or let through and shown as far as its sender's share
    /// goes, as a switch says.
    Stray,
}

use Fate::{Blocked, Depends, Passes, Stray};

/// Another flow, of which nothing is known.
const ANOTHER_FLOW: Fate = Passes(Reason::Shown);

/// What cannot be parsed.
const fn unparsable(reason: Reason) -> Fate {
    Depends(reason, Switches::DROP_UNPARSABLE)
}

/// A way to send a blocked flow: what it is called, the flow, and the frames in their order.
struct Way {
    name: &'static str,
    talk: Talk,
    frames: Vec<(Vec<u8>, Fate)>,
}

impl Way {
    /// A single frame.
    fn new(name: &'static str, talk: Talk, frame: Vec<u8>, fate: Fate) -> Self {
        Self { name, talk, frames: vec![(frame, fate)] }
    }

    /// Several frames that meet the same fate.
    fn all(name: &'static str, talk: Talk, frames: Vec<Vec<u8>>, fate: Fate) -> Self {
        Self { name, talk, frames: frames.into_iter().map(|frame| (frame, fate)).collect() }
    }
}

/// Tries every way, with all switches off and with all of them on.
fn try_all(ways: &[Way]) {
    for (switches, load_time) in [(0, 0), (Switches::LIVE, Switches::DROP_LONG_CHAINS)] {
        let settings = Settings { switches: switches | load_time, ..Settings::SMALL };
        let Some(mut kernel) = kernel(settings) else { return };
        for way in ways {
            for hook in [Hook::Xdp, Hook::Tc] {
                try_one(&mut kernel, hook, way);
            }
        }
    }
}

fn try_one(kernel: &mut Kernel, hook: Hook, way: &Way) {
    kernel.forget();
    kernel.decide(way.talk.key(), Action::Drop);
    let mut blocked = 0;
    for (number, (frame, fate)) in way.frames.iter().enumerate() {
        if hooks_for(frame).contains(&hook) {
            check(kernel, hook, frame, *fate, &format!("{}, frame {number} at {hook:?}", way.name));
            blocked += u64::from(*fate == Blocked);
        }
    }
    assert_eq!(kernel.verdict(way.talk.key()).dropped().packets, blocked, "{}", way.name);
}

fn check(kernel: &mut Kernel, hook: Hook, frame: &[u8], fate: Fate, what: &str) {
    let unknown = Reason::FragmentUnknown;
    let drops = |switch| kernel.switches() & switch != 0;
    let (outcome, reasons) = match fate {
        Blocked => (Outcome::Dropped, vec![Reason::Drop]),
        Depends(reason, switch) if drops(switch) => (Outcome::Dropped, vec![reason]),
        Passes(reason) | Depends(reason, _) => (Outcome::Passed, vec![reason]),
        Stray if drops(Switches::DROP_UNKNOWN_FRAGMENTS) => (Outcome::Dropped, vec![unknown]),
        Stray => (Outcome::Passed, vec![Reason::Shown, unknown]),
    };
    let before = kernel.stats();
    let answer = kernel.run(hook, frame);
    let mut counted = kernel.stats();
    counted.retain(|place, now| now.0 > before.get(place).map_or(0, |then| then.0));
    let places: Vec<_> = counted.into_keys().collect();
    let expected: Vec<_> =
        reasons.into_iter().map(|reason| (hook as u8, outcome as u8, reason)).collect();
    assert!(places.len() == 1 && expected.contains(&places[0]), "{what}: {places:?}");
    let dropped = outcome == Outcome::Dropped;
    assert_eq!(answer, if dropped { Answer::Drop } else { Answer::Pass }, "{what}");
}
