//! Signals, as orders to the session.

use std::io;

use crossbeam::channel::{Receiver, Sender};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::reload::Ask;
use crate::live::Control;

/// Sends [`Control::Stop`] at the first SIGINT or SIGTERM, and asks for the policy to be read anew at
/// every SIGHUP. A second SIGINT or SIGTERM ends the process at once, for whoever does not want to
/// wait for the records of all flows.
pub(super) fn listen(control: Sender<Control>, reload: Sender<Ask>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        let mut stopping = false;
        for signal in &mut signals {
            match signal {
                // Both sends fail only when nobody listens any more, at the end.
                SIGHUP => drop(reload.send(None)),
                // The attachments end with the process: they are links that nothing else holds.
                _ if stopping => std::process::exit(128 + signal),
                _ => {
                    stopping = true;
                    log::info!("stopping; once more to stop at once");
                    let _ = control.send(Control::Stop);
                }
            }
        }
    });
    Ok(())
}

/// Whether a signal has asked to stop before anything was attached; nobody else gives orders then.
pub(super) fn is_stopping(orders: &Receiver<Control>) -> bool {
    let stopping = matches!(orders.try_recv(), Ok(Control::Stop));
    if stopping {
        log::info!("stopped before anything was attached");
    }
    stopping
}
