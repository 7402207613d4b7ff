use std::collections::HashMap;
use std::io;
use std::time::{Duration, Instant};

use super::{Failure, Step, Watch};
use crate::interfaces::Event;
use ndpi_kernel::{Attachment, Egress, Health, Interface, Links, Mode};

const ALL: Health = Health { ingress: true, egress: true, links: Links::There };
const SECOND: Duration = Duration::from_secs(1);

/// A machine: its interfaces, what is on them, and what was done.
struct Machine {
    watch: Watch,
    seen: Vec<Interface>,
    health: HashMap<u32, Health>,
    now: Instant,
    /// Why nothing can be attached.
    refusal: Option<Failure>,
    /// The kernel does not say what is still on.
    silent: bool,
}

fn interface(index: u32, name: &str) -> Interface {
    Interface {
        index,
        alternatives: vec![format!("{name}-other")],
        up: true,
        loopback: name == "lo",
        ..Interface::named(name)
    }
}

impl Machine {
    fn new(asked: &[&str], seen: &[(u32, &str)]) -> Self {
        Self {
            watch: Watch::new(asked.iter().map(|pattern| pattern.parse().unwrap())),
            seen: seen.iter().map(|&(index, name)| interface(index, name)).collect(),
            health: HashMap::new(),
            now: Instant::now(),
            refusal: None,
            silent: false,
        }
    }

    /// Looks, carries out what is to be done, and gives it and what is said, in words.
    fn look(&mut self) -> Vec<String> {
        let health = |index, _: Option<&Interface>| {
            let said = self.health.get(&index).copied();
            if self.silent { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(said) }
        };
        let steps = self.watch.look(&self.seen, &health, self.now);
        steps.into_iter().flat_map(|step| self.take(step)).collect()
    }

    fn take(&mut self, step: Step) -> Vec<String> {
        let (index, what) = match step {
            Step::Say(event) => return vec![brief(&event)],
            Step::Attach { index } => (index, format!("attach {}", self.name(index))),
            Step::Mend { index } => (index, format!("mend {index}")),
            other => return vec![format!("{other:?}")],
        };
        let result = if let Some(failure) = &self.refusal {
            Err(failure.clone())
        } else {
            self.health.insert(index, ALL);
            Ok(attachment(index, self.name(index)))
        };
        let said = self.watch.settle(index, result, self.now);
        std::iter::once(what).chain(said.as_ref().map(brief)).collect()
    }

    fn name(&self, index: u32) -> &str {
        &self.seen.iter().find(|it| it.index == index).unwrap().name
    }

    fn remove(&mut self, index: u32) {
        self.seen.retain(|interface| interface.index != index);
        self.health.remove(&index);
    }

    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.look()
    }
}

fn attachment(index: u32, interface: &str) -> Attachment {
    let (ingress, egress) = (Some(Mode::Native), Some(Egress::Tcx));
    Attachment { interface: interface.into(), index, ingress, egress, up: true }
}

fn brief(event: &Event) -> String {
    let why = event.why().map_or_else(String::new, |why| format!(": {why}"));
    let again = if matches!(event, Event::Attached { again: true, .. }) { " again" } else { "" };
    format!("{}{again} {}{why}", event.state(), event.name())
}

#[test]
fn what_is_asked_for_is_attached_once_and_no_pattern_means_the_loopback() {
    let mut machine = Machine::new(&["wg*", "lan-other"], &[(1, "lo"), (2, "wg0"), (3, "lan")]);
    assert_eq!(machine.look(), ["attach wg0", "attached wg0", "attach lan", "attached lan"]);
    assert!(machine.look().is_empty());
    machine.seen.push(interface(7, "wg1"));
    assert_eq!(machine.look(), ["attach wg1", "attached wg1"]);
    let mut all = Machine::new(&["*"], &[(1, "lo")]);
    assert!(all.look().is_empty());
    assert_eq!(Machine::new(&["lo"], &[(1, "lo")]).look(), ["attach lo", "attached lo"]);
}

