//! A policy that one process has read, handed to another, which decides by it.
//!
//! Reading is walking through text that anybody may have written: TOML, lists in seven formats, internationalised
//! names. Whoever does that in a process without rights hands over what it came to in this form, which is flat: numbers,
//! lengths and names one behind the other (postcard). Who takes it over believes nothing of it (`sound`): what it says may
//! be another policy than the one that was read, and is never more than a policy. The texts of the files, which messages
//! quote, are those that it has given to be read.

use std::io;
use std::path::Path;

use crate::diagnose::Diagnostics;
use crate::load::ReadPolicy;
use crate::sound;

/// What comes of reading a policy.
pub type Outcome = Result<ReadPolicy, Diagnostics>;

/// Writes it for another process.
///
/// # Errors
/// Writing fails.
pub fn hand_over(outcome: &Outcome, to: impl io::Write) -> io::Result<()> {
    postcard::to_io(outcome, to).map(drop).map_err(io::Error::other)
}

/// Takes over what another process has written, which has read these files.
///
/// # Errors
/// It is none that reading such a policy comes to.
pub fn take_over(
    bytes: &[u8],
    file: &dyn Fn(&Path) -> Option<Vec<u8>>,
) -> Result<Outcome, NoPolicy> {
    let (mut outcome, rest): (Outcome, _) = postcard::take_from_bytes(bytes)?;
    let sound = match &mut outcome {
        Ok(read) => sound::policy(read, file),
        Err(problems) => sound::problems(problems, file) && problems.has_errors(),
    };
    if sound && rest.is_empty() { Ok(outcome) } else { Err(NoPolicy(None)) }
}

/// What was handed over is no policy.
#[derive(Debug, thiserror::Error)]
#[error("what was handed over is no policy")]
pub struct NoPolicy(#[source] Option<postcard::Error>);

impl From<postcard::Error> for NoPolicy {
    fn from(error: postcard::Error) -> Self {
        Self(Some(error))
    }
}
