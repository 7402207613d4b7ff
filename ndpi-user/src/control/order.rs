//! Asking an instance by its pins, as commands do.

use std::path::Path;

use anyhow::{Error, Result, anyhow, bail};
use ndpi_text::clean;
use serde::de::DeserializeOwned;

use super::{Answer, Command, ask, read_lines, socket_of};

/// Has the instance with these pins carry out a command; its answer, which is no refusal.
///
/// # Errors
///
/// There is none, it could not be asked, or it refused; in words that can be shown.
pub fn order(pins: &Path, command: Command) -> Result<Answer> {
    match ask(&socket_of(pins)?, command).map_err(|error| error.by_pins(pins))? {
        Answer::Refused(why) => bail!("{}", clean(&why)),
        answer => Ok(answer),
    }
}

/// An answer to another command than was given.
pub fn answered_something_else() -> Error {
    anyhow!("the running ndpi-xdp has answered something else")
}

/// Gives each line of the answer of the instance with these pins to `take`. What is none is left out.
///
/// # Errors
///
/// There is none, it could not be asked, or it did not say all.
pub fn fetch<L: DeserializeOwned>(
    pins: &Path,
    command: Command,
    mut take: impl FnMut(L),
) -> Result<()> {
    let mut read = |line: &[u8]| {
        if let Ok(line) = serde_json::from_slice(line) {
            take(line);
        }
    };
    Ok(read_lines(&socket_of(pins)?, command, &mut read).map_err(|error| error.by_pins(pins))?)
}
