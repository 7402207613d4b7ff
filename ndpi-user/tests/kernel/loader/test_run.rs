//! Contexts and live frames under `BPF_PROG_TEST_RUN`.

use ndpi_common::{Action, Hook, Key, Outcome, Reason, VerdictEntry};
use ndpi_kernel::{Hooks, Mode, SkbContext, XdpContext};
use testkit::frame::{key4, udp4};
use testkit::thread_namespace::ThreadNamespace;

use crate::loader::setup::{can_load, load};

#[test]
fn a_frame_that_passes_comes_out_as_it_went_in() {
    if !can_load() {
        return;
    }
    let frame = udp4(1, 2, b"as it was");
    let ran = load().test_run().xdp_frame(&frame).unwrap();
    assert_eq!((ran.action, ran.packet), (2, Some(frame)));
}

#[test]
fn a_context_names_the_interface() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let mut kernel = load();
    let hooks = Hooks { ingress: true, egress: None };
    let index = kernel.attach("left", Mode::Native, hooks).unwrap().index;
    let mut rings = kernel.take_rings().unwrap();
    let mut seen = Vec::new();

    let context = XdpContext { ingress_ifindex: index, ..XdpContext::default() };
    kernel.test_run().xdp(&udp4(1, 2, b"in"), Some(&context), 1).unwrap();
    let context = SkbContext { ifindex: index, ..SkbContext::default() };
    kernel.test_run().tc(&udp4(3, 4, b"out"), Some(&context), 1).unwrap();
    // The interface is up: the other end's own packets may come by as well.
    let is_ours = |key: Option<Key>| [key4(1, 2), key4(3, 4)].map(Some).contains(&key);
    rings.drain(|header, _| {
        if is_ours(header.key()) {
            seen.push((header.hook(), header.ifindex));
        }
    });
    assert_eq!(seen, [(Hook::Xdp, index), (Hook::Tc, index)]);
}

#[test]
fn a_segmented_packet_counts_as_its_segments() {
    if !can_load() {
        return;
    }
    let mut kernel = load();
    let verdict = VerdictEntry { action: Action::Count as u8, ..VerdictEntry::default() };
    kernel.verdicts().insert(&key4(1, 2), &verdict).unwrap();
    let context = SkbContext { gso_segs: 3, gso_size: 1000, ..SkbContext::default() };
    kernel.test_run().tc(&udp4(1, 2, &[7; 3000]), Some(&context), 1).unwrap();
    let total = kernel.verdicts().take(&key4(1, 2)).unwrap().unwrap().lower();
    assert_eq!((total.packets, total.bytes), (3, 3000 + 3 * 28), "each segment has its headers");
}

#[test]
fn live_frames_are_acted_on() {
    if !can_load() {
        return;
    }
    let _namespace = ThreadNamespace::enter();
    let mut kernel = load();
    let hooks = Hooks { ingress: true, egress: None };
    let index = kernel.attach("left", Mode::Native, hooks).unwrap().index;
    let context = XdpContext { ingress_ifindex: index, ..XdpContext::default() };
    let verdict = VerdictEntry { action: Action::Drop as u8, ..VerdictEntry::default() };
    kernel.verdicts().insert(&key4(1, 2), &verdict).unwrap();
    kernel.test_run().xdp_live(&udp4(1, 2, b"dropped"), &context, 1000, 64).unwrap();
    kernel.test_run().xdp_live(&udp4(3, 4, b"passed"), &context, 500, 64).unwrap();
    let statistics = kernel.stats().read().unwrap();
    assert_eq!(statistics.get(Hook::Xdp, Outcome::Dropped, Reason::Drop).packets, 1000);
    assert!(statistics.get(Hook::Xdp, Outcome::Passed, Reason::Shown).packets > 0);
    assert_eq!(statistics.outcome(Outcome::Dropped).packets, 1000);
}
