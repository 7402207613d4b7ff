//! The conditions that hold now: the events of a session, folded.

use std::collections::BTreeMap;

use ndpi_events::{Attached, Event, Interface, Reloaded, Status, Time, Word};

use super::model::{LastReload, PolicyState, Watched};

/// What a condition is about. One of a kind replaces the one before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    /// The order at egress of an interface.
    Egress(u32),
    /// The directions that an interface sees.
    Directions(String),
    /// A table, a pool of it, a client's share.
    Table(Word, Option<Word>, Option<Word>),
    /// Whether classification keeps up.
    Load,
    /// A worker.
    Worker(usize),
}

/// What holds now.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    attached: BTreeMap<u32, Watched>,
    standing: BTreeMap<About, (Time, Status)>,
    taken: u64,
    refused: u64,
    last_reload: Option<LastReload>,
}

impl Conditions {
    /// Takes in an event.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::Status(status) => self.take_status(status),
            Event::Reloaded(reloaded) => self.take_reload(reloaded),
            Event::Decided(_)
            | Event::FlowUpdated(_)
            | Event::FlowActive(_)
            | Event::FlowEnded(_)
            | Event::Warning(_) => {}
        }
    }

    /// Where the programs are attached.
    pub fn attached(&self) -> impl Iterator<Item = &Watched> {
        self.attached.values()
    }

    /// What is not as it should be, since when, as it was reported.
    pub fn standing(&self) -> impl Iterator<Item = &(Time, Status)> {
        self.standing.values()
    }

    /// What reloads have done, added to `policy`.
    pub fn reloads(&self, policy: PolicyState) -> PolicyState {
        let last_reload = self.last_reload.clone();
        PolicyState { taken: self.taken, refused: self.refused, last_reload, ..policy }
    }

    fn take_status(&mut self, status: &Status) {
        match status {
            Status::Running(running) => {
                running.attached.iter().for_each(|it| self.attach(it, running.time));
            }
            Status::Stopped(_) => self.attached.clear(),
            Status::Attached(interface) => {
                if let Some(attached) = &interface.attached {
                    self.attach(attached, interface.time);
                }
            }
            Status::Renamed(interface) => self.rename(interface),
            Status::Detached(interface) => self.detach(interface),
            Status::EgressBehind(order) | Status::EgressBlind(order) => {
                self.begin(About::Egress(order.ifindex), order.time, status);
            }
            Status::EgressFirst(order) => self.end(&About::Egress(order.ifindex)),
            Status::Crowded(it) => {
                let about = About::Table(it.table.clone(), it.pool.clone(), it.share.clone());
                self.begin(about, it.time, status);
            }
            Status::Eased(it) => {
                self.end(&About::Table(it.table.clone(), it.pool.clone(), it.share.clone()));
            }
            Status::OneDirectional(it) => {
                self.begin(About::Directions(it.iface.clone()), it.time, status);
            }
            Status::BothDirections(it) => self.end(&About::Directions(it.iface.clone())),
            Status::Behind(load) => self.begin(About::Load, load.time, status),
            Status::CaughtUp(_) => self.end(&About::Load),
            Status::WorkerStuck(worker) => {
                self.begin(About::Worker(worker.worker), worker.time, status);
            }
            // What is in force of them is on the board.
            Status::Released(_) | Status::ReleaseEnded(_) => {}
            Status::WorkerResumed(worker) => self.end(&About::Worker(worker.worker)),
        }
    }

    fn take_reload(&mut self, reloaded: &Reloaded) {
        let Reloaded { time, result, problems, .. } = reloaded;
        *(if result.taken { &mut self.taken } else { &mut self.refused }) += 1;
        let problem = problems.lines().next().filter(|_| !result.taken).map(str::to_owned);
        self.last_reload = Some(LastReload { time: *time, taken: result.taken, problem });
    }

    fn attach(&mut self, attached: &Attached, since: Time) {
        let watched = Watched { attached: attached.clone(), since };
        self.attached.insert(attached.ifindex, watched);
    }

    fn rename(&mut self, interface: &Interface) {
        if let Some(watched) = self.attached.get_mut(&interface.ifindex) {
            watched.attached.iface.clone_from(&interface.iface);
        }
    }

    /// Of an interface that is not there any more, nothing holds. One that is in another namespace keeps its
    /// programs, and may return with them.
    fn detach(&mut self, interface: &Interface) {
        if interface.why.as_deref() == Some("moved") {
            return;
        }
        self.attached.remove(&interface.ifindex);
        self.end(&About::Egress(interface.ifindex));
        self.end(&About::Directions(interface.iface.clone()));
    }

    /// Something holds from here on; where it is worse than before, since it began.
    fn begin(&mut self, about: About, time: Time, status: &Status) {
        let entry = self.standing.entry(about).or_insert_with(|| (time, status.clone()));
        entry.1 = status.clone();
    }

    fn end(&mut self, about: &About) {
        self.standing.remove(about);
    }
}

#[cfg(test)]
mod tests {
    use ndpi_events::{
        Crowding, Directions, EgressOrder, Load, ReloadResult, Running, StuckWorker,
    };

    use super::*;

    fn at(second: u64) -> Time {
        Time::from_ns(second * 1_000_000_000)
    }

    fn attached(ifindex: u32, iface: &str) -> Attached {
        let (iface, egress) = (iface.into(), "tcx".into());
        Attached { iface, ifindex, ingress: None, egress, peer: None }
    }

