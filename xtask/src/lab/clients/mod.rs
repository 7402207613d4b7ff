//! The programs on the lab's client: how each is called, and what its output means.
//!
//! All of this is plain: a request becomes a [`Call`], and what the program wrote becomes an
//! answer, or the reason why there is none.

mod curl;
mod dig;
mod openssl;
mod ssh;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::requests::{Ask, Family, Page, Request};
use super::servers;

/// How long a client waits for its answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What a call must know beside the request.
pub(super) struct Setting<'a> {
    /// The lab's folder, with certificates and host keys.
    pub(super) folder: &'a Path,
    /// The server's address: the one that dig must get for every name.
    pub(super) server: IpAddr,
    /// The client's address and port. ssh takes no port.
    pub(super) from: SocketAddr,
}

/// A program to start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) program: &'static str,
    pub(super) arguments: Vec<String>,
    /// What it reads from its standard input.
    pub(super) input: String,
}

/// What a program left behind.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Whether it ended by itself, and well.
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// What the client got, in few words; or why it got nothing.
pub(super) type Answer = Result<String, String>;

/// How `request` is made.
pub(super) fn call(request: &Request, setting: &Setting) -> Call {
    let (program, arguments, input) = match request.ask {
        Ask::Address => ("dig", dig::arguments(request, setting), String::new()),
        Ask::Https(_) | Ask::Http(_) | Ask::HttpTwice => {
            ("curl", curl::arguments(request, setting), String::new())
        }
        Ask::Tls => ("openssl", openssl::arguments(request, setting), openssl::input(request)),
        Ask::Ssh => ("ssh", ssh::arguments(setting), String::new()),
    };
    Call { program, arguments, input }
}

/// What came of it.
pub(super) fn answer(request: &Request, output: &Output) -> Answer {
    match request.ask {
        Ask::Address => dig::answer(request.family, output),
        Ask::Https(page) | Ask::Http(page) => curl::answer(&[served(page).1], output),
        Ask::HttpTwice => curl::answer(&[servers::TINY.1, servers::SMALL.1], output),
        Ask::Tls => openssl::answer(output),
        Ask::Ssh => ssh::answer(output),
    }
}

/// Path and size of a page.
fn served(page: Page) -> (&'static str, usize) {
    match page {
        Page::Small => servers::SMALL,
        Page::Large => servers::LARGE,
    }
}

/// The first line of what a program said of its failure.
fn reason(said: &str) -> String {
    said.lines().find(|line| !line.is_empty()).unwrap_or("no answer").to_owned()
}

/// An address between brackets where a port follows it.
pub(super) fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// `A` or `AAAA`, see RFC 1035 and RFC 3596.
fn record_type(family: Family) -> &'static str {
    match family {
        Family::V4 => "A",
        Family::V6 => "AAAA",
    }
}

#[cfg(test)]
mod tests;
