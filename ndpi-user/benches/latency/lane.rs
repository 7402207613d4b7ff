//! One lane: clients at a steady pace, and a flood beside them or none.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::clients::{Clients, Talk, serve};
use crate::flood::{Flood, Sent};
use crate::place::Place;
use crate::program::{Parts, Program, Said};

/// What is measured.
#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) clients: Clients,
    pub(crate) flood: Option<Flood>,
    /// Options of `ndpi-xdp run`.
    pub(crate) options: Vec<String>,
}

/// What came out.
pub(crate) struct Measured {
    /// Microseconds from the packet that decided a flow of ours to its verdict, in order.
    pub(crate) latencies: Vec<u64>,
    pub(crate) talks: Vec<Talk>,
    pub(crate) sent: Sent,
    /// The last record of the program.
    pub(crate) stopped: Value,
    pub(crate) machine: Machine,
}

/// How busy the machine was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    /// The load average of a minute before.
    pub(crate) load: f64,
    /// Processors that the program kept busy, of so many.
    pub(crate) program: f64,
    pub(crate) cpus: usize,
}

type Failure = Box<dyn Error + Send + Sync>;

impl Lane {
    pub(crate) fn run(&self, parts: Parts<'_>, place: &Place) -> Result<Measured, Box<dyn Error>> {
        let load = load()?;
        let program = Program::start(parts, place, &self.options)?;
        let (began, busy) = (Instant::now(), program.busy()?);
        let (talks, sent) = self.talk(place).map_err(|error| error.to_string())?;
        let (lasted, busy) = (began.elapsed(), program.busy()?.saturating_sub(busy));
        let Said { latencies, stopped, .. } = program.end()?;
        let ours = talks.iter().filter_map(|talk| latencies.get(&talk.port).copied());
        let mut latencies: Vec<_> = ours.collect();
        latencies.sort_unstable();
        let cpus = thread::available_parallelism()?.get();
        let program = busy.as_secs_f64() / lasted.as_secs_f64();
        Ok(Measured { latencies, talks, sent, stopped, machine: Machine { load, program, cpus } })
    }

    /// Has clients talk to a server, beside the flood.
    fn talk(&self, place: &Place) -> Result<(Vec<Talk>, Sent), Failure> {
        let (stop, flooded) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            let (stop, flooded) = (&stop, &flooded);
            let serving = scope.spawn(move || {
                place.near.enter()?;
                serve(scope, stop)
            });
            serving.join().map_err(|_| "the server panicked")??;
            let flooding = self.flood.map(|flood| {
                scope.spawn(move || {
                    place.far.enter()?;
                    flood.send(flooded)
                })
            });
            let clients = self.clients;
            let talking = scope.spawn(move || {
                place.far.enter()?;
                // The flood has to have had its effect.
                thread::sleep(Duration::from_millis(500));
                clients.talk()
            });
            let talks = talking.join();
            flooded.store(true, Ordering::Relaxed);
            let sent = flooding.map(thread::ScopedJoinHandle::join);
            stop.store(true, Ordering::Relaxed);
            let talks = talks.map_err(|_| "the clients panicked")??;
            let sent = sent.transpose().map_err(|_| "the flood panicked")?.transpose()?;
            Ok((talks, sent.unwrap_or_default()))
        })
    }
}

/// The load average of the last minute (proc(5)).
fn load() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().next().ok_or("no load average")?.parse()?)
}
