//! Messages to a service manager (`sd_notify(3)`): the start is over, the session goes on, it ends.

use std::time::{Duration, Instant};

use ndpi_common::{Live, tick_of};
use ndpi_kernel::{Kernel, ktime_ns};
use sd_notify::NotifyState;

/// Ticks without a heartbeat of the session after which it does not go on: five seconds, many times what any load
/// delays it by.
const STANDS_STILL: u32 = 50;

/// The service manager that has started this process, if one has.
#[derive(Debug)]
pub(super) struct ServiceManager {
    watchdog: Option<Watchdog>,
}

impl ServiceManager {
    /// As the environment names it (`NOTIFY_SOCKET`, `WATCHDOG_USEC`), which hears from here on that this instance
    /// enforces.
    pub(super) fn of_environment() -> Self {
        notify(NotifyState::Ready);
        let watchdog = sd_notify::watchdog_enabled();
        Self { watchdog: watchdog.map(|within| Watchdog::new(within, Instant::now())) }
    }

    /// Says that it ends.
    pub(super) fn stopping() {
        notify(NotifyState::Stopping);
    }

    /// Says that it goes on, where that is waited for, it is time, and the session gives its heartbeat: whoever calls
    /// this goes on himself.
    pub(super) fn look(&mut self, kernel: &Kernel) {
        let Some(watchdog) = &mut self.watchdog else { return };
        if !watchdog.is_due(Instant::now()) {
            return;
        }
        // Also where it stands still: that is said as seldom.
        watchdog.asked(Instant::now());
        match kernel.live().read() {
            Ok(live) if goes_on(&live, tick_of(ktime_ns())) => notify(NotifyState::Watchdog),
            Ok(_) => log::warn!(
                "the session stands still: the service manager's watchdog is not answered"
            ),
            Err(error) => log::warn!("{:#}", anyhow::Error::new(error)),
        }
    }
}

/// When the service manager is to hear next that the session goes on.
#[derive(Debug)]
struct Watchdog {
    every: Duration,
    due: Instant,
}

impl Watchdog {
    /// One that is to hear so within that time.
    fn new(within: Duration, now: Instant) -> Self {
        // Three times, so that one that comes late does no harm.
        Self { every: within / 3, due: now }
    }

    fn is_due(&self, now: Instant) -> bool {
        now >= self.due
    }

    fn asked(&mut self, now: Instant) {
        self.due = now + self.every;
    }
}

/// Whether the session has given its heartbeat lately.
fn goes_on(live: &Live, now: u32) -> bool {
    now.saturating_sub(live.heartbeat) <= STANDS_STILL
}

fn notify(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        log::debug!("the service manager cannot be reached: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watchdog_is_answered_three_times_within_its_time_and_not_more_often() {
        let mut now = Instant::now();
        let mut watchdog = Watchdog::new(Duration::from_secs(30), now);
        let mut said = 0;
        for _ in 0..300 {
            if watchdog.is_due(now) {
                said += 1;
                watchdog.asked(now);
            }
            now += Duration::from_millis(100);
        }
        assert_eq!(said, 3);
    }

    #[test]
    fn a_session_without_a_heartbeat_stands_still() {
        let at = |heartbeat| Live { heartbeat, ..Live::default() };
        assert!(goes_on(&at(1000), 1000) && goes_on(&at(1000), 1000 + STANDS_STILL));
        assert!(goes_on(&at(1001), 1000), "its clock may be a tick ahead");
        assert!(!goes_on(&at(1000), 1001 + STANDS_STILL));
    }
}
