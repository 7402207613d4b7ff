//! The programs on the lab's client: how each is called, and what its output means.
//!
//! All of this is plain: a request becomes a [`Call`], and what the program wrote becomes an
//! answer, or the reason why there is none.

mod call;
mod curl;
mod dig;
mod openssl;
mod ssh;

use super::requests::{Ask, Request};
use super::servers;
use call::served;
pub(super) use call::{Answer, Call, Output, PATIENCE, Setting, bracketed};

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

#[cfg(test)]
mod tests;
