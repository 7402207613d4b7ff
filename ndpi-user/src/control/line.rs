//! A line on a socket, within bounds.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Reads a line of at most `longest` bytes, without its end, in at most `within`.
pub(super) fn read(stream: &UnixStream, longest: usize, within: Duration) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + within;
    let (mut line, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let got = match (&*stream).read(&mut buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => got,
            Err(error) if again(&error) => continue,
            Err(error) => return Err(error),
        };
        let end = buffer[..got].iter().position(|&byte| byte == b'\n');
        line.extend_from_slice(&buffer[..end.unwrap_or(got)]);
        if line.len() > longest {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
        }
        if end.is_some() {
            return Ok(line);
        }
    }
}

/// Writes `line` and its end in at most `within`.
pub(super) fn write(stream: &UnixStream, mut line: Vec<u8>, within: Duration) -> io::Result<()> {
    let deadline = Instant::now() + within;
    line.push(b'\n');
    let mut rest = &line[..];
    while !rest.is_empty() {
        stream.set_write_timeout(Some(left(deadline)?))?;
        match (&*stream).write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if again(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a call was cut short: by a signal, or by its own time-out, after which none is left.
fn again(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock)
}

/// The time until `deadline`, of which a time-out must have some.
fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}
