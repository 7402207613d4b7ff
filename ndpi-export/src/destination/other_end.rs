//! The other end of a stream: whether it is there.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt::{
    set_socket_keepalive, set_tcp_keepcnt, set_tcp_keepidle, set_tcp_keepintvl,
};
use rustix::net::{RecvFlags, recv};

/// How long a connection is silent before its other end is asked whether it is there, and how long it may take to say
/// so each time.
const SILENT: Duration = Duration::from_mins(1);
const ANSWER: Duration = Duration::from_secs(10);

/// How often it is asked before it counts as gone.
const ASKED: u32 = 6;

/// Whether the other end has closed a stream, or is gone.
pub(super) fn is_over(stream: impl AsFd) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    !matches!(
        recv(stream, &mut [0u8; 1][..], flags),
        Ok((1.., _)) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR)
    )
}

/// Has the kernel find out when the other end of a TCP connection is gone without a word.
///
/// # Errors
///
/// It is no such connection.
pub(super) fn keep_alive(stream: impl AsFd) -> io::Result<()> {
    set_tcp_keepidle(&stream, SILENT)?;
    set_tcp_keepintvl(&stream, ANSWER)?;
    set_tcp_keepcnt(&stream, ASKED)?;
    Ok(set_socket_keepalive(&stream, true)?)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn an_end_that_sends_or_is_silent_is_there_and_one_that_closes_is_not() {
        use std::io::Write as _;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        keep_alive(&stream).unwrap();
        assert!(rustix::net::sockopt::socket_keepalive(&stream).unwrap());
        assert!(!is_over(&stream));
        other.write_all(b"hello").unwrap();
        assert!(!is_over(&stream));
        drop(other);
        let mut hello = [0; 5];
        io::Read::read_exact(&mut &stream, &mut hello).unwrap();
        while !is_over(&stream) {
            std::thread::yield_now();
        }
    }
}
