//! The lines of interest in the head of a request that is too long to be kept.
//!
//! Servers take 32 KiB of it and more, and the field with the host may be the last one.

use crate::normalise::request::{Start, behind_empty_lines};

/// The fields that name the server, tell how long the body is, or are read by nDPI.
const KEPT: [&[u8]; 8] = [
    b"host",
    b"content-length",
    b"transfer-encoding",
    b"expect",
    b"upgrade",
    b"user-agent",
    b"content-type",
    b"accept",
];
/// Of a longer line its beginning and its end are kept: an end of the first line is the version.
const LONGEST_LINE: usize = 384;
const END: usize = 16;

/// The beginning of a head without what is of no interest; `None` where it is none, or nothing can be left out.
pub(super) fn shorten(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = behind_empty_lines(bytes);
    if Start::of(head) != Start::Request {
        return None;
    }
    let mut short = Vec::new();
    let mut is_kept = true;
    for (number, line) in head.split_inclusive(|&byte| byte == b'\n').enumerate() {
        // One that is not there as a whole yet goes on with what comes next.
        let is_whole = line.ends_with(b"\n");
        let goes_on = line.starts_with(b" ") || line.starts_with(b"\t");
        if !goes_on {
            is_kept = number == 0 || !is_whole || is_of_interest(line);
        }
        if is_kept && line.len() > LONGEST_LINE {
            short.extend_from_slice(&line[..LONGEST_LINE - END]);
            short.extend_from_slice(&line[line.len() - END..]);
        } else if is_kept {
            short.extend_from_slice(line);
        }
    }
    (short.len() < bytes.len()).then_some(short)
}

fn is_of_interest(line: &[u8]) -> bool {
    let name = line.split(|&byte| byte == b':').next().unwrap_or_default().trim_ascii();
    name.is_empty() || KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept))
}

#[cfg(test)]
mod tests {
    use super::shorten;

    #[test]
    fn what_names_the_server_is_kept() {
        let many = "X: y\r\n".repeat(1000);
        let cookie = format!("Cookie: {}\r\n", "x".repeat(5000));
        let head = format!(
            "\r\nGET / HTTP/1.1\r\n{many}Host:\r\n a.example\r\n{cookie} y\r\nAccept: */*\r\nCook"
        );
        let short = "GET / HTTP/1.1\r\nHost:\r\n a.example\r\nAccept: */*\r\nCook";
        assert_eq!(shorten(head.as_bytes()).unwrap(), short.as_bytes());
        assert_eq!(shorten(short.as_bytes()), None);
        assert_eq!(shorten(&[0x16; 5000]), None);
    }

    #[test]
    fn a_line_is_cut_in_its_middle() {
        let long = format!("GET http://a.example/{} HTTP/1.1\r\n", "x".repeat(5000));
        for length in [5000, long.len()] {
            let short = shorten(&long.as_bytes()[..length]).unwrap();
            assert!(short.len() < 400 && short.starts_with(b"GET http://a.example/xxx"));
            let rest = [&short, &long.as_bytes()[length..]].concat();
            assert!(rest.ends_with(b"x HTTP/1.1\r\n"), "{length}");
        }
    }
}
