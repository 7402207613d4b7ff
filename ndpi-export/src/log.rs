//! Events as messages on standard error: what whoever operates it should know at once.

use std::thread;
use std::time::Duration;

use crossbeam::channel::{Receiver, bounded};
use ndpi_events::{BusBuilder, Ender, Kind, Kinds, Losses, Subscription};

use super::wording::messages;

/// Messages that may wait. They are few: what goes on is said when it begins and when it ends.
const WAITING_MESSAGES: usize = 1024;

/// How long the end of a session waits for a log that takes nothing.
const LONGEST_END: Duration = Duration::from_secs(2);

/// The thread that logs.
#[derive(Debug)]
pub struct LogSink {
    ender: Ender,
    done: Receiver<()>,
    losses: Losses,
}

impl LogSink {
    /// Subscribes, and starts a thread that logs.
    pub fn start(bus: &mut BusBuilder) -> Self {
        let kinds = Kinds::of(&[Kind::Status, Kind::Reloaded, Kind::Warning]);
        let mut events = bus.subscribe(kinds, |_| true, WAITING_MESSAGES);
        let (ender, losses) = (events.ender(), events.losses().clone());
        let (end, done) = bounded(0);
        thread::spawn(move || {
            log_all(&mut events);
            drop(end);
        });
        Self { ender, done, losses }
    }

    /// What was lost.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Returns when everything was logged that was published until now.
    pub fn finish(self) {
        drop(self.ender);
        // The channel is never sent to: the thread's end of it goes when the thread does.
        let _ = self.done.recv_timeout(LONGEST_END);
    }
}

fn log_all(events: &mut Subscription) {
    let mut lost = 0;
    while let Some(envelope) = events.recv() {
        let (event, interface) = (envelope.event.name(), envelope.event.interface());
        let interface = interface.unwrap_or_default();
        for (level, message) in messages(&envelope.event) {
            log::log!(level, event, interface; "{message}");
        }
        events.losses().handle(1);
        let before = std::mem::replace(&mut lost, events.losses().lost());
        if lost > before {
            log::warn!(
                "{} messages before this were lost: standard error takes too few",
                lost - before
            );
        }
    }
}
