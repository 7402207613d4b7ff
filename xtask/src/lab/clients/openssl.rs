//! `openssl s_client`: a TLS connection by hand, with a request typed into it.

use super::call::{Answer, Output, Setting, bracketed, reason};
use crate::lab::requests::Request;
use crate::lab::servers;

pub(super) fn arguments(request: &Request, setting: &Setting) -> Vec<String> {
    let from = format!("{}:{}", bracketed(setting.from.ip()), setting.from.port());
    let to = format!("{}:{}", bracketed(setting.server), request.service().1);
    let trusted = setting.folder.join(servers::TRUSTED).display().to_string();
    ["s_client", "-quiet", "-verify_return_error", "-bind", &from, "-connect", &to]
        .into_iter()
        .chain(["-servername", request.name, "-verify_hostname", request.name])
        .chain(["-CAfile", &trusted])
        .map(str::to_owned)
        .collect()
}

pub(super) fn input(request: &Request) -> String {
    let path = servers::SMALL.0;
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", request.name)
}

/// The handshake alone is no answer: the page is.
pub(super) fn answer(output: &Output) -> Answer {
    let size = servers::SMALL.1;
    match output.stdout.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") && body.len() == size => {
            Ok(format!("200, {size} bytes"))
        }
        Some((_, body)) => Err(format!("{} of {size} bytes", body.len())),
        // Beside errors, it says how it checked the certificate.
        None => Err(reason(output.stderr.lines().find(|l| l.contains("error")).unwrap_or(""))),
    }
}
