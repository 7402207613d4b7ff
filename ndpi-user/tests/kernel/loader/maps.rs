//! Verdicts, statistics and the other maps, with the real programs counting in them.

use std::collections::HashMap;

use ndpi_common::{
    Action, Direction, Hook, Key, Outcome, Reason, SILENCE_TICKS, SampleFlags, Server, Switches,
    TICK_NS, VerdictEntry, tick_of,
};
use ndpi_kernel::{Kernel, LoadOptions, Written, ktime_ns};
use testkit::frame::{key4, key6, udp4, udp6};

use crate::loader::setup::{can_load, load, options};

fn verdict(action: Action) -> VerdictEntry {
    VerdictEntry { action: action as u8, rule: 3, app: 91, ..VerdictEntry::default() }
}

#[test]
fn a_verdict_is_acted_on_and_its_counts_come_back() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    for (frame, key) in
        [(udp4(4000, 53, b"hello"), key4(4000, 53)), (udp6(1, 2, b"six"), key6(1, 2))]
    {
        let written = kernel.verdicts().insert(&key, &verdict(Action::Drop)).unwrap();
        assert_eq!(written, Written::Stands);
        assert!(kernel.test_run().xdp(&frame, None, 5).unwrap().dropped(Hook::Xdp));
        assert!(kernel.test_run().tc(&frame, None, 2).unwrap().dropped(Hook::Tc));
        let total = kernel.verdicts().get(&key).unwrap().unwrap().dropped();
        assert_eq!(total.packets, 7);
        assert_eq!(total.bytes, 7 * (frame.len() as u64 - 14));
        let last = kernel.verdicts().take(&key).unwrap().unwrap();
        assert_eq!((last.dropped(), last.rule, last.app), (total, 3, 91));
        assert_eq!(kernel.verdicts().take(&key).unwrap(), None);
        assert!(!kernel.test_run().xdp(&frame, None, 1).unwrap().dropped(Hook::Xdp));
    }
    let statistics = kernel.stats().read().unwrap();
    assert_eq!(statistics.get(Hook::Xdp, Outcome::Dropped, Reason::Drop).packets, 10);
    assert_eq!(statistics.seen(Hook::Xdp).packets, 12);
    assert_eq!(statistics.seen(Hook::Tc).packets, 4);
}

#[test]
fn a_second_verdict_leaves_the_first_alone() {
    if !can_load() {
        return;
    }
    let kernel = load();
    let key = key4(1, 2);
    kernel.verdicts().insert(&key, &verdict(Action::Count)).unwrap();
    let second = kernel.verdicts().insert(&key, &verdict(Action::Drop)).unwrap();
    assert_eq!(second, Written::Already);
    assert_eq!(kernel.verdicts().get(&key).unwrap().unwrap().action, Action::Count as u8);
    kernel.verdicts().replace(&key, &verdict(Action::Drop)).unwrap();
    assert_eq!(kernel.verdicts().get(&key).unwrap().unwrap().action, Action::Drop as u8);
}

#[test]
fn a_full_map_takes_no_more_and_loses_nothing() {
    if !can_load() {
        return;
    }
    let kernel = load();
    let verdicts = kernel.verdicts();
    let capacity = options().verdicts;
    for port in 0..capacity {
        let key = key4(u16::try_from(port).unwrap(), 60_000);
        assert_eq!(verdicts.insert(&key, &verdict(Action::Count)).unwrap(), Written::Stands);
    }
    for action in [Action::Bypass, Action::Drop] {
        assert_eq!(verdicts.insert(&key4(1, 1), &verdict(action)).unwrap(), Written::Full);
    }
    assert_eq!(verdicts.entries().count(), capacity as usize);
}

