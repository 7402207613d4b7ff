//! The host in a request, as nDPI has names.

/// The longest name in DNS (RFC 1035, section 2.3.4).
const LONGEST: usize = 255;
/// The longest name that nDPI keeps whole, in HTTP with its port: of a longer one it keeps as many bytes of the end
/// (`host_server_name`).
const LONGEST_KEPT: usize = 79;
/// More hosts of one request are not taken notice of: servers refuse a second one (RFC 9112, section 3.2).
pub(super) const MOST_HOSTS: usize = 4;

/// The name in `field`, without its port (RFC 9110, section 7.2) and without the root's dot; `None` where it
/// is none.
pub(super) fn host_name(field: &[u8]) -> Option<Box<str>> {
    let text = str::from_utf8(field.trim_ascii()).ok()?;
    let name = match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_name = !name.is_empty() && name.len() <= LONGEST;
    is_name.then(|| name.to_ascii_lowercase().into())
}

/// The same, where nDPI keeps only the end of what is in `field`.
pub(super) fn long_name(field: &[u8]) -> Option<Box<str>> {
    (field.len() > LONGEST_KEPT).then(|| host_name(field)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{host_name, long_name};

    #[test]
    fn a_name_is_long_where_it_is_with_its_port() {
        let name = "a".repeat(76);
        assert_eq!(long_name(name.as_bytes()), None);
        assert_eq!(long_name(format!("{name}:443").as_bytes()).as_deref(), Some(&*name));
    }

    #[test]
    fn a_name_is_the_same_however_it_is_written() {
        for field in
            ["www.example.org", " WWW.example.ORG ", "www.example.org:8080", "www.example.org."]
        {
            assert_eq!(host_name(field.as_bytes()).as_deref(), Some("www.example.org"), "{field}");
        }
        assert_eq!(host_name(b"[2001:db8::1]:80").as_deref(), Some("[2001:db8::1]"));
        for field in [&b""[..], b" ", b".", b":80", b"\xff.org", &[b'a'; 256]] {
            assert_eq!(host_name(field), None, "{field:?}");
        }
    }
}
