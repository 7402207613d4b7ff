//! One measurement: threads that run the program on packets of their own flows, and a reader of all rings.

use std::error::Error;
use std::iter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_common::Division;
use ndpi_kernel::{Kernel, LoadOptions, TestRun};
use testkit::cpu::stay_on;
use testkit::frame::{key4, udp4};

/// Which rings the threads write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rings {
    /// All to the same, as CPUs do whose flows one worker owns.
    OneForAll,
    /// Each to its own, as with a worker for each CPU.
    OneForEach,
}

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) producers: u32,
    pub(crate) rings: Rings,
}

/// What came out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Nanoseconds of the program for each packet, over all threads.
    pub(crate) cost: f64,
    /// Packets that the reader had, a second.
    pub(crate) shown: f64,
    /// Packets that found a ring full, and for which the lock of one could not be had.
    pub(crate) full: u64,
    pub(crate) contended: u64,
    /// The longest that a record which was being written kept the reader from those behind it.
    pub(crate) longest_stall: Duration,
}

/// What a thread did.
#[derive(Clone, Copy, Debug, Default)]
struct Produced {
    packets: u64,
    took: Duration,
}

/// Bytes of all rings together: several have no more room than one.
const ROOM: u32 = 16 << 20;

/// Packets at a time.
const AT_ONCE: u32 = 256;

type Failure = Box<dyn Error + Send + Sync>;

pub(crate) fn measure(case: Case, lasts: Duration) -> Result<Figures, Box<dyn Error>> {
    let parts = if case.rings == Rings::OneForAll { 1 } else { case.producers };
    let division = Division { parts, seed: 7 };
    let options = LoadOptions {
        verdicts: 1024,
        tracks: 1024,
        budget: u32::MAX,
        pin_directory: None,
        ring_bytes: ROOM / parts,
        division,
        ..LoadOptions::default()
    };
    let mut kernel = Kernel::load(&options)?;
    let mut rings: Vec<_> = iter::from_fn(|| kernel.take_rings()).collect();
    let (run, is_over, began) = (kernel.test_run(), AtomicBool::new(false), Instant::now());
    let (produced, read) = thread::scope(|scope| {
        let is_over = &is_over;
        let reader = scope.spawn(move || {
            let mut read = 0;
            // What is there when all have ended is read as well.
            while !is_over.load(Ordering::Acquire) {
                read += rings.iter_mut().map(|it| it.drain(|_, _| {})).sum::<usize>();
            }
            read += rings.iter_mut().map(|it| it.drain(|_, _| {})).sum::<usize>();
            let stalls = rings.iter().flat_map(ndpi_kernel::Rings::longest_stalls).max();
            (read, stalls.unwrap_or_default())
        });
        let produce = |number: u32| scope.spawn(move || send(run, division, number, lasts));
        let producers: Vec<_> = (0..case.producers).map(produce).collect();
        let produced: Result<Vec<_>, _> = producers.into_iter().map(joined).collect();
        is_over.store(true, Ordering::Release);
        (produced, reader.join())
    });
    let (read, longest_stall) = read.map_err(|_| "the reader panicked")?;
    let produced = produced.map_err(|error| error.to_string())?;
    let packets: u64 = produced.iter().map(|it| it.packets).sum();
    let took: Duration = produced.iter().map(|it| it.took).sum();
    let losses = kernel.ring_losses().read()?;
    Ok(Figures {
        cost: took.as_nanos() as f64 / packets as f64,
        shown: read as f64 / began.elapsed().as_secs_f64(),
        full: losses.iter().map(|of| of.loss.full).sum(),
        contended: losses.iter().map(|of| of.loss.contended).sum(),
        longest_stall,
    })
}

fn joined(
    thread: thread::ScopedJoinHandle<'_, Result<Produced, Failure>>,
) -> Result<Produced, Failure> {
    thread.join().map_err(|_| "a thread that sends panicked")?
}

/// Runs the program on packets of a flow that the ring of this number takes, where there are several.
fn send(
    run: TestRun<'_>,
    division: Division,
    number: u32,
    lasts: Duration,
) -> Result<Produced, Failure> {
    stay_on(number as usize % thread::available_parallelism()?.get())?;
    let is_mine = |port: &u16| division.owner(key4(*port, 53).words()) == number % division.parts;
    let mut mine = (1000..u16::MAX).filter(is_mine);
    // Another flow for each thread.
    let port = mine.nth(number as usize).ok_or("no port leads to this ring")?;
    let (frame, began, mut produced) =
        (udp4(port, 53, &[7; 60]), Instant::now(), Produced::default());
    while began.elapsed() < lasts {
        let ran = run.xdp(&frame, None, AT_ONCE)?;
        produced.packets += u64::from(AT_ONCE);
        produced.took += ran.duration * AT_ONCE;
    }
    Ok(produced)
}