#[test]
fn a_walk_gives_every_entry_once_while_the_map_changes() {
    if !can_load() {
        return;
    }
    let options = LoadOptions { verdicts: 20_000, ..options() };
    let kernel = Kernel::load(&options).unwrap();
    let verdicts = kernel.verdicts().clone();
    let stays: Vec<Key> =
        (0..6000).map(|p| key4(p, 60_000)).chain((0..500).map(|p| key6(p, 9))).collect();
    for key in &stays {
        verdicts.insert(key, &verdict(Action::Count)).unwrap();
    }
    let changing = verdicts.clone();
    let changes = std::thread::spawn(move || {
        for round in 0..20_000u16 {
            changing.insert(&key4(round % 64, 61_000), &verdict(Action::Drop)).unwrap();
            changing.take(&key4((round + 32) % 64, 61_000)).unwrap();
        }
    });
    for _ in 0..5 {
        let mut times: HashMap<Key, u32> = HashMap::new();
        for entry in verdicts.entries() {
            *times.entry(entry.unwrap().0).or_default() += 1;
        }
        assert!(stays.iter().all(|key| times.get(key) == Some(&1)));
    }
    changes.join().unwrap();
}

#[test]
fn all_flows_are_forgotten_at_once() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    for port in 0..50 {
        kernel.verdicts().insert(&key4(port, 1), &verdict(Action::Drop)).unwrap();
        kernel.test_run().xdp(&udp6(port, 2, b"shown"), None, 1).unwrap();
    }
    kernel.forget_flows().unwrap();
    assert_eq!((kernel.verdicts().entries().count(), kernel.tracks().entries().count()), (0, 0));
    assert!(!kernel.test_run().xdp(&udp4(7, 1, b"passes"), None, 1).unwrap().dropped(Hook::Xdp));
}

#[test]
fn a_track_is_read_and_taken() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    kernel.test_run().xdp(&udp4(4000, 53, b"hello"), None, 3).unwrap();
    let key = key4(4000, 53);
    assert_eq!(kernel.tracks().get(&key).unwrap().unwrap().total().packets, 3);
    assert_eq!(kernel.tracks().entries().count(), 1);
    assert_eq!(kernel.tracks().take(&key).unwrap().unwrap().shown, 3);
    assert_eq!(kernel.tracks().get(&key).unwrap(), None);
}

#[test]
fn switches_are_set_when_the_programs_are_loaded() {
    if !can_load() {
        return;
    }
    for (switches, dropped, proto) in
        [(0, false, 4), (Switches::DROP_LONG_CHAINS, true, 4), (Switches::TUNNELS, false, 17)]
    {
        let mut kernel = Kernel::load(&LoadOptions { switches, ..options() }).unwrap();
        // Nine headers of destination options.
        let mut long_chain = udp6(1, 2, &[60, 0, 1, 4, 0, 0, 0, 0].repeat(9));
        long_chain[20] = 60;
        long_chain.drain(54..62);
        let run = kernel.test_run().xdp(&long_chain, None, 1).unwrap();
        assert_eq!(run.dropped(Hook::Xdp), dropped, "{switches}");
        let inner = udp4(4000, 53, b"inner");
        let mut tunnel = inner.clone();
        tunnel.splice(34.., inner[14..].iter().copied());
        let length = u16::try_from(tunnel.len() - 14).unwrap();
        tunnel[16..18].copy_from_slice(&length.to_be_bytes());
        tunnel[23] = 4;
        kernel.test_run().xdp(&tunnel, None, 1).unwrap();
        let mut rings = kernel.take_rings().unwrap();
        let mut shown = Vec::new();
        rings.drain(|header, _| {
            if header.flags & SampleFlags::OUTER == 0 {
                shown.push(header.key().unwrap().proto());
            }
        });
        assert_eq!(shown, [proto], "{switches}");
    }
}

