//! Flows of which user space wants to see more than the budget.

use ndpi_common::{
    Action, Hook, Outcome, Reason, SampleFlags, State, Switches, Total, VerdictEntry,
};
use testkit::frame::{ACK, FIN, SYN, Talk, V4, V6, counted};

use crate::harness::{Answer, HOOKS, Kernel, NOW, Settings, kernel};

const ALLOWED: u16 = SampleFlags::ALLOWED;
const LAST: u16 = SampleFlags::ALLOWED | SampleFlags::LAST_ALLOWED;

fn allow(kernel: &mut Kernel, talk: Talk, allowance: u32) {
    let action = Action::Inspect as u8;
    kernel.set_verdict(
        talk.key(),
        VerdictEntry { action, allowance, last_seen: NOW, ..VerdictEntry::default() },
    );
}

/// Sends so many packets with data, and says number and allowance of those that were shown.
fn send(kernel: &mut Kernel, hook: Hook, talk: Talk, packets: usize) -> Vec<(u32, u16)> {
    for _ in 0..packets {
        assert_eq!(kernel.run(hook, &talk.out(ACK, b"data")), Answer::Pass);
    }
    let shown = kernel.shown();
    shown.iter().map(|sample| (sample.header.number, sample.header.flags & LAST)).collect()
}

#[test]
fn an_allowance_begins_where_the_budget_ends_and_is_counted_down() {
    let Some(mut kernel) = kernel(Settings { budget: 2, ..Settings::default() }) else { return };
    for hook in HOOKS {
        for talk in [V4, V6, V4.udp(), V6.in_vlan(5)] {
            let talk = talk.with_port(1 + hook as u16);
            assert_eq!(send(&mut kernel, hook, talk, 1), [(1, 0)]);
            allow(&mut kernel, talk, 2);
            assert_eq!(send(&mut kernel, hook, talk, 1), [(2, 0)], "of the budget");
            assert_eq!(kernel.verdict(talk.key()).allowance, 2);
            assert_eq!(send(&mut kernel, hook, talk, 3), [(3, ALLOWED), (4, LAST)]);
            assert_eq!(send(&mut kernel, hook, talk, 2), []);
            let entry = kernel.verdict(talk.key());
            assert_eq!((entry.allowance, entry.lower()), (0, Total::default()));
            assert_eq!(kernel.track(talk.key()).unwrap().packets, 7, "undecided all the same");
            // More, and again.
            allow(&mut kernel, talk, 1);
            assert_eq!(send(&mut kernel, hook, talk, 2), [(5, LAST)]);
        }
    }
}

#[test]
fn what_is_inspected_is_as_undecided_as_before() {
    let settings =
        Settings { budget: 1, switches: Switches::DROP_OVER_BUDGET, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    allow(&mut kernel, V4, 1);
    let frame = V4.out(ACK, b"data");
    let count = |outcome, reason| (Hook::Xdp, outcome, reason, 1, counted(&frame));
    for counts in [
        count(Outcome::Passed, Reason::Shown),
        count(Outcome::Passed, Reason::Shown),
        count(Outcome::Dropped, Reason::OverBudget),
    ] {
        kernel.expect(&[counts], |kernel| kernel.run(Hook::Xdp, &frame));
    }
    assert_eq!(kernel.track(V4.key()).unwrap().dropped.packets, 1);
}

#[test]
fn a_syn_ends_no_inspection_that_its_connection_does_not_end() {
    let Some(mut kernel) = kernel(Settings { budget: 1, ..Settings::default() }) else { return };
    kernel.run(Hook::Xdp, &V4.segment(true, SYN, [1000, 0], b""));
    allow(&mut kernel, V4, 9);
    kernel.run(Hook::Xdp, &V4.segment(true, SYN, [7, 0], b""));
    kernel.run(Hook::Xdp, &V4.segment(false, SYN | ACK, [5, 1001], b""));
    kernel.run(Hook::Xdp, &V4.segment(true, ACK, [1001, 6], b"hello"));
    let shown = kernel.shown();
    let begins: Vec<_> = shown.iter().map(|it| it.header.sequence.lower.initial()).collect();
    assert_eq!(begins, [Some(1000); 4]);
    let state = kernel.verdict(V4.key()).state;
    assert_eq!(state & (State::KNOCKED | State::REOPENED), 0);
    kernel.run(Hook::Xdp, &V4.segment(false, FIN | ACK, [6, 1006], b""));
    kernel.run(Hook::Xdp, &V4.segment(true, SYN, [70, 0], b""));
    let shown = kernel.shown();
    let last = &shown.last().unwrap().header;
    assert_eq!((last.number, last.sequence.lower.initial()), (1, Some(70)));
}

#[test]
fn what_finds_no_room_is_not_taken_from_the_allowance() {
    let settings = Settings { budget: 1, ring_bytes: 4096, ..Settings::default() };
    let Some(mut kernel) = kernel(settings) else { return };
    allow(&mut kernel, V4, 100);
    assert_eq!(send(&mut kernel, Hook::Xdp, V4, 1), [(1, 0)]);
    let shown = send(&mut kernel, Hook::Xdp, V4, 60);
    let count = u32::try_from(shown.len()).unwrap();
    assert!((1..60).contains(&count), "the ring is too small for all: {count}");
    assert_eq!(kernel.verdict(V4.key()).allowance, 100 - count);
    assert_eq!(send(&mut kernel, Hook::Xdp, V4, 1), [(count + 2, ALLOWED)]);
}
