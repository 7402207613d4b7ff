//! curl with the address that dig got, so that its own resolver plays no part.

use super::call::{Answer, Output, PATIENCE, Setting, bracketed, reason, served};
use crate::lab::requests::{Ask, Request};
use crate::lab::servers;

/// What curl writes after each page: status, bytes of the body.
const FORMAT: &str = "%{http_code} %{size_download}\\n";

pub(super) fn arguments(request: &Request, setting: &Setting) -> Vec<String> {
    let (scheme, paths) = match request.ask {
        Ask::Https(page) => ("https", vec![served(page).0]),
        Ask::Http(page) => ("http", vec![served(page).0]),
        _ => ("http", vec![servers::TINY.0, servers::SMALL.0]),
    };
    let (name, port) = (request.name, request.service().1);
    let mut arguments: Vec<String> = [
        // Our options and no others: counts only as the first.
        "--disable",
        "--silent",
        "--show-error",
        // One failed page ends it.
        "--fail-early",
        "--noproxy",
        "*",
        "--max-time",
        &PATIENCE.as_secs().to_string(),
        "--write-out",
        FORMAT,
        "--resolve",
        &format!("{name}:{port}:{}", bracketed(setting.server)),
        "--interface",
        &setting.from.ip().to_string(),
        "--local-port",
        &setting.from.port().to_string(),
        "--cacert",
        &setting.folder.join(servers::TRUSTED).display().to_string(),
    ]
    .map(str::to_owned)
    .into();
    for path in paths {
        arguments.extend(["--output".into(), "/dev/null".into()]);
        arguments.push(format!("{scheme}://{name}{path}"));
    }
    arguments
}

/// Every page must have come whole; `sizes` are theirs.
pub(super) fn answer(sizes: &[usize], output: &Output) -> Answer {
    let pages: Vec<_> = output.stdout.lines().collect();
    let whole = sizes.iter().map(|size| format!("200 {size}"));
    if output.success && whole.eq(pages.iter().copied()) {
        return Ok(format!("200, {} bytes", sizes.iter().sum::<usize>()));
    }
    Err(reason(&output.stderr))
}
