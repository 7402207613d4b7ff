//! Some seconds of one kind of flood, with clients beside it.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use crate::clients::{Clients, Talk, serve};
use crate::flood::{Flood, Kind, Sent};
use crate::place::Place;

/// How long a round lasts, and how many a minute has.
const SECONDS: u32 = 10;
pub(crate) const A_MINUTE: u32 = 60 / SECONDS;

/// A round.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    pub(crate) number: u32,
    /// Packets of the flood, and clients, a second.
    pub(crate) rate: u32,
    pub(crate) clients: u32,
}

/// What came of it.
pub(crate) struct Done {
    pub(crate) talks: Vec<Talk>,
    pub(crate) flooded: Sent,
}

type Failure = Box<dyn Error + Send + Sync>;

impl Round {
    /// Every third one has no flood, so that what a flood took can be given back.
    fn kind(self) -> Option<Kind> {
        [Some(Kind::Syn), Some(Kind::Udp), None][self.number as usize % 3]
    }

    pub(crate) fn run(self, place: &Place) -> Result<Done, Failure> {
        let (served, flooded) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let (served, flooded) = (&served, &flooded);
            let serving = scope.spawn(move || {
                place.near.enter()?;
                serve(scope, served)
            });
            joined(serving)??;
            let flooding = self.kind().map(|kind| {
                scope.spawn(move || {
                    place.far.enter()?;
                    let longest = 2 * Duration::from_secs(SECONDS.into());
                    Flood { kind, rate: self.rate, longest }.send(flooded)
                })
            });
            let talking = scope.spawn(move || {
                place.far.enter()?;
                let every = Duration::from_secs(1) / self.clients;
                Clients { count: self.clients * SECONDS, every, exchange: true }.talk()
            });
            let talks = joined(talking);
            flooded.store(true, Ordering::Relaxed);
            let flooded = flooding.map(joined).transpose();
            served.store(true, Ordering::Relaxed);
            Ok(Done { talks: talks??, flooded: flooded?.transpose()?.unwrap_or_default() })
        })
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> Result<T, Failure> {
    thread.join().map_err(|_| "a thread panicked".into())
}
