//! The head of a request, as far as it matters here.

/// Bytes of a request's head; what is longer is refused.
pub(super) const LONGEST: usize = 8 << 10;

/// Header lines that are looked at.
const MOST_HEADERS: usize = 64;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// All metrics.
    Metrics,
    /// Whether the process does what it is for.
    Alive,
    /// Whether all that is to be enforced is.
    Ready,
}

/// What to do about the bytes that have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// The head is not whole yet.
    Partial,
    /// The page is wanted, or with `HEAD` what would be said of it.
    Get {
        /// Which.
        page: Page,
        /// Without its text.
        head: bool,
    },
    /// It is refused with this status.
    Refused(u16),
}

/// Reads what has come so far.
pub(super) fn parse(bytes: &[u8]) -> Request {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if bytes.len() < LONGEST => return Request::Partial,
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Request::Refused(431);
        }
        Err(_) => return Request::Refused(400),
    }
    let path = request.path.unwrap_or_default();
    // Monitoring systems may add parameters, which mean nothing here.
    let page = match path.split('?').next().unwrap_or_default() {
        "/metrics" => Page::Metrics,
        "/healthz" => Page::Alive,
        "/readyz" => Page::Ready,
        _ => return Request::Refused(404),
    };
    match request.method.unwrap_or_default() {
        "GET" => Request::Get { page, head: false },
        "HEAD" => Request::Get { page, head: true },
        _ => Request::Refused(405),
    }
}

/// Whether what has come of a request is answered, be it with a refusal; else more of it is waited for. For those who try
/// whatever bytes.
pub fn is_answered(bytes: &[u8]) -> bool {
    parse(bytes) != Request::Partial
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_when_its_head_is_whole() {
        let whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for end in 0..whole.len() {
            assert_eq!(parse(&whole[..end]), Request::Partial, "{end}");
        }
        assert_eq!(parse(whole), Request::Get { page: Page::Metrics, head: false });
    }

    #[test]
    fn what_else_is_asked_for_is_refused_with_its_status() {
        let of = |line: &str| parse(format!("{line} HTTP/1.1\r\n\r\n").as_bytes());
        assert_eq!(of("HEAD /readyz"), Request::Get { page: Page::Ready, head: true });
        assert_eq!(of("GET /healthz?a=b"), Request::Get { page: Page::Alive, head: false });
        assert_eq!(of("GET /"), Request::Refused(404));
        assert_eq!(of("GET /metrics/../etc"), Request::Refused(404));
        assert_eq!(of("POST /metrics"), Request::Refused(405));
        assert_eq!(parse(b"\x16\x03\x01\x02\x00"), Request::Refused(400), "TLS");
        let long = format!("GET /metrics HTTP/1.1\r\nA: {}", "a".repeat(LONGEST));
        assert_eq!(parse(long.as_bytes()), Request::Refused(431));
        let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MOST_HEADERS + 1));
        assert_eq!(parse(many.as_bytes()), Request::Refused(431));
    }
}