    fn interface(second: u64, ifindex: u32, why: Option<&'static str>) -> Interface {
        Interface {
            time: at(second),
            iface: format!("eth{ifindex}"),
            ifindex,
            why: why.map(Into::into),
            text: String::new(),
            attached: why.is_none().then(|| attached(ifindex, "eth")),
        }
    }

    fn after(all: impl IntoIterator<Item = Status>) -> Conditions {
        let mut conditions = Conditions::default();
        all.into_iter().for_each(|status| conditions.take(&Event::Status(status)));
        conditions
    }

    fn running() -> Status {
        Status::Running(Running {
            time: at(1),
            version: "1".into(),
            ndpi: "5".into(),
            policy: None,
            instance: None,
            dry_run: false,
            attached: vec![attached(1, "eth1"), attached(2, "eth2")],
        })
    }

    fn where_(conditions: &Conditions) -> Vec<(u32, Time)> {
        conditions.attached().map(|it| (it.attached.ifindex, it.since)).collect()
    }

    #[test]
    fn an_interface_is_attached_until_it_is_not() {
        let gone = Status::Detached(interface(2, 2, Some("gone")));
        let moved = Status::Detached(interface(3, 1, Some("moved")));
        let off = Status::Detached(interface(4, 1, Some("taken-off")));
        let on = Status::Attached(interface(5, 1, None));
        assert_eq!(where_(&after([running()])), [(1, at(1)), (2, at(1))]);
        assert_eq!(where_(&after([running(), gone.clone(), moved])), [(1, at(1))]);
        assert_eq!(where_(&after([running(), gone.clone(), off.clone()])), []);
        assert_eq!(where_(&after([running(), gone, off, on])), [(1, at(5))]);
        let renamed = after([running(), Status::Renamed(interface(6, 2, Some("eth2")))]);
        assert_eq!(renamed.attached[&2].attached.iface, "eth2");
    }

    #[test]
    fn each_condition_ends_with_what_ends_it_and_no_other() {
        let order = |ifindex| EgressOrder {
            time: at(2),
            iface: "eth".into(),
            ifindex,
            before: Vec::new(),
            sent: None,
            seen: None,
        };
        let table = |share: Option<&'static str>| Crowding {
            time: at(2),
            table: "flows".into(),
            pool: None,
            share: share.map(Into::into),
            client: None,
            displaced: None,
        };
        let directions = || Directions { time: at(2), iface: "eth1".into(), flows: 9, halves: 8 };
        let load = || Load { time: at(2), longest_us: 1, left_out: 2 };
        let worker = |worker| StuckWorker { time: at(2), worker, workers: 2, seconds: 10 };
        let pairs = [
            (Status::EgressBlind(order(1)), Status::EgressFirst(order(1))),
            (Status::Crowded(table(None)), Status::Eased(table(None))),
            (Status::Crowded(table(Some("blocked"))), Status::Eased(table(Some("blocked")))),
            (Status::OneDirectional(directions()), Status::BothDirections(directions())),
            (Status::Behind(load()), Status::CaughtUp(load())),
            (Status::WorkerStuck(worker(0)), Status::WorkerResumed(worker(0))),
            (Status::WorkerStuck(worker(1)), Status::WorkerResumed(worker(1))),
        ];
        let all = || pairs.iter().map(|(begins, _)| begins.clone());
        assert_eq!(after(all()).standing().count(), pairs.len());
        for (begins, ends) in &pairs {
            let conditions = after(all().chain([ends.clone()]));
            let left: Vec<_> = conditions.standing().map(|(_, status)| status).collect();
            assert_eq!(left.len(), pairs.len() - 1, "{ends:?}");
            assert!(!left.contains(&begins), "{ends:?}");
        }
        // With an interface goes what was said of it.
        let gone = Status::Detached(interface(3, 1, Some("gone")));
        assert_eq!(after(all().chain([gone])).standing().count(), pairs.len() - 2);
    }

    #[test]
    fn what_gets_worse_has_held_since_it_began() {
        let order = |second| EgressOrder {
            time: at(second),
            iface: "eth1".into(),
            ifindex: 1,
            before: Vec::new(),
            sent: None,
            seen: None,
        };
        let conditions = after([Status::EgressBehind(order(2)), Status::EgressBlind(order(7))]);
        let standing: Vec<_> = conditions.standing().cloned().collect();
        assert_eq!(standing, [(at(2), Status::EgressBlind(order(7)))]);
    }

    #[test]
    fn the_last_reload_is_kept_with_the_first_line_of_its_problem() {
        let mut conditions = Conditions::default();
        for (second, taken) in [(3, true), (4, false), (5, false)] {
            conditions.take(&Event::Reloaded(Reloaded {
                time: at(second),
                result: ReloadResult { taken, ..ReloadResult::default() },
                problems: "error: no such app\n  --> policy.toml:3".into(),
                ..Reloaded::default()
            }));
        }
        let policy = conditions.reloads(PolicyState { revision: 2, ..PolicyState::default() });
        assert_eq!((policy.revision, policy.taken, policy.refused), (2, 1, 2));
        let last = policy.last_reload.unwrap();
        assert_eq!((last.time, last.taken), (at(5), false));
        assert_eq!(last.problem.as_deref(), Some("error: no such app"));
    }
}
