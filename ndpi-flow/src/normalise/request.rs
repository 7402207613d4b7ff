//! Parts of the head of an HTTP/1 request (RFC 9112).

/// Those that nDPI knows: of HTTP (RFC 9110), and of its extensions for authors (RFC 4918, RFC 3253).
const METHODS: [&[u8]; 17] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"COPY ",
    b"LOCK ",
    b"MKCOL ",
    b"MOVE ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"REPORT ",
    b"UNLOCK ",
];
/// No method is longer.
const LONGEST_METHOD: usize = 32;
/// What targets begin with (RFC 9112, section 3.2), but for that of CONNECT.
const TARGETS: &[u8] = b"/*hH";
/// What is behind the scheme of a target in absolute form (RFC 3986, section 3).
const BEHIND_SCHEME: &[u8] = b"://";
/// The method whose target is a host (RFC 9112, section 3.2.3).
const CONNECT: &[u8] = b"CONNECT";
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
    /// Servers take any word for a method (RFC 9110, section 9.1), if only to refuse it and wait for the next request.
    pub(super) fn of(bytes: &[u8]) -> Self {
        if has_usual_method(bytes) {
            return Self::Request;
        }
        let method = bytes.iter().position(|byte| !is_of_token(*byte));
        match (method, method.and_then(|end| bytes.get(end..end + 2))) {
            (None, _) if bytes.len() <= LONGEST_METHOD => Self::Perhaps,
            (Some(1..=LONGEST_METHOD), Some([b' ', target])) if TARGETS.contains(target) => {
                Self::Request
            }
            (Some(1..=LONGEST_METHOD), None) if bytes.last() == Some(&b' ') => Self::Perhaps,
            _ => Self::Foreign,
        }
    }
}

/// Whether bytes begin with a method that nDPI knows.
pub(super) fn has_usual_method(bytes: &[u8]) -> bool {
    METHODS.iter().any(|method| bytes.starts_with(method))
}

/// Whether a byte may be in a token (RFC 9110, section 5.6.2).
fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The bytes behind empty lines, which servers skip before a request (RFC 9112, section 2.2).
pub(super) fn behind_empty_lines(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !b"\r\n".contains(byte));
    &bytes[start.unwrap_or(bytes.len())..]
}

/// What is behind the first line; nothing where that does not end.
pub(super) fn behind_line(bytes: &[u8]) -> &[u8] {
    bytes.iter().position(|&byte| byte == b'\n').map_or(&[], |end| &bytes[end + 1..])
}

/// From the first line on that may be that of a request; `None` where there is none.
pub(super) fn next_start(mut bytes: &[u8]) -> Option<&[u8]> {
    while !bytes.is_empty() {
        let whole = Lines(bytes).next();
        if Start::of(bytes) != Start::Foreign && whole.is_none_or(|line| names_version(line.text)) {
            return Some(bytes);
        }
        bytes = behind_line(bytes);
    }
    None
}

/// Whether the line of a request names a version of HTTP/1.
pub(super) fn names_version(line: &[u8]) -> bool {
    line.windows(VERSION.len()).any(|part| part == VERSION)
}

/// The words of the line of a request. Servers take several spaces for one (RFC 9112, section 3).
pub(super) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&byte| byte == b' ').filter(|word| !word.is_empty())
}

/// The host in the target of a request, which counts more than the field (RFC 9112, section 3.2.2). Its scheme, which
/// may be any, makes no difference to servers.
pub(super) fn host_of_target(line: &[u8]) -> Option<&[u8]> {
    let mut words = words(line);
    let (method, target) = (words.next()?, words.next()?);
    if method == CONNECT {
        return Some(target);
    }
    let scheme =
        target.iter().position(|byte| !is_of_scheme(*byte)).filter(|length| *length > 0)?;
    let rest = target[scheme..].strip_prefix(BEHIND_SCHEME)?;
    let authority = rest.split(|byte| b"/?#".contains(byte)).next()?;
    authority.rsplit(|&byte| byte == b'@').next().filter(|host| !host.is_empty())
}

/// Whether the line is a request by itself, as in HTTP/0.9, and names its server: no version is behind its target.
pub(super) fn is_simple(line: &[u8]) -> bool {
    words(line).next() == Some(b"GET") && host_of_target(line).is_some() && !names_version(line)
}

/// Whether a byte may be in a scheme (RFC 3986, section 3.1).
fn is_of_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
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
