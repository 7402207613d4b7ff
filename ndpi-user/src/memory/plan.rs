//! Planning with a limit, before anything is attached: what of it is left for flows.

use anyhow::{Result, bail};

use super::account::Account;
use super::budget::{LEAST_FOR_FLOWS, for_flows, least_limit};
use super::meter::Taken;
use crate::report::units::bytes;

/// What flows and notes take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// `--memory-max`.
    pub(crate) limit: Option<u64>,
    /// Threads that classify.
    pub(crate) workers: usize,
    /// Flows at a time, of all of them.
    pub(crate) flows: usize,
    /// Bytes of a decided flow.
    pub(crate) of_flow: usize,
    /// Bytes of the rings that are mapped later.
    pub(crate) rings: u64,
}

impl Plan {
    /// The account of an instance that takes so much now, with all loaded and read.
    ///
    /// # Errors
    /// The limit is too low, and what is the least.
    pub(crate) fn account(&self, taken: Taken) -> Result<Account> {
        let Some(limit) = self.limit else { return Ok(Account::new(self.workers, None)) };
        let rest = taken.sum() + self.rings;
        let least = least(rest);
        if limit < least {
            bail!(
                "--memory-max {} is not enough: this instance takes {} before it has seen a packet ({} of the session, {} \
                 of nDPI's processes, {} of rings) and needs {} at least; with fewer --workers, a smaller --ring-size or \
                 shorter lists it is less",
                bytes(limit),
                bytes(rest),
                bytes(taken.session),
                bytes(taken.ndpi),
                bytes(self.rings),
                whole_mib(least),
            );
        }
        let for_flows = for_flows(limit, rest);
        if let Some(warning) = self.is_less_than_promised(for_flows) {
            log::warn!("{warning}");
        }
        Ok(Account::new(self.workers, Some((limit, for_flows / self.workers.max(1) as u64))))
    }

    /// What is to be said where flows have less than `--max-flows` would take.
    fn is_less_than_promised(&self, for_flows: u64) -> Option<String> {
        let fitting = for_flows / self.of_flow.max(1) as u64;
        (fitting < self.flows as u64).then(|| {
            format!(
                "--memory-max leaves {} for flows: about {fitting} decided ones at a time, not the {} of --max-flows; \
                 beyond that, those that say least are given up (docs/tables.md)",
                bytes(for_flows),
                self.flows,
            )
        })
    }
}

/// The least limit beside `rest`, so that flows have four times of what they have in any case.
fn least(rest: u64) -> u64 {
    least_limit(rest + 4 * LEAST_FOR_FLOWS)
}

fn whole_mib(bytes: u64) -> String {
    format!("{}MiB", bytes.div_ceil(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn plan(limit: u64) -> Plan {
        Plan { limit: Some(limit), workers: 2, flows: 1000, of_flow: 1000, rings: 16 * MIB }
    }

    #[test]
    fn a_limit_that_is_too_low_is_refused_with_the_least_one() {
        let taken = Taken { session: 60 * MIB, ndpi: 30 * MIB };
        let error = plan(64 * MIB).account(taken).unwrap_err().to_string();
        assert!(error.contains("needs 131MiB at least"), "{error}");
        assert!(plan(130 * MIB).account(taken).is_err());
        let account = plan(131 * MIB).account(taken).unwrap();
        assert_eq!(account.limit(), Some(131 * MIB));
        // The reserve is a sixteenth of large ones.
        let large = Taken { session: 900 * MIB, ndpi: 0 };
        let rest = large.sum() + 16 * MIB;
        let lowest = least(rest);
        assert_eq!(plan(lowest).account(large).unwrap().limit(), Some(lowest));
        assert!(for_flows(lowest, rest) >= 4 * LEAST_FOR_FLOWS);
    }

    #[test]
    fn flows_that_do_not_fit_are_said() {
        let plan = plan(200 * MIB);
        let warning = plan.is_less_than_promised(500_000).unwrap();
        assert!(warning.contains("about 500 decided ones at a time, not the 1000"), "{warning}");
        assert_eq!(plan.is_less_than_promised(MIB), None);
    }
}
