//! Root's rights, asked for once: at the beginning, not after minutes of compiling.

use std::sync::Once;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process;

/// sudo forgets after five minutes at the earliest, unless it is told to ask every time.
const REMINDER: Duration = Duration::from_mins(1);

static REMINDED: Once = Once::new();

/// Whether root's rights can be had.
pub(crate) fn is_possible() -> bool {
    process::is_root() || process::find_program("sudo").is_some()
}

/// Makes sure of root's rights, for `what`. A password that sudo asks for is asked for now, and not
/// again while xtask runs.
pub(crate) fn ask(what: &str) -> Result<()> {
    if process::is_root() {
        return Ok(());
    }
    if !is_possible() {
        bail!("{what} needs root's rights, and there is no sudo to ask: run it as root");
    }
    if !is_remembered() {
        eprintln!("xtask: {what} needs root's rights: sudo may ask for your password, once");
        process::run(process::command("sudo").arg("true"))
            .with_context(|| format!("{what} needs root's rights"))?;
    }
    // It ends with the process, or when sudo no longer answers without a password.
    REMINDED.call_once(|| {
        thread::spawn(|| {
            while is_remembered() {
                thread::sleep(REMINDER);
            }
        });
    });
    Ok(())
}

/// Whether sudo works without asking.
fn is_remembered() -> bool {
    process::output(process::command("sudo").args(["-n", "true"])).is_ok()
}
