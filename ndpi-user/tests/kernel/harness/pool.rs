//! Programs that tests use one after the other: having them verified takes longer than most tests.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use aya::maps::{PerCpuArray, PerCpuValues};
use ndpi_common::names::map;
use ndpi_common::{
    Bucket, Live, Pod, RequestWatch, RingLoss, Server, ServerKey, Stat, StrayBudget,
};
use ndpi_kernel::Element;

use super::{Kernel, Settings, cpus};

/// Those that no test has in hand, with their maps as new.
static IDLE: Mutex<Option<HashMap<Settings, Vec<Kernel>>>> = Mutex::new(None);

fn idle<T>(act: impl FnOnce(&mut Vec<Kernel>) -> T, settings: Settings) -> T {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    act(idle.get_or_insert_default().entry(settings).or_default())
}

/// Loaded programs that are a test's own until it is over.
pub(crate) struct Lease {
    settings: Settings,
    /// There is one until it is dropped.
    kernel: Option<Kernel>,
}

impl Lease {
    /// Programs with these settings that lie ready, or else those that `load` gives.
    pub(super) fn of<E>(
        settings: Settings,
        load: impl FnOnce() -> Result<Kernel, E>,
    ) -> Result<Self, E> {
        let ready = idle(Vec::pop, settings);
        let kernel = ready.map_or_else(load, Ok)?;
        Ok(Self { settings, kernel: Some(kernel) })
    }
}

impl Deref for Lease {
    type Target = Kernel;

    fn deref(&self) -> &Kernel {
        self.kernel.as_ref().expect("it is there until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Kernel {
        self.kernel.as_mut().expect("it is there until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut kernel) = self.kernel.take() else { return };
        // What a failed test left is of no use to another.
        if !std::thread::panicking() {
            kernel.make_as_new(self.settings);
            idle(|kernels| kernels.push(kernel), self.settings);
        }
    }
}

/// Maps without anything that a later test could see: per-CPU room that each packet fills itself, and the
/// settings of the load. No test of these programs has a policy's rules, wires or tunnel ends.
const AS_LOADED: [&str; 8] = [
    map::RINGS,
    map::RULES,
    map::PEERS,
    map::LOST,
    map::TUNNEL_ENDS,
    "SCRATCH",
    "AYA_LOGS",
    ".rodata",
];

impl Kernel {
    /// Makes all maps as they were after loading.
    fn make_as_new(&mut self, settings: Settings) {
        self.forget();
        self.clear::<u32, Bucket>(map::LIMITS);
        self.clear::<u32, RequestWatch>(map::REQUESTS);
        self.clear::<ServerKey, Server>(map::SERVERS);
        self.clear::<u32, u32>(map::INTERFACES);
        self.zero::<Stat>(map::STATS);
        self.zero::<RingLoss>(map::RING_LOSSES);
        self.zero::<StrayBudget>(map::STRAYS);
        self.set_live(|live| *live = Live::default());
        self.begin(settings);
    }

    fn zero<V: Pod + Default>(&mut self, name: &str) {
        let map = self.ebpf.map_mut(name).expect("the map");
        let mut array: PerCpuArray<_, Element<V>> = map.try_into().expect("a per-CPU array");
        for place in 0..array.len() {
            let zeros: Vec<_> = (0..cpus()).map(|_| Element(V::default())).collect();
            array.set(place, PerCpuValues::try_from(zeros).expect("a value a CPU"), 0).unwrap();
        }
    }
}

#[test]
fn every_map_is_made_as_new_or_has_nothing_of_a_test() {
    let Some(kernel) = super::kernel(Settings::default()) else { return };
    let made = [
        map::VERDICTS_V4,
        map::VERDICTS_V6,
        map::TRACK_V4,
        map::TRACK_V6,
        map::UNANSWERED_V4,
        map::UNANSWERED_V6,
        map::VERDICTS_TENANT,
        map::TRACK_TENANT,
        map::UNANSWERED_TENANT,
        map::FRAGMENTS,
        map::LIMITS,
        map::REQUESTS,
        map::SERVERS,
        map::INTERFACES,
        map::STATS,
        map::RING_LOSSES,
        map::STRAYS,
        map::LIVE,
    ];
    for (name, _) in kernel.ebpf.maps() {
        let known = made.contains(&name) || AS_LOADED.contains(&name);
        assert!(known, "{name}: clear it in `make_as_new`, as tests share loaded programs");
    }
}
