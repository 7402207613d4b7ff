//! The child: reads one policy, whose files the session gives.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ndpi_policy::{Files, InForce};

use super::wire::{Message, Wire, Word};

/// Reads the policy at a path in place of one that has this, and hands over what it comes to.
pub(super) type Work<'a> =
    &'a dyn Fn(&Path, Option<&InForce>, &dyn Files, &mut Vec<u8>) -> io::Result<()>;

/// Reads what the session wants, and hands over what it comes to.
///
/// # Errors
/// The session says something else, or is gone.
pub(super) fn serve(socket: OwnedFd, work: Work<'_>) -> io::Result<()> {
    let wire = Wire(socket);
    let Some(Message::Word(Word::Read(path, before))) = wire.receive()? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut handed = Vec::new();
    work(&PathBuf::from(path), before.as_ref(), &Asked(&wire), &mut handed)?;
    wire.send_all(&handed)
}

/// Files, which the session reads.
struct Asked<'a>(&'a Wire<OwnedFd>);

impl Files for Asked<'_> {
    fn read(&self, path: &Path, longest: u64) -> io::Result<Vec<u8>> {
        self.0.say(&Word::File(path.as_os_str().to_owned(), longest))?;
        let mut file = Vec::new();
        loop {
            match self.0.receive()? {
                Some(Message::Part(part, last)) => {
                    file.extend(part);
                    if last {
                        return Ok(file);
                    }
                }
                Some(Message::Word(Word::NoFile(number))) => {
                    return Err(io::Error::from_raw_os_error(number));
                }
                Some(Message::Word(Word::Unreadable(why))) => return Err(io::Error::other(why)),
                _ => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}
