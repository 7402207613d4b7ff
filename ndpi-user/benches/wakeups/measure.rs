//! One measurement: packets at a steady rate on one CPU, a reader on another.

use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ndpi_kernel::{Kernel, LoadOptions, Rings, Waker, ktime_ns};
use rustix::thread::ClockId;
use rustix::time::clock_gettime;
use testkit::cpu::stay_on;

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// Packets a second.
    pub(crate) rate: u32,
    /// How long they may gather.
    pub(crate) pause: Duration,
}

/// What came out.
pub(crate) struct Figures {
    /// Nanoseconds from the moment that the kernel saw a packet until the reader had it, in order.
    pub(crate) latencies: Vec<u64>,
    /// Nanoseconds of the kernel's program for each packet, in order.
    pub(crate) costs: Vec<u64>,
    /// Passes of the reader that found something.
    pub(crate) passes: u64,
    /// How long it took.
    pub(crate) lasted: Duration,
    /// Processor time of the reader.
    pub(crate) reader: Duration,
}

/// What the reader saw.
struct Read {
    latencies: Vec<u64>,
    passes: u64,
    busy: Duration,
}

pub(crate) fn measure(case: Case, lasts: Duration) -> Result<Figures, Box<dyn Error>> {
    let options = LoadOptions {
        verdicts: 1024,
        tracks: 1024,
        budget: u32::MAX,
        pin_directory: None,
        ..LoadOptions::default()
    };
    let mut kernel = Kernel::load(&options)?;
    let mut rings = kernel.take_rings().ok_or("the rings are there once")?;
    rings.set_coalescing(case.pause);
    let waker = rings.waker();
    let (there, ready) = mpsc::channel();
    let reader = thread::spawn(move || {
        // Where there is no such CPU, threads stay where they are.
        let _ = stay_on(1);
        there.send(())?;
        Ok(read(&mut rings))
    });
    ready.recv()?;
    let _ = stay_on(0);
    let begun = Instant::now();
    let costs = send(&mut kernel, case, lasts);
    let lasted = begun.elapsed();
    let Read { mut latencies, passes, busy } = finish(&waker, reader)?;
    let mut costs = costs?;
    latencies.sort_unstable();
    costs.sort_unstable();
    Ok(Figures { latencies, costs, passes, lasted, reader: busy })
}

type Reader = thread::JoinHandle<Result<Read, mpsc::SendError<()>>>;

fn finish(waker: &Waker, reader: Reader) -> Result<Read, Box<dyn Error>> {
    waker.wake();
    Ok(reader.join().map_err(|_| "the reader panicked")??)
}

/// Runs the program on a packet each time that one is due.
fn send(kernel: &mut Kernel, case: Case, lasts: Duration) -> Result<Vec<u64>, Box<dyn Error>> {
    let frame = frame();
    let programs = kernel.test_run();
    let every = Duration::from_secs(1) / case.rate;
    let (begun, mut costs) = (Instant::now(), Vec::new());
    let mut due = Duration::ZERO;
    while due < lasts {
        while begun.elapsed() < due {
            std::hint::spin_loop();
        }
        let ran = programs.xdp(&frame, None, 1)?;
        costs.push(u64::try_from(ran.duration.as_nanos())?);
        due += every;
    }
    Ok(costs)
}

fn read(rings: &mut Rings) -> Read {
    let (mut latencies, mut passes) = (Vec::new(), 0);
    loop {
        let polled = rings.poll(None, |header, _| {
            latencies.push(ktime_ns().saturating_sub(header.ktime_ns));
        });
        match polled {
            Ok(polled) if !polled.woken => passes += 1,
            _ => break,
        }
    }
    let busy = clock_gettime(ClockId::ThreadCPUTime);
    let busy = Duration::try_from(busy).unwrap_or_default();
    Read { latencies, passes, busy }
}

/// A UDP packet of 100 bytes.
fn frame() -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 86, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame.extend([198, 18, 0, 1, 198, 18, 0, 2, 0x9c, 0x40, 0, 53, 0, 66, 0, 0]);
    frame.resize(100, 0);
    frame
}
