//! The process that nDPI works in: a thread for each of those that ask.

use std::cell::Cell;
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use ndpi::Engine;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use rustix::thread::set_name;

use super::deaths::FAULTS;
use super::exchange::{Exchange, wait_for, wake};
use super::leaving::kept;
use super::memory::Memory;
use super::server::Server;
use crate::memory::trim;

thread_local! {
    /// Where this thread answers, and the number of the worker.
    static HERE: Cell<(*const Exchange, u32)> = const { Cell::new((ptr::null(), 0)) };
}

/// Answers until it is ended, which it is with its keeper.
///
/// # Errors
/// It cannot be confined, though its keeper could, or there can be no threads.
pub(super) fn work(
    memory: &Memory,
    engines: Vec<Engine>,
    number: u32,
    (keeper, confined): (Pid, bool),
) -> io::Result<()> {
    set_name(c"ndpi-worker")?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if getppid() != Some(keeper) {
        return Ok(());
    }
    if confined {
        kept().apply().map_err(io::Error::other)?;
    }
    for signal in FAULTS {
        note_faults(signal);
    }
    thread::scope(|scope| {
        for (at, (engine, exchange)) in engines.into_iter().zip(memory.exchanges()).enumerate() {
            let serve = move || {
                HERE.set((exchange, number));
                let mut server = Server::new(&engine);
                exchange.serve(|message, said| {
                    server.answer(message, said, |at| exchange.begins(at));
                })
            };
            // Without a thread that answers, whoever asks it would wait: better that all of it is started again.
            let serve = move || {
                drop(catch_unwind(AssertUnwindSafe(serve)));
                abort()
            };
            thread::Builder::new().name(format!("ndpi-{at}")).spawn_scoped(scope, serve)?;
        }
        memory.head().worker.store(number, Ordering::Release);
        wake(&memory.head().worker);
        give_memory_back(&memory.head().trims)
    })
}

/// Gives back memory that was freed whenever it is asked to.
fn give_memory_back(asked: &AtomicU32) -> ! {
    let mut last = asked.load(Ordering::Acquire);
    loop {
        while !wait_for(asked, |asked| asked != last, Duration::MAX) {}
        last = asked.load(Ordering::Acquire);
        trim();
    }
}

/// Has a thread note a fault of its own, before the process ends by it.
fn note_faults(signal: i32) {
    extern "C" fn note(_signal: i32) {
        let (exchange, worker) = HERE.get();
        // SAFETY: null, or set by the thread that this is on, to what is mapped as long as it runs.
        if let Some(exchange) = unsafe { exchange.as_ref() } {
            exchange.note_fault(worker);
        }
    }
    let handler: extern "C" fn(i32) = note;
    // SAFETY: zeros are a value of it, and all of it is set that matters.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = handler as usize;
    // What has failed is done once more, and ends the process as if nobody had looked.
    action.sa_flags = libc::SA_ONSTACK | libc::SA_RESETHAND;
    // SAFETY: the handler stores a number, and reads what no destructor belongs to.
    unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
}
