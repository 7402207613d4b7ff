//! Ctrl-C while captures are read: what was found so far is printed.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use ndpi_capture::CaptureError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use signal_hook::SigId;
use signal_hook::consts::signal::{SIGINT, SIGTERM};
use signal_hook::flag::{register, register_conditional_default, register_usize};
use signal_hook::low_level::{pipe, unregister};

use crate::report::CaptureReport;

/// What the first SIGINT or SIGTERM does; a second one ends the process as it would by default.
/// Processes that are forked off later inherit it.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    signal: Arc<AtomicUsize>,
    /// What a second signal does.
    defaults: Vec<SigId>,
    /// Can be read from when a signal has come, in this process or another that shares it.
    woken: Arc<OwnedFd>,
}

impl Stop {
    /// Takes the signals.
    ///
    /// # Errors
    /// The system refuses it.
    pub(crate) fn listen() -> io::Result<Self> {
        let (woken, wake) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (signal, once) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let mut defaults = Vec::new();
        for number in [SIGINT, SIGTERM] {
            // In this order: what the first signal sets, only the second finds.
            defaults.push(register_conditional_default(number, Arc::clone(&once))?);
            register(number, Arc::clone(&once))?;
            register_usize(number, Arc::clone(&signal), number.unsigned_abs() as usize)?;
            pipe::register(number, wake.try_clone()?)?;
        }
        Ok(Self { signal, defaults, woken: Arc::new(woken) })
    }

    /// Leaves it to the parent to end this process at a second signal: one from the terminal comes to
    /// both of them, and the parent passes it on besides.
    pub(crate) fn leave_to_parent(&self) {
        for id in &self.defaults {
            unregister(*id);
        }
    }

    /// The signal that has come.
    #[inline]
    pub(crate) fn signal(&self) -> Option<usize> {
        Some(self.signal.load(Relaxed)).filter(|&signal| signal > 0)
    }

    /// Whether the reading of a stream may have ended for a signal. It can be the parent's, which wakes
    /// this process before it is passed on as SIGINT.
    #[cold]
    pub(crate) fn has_come(&self) -> bool {
        let mut woken = [PollFd::from_borrowed_fd(self.woken(), PollFlags::IN)];
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        if self.signal().is_none() && poll(&mut woken, Some(&at_once)).is_ok_and(|ready| ready > 0)
        {
            // Else the signal has come meanwhile.
            let _ =
                self.signal.compare_exchange(0, SIGINT.unsigned_abs() as usize, Relaxed, Relaxed);
        }
        self.signal().is_some()
    }

    /// Its name.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.signal().map(|signal| if signal == SIGTERM as usize { "SIGTERM" } else { "SIGINT" })
    }

    /// What is wrong with a capture that cannot be read from its beginning. A stream that was stopped
    /// before it gave anything says nothing of what it would have been.
    pub(crate) fn fail(&self, report: &mut CaptureReport, error: &CaptureError) {
        let come = !error.is_of_opening() && self.has_come();
        match self.name().filter(|_| come) {
            Some(signal) => report.stopped_by(signal),
            None => report.error = Some(error.in_full()),
        }
    }

    /// What can be read from when a signal has come.
    pub(crate) fn woken(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }

    /// The same, for the reading of a stream that may have nothing for long.
    pub(crate) fn shared(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.woken)
    }

    /// How the process ends: with 128 and the signal's number where one has come, as shells have it;
    /// else with `code`. Says that the results are partial.
    pub(crate) fn exit(&self, code: ExitCode, unread: usize) -> ExitCode {
        let (Some(signal), Some(name)) = (self.signal(), self.name()) else { return code };
        let rest = match unread {
            0 => String::new(),
            1 => "; 1 capture was not begun".into(),
            unread => format!("; {unread} captures were not begun"),
        };
        log::error!("stopped by {name}: the results are partial{rest}");
        ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
    }
}
