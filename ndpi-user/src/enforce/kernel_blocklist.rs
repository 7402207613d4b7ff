//! Blocked servers in the kernel's own map.

use anyhow::Context as _;
use ndpi_common::{Server, ServerKey, tick_of};
use ndpi_flow::{Blocked, Blocklist};
use ndpi_kernel::{Clock, Kernel, ServerMap};

use super::kernel_store::NO_RULE;
use crate::logging::Recurring;

/// The kernel's map, and the clock that it goes by.
#[derive(Debug)]
pub struct KernelBlocklist {
    servers: ServerMap,
    clock: Clock,
    /// How often the map could not be written.
    refused: Recurring,
}

impl KernelBlocklist {
    /// The blocklist of `kernel`.
    pub fn new(kernel: &Kernel, clock: Clock) -> Self {
        Self { servers: kernel.servers().clone(), clock, refused: Recurring::default() }
    }
}

impl Blocklist for KernelBlocklist {
    fn block(&mut self, server: &ServerKey, blocked: &Blocked) {
        let entry = entry(blocked, self.clock.ktime_ns());
        let written = self.servers.set(server, &entry);
        if let Err(error) = written.context("a server that is blocked is not blocked at once") {
            self.refused.warn(&error);
        }
    }

    fn unblock(&mut self, server: &ServerKey) {
        let removed = self.servers.remove(server);
        if let Err(error) = removed.context("a server is blocked until its entry runs out") {
            self.refused.warn(&error);
        }
    }
}

/// The map entry of a server that is blocked at `now_ns` nanoseconds since boot.
fn entry(blocked: &Blocked, now_ns: u64) -> Server {
    let left = u64::try_from(blocked.left.as_nanos()).unwrap_or(u64::MAX);
    Server {
        action: blocked.verdict.action as u8,
        rule: blocked.verdict.rule.unwrap_or(NO_RULE),
        app: blocked.app.app,
        master: blocked.app.master,
        category: blocked.category.0,
        expires: tick_of(now_ns.saturating_add(left)),
        ..Server::default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ndpi::{AppId, CategoryId};
    use ndpi_common::{Server, TICK_NS};
    use ndpi_flow::{Action, Blocked, Verdict};

    use super::entry;

    #[test]
    fn an_entry_runs_out_when_the_server_does() {
        let blocked = Blocked {
            verdict: Verdict { action: Action::Reject, rule: Some(3) },
            app: AppId { master: 91, app: 119 },
            category: CategoryId(6),
            left: Duration::from_secs(2),
        };
        let expected = Server {
            action: Action::Reject as u8,
            rule: 3,
            app: 119,
            master: 91,
            category: 6,
            expires: 1020,
            ..Server::default()
        };
        let entry = entry(&blocked, 1000 * TICK_NS);
        assert_eq!(entry, expected);
        assert!(entry.blocks_at(1019) && !entry.blocks_at(1020));
    }
}
