//! Parts of the head of an HTTP/1 request (RFC 9112).

const METHODS: [&[u8]; 9] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
];
const SCHEME: &[u8] = b"http://";
const VERSION: &[u8] = b" HTTP/1.";

/// What bytes at the place of a request begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// A method.
    Request,
    /// Too few bytes to say.
    Perhaps,
    /// Something else.
    Foreign,
}

impl Start {
    pub(super) fn of(bytes: &[u8]) -> Self {
        if METHODS.iter().any(|method| bytes.starts_with(method)) {
            return Self::Request;
        }
        let may_become = METHODS.iter().any(|method| method.starts_with(bytes));
        if may_become { Self::Perhaps } else { Self::Foreign }
    }
}

/// Whether the line of a request names a version of HTTP/1.
pub(super) fn names_version(line: &[u8]) -> bool {
    line.windows(VERSION.len()).any(|part| part == VERSION)
}

/// The host of a target in absolute form, which counts more than the field (RFC 9112, section 3.2.2).
pub(super) fn host_of_target(line: &[u8]) -> Option<&[u8]> {
    let target = line.split(|&byte| byte == b' ').nth(1)?;
    let (scheme, rest) = target.split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let authority = rest.split(|byte| b"/?#".contains(byte)).next()?;
    authority.rsplit(|&byte| byte == b'@').next().filter(|host| !host.is_empty())
}

/// The lines that are there whole.
pub(super) struct Lines<'a>(pub(super) &'a [u8]);

#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) text: &'a [u8],
    /// It ends without a carriage return, which servers take as well (RFC 9112, section 2.2).
    pub(super) is_bare: bool,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let end = self.0.iter().position(|&byte| byte == b'\n')?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 1..];
        let text = line.strip_suffix(b"\r");
        Some(Line { text: text.unwrap_or(line), is_bare: text.is_none() })
    }
}

impl<'a> Line<'a> {
    /// What is before and behind its colon; `None` where it has none.
    pub(super) fn field(&self) -> Option<(&'a [u8], &'a [u8])> {
        let colon = self.text.iter().position(|&byte| byte == b':')?;
        Some((&self.text[..colon], &self.text[colon + 1..]))
    }
}
