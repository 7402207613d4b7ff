//! Signals, as orders to the session.

use std::io;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use ndpi_export::Reopen;
use signal_hook::consts::signal::{
    SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use super::reload::Ask;
use crate::live::Control;

/// End the session. The last one comes where the limit on processor time is reached, a while before
/// the kernel ends the process itself.
const STOP: [i32; 4] = [SIGINT, SIGTERM, SIGQUIT, SIGXCPU];

/// Mean nothing here. By default they would end the process, and leave its pins.
const MEANINGLESS: [i32; 8] =
    [SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, libc::SIGPWR, libc::SIGSTKFLT];

/// How long a second signal to stop waits for what the first has begun: loading the programs, which it may
/// have come in, takes seconds on a slow machine.
const LEAVING: Duration = Duration::from_secs(30);

/// What a signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Stop,
    Reload,
    /// Whoever writes gets an error, which is dealt with there.
    FileLimit,
    Nothing,
}

impl Meaning {
    fn of(signal: i32) -> Self {
        match signal {
            SIGHUP => Self::Reload,
            SIGXFSZ => Self::FileLimit,
            _ if STOP.contains(&signal) => Self::Stop,
            _ => Self::Nothing,
        }
    }
}

/// Takes every signal that would end the process by default and does not come from a fault of its own.
/// The first that means so sends [`Control::Stop`], a second one ends the process, for whoever does not
/// want to wait for the records of all flows: as soon as nothing is attached, pinned or locked any more,
/// which is when `left` disconnects. Every SIGHUP asks for the policy to be reloaded, where there is one, and for
/// files of records to be opened again.
pub(super) fn listen(
    control: Sender<Control>,
    reload: Option<Sender<Ask>>,
    reopen: Reopen,
    left: Receiver<()>,
) -> io::Result<()> {
    let mut signals = Signals::new(taken())?;
    std::thread::spawn(move || {
        let mut stopping = false;
        for signal in &mut signals {
            if Meaning::of(signal) == Meaning::Reload {
                reopen.ask();
            }
            match (Meaning::of(signal), &reload) {
                // Both sends fail only when nobody listens any more, at the end.
                (Meaning::Reload, Some(reload)) => drop(reload.send(Ask::Reload(None))),
                (Meaning::Stop, _) if stopping => leave(signal, &left),
                (Meaning::Stop, _) => {
                    stopping = true;
                    log::info!("stopping; once more to stop at once");
                    let _ = control.send(Control::Stop);
                }
                (Meaning::FileLimit, _) => {}
                (Meaning::Reload, None) => log::info!(
                    "SIGHUP: there is no policy to reload; files of records are opened again"
                ),
                (Meaning::Nothing, _) => say_meaningless(signal),
            }
        }
    });
    Ok(())
}

/// Ends the process as soon as nothing in the kernel or the file system would outlive it.
fn leave(signal: i32, left: &Receiver<()>) -> ! {
    if left.recv_timeout(LEAVING) == Err(RecvTimeoutError::Timeout) {
        log::warn!(
            "ended while something may still be pinned or attached; remove it with: ndpi-xdp detach \
             (and the same --pin-dir)"
        );
    }
    std::process::exit(128 + signal)
}

fn taken() -> impl Iterator<Item = i32> {
    // Those of the C library are below; whoever sends one of these to somebody who does not expect it
    // ends that process too.
    let realtime = libc::SIGRTMIN()..=libc::SIGRTMAX();
    STOP.into_iter().chain(MEANINGLESS).chain([SIGHUP, SIGXFSZ]).chain(realtime)
}

fn say_meaningless(signal: i32) {
    let number = format!("signal {signal}");
    let name = signal_name(signal).unwrap_or(&number);
    log::info!("{name} means nothing here; SIGHUP reloads the policy, SIGINT and SIGTERM stop");
}

/// Whether a signal has asked to stop before anything was attached; nobody else gives orders then.
pub(super) fn is_stopping(orders: &Receiver<Control>) -> bool {
    let stopping = matches!(orders.try_recv(), Ok(Control::Stop));
    if stopping {
        log::info!("stopped before anything was attached");
    }
    stopping
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::taken;

    /// The signals that do not end a process by default (`signal(7)`), cannot be caught, or come from a
    /// fault of the process itself, and SIGPIPE, which Rust's runtime has switched off.
    const OTHERS: [i32; 18] = [
        libc::SIGPIPE,
        libc::SIGKILL,
        libc::SIGSTOP,
        libc::SIGTSTP,
        libc::SIGTTIN,
        libc::SIGTTOU,
        libc::SIGCONT,
        libc::SIGCHLD,
        libc::SIGURG,
        libc::SIGWINCH,
        libc::SIGABRT,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGSEGV,
        libc::SIGSYS,
        libc::SIGTRAP,
        32,
    ];

    #[test]
    fn every_signal_that_would_end_the_process_is_taken() {
        // 32 and 33 are the C library's own, between its threads.
        let mut all: BTreeSet<i32> = taken().chain(OTHERS).collect();
        all.insert(33);
        assert_eq!(all, (1..=64).collect());
    }
}
