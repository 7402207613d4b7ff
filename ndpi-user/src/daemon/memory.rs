//! Bounding what an instance takes of memory.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use ndpi_flow::{Classifier, Deferring};

use super::options::Options;
use super::policy::Readers;
use crate::apart::{Keeper, RemoteEngine};
use crate::memory::{Account, Meter, Plan, Watch};

impl Options {
    /// The account of its memory, and who watches over it. To be called when all is loaded and read, and before
    /// anything is attached.
    ///
    /// # Errors
    /// The limit is less than what it takes already, or nobody knows what that is.
    pub(super) fn memory(
        &self,
        keeper: Option<&Keeper>,
        readers: &Readers,
    ) -> Result<(Arc<Account>, Watch)> {
        let gauge = keeper.map(Keeper::gauge);
        let meter = Meter::new(gauge.clone(), readers.processes());
        let mut meter =
            meter.context("cannot measure the memory of this process (/proc/self/statm)")?;
        let settings = self.plan.settings;
        let plan = Plan {
            limit: self.memory_max,
            workers: self.workers,
            flows: settings.max_flows * self.workers,
            of_flow: Classifier::<Deferring<&RemoteEngine>>::footprint_of(1, 0, 0),
            rings: 2 * self.workers as u64 * u64::from(self.load.ring_size()),
        };
        let account = Arc::new(plan.account(meter.read())?);
        let watch = Watch::new(Arc::clone(&account), meter, gauge);
        Ok((account, watch))
    }
}
