//! Where the threads of a session leave what they know, for whoever makes a snapshot. Nobody waits here for
//! anybody's work: each lock is held for as long as it takes to exchange a value.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndpi_common::Key;
use ndpi_events::{Release, Time};
use ndpi_flow::DecidedBy;

use super::buckets::Buckets;
use super::model::{Hints, Traffic, WorkerState};
use super::sweeps::Sweeps;
use super::traffic::{Ledger, Volumes};
use crate::locked::locked;
use crate::record::{Found, Names};

/// What one worker has done so far, which it says about twice a second.
#[derive(Clone, Debug, Default)]
pub struct WorkerShare {
    /// When it said so.
    pub time: Time,
    /// Flows in its table.
    pub flows: u64,
    /// Notes of flows that had to go.
    pub notes: u64,
    /// Flows of which the kernel lacks a verdict that its maps have refused.
    pub pending: u64,
    /// Flows of an earlier instance in its table.
    pub adopted: u64,
    /// Packets that it was shown and has taken.
    pub taken: u64,
    /// Flows that are over.
    pub over: Volumes,
    /// Flows by what decided them.
    pub decided: BTreeMap<DecidedBy, u64>,
    /// Hints at first packets.
    pub hints: Hints,
    /// What was found in flows.
    pub found: Found,
    /// From a packet with payload to its verdict.
    pub time_to_verdict: Buckets,
    /// How long it was at each packet.
    pub inspection: Buckets,
}

/// What is known of a worker without asking it.
pub trait Queue: fmt::Debug + Send + Sync {
    /// Bytes that wait for it in its rings: its samples with their headers.
    fn waiting_bytes(&self) -> usize;
    /// Whether it does not go on.
    fn is_stuck(&self) -> bool;
    /// Packets that it left out as it was behind.
    fn left_out(&self) -> u64;
}

/// The place of one worker on the board.
#[derive(Clone, Debug)]
pub struct Place(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    queue: Arc<dyn Queue>,
    share: Mutex<Arc<WorkerShare>>,
}

impl Place {
    /// Exchanges what the worker said before.
    pub fn put(&self, share: WorkerShare) {
        *locked(&self.0.share) = Arc::new(share);
    }

    fn share(&self) -> Arc<WorkerShare> {
        Arc::clone(&locked(&self.0.share))
    }

    fn state(&self) -> WorkerState {
        let share = self.share();
        WorkerState {
            waiting_bytes: self.0.queue.waiting_bytes() as u64,
            stuck: self.0.queue.is_stuck(),
            flows: share.flows,
            pending: share.pending,
            taken: share.taken,
            time: share.time,
        }
    }
}

/// The policy in force.
#[derive(Clone, Copy, Debug, Default)]
pub struct InForce {
    /// Which of the instance's policies, from 1.
    pub revision: u32,
    /// How many rules it has.
    pub rules: u64,
    /// Since when.
    pub since: Time,
}

/// What the last sweep found in the verdict maps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Swept {
    /// Entries of IPv4.
    pub v4: u64,
    /// Entries of IPv6.
    pub v6: u64,
    /// Entries of tenants, of either.
    pub tenant: u64,
}

impl Swept {
    /// Counts an entry with this key.
    pub fn count(&mut self, key: &Key) {
        *(match key {
            Key::V4(_) => &mut self.v4,
            Key::V6(_) => &mut self.v6,
            Key::Tenant(_) => &mut self.tenant,
        }) += 1;
    }
}

/// The board of one session; shared by its threads.
#[derive(Debug, Default)]
pub struct Board {
    workers: Mutex<Vec<Place>>,
    policy: Mutex<InForce>,
    releases: Mutex<Vec<Release>>,
    swept: Mutex<Swept>,
    sweeps: Mutex<Sweeps>,
    ledger: Mutex<Ledger>,
}

/// What all workers together have said.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) workers: Vec<WorkerState>,
    pub(super) notes: u64,
    pub(super) adopted: u64,
    pub(super) left_out: u64,
    pub(super) decided: BTreeMap<DecidedBy, u64>,
    pub(super) hints: Hints,
    pub(super) found: Found,
    pub(super) time_to_verdict: Buckets,
    pub(super) inspection: Buckets,
}

impl Board {
    /// Gives a worker its place.
    pub fn enter(&self, queue: Arc<dyn Queue>) -> Place {
        let place = Place(Arc::new(Inner { queue, share: Mutex::default() }));
        locked(&self.workers).push(place.clone());
        place
    }

    /// Notes that another policy is in force.
    pub fn set_policy(&self, policy: InForce) {
        *locked(&self.policy) = policy;
    }

    /// The policy in force.
    pub fn policy(&self) -> InForce {
        *locked(&self.policy)
    }

    /// Notes what passes for a time, whatever the policy says.
    pub fn set_releases(&self, releases: Vec<Release>) {
        *locked(&self.releases) = releases;
    }

    /// What passes for a time.
    pub fn releases(&self) -> Vec<Release> {
        locked(&self.releases).clone()
    }

    /// Flows that are over, for [`set_swept`](Self::set_swept): to be looked at before the sweep.
    pub fn over(&self) -> Volumes {
        let mut over = Volumes::default();
        self.places().iter().for_each(|place| over.add(&place.share().over));
        over
    }

    /// Notes what a sweep has found: how many entries, and the living flows. `over` are those that were over
    /// before it.
    pub fn set_swept(&self, swept: Swept, over: Volumes, living: &Volumes) {
        locked(&self.ledger).take(over, living);
        *locked(&self.swept) = swept;
    }

    /// What the last sweep found.
    pub fn swept(&self) -> Swept {
        *locked(&self.swept)
    }

    /// Notes how long a sweep has taken.
    pub fn note_sweep(&self, took: Duration) {
        locked(&self.sweeps).note(took);
    }

    /// How long sweeps have taken.
    pub fn sweeps(&self) -> Sweeps {
        *locked(&self.sweeps)
    }

    /// Decided flows by application and by category.
    pub(super) fn traffic(&self, names: &Names) -> (Vec<Traffic>, Vec<Traffic>) {
        let ledger = locked(&self.ledger);
        (ledger.apps(names), ledger.categories(names))
    }

    /// What all workers together have said.
    pub(super) fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for place in self.places() {
            let share = place.share();
            sum.workers.push(place.state());
            sum.notes += share.notes;
            sum.adopted += share.adopted;
            sum.left_out += place.0.queue.left_out();
            for (by, flows) in &share.decided {
                *sum.decided.entry(*by).or_default() += flows;
            }
            sum.hints.asked += share.hints.asked;
            sum.hints.given += share.hints.given;
            sum.found.merge(&share.found);
            sum.time_to_verdict.add(&share.time_to_verdict);
            sum.inspection.add(&share.inspection);
        }
        sum
    }

    fn places(&self) -> Vec<Place> {
        locked(&self.workers).clone()
    }
}
