//! How long the body of a request is (RFC 9112, section 6.3).

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// The next request.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
    /// Some servers see another length than others.
    Contradictory,
}

/// The fields that say so.
#[derive(Debug, Default)]
pub(super) struct Framing {
    length: Option<u64>,
    is_chunked: bool,
    is_awaited: bool,
    is_contradictory: bool,
}

impl Framing {
    /// A field of the head.
    pub(super) fn note(&mut self, name: &[u8], value: &[u8]) {
        let (exact, name, value) = (name, name.trim_ascii(), value.trim_ascii());
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("content-length") {
            let length = number(value, 10);
            self.is_contradictory |=
                length.is_none() || self.length.is_some_and(|it| Some(it) != length);
            self.length = length;
        } else if is("transfer-encoding") {
            self.is_contradictory |= self.is_chunked || !value.eq_ignore_ascii_case(b"chunked");
            self.is_chunked = true;
        } else if is("expect") {
            self.is_awaited = true;
        } else {
            return;
        }
        // Some servers leave out a field whose name is not clean, and others do not.
        self.is_contradictory |= exact.len() != name.len();
    }

    /// Whether the client asks the server first if it wants the body: if not, the next request may follow
    /// at once (RFC 9110, section 10.1.1).
    pub(super) fn is_awaited(&self) -> bool {
        self.is_awaited
    }

    /// What they say together.
    pub(super) fn body(&self) -> Body {
        match (self.is_chunked, self.length) {
            _ if self.is_contradictory => Body::Contradictory,
            (true, Some(_)) => Body::Contradictory,
            (false, None | Some(0)) => Body::None,
            (true, None) => Body::Chunked,
            (false, Some(length)) => Body::Length(length),
        }
    }
}

/// The size in the line before a chunk; `None` where it has none.
pub(super) fn chunk_size(line: &[u8]) -> Option<u64> {
    number(line.split(|&byte| byte == b';').next()?.trim_ascii(), 16)
}

/// A number without a sign.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let digits = str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
    u64::from_str_radix(digits, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::{Body, Framing, chunk_size};

    fn body(fields: &[(&str, &str)]) -> Body {
        let mut framing = Framing::default();
        for (name, value) in fields {
            framing.note(name.as_bytes(), value.as_bytes());
        }
        framing.body()
    }

    #[test]
    fn a_body_is_as_long_as_its_head_says() {
        assert_eq!(body(&[("Accept", "1")]), Body::None);
        assert_eq!(body(&[("content-length", " 17 ")]), Body::Length(17));
        assert_eq!(body(&[("Content-Length", "0"), ("Content-Length", "0")]), Body::None);
        assert_eq!(body(&[("Transfer-Encoding", "Chunked")]), Body::Chunked);
        assert_eq!(body(&[("Content-Length", "5"), ("Expect", "100-continue")]), Body::Length(5));
    }

    #[test]
    fn what_servers_may_read_differently_is_contradictory() {
        for fields in [
            &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")][..],
            &[("Content-Length", "5"), ("Content-Length", "6")],
            &[("Content-Length", "+5")],
            &[("Content-Length", "5, 5")],
            &[("Content-Length ", "5")],
            &[("Transfer-Encoding", "gzip, chunked")],
            &[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
        ] {
            assert_eq!(body(fields), Body::Contradictory, "{fields:?}");
        }
    }

    #[test]
    fn chunks_have_sizes_in_hexadecimal() {
        assert_eq!(chunk_size(b"1aF\r"), Some(0x1af));
        assert_eq!(chunk_size(b"10 ; name=value"), Some(16));
        assert_eq!((chunk_size(b""), chunk_size(b"+5"), chunk_size(b"5 5")), (None, None, None));
    }
}