#[test]
fn switches_can_be_turned_while_the_programs_run() {
    if !can_load() {
        return;
    }
    let unknown = Switches::DROP_UNKNOWN_FRAGMENTS;
    let mut kernel = Kernel::load(&LoadOptions { switches: unknown, ..options() }).unwrap();
    let mut later_fragment = udp4(4000, 53, b"the rest");
    later_fragment[20..22].copy_from_slice(&[0, 9]);
    let mut malformed = udp4(4000, 53, b"hello");
    malformed[14] = 0x44;
    for (switches, dropped) in [
        (None, [true, false]),
        (Some(Switches::DROP_UNPARSABLE), [false, true]),
        (Some(Switches::LIVE), [true, true]),
        (Some(0), [false, false]),
    ] {
        if let Some(switches) = switches {
            kernel.live().set_switches(switches).unwrap();
        }
        // The clock goes on without touching the switches, and knows other handles' changes.
        kernel.live().clone().beat(ktime_ns()).unwrap();
        let runs = [&later_fragment, &malformed]
            .map(|frame| kernel.test_run().xdp(frame, None, 1).unwrap().dropped(Hook::Xdp));
        assert_eq!(runs, dropped, "{switches:?}");
    }
}

/// Waits until the coarse clock has gone on by so many ticks.
fn wait_for_ticks(ticks: u32) {
    let due = tick_of(ktime_ns()) + ticks;
    while tick_of(ktime_ns()) < due {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn the_programs_know_the_time_when_user_space_is_gone() {
    const IDLE: u32 = 2;
    if !can_load() {
        return;
    }
    let mut kernel = Kernel::load(&LoadOptions { idle_ticks: IDLE, ..options() }).unwrap();
    let (frame, key) = (udp4(4000, 53, b"hello"), key4(4000, 53));
    // Killed long ago, as far as the programs know: nobody moves the clock from here on.
    let killed = ktime_ns() - u64::from(2 * SILENCE_TICKS) * TICK_NS;
    kernel.live().beat(killed).unwrap();
    let last_seen = tick_of(ktime_ns());
    let blocked = VerdictEntry { last_seen, ..verdict(Action::Drop) };
    kernel.verdicts().insert(&key, &blocked).unwrap();
    let mut drops = || kernel.test_run().xdp(&frame, None, 1).unwrap().dropped(Hook::Xdp);
    assert!(drops(), "a flow that goes on stays blocked");
    wait_for_ticks(IDLE + 3);
    assert!(!drops(), "its ports can be used again");
    let entry = kernel.verdicts().get(&key).unwrap().unwrap();
    assert!(entry.is_over() && tick_of(ktime_ns()) - entry.last_seen >= IDLE);
}

#[test]
fn user_space_is_not_gone_for_having_slept_with_the_machine() {
    const NIGHT_NS: u64 = 8 * 3600 * 1_000_000_000;
    if !can_load() {
        return;
    }
    let kernel = load();
    kernel.live().beat(ktime_ns()).unwrap();
    let before = kernel.live().read().unwrap();
    kernel.live().add_suspended(NIGHT_NS).unwrap();
    let after = kernel.live().read().unwrap();
    assert!(after.clock != before.clock);
    assert_eq!(after.heartbeat - before.heartbeat, tick_of(NIGHT_NS));
}

#[test]
fn blocked_servers_come_and_go_and_the_programs_know() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let servers = kernel.servers().clone();
    let [here, there] =
        [key4(1, 2), key4(3, 4)].map(|key| key.server(Direction::FromLower).unwrap());
    let expires = tick_of(ktime_ns()) + 10_000;
    let drop = Server { action: Action::Drop as u8, expires, ..Server::default() };
    let mut passes =
        |frame: &[u8]| !kernel.test_run().xdp(frame, None, 1).unwrap().dropped(Hook::Xdp);
    servers.set(&here, &drop).unwrap();
    servers.set(&there, &drop).unwrap();
    servers.set(&here, &Server { rule: 5, ..drop }).unwrap();
    assert_eq!(servers.get(&here).unwrap().map(|server| server.rule), Some(5));
    assert!(!passes(&udp4(1, 2, b"x")) && !passes(&udp4(3, 4, b"x")));
    assert!(servers.remove(&there).unwrap() && !servers.remove(&there).unwrap());
    assert!(!passes(&udp4(1, 2, b"x")) && passes(&udp4(3, 4, b"x")));
    servers.clear().unwrap();
    assert!(passes(&udp4(1, 2, b"x")));
}
