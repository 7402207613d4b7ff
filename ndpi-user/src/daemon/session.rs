//! The time between the first sample and the last record.

use std::iter;
use std::thread;

use anyhow::anyhow;
use crossbeam::channel::{Receiver, Sender};
use ndpi_flow::Shards;
use ndpi_kernel::{Clock, Kernel, Waker, ktime_ns};

use super::options::Options;
use super::orders::Orders;
use super::service::ServiceManager;
use crate::apart::Engines;
use crate::enforce::{ActivePolicy, Adoption, KernelRules, KernelStore, PolicyInstaller};
use crate::interfaces::{Attacher, Event};
use crate::live::{self, Control, Ended, KernelParts, Shared};
use crate::memory;
use crate::metrics;

impl Options {
    /// From the first sample to the last record. Whoever reads the records may keep this process waiting
    /// a little, but not what it has in the kernel: that goes first. Gives what was seen, and why it ended
    /// if nobody asked it to.
    pub(super) fn session(
        &self,
        kernel: &mut Kernel,
        engines: Engines,
        InForce { installer, policy }: InForce,
        (attacher, waker, mut manager): (Attacher, Waker, ServiceManager),
        (shared, memory): (&Shared, memory::Watch),
        Outside { control, orders, server, here }: Outside<'_>,
    ) -> Ended {
        let clock = Clock::new();
        let mut rings: Vec<_> = iter::from_fn(|| kernel.take_rings()).collect();
        for rings in &mut rings {
            rings.set_coalescing(self.coalesce);
        }
        let shards = Shards::of(self.load.division);
        let adopted = Adoption::new(kernel.rules(), &clock).by_owner(kernel.verdicts(), shards);
        let parts = KernelParts {
            rings,
            shards,
            stats: kernel.stats().clone(),
            ring_losses: kernel.ring_losses().clone(),
            lost_frames: kernel.lost_frames().clone(),
            store: KernelStore::new(kernel, clock.clone(), self.load.budget).keeping(self.keep),
            verdicts: kernel.verdicts().clone(),
            adopted,
            live: kernel.live().clone(),
            installer,
            clock,
        };
        let end = || drop(control.send(Control::Stop));
        thread::scope(|scope| {
            // However it ends, the thread that watches is not to be waited for in vain.
            let (waker, woken) = (&waker, OnDrop(|| waker.wake()));
            let mut source = shared.bus.source("interfaces");
            let say = move |event: &Event| self.note(event, &mut source);
            let watching = scope.spawn(move || {
                // Without it, nobody would attach to what returns.
                let _ended = OnDrop(end);
                let reason = attacher.run(kernel, waker, say, end, |kernel| manager.look(kernel));
                ServiceManager::stopping();
                (reason, kernel)
            });
            let mut reason = None;
            let stopping = || {
                waker.wake();
                let Ok((why, kernel)) = watching.join() else {
                    reason = Some("watching the interfaces failed".into());
                    return;
                };
                reason = why;
                // The socket is beside the lock, and another instance's as soon as that is free.
                drop(server);
                if self.keep {
                    stop_showing(kernel);
                } else {
                    kernel.retire();
                }
                *here = None;
            };
            let plan = &self.plan;
            let ended = match engines {
                Engines::Here(engines) => {
                    live::run(parts, plan, engines, policy, shared, (orders, memory), stopping)
                }
                Engines::Apart(engines) => {
                    live::run(parts, plan, engines, policy, shared, (orders, memory), stopping)
                }
            };
            drop(woken);
            let Some(reason) = reason else { return ended };
            Ended { result: ended.result.and(Err(anyhow!(reason))), ..ended }
        })
    }
}

/// Has the programs show no packets any more, though they stay: else those that come would keep the workers for ever.
fn stop_showing(kernel: &Kernel) {
    if let Err(error) = kernel.live().fall_silent(ktime_ns()) {
        log::warn!("{:#}", anyhow::Error::new(error));
    }
}

/// The policy by which verdicts are made, and who brings another into force.
pub(super) struct InForce {
    pub(super) installer: PolicyInstaller<KernelRules>,
    pub(super) policy: ActivePolicy,
}

/// How others reach an instance, and see that it is there.
pub(super) struct Outside<'a> {
    pub(super) control: &'a Sender<Control>,
    pub(super) orders: &'a Receiver<Control>,
    pub(super) server: (Option<Orders>, Option<metrics::Server>),
    /// Goes when nothing of the instance is left in the kernel.
    pub(super) here: &'a mut Option<Sender<()>>,
}

/// Does something when it goes, by a panic too.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}
