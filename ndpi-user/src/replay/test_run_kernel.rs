//! The programs, loaded and not attached, with their clock in our hand.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use ndpi_common::{Direction, Key, SampleHeader, Track, VerdictEntry, parse, tick_of};
use ndpi_kernel::{Clock, Kernel, LoadOptions, Rings, Stats, VerdictMaps};
use ndpi_policy::Policy;

use super::buckets::Buckets;
use crate::enforce::{ActivePolicy, KernelBlocklist, KernelRules, KernelStore, PolicyInstaller};

/// What the kernel does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum XdpAction {
    Pass,
    Drop,
}

impl XdpAction {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Drop => "drop",
        }
    }

    /// Of the return value of an XDP program (`enum xdp_action` in `linux/bpf.h`).
    fn of(value: i32) -> Option<Self> {
        match value {
            1 => Some(Self::Drop),
            2 => Some(Self::Pass),
            _ => None,
        }
    }
}

/// The kernel side.
pub(super) struct TestRunKernel {
    kernel: Kernel,
    rings: Rings,
    clock: Clock,
    /// Packets of a flow that are shown at most.
    pub(super) budget: u32,
    /// What the programs' coarse clock shows.
    tick: Option<u32>,
}

impl TestRunKernel {
    pub(super) fn load(options: &LoadOptions) -> Result<Self> {
        let mut kernel = Kernel::load(options)?;
        let rings = kernel.take_rings().context("the rings were taken before")?;
        Ok(Self { kernel, rings, clock: Clock::by_hand(), budget: options.budget, tick: None })
    }

    /// Passes on what the programs say themselves, from here on.
    pub(super) fn pass_messages_on(&mut self) -> Result<()> {
        Ok(self.kernel.pass_messages_on()?)
    }

    /// Makes the maps empty, and brings `policy` into force.
    pub(super) fn begin(&self, policy: Option<&Arc<Policy>>) -> Result<Option<ActivePolicy>> {
        self.kernel.forget_flows().context("the maps cannot be made empty")?;
        self.kernel.limits().clear().context("the maps cannot be made empty")?;
        let mut installer = PolicyInstaller::new(KernelRules::new(&self.kernel));
        policy
            .map(|policy| installer.install(Arc::clone(policy), self.clock.ktime_ns()))
            .transpose()
    }

    /// The buckets, to be refilled by our clock.
    pub(super) fn buckets(&self) -> Buckets {
        Buckets::new(self.kernel.limits().clone())
    }

    /// Sets the clock to `ktime_ns` nanoseconds since boot, `epoch_ns` since the Unix epoch.
    pub(super) fn set_time(&mut self, ktime_ns: u64, epoch_ns: u64) -> Result<()> {
        self.clock.set(ktime_ns, epoch_ns);
        if self.tick != Some(tick_of(ktime_ns)) {
            self.kernel.live().stop_clock_at(ktime_ns)?;
            self.tick = Some(tick_of(ktime_ns));
        }
        Ok(())
    }

    /// The time on our clock, in nanoseconds since boot.
    pub(super) fn ktime_ns(&self) -> u64 {
        self.clock.ktime_ns()
    }

    /// What the coarse clock shows.
    pub(super) fn tick(&self) -> u32 {
        self.tick.unwrap_or_default()
    }

    /// Where blocked servers are written.
    pub(super) fn blocklist(&self) -> KernelBlocklist {
        KernelBlocklist::new(&self.kernel, self.clock.clone())
    }

    /// Where verdicts are written.
    pub(super) fn store(&self) -> KernelStore {
        KernelStore::new(&self.kernel, self.clock.clone(), self.budget)
    }

    /// The flow that the kernel counts a packet of `frame` to, and which way the packet goes.
    pub(super) fn flow_of(
        &self,
        frame: &[u8],
        packet: &parse::Packet,
    ) -> Result<Option<(Key, Direction)>> {
        Ok(self.kernel.flow_of(frame, packet)?)
    }

    /// The flow's verdict as it stands.
    pub(super) fn verdict(&self, key: &Key) -> Result<Option<VerdictEntry>> {
        Ok(self.kernel.verdicts().get(key)?)
    }

    /// What is counted of the flow as long as it has no verdict.
    pub(super) fn track(&self, key: &Key) -> Result<Option<Track>> {
        Ok(self.kernel.tracks().get(key)?)
    }

    pub(super) fn verdicts(&self) -> &VerdictMaps {
        self.kernel.verdicts()
    }

    pub(super) fn stats(&self) -> &Stats {
        self.kernel.stats()
    }

    /// Runs the XDP program on a frame. `shown` gets the sample, if the program made one.
    pub(super) fn run(
        &mut self,
        frame: &[u8],
        shown: impl FnMut(&SampleHeader, &[u8]),
    ) -> Result<XdpAction> {
        let result = self.kernel.test_run().xdp(frame, None, 1)?;
        self.rings.drain(shown);
        ensure!(
            self.rings.malformed() == 0,
            "a sample of a frame of {} bytes is malformed: please report it with the capture",
            frame.len()
        );
        let Some(action) = XdpAction::of(result.action) else {
            bail!(
                "the XDP program answered {} to a frame of {} bytes, which it never should: \
                 please report it with the capture",
                result.action,
                frame.len()
            );
        };
        Ok(action)
    }
}
