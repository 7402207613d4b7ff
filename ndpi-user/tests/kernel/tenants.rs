//! Tenants: the same addresses and ports in two networks that share a tunnel's ends are two flows.

use ndpi_common::{
    Action, Hook, Key, Outcome, Reason, SampleFlags, Switches, TenantIds, TenantKind,
};
use testkit::frame::{ACK, Talk, V4, V6, counted, inside};
use testkit::tunnel::{KINDS, carry, of_tenant};

use crate::fragments::pieces;
use crate::harness::{Answer, HOOKS, Settings, Shown, kernel};
use crate::servers::{end, server};

const OPENED: Settings = Settings { switches: Switches::TUNNELS, ..Settings::SMALL };
/// As numbers of NVGRE begin.
const ONE: u32 = 0x1001;
const OTHER: u32 = 0x1002;

/// Whose the samples of what is inside are.
fn keys(shown: &[Shown]) -> Vec<Key> {
    let inner = shown.iter().filter(|shown| shown.header.flags & SampleFlags::OUTER == 0);
    inner.map(|shown| shown.header.key().unwrap()).collect()
}

#[test]
fn the_same_flow_of_two_tenants_is_two_flows_with_two_verdicts() {
    let Some(mut kernel) = kernel(OPENED) else { return };
    for talk in [V4, V6, V4.udp()] {
        for (hook, kind) in HOOKS.into_iter().flat_map(|hook| KINDS.map(|kind| (hook, kind))) {
            kernel.forget();
            let plain = talk.out(ACK, b"data");
            let [one, other] = [ONE, OTHER].map(|number| carry(talk, kind, number, &plain));
            let [key, other_key] = [ONE, OTHER].map(|number| of_tenant(talk.key(), kind, number));
            for frame in [&one, &other, &one] {
                assert_eq!(kernel.run(hook, frame), Answer::Pass);
            }
            assert_eq!(keys(&kernel.shown()), [key, other_key, key], "{kind:?}");
            let tracked = |key| kernel.track(key).map(|track| track.total().packets);
            let both = [key, other_key, inside(talk.key(), 1), talk.key()].map(tracked);
            assert_eq!(both, [Some(2), Some(1), None, None], "{kind:?}");
            kernel.decide(key, Action::Drop);
            kernel.decide(other_key, Action::Count);
            for (frame, answer) in [
                (&one, Answer::Drop),
                (&other, Answer::Pass),
                (&carry(talk, TenantKind::None, 0, &plain), Answer::Pass),
                (&plain, Answer::Pass),
            ] {
                assert_eq!(kernel.run(hook, frame), answer, "{kind:?} {hook:?}");
            }
            let counted = [key, other_key].map(|key| kernel.verdict(key).lower().packets);
            assert_eq!(counted, [1, 1]);
        }
    }
}

#[test]
fn numbers_of_different_tunnels_are_different_tenants() {
    let Some(mut kernel) = kernel(OPENED) else { return };
    let plain = V4.out(ACK, b"data");
    for kind in KINDS {
        kernel.decide(of_tenant(V4.key(), kind, ONE), Action::Drop);
        for other in KINDS {
            let answer = if other == kind { Answer::Drop } else { Answer::Pass };
            assert_eq!(kernel.run(Hook::Xdp, &carry(V4, other, ONE, &plain)), answer);
        }
        kernel.forget();
    }
}

#[test]
fn both_of_two_tunnels_say_whose_it_is() {
    let Some(mut kernel) = kernel(OPENED) else { return };
    let plain = V4.out(ACK, b"data");
    let twice = |outer, inner| {
        let within = carry(V4, TenantKind::Vxlan, inner, &plain);
        carry(V6, TenantKind::GreKey, outer, &within)
    };
    let tenant = TenantIds::NONE.with(0, (TenantKind::GreKey, 1)).with(1, (TenantKind::Vxlan, 2));
    kernel.decide(Key::of_tenant(&inside(V4.key(), 2), tenant), Action::Drop);
    for hook in HOOKS {
        for ((outer, inner), answer) in
            [((1, 2), Answer::Drop), ((1, 3), Answer::Pass), ((3, 2), Answer::Pass)]
        {
            assert_eq!(kernel.run(hook, &twice(outer, inner)), answer, "{outer} {inner} {hook:?}");
        }
    }
}

