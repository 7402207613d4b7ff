//! A call of a program and its output, the same for all clients.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::lab::requests::{Family, Page};
use crate::lab::servers;

/// How long a client waits for its answer.
pub(in crate::lab) const PATIENCE: Duration = Duration::from_secs(2);

/// What a call must know beside the request.
pub(in crate::lab) struct Setting<'a> {
    /// The lab's folder, with certificates and host keys.
    pub(in crate::lab) folder: &'a Path,
    /// The server's address: the one that dig must get for every name.
    pub(in crate::lab) server: IpAddr,
    /// The client's address and port. ssh takes no port.
    pub(in crate::lab) from: SocketAddr,
}

/// A program to start.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::lab) struct Call {
    pub(in crate::lab) program: &'static str,
    pub(in crate::lab) arguments: Vec<String>,
    /// What it reads from its standard input.
    pub(in crate::lab) input: String,
}

/// What a program left behind.
#[derive(Debug, Default)]
pub(in crate::lab) struct Output {
    /// Whether it ended by itself, and well.
    pub(in crate::lab) success: bool,
    pub(in crate::lab) stdout: String,
    pub(in crate::lab) stderr: String,
}

/// What the client got, in few words; or why it got nothing.
pub(in crate::lab) type Answer = Result<String, String>;

/// Path and size of a page.
pub(super) fn served(page: Page) -> (&'static str, usize) {
    match page {
        Page::Small => servers::SMALL,
        Page::Large => servers::LARGE,
    }
}

/// The first line of what a program said of its failure.
pub(super) fn reason(said: &str) -> String {
    said.lines().find(|line| !line.is_empty()).unwrap_or("no answer").to_owned()
}

/// An address between brackets where a port follows it.
pub(in crate::lab) fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// `A` or `AAAA`, see RFC 1035 and RFC 3596.
pub(super) fn record_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "A",
        Family::V6 => "AAAA",
    }
}
