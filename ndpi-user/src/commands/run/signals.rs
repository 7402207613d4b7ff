//! Signals, as orders to the session.

use std::io;

use crossbeam::channel::Sender;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::live::Control;

/// Sends [`Control::Stop`] at the first SIGINT or SIGTERM. A second one ends the process at once, for
/// whoever does not want to wait for the records of all flows.
pub(super) fn stop_on_signals(control: Sender<Control>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    std::thread::spawn(move || {
        let mut arrived = signals.forever();
        if arrived.next().is_some() {
            log::info!("stopping; once more to stop at once");
            // Fails only where the session has ended by itself.
            let _ = control.send(Control::Stop);
        }
        if let Some(signal) = arrived.next() {
            // The attachments end with the process: they are links that nothing else holds.
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}
