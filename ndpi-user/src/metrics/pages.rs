//! The answers, each as the bytes that go out.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::exposition::exposition;
use super::request::Page;
use crate::snapshot::{Problem, Snapshot};

/// How long an answer is good: whoever asks more often gets the same again.
const FRESH: Duration = Duration::from_millis(250);

/// Problems for which the process does not do what it is for, and starting it again may help.
const DEADLY: [&str; 3] = ["silent", "worker-stuck", "unreadable"];

/// What is answered, made when it is asked for.
pub(super) struct Pages {
    snapshot: Box<dyn FnMut() -> Snapshot + Send>,
    /// When they were made, and the three of them.
    made: Option<(Instant, [Answer; 3])>,
}

/// An answer: its head, and its text.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    bytes: Arc<[u8]>,
    /// Bytes of the head.
    head: usize,
}

impl Answer {
    /// An answer with this status.
    fn new(status: u16, kind: &str, text: &str) -> Self {
        let reason = reason(status);
        let allow = if status == 405 { "Allow: GET, HEAD\r\n" } else { "" };
        let mut bytes = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n{allow}\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            text.len()
        );
        let head = bytes.len();
        bytes.push_str(text);
        Self { bytes: bytes.into_bytes().into(), head }
    }

    /// A refusal with this status.
    pub(super) fn refusal(status: u16) -> Self {
        let text = format!("{}; there are /metrics, /healthz and /readyz\n", reason(status));
        Self::new(status, PLAIN, &text)
    }

    /// The same without its text, as `HEAD` asks for it.
    pub(super) fn without_text(self) -> Self {
        Self { bytes: self.bytes[..self.head].into(), head: self.head }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

const PLAIN: &str = "text/plain; charset=utf-8";

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    }
}

impl Pages {
    /// Makes answers of what `snapshot` gives.
    pub(super) fn new(snapshot: impl FnMut() -> Snapshot + Send + 'static) -> Self {
        Self { snapshot: Box::new(snapshot), made: None }
    }

    /// The answer for whoever asks now.
    pub(super) fn page(&mut self, page: Page, now: Instant) -> Answer {
        let is_fresh = |made: &Instant| now.saturating_duration_since(*made) < FRESH;
        if self.made.as_ref().is_none_or(|(made, _)| !is_fresh(made)) {
            let snapshot = (self.snapshot)();
            let metrics = Answer::new(200, TEXT_FORMAT, &exposition(&snapshot));
            self.made = Some((now, [metrics, alive(&snapshot), ready(&snapshot)]));
        }
        let at = match page {
            Page::Metrics => 0,
            Page::Alive => 1,
            Page::Ready => 2,
        };
        self.made.as_ref().map_or_else(|| Answer::refusal(503), |(_, all)| all[at].clone())
    }
}

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

fn alive(snapshot: &Snapshot) -> Answer {
    verdict(snapshot.problems.iter().filter(|problem| DEADLY.contains(&&*problem.what)))
}

fn ready(snapshot: &Snapshot) -> Answer {
    verdict(snapshot.problems.iter().filter(|problem| problem.breaks))
}

/// 200 where there is no problem, else 503 with a line for each.
fn verdict<'p>(problems: impl Iterator<Item = &'p Problem>) -> Answer {
    let mut text = String::new();
    for Problem { what, text: words, .. } in problems {
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{what}: {}", ndpi_text::clean(words));
    }
    if text.is_empty() { Answer::new(200, PLAIN, "ok\n") } else { Answer::new(503, PLAIN, &text) }
}