#[test]
fn one_that_goes_is_said_and_attached_again_when_its_name_returns() {
    let mut machine = Machine::new(&["ppp0"], &[(2, "ppp0")]);
    machine.look();
    assert!(machine.watch.gone().is_none() && machine.watch.unenforced().is_empty());
    machine.remove(2);
    assert_eq!(machine.look(), ["Release { index: 2 }", "detached ppp0: gone"]);
    assert_eq!(machine.watch.unenforced()["ppp0"], "gone");
    assert!(machine.watch.gone().is_some() && machine.look().is_empty());
    machine.seen.push(interface(9, "ppp0"));
    assert_eq!(machine.look(), ["attach ppp0", "attached again ppp0"]);
    assert!(machine.watch.gone().is_none() && machine.watch.unenforced().is_empty());
}

#[test]
fn one_that_was_never_there_is_not_gone() {
    let mut machine = Machine::new(&["wg*"], &[]);
    machine.look();
    assert!(machine.watch.gone().is_none());
    assert_eq!(machine.watch.unenforced()["wg*"], "not there yet");
}

#[test]
fn another_of_the_same_name_between_two_looks_is_noticed() {
    let mut machine = Machine::new(&["usb0"], &[(2, "usb0")]);
    machine.look();
    machine.remove(2);
    machine.seen.push(interface(3, "usb0"));
    assert_eq!(
        machine.look(),
        ["Release { index: 2 }", "detached usb0: gone", "attach usb0", "attached again usb0"]
    );
}

#[test]
fn what_is_taken_off_is_put_back_at_once_and_then_more_and_more_rarely() {
    let mut machine = Machine::new(&["eth0"], &[(2, "eth0")]);
    machine.look();
    machine.now += Duration::from_mins(2);
    let mut tries = 0;
    for second in 0..600 {
        machine.health.insert(2, Health { ingress: false, ..ALL });
        let done = machine.after(SECOND);
        if second == 0 {
            assert_eq!(done, ["detached eth0: taken-off", "mend 2", "attached again eth0"]);
        }
        tries += done.iter().filter(|it| *it == "mend 2").count();
    }
    assert!((8..24).contains(&tries), "{tries} tries in ten minutes of a fight");
    // Peace: the next time it is put back at once.
    machine.health.insert(2, ALL);
    machine.after(Duration::from_mins(2));
    machine.after(Duration::from_mins(2));
    machine.health.insert(2, Health { egress: false, ..ALL });
    assert_eq!(
        machine.after(SECOND),
        ["detached eth0: taken-off", "mend 2", "attached again eth0"]
    );
}

#[test]
fn a_refusal_is_said_once_and_tried_again_once_there_is_room() {
    let mut machine = Machine::new(&["eth*"], &[(2, "eth0")]);
    machine.refusal = Some(Failure { why: "another program".into(), occupied: true });
    let place = ndpi_kernel::XdpPlace::Native;
    machine.seen[0].xdp = vec![ndpi_kernel::XdpAttached { program: 4, place }];
    assert_eq!(machine.look(), ["attach eth0", "detached eth0: refused"]);
    for _ in 0..20 {
        machine.after(SECOND).iter().for_each(|done| assert_eq!(done, "attach eth0"));
    }
    assert!(machine.watch.gone().is_none(), "it was never attached to");
    assert_eq!(machine.watch.unenforced()["eth0"], "another program");
    machine.seen[0].xdp.clear();
    machine.refusal = None;
    assert_eq!(machine.after(2 * SECOND), ["attach eth0", "attached eth0"]);
}

#[test]
fn a_renamed_one_stays_and_a_new_one_of_its_name_is_attached_too() {
    let mut machine = Machine::new(&["eth0"], &[(2, "eth0")]);
    machine.look();
    machine.seen[0] = interface(2, "old0");
    assert_eq!(machine.look(), ["renamed old0"]);
    assert_eq!(machine.watch.attached_for("eth0"), Some(2));
    machine.seen.push(interface(3, "eth0"));
    assert_eq!(machine.look(), ["attach eth0", "attached again eth0"]);
    assert_eq!(machine.watch.attached_for("eth0"), Some(3));
    machine.remove(3);
    assert_eq!(machine.look(), ["Release { index: 3 }", "detached eth0: gone"]);
    assert_eq!(machine.watch.attached_for("eth0"), Some(2));
}