#[test]
fn fragments_of_two_tenants_do_not_mix() {
    let settings =
        Settings { switches: Switches::TUNNELS | Switches::DROP_UNKNOWN_FRAGMENTS, ..OPENED };
    let Some(mut kernel) = kernel(settings) else { return };
    for talk in [V4.udp(), V6.udp()] {
        let frames = pieces(talk, &[5; 100], 64);
        let of = |number, at: usize| carry(V4, TenantKind::Vxlan, number, &frames[at]);
        assert_eq!(kernel.run(Hook::Xdp, &of(ONE, 0)), Answer::Pass);
        assert_eq!(kernel.run(Hook::Xdp, &of(OTHER, 1)), Answer::Drop, "its first was not seen");
        assert_eq!(kernel.run(Hook::Xdp, &frames[1]), Answer::Drop);
        assert_eq!(kernel.run(Hook::Xdp, &of(ONE, 1)), Answer::Pass);
        let key = of_tenant(talk.key(), TenantKind::Vxlan, ONE);
        assert_eq!(kernel.track(key).expect("a track").total().packets, 2);
    }
}

#[test]
fn a_fragment_without_its_first_is_shown_as_its_tenants() {
    let Some(mut kernel) = kernel(OPENED) else { return };
    for talk in [V4.udp(), V6.udp()] {
        let later = &pieces(talk, &[5; 100], 64)[1];
        kernel.run(Hook::Xdp, &carry(V4, TenantKind::Geneve, ONE, later));
        let shown = kernel.shown();
        let stray = shown.iter().find(|shown| shown.header.flags & SampleFlags::STRAY != 0);
        let tenant = stray.expect("a stray").header.key().unwrap().tenant();
        assert_eq!(tenant, of_tenant(talk.key(), TenantKind::Geneve, ONE).tenant());
    }
}

#[test]
fn an_error_in_a_tunnel_is_about_its_tenants_flow() {
    let Some(mut kernel) = kernel(OPENED) else { return };
    let sent = V4.out(ACK, b"hello");
    let quotation = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &sent[14..42]].concat();
    let error = Talk { proto: 1, ..V4 }.ip(false, &quotation);
    kernel.decide(of_tenant(V4.key(), TenantKind::Vxlan, ONE), Action::Drop);
    for hook in HOOKS {
        for (number, answer) in [(ONE, Answer::Drop), (OTHER, Answer::Pass)] {
            let frame = carry(V4, TenantKind::Vxlan, number, &error);
            assert_eq!(kernel.run(hook, &frame), answer, "{number} {hook:?}");
        }
    }
}

#[test]
fn a_blocked_server_is_not_a_tenants() {
    let Some(mut kernel) = kernel(OPENED) else { return };
    let blocked = ndpi_common::ServerKey { tunnel: 1, ..end(V4) };
    kernel.set_server(blocked, server(Action::Drop));
    let plain = V4.out(ACK, b"data");
    let nobodys = carry(V4, TenantKind::None, 0, &plain);
    let drops = (Hook::Xdp, Outcome::Dropped, Reason::Server, 1, counted(&plain));
    kernel.expect(&[drops], |kernel| kernel.run(Hook::Xdp, &nobodys));
    let tenants = carry(V4, TenantKind::Vxlan, ONE, &plain);
    let passes = (Hook::Xdp, Outcome::Passed, Reason::Shown, 1, counted(&plain));
    kernel.expect(&[passes], |kernel| kernel.run(Hook::Xdp, &tenants));
}
