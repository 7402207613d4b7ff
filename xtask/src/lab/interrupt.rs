//! Ctrl-C and SIGTERM: noted, and acted upon where the lab waits, so that everything is removed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

const STEP: Duration = Duration::from_millis(20);

/// From here on the signals that ask a process to end are noted.
pub(super) fn watch() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&INTERRUPTED))
            .context("cannot watch for signals")?;
    }
    Ok(())
}

/// Fails when we have been asked to end.
pub(super) fn check() -> Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        bail!("interrupted");
    }
    Ok(())
}

/// Waits until asked to end, which is then done with.
pub(super) fn wait() {
    while !INTERRUPTED.swap(false, Ordering::Relaxed) {
        thread::sleep(STEP);
    }
}

/// Waits until `holds` says so; false when it has not within `limit`.
pub(super) fn until(limit: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<bool> {
    let deadline = Instant::now() + limit;
    loop {
        check()?;
        if holds()? {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        thread::sleep(STEP);
    }
}