#[test]
fn one_that_moves_to_another_namespace_is_away_and_what_it_lost_is_put_back_on_return() {
    let mut machine = Machine::new(&["eth0"], &[(2, "eth0")]);
    machine.look();
    let away = machine.seen.pop().unwrap();
    machine.health.insert(2, Health { egress: false, ..ALL });
    assert_eq!(machine.look(), ["Cut { index: 2 }", "detached eth0: moved"]);
    assert!(
        machine.look().is_empty() && machine.watch.gone().is_some() && machine.watch.is_anywhere()
    );
    machine.seen.push(away);
    assert_eq!(
        machine.after(SECOND),
        [
            "attached eth0",
            "Rejoin { index: 2 }",
            "detached eth0: taken-off",
            "mend 2",
            "attached again eth0"
        ]
    );
    assert!(machine.look().is_empty() && machine.watch.gone().is_none());
}

#[test]
fn one_that_comes_back_under_another_index_is_not_said_to_be_gone_behind_that() {
    let mut machine = Machine::new(&["eth0"], &[(2, "eth0")]);
    machine.look();
    machine.seen.clear();
    assert_eq!(machine.look(), ["Cut { index: 2 }", "detached eth0: moved"]);
    machine.seen.push(interface(9, "eth0"));
    // Programs that it has brought back are taken off before others are put on.
    assert_eq!(machine.look(), ["attach eth0", "attached again eth0"]);
    machine.health.remove(&2);
    assert_eq!(machine.look(), ["Release { index: 2 }"]);
    assert!(machine.look().is_empty() && machine.watch.unenforced().is_empty());
}

#[test]
fn one_that_goes_while_it_is_away_is_gone() {
    let mut machine = Machine::new(&["eth0"], &[(2, "eth0")]);
    machine.look();
    machine.seen.clear();
    machine.look();
    machine.health.insert(2, Health::default());
    assert_eq!(machine.look(), ["Release { index: 2 }", "detached eth0: gone"]);
}

#[test]
fn another_one_that_has_the_index_of_one_that_is_away_is_not_taken_for_it() {
    for looked_meanwhile in [true, false] {
        let mut machine = Machine::new(&["eth*"], &[(2, "eth0")]);
        machine.look();
        machine.seen.clear();
        let mut said = if looked_meanwhile { machine.look() } else { Vec::new() };
        machine.health.insert(2, Health { links: Links::Elsewhere, ..ALL });
        machine.seen.push(interface(2, "eth1"));
        said.extend(machine.look());
        let (release, moved) = ("Release { index: 2 }", "detached eth0: moved");
        let gone = if looked_meanwhile {
            vec!["Cut { index: 2 }", moved, release]
        } else {
            vec![release, moved]
        };
        assert_eq!(said, [&gone[..], &["attach eth1", "attached eth1"]].concat());
        assert!(machine.look().is_empty() && machine.watch.unenforced().is_empty());
    }
}

#[test]
fn where_the_kernel_does_not_say_what_is_on_everything_stays_as_it_was() {
    let mut machine = Machine::new(&["eth*"], &[(2, "eth0"), (3, "eth1")]);
    machine.look();
    machine.silent = true;
    machine.seen.pop();
    assert!(machine.look().is_empty() && machine.watch.unenforced().is_empty());
    machine.silent = false;
    machine.health.remove(&3);
    assert_eq!(machine.look(), ["Release { index: 3 }", "detached eth1: gone"]);
}

#[test]
fn names_of_interfaces_that_come_and_go_for_ever_are_not_all_kept() {
    let mut machine = Machine::new(&["veth*"], &[]);
    for index in 0..2 * u32::try_from(super::REMEMBERED).unwrap() {
        machine.seen = vec![interface(index, &format!("veth{index}"))];
        machine.look();
        machine.remove(index);
        machine.look();
    }
    assert_eq!(machine.watch.known.len(), super::REMEMBERED);
}

#[test]
fn going_down_and_up_is_passed_on() {
    let mut machine = Machine::new(&["eth0"], &[(2, "eth0")]);
    machine.look();
    machine.seen[0].up = false;
    assert_eq!(machine.look(), ["Up { name: \"eth0\", index: 2, up: false }"]);
    machine.seen[0].up = true;
    assert_eq!(machine.look(), ["Up { name: \"eth0\", index: 2, up: true }"]);
}
