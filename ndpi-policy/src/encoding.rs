//! Recognises what the bytes of a file are: the text of a policy or a list, or something else, named with what makes a
//! text of it.

use std::io;

/// Stands for bytes of a list that are not UTF-8.
pub(super) const NOT_UTF8: char = char::REPLACEMENT_CHARACTER;

/// Most of the bytes that files of other kinds are known by.
const LOOKED_AT: usize = 512;

/// What files of other kinds begin with, what they are called, and what makes a text of them.
const OTHERS: [(&[u8], &str, &str); 10] = [
    (b"\x1f\x8b", "it is compressed by gzip", "gunzip"),
    (b"PK\x03\x04", "it is a zip archive", "unzip"),
    (b"\xfd7zXZ\0", "it is compressed by xz", "unxz"),
    (b"BZh", "it is compressed by bzip2", "bunzip2"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd", "unzstd"),
    (b"\x04\x22\x4d\x18", "it is compressed by lz4", "unlz4"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7z archive", "7z x"),
    (b"\xff\xfe\0\0", "it is written in UTF-32", "iconv -f UTF-32 -t UTF-8"),
    (b"\xff\xfe", "it is written in UTF-16", "iconv -f UTF-16 -t UTF-8"),
    (b"\xfe\xff", "it is written in UTF-16", "iconv -f UTF-16 -t UTF-8"),
];

/// The text of a list. Bytes that are not UTF-8 spoil their line and no other: [`NOT_UTF8`] stands for
/// them, which no name has.
///
/// # Errors
/// It is no text at all.
pub(super) fn list_text(bytes: Vec<u8>) -> io::Result<String> {
    refuse_others(&bytes)?;
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    // Lines once ended so on Macintoshes.
    let has_old_ends = text.contains('\r') && !text.contains('\n');
    Ok(if has_old_ends { text.replace('\r', "\n") } else { text })
}

/// The text of a policy, which is UTF-8 as all TOML is.
///
/// # Errors
/// It is not UTF-8.
pub fn policy_text(bytes: Vec<u8>) -> io::Result<String> {
    refuse_others(&bytes)?;
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        invalid(&format!(
            "line {line} is not UTF-8; if it is in the encoding of old Windows programs, convert the \
             file: iconv -f WINDOWS-1252 -t UTF-8"
        ))
    })
}

fn refuse_others(bytes: &[u8]) -> io::Result<()> {
    if let Some((_, what, cure)) = OTHERS.iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        return Err(invalid(&format!("{what}; make a text of it: {cure}")));
    }
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let zeros = start.iter().enumerate().filter(|(_, byte)| **byte == 0);
    let [even, odd] = zeros.fold([0, 0], |mut zeros, (at, _)| {
        zeros[at % 2] += 1;
        zeros
    });
    match (even, odd) {
        (0, 0) => Ok(()),
        (0, _) => Err(without_mark("LE")),
        (_, 0) => Err(without_mark("BE")),
        _ => Err(invalid("it is not a text: there are zero bytes in it")),
    }
}

/// Letters of ASCII have a zero byte beside each in UTF-16.
fn without_mark(order: &str) -> io::Error {
    let cure = format!("iconv -f UTF-16{order} -t UTF-8");
    invalid(&format!("it is written in UTF-16; make a text of it: {cure}"))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, to: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to).collect()
    }

    #[test]
    fn what_is_no_text_is_named_with_its_cure() {
        for (bytes, what, cure) in [
            (b"\x1f\x8b\x08rest".to_vec(), "gzip", "gunzip"),
            (b"PK\x03\x04rest".to_vec(), "zip archive", "unzip"),
            (b"\xfd7zXZ\0rest".to_vec(), "xz", "unxz"),
            (b"\x28\xb5\x2f\xfdrest".to_vec(), "zstd", "unzstd"),
            (utf16("\u{feff}a.example", u16::to_le_bytes), "UTF-16", "iconv -f UTF-16 "),
            (utf16("\u{feff}a.example", u16::to_be_bytes), "UTF-16", "iconv -f UTF-16 "),
            (utf16("a.example", u16::to_le_bytes), "UTF-16", "iconv -f UTF-16LE "),
            (utf16("a.example", u16::to_be_bytes), "UTF-16", "iconv -f UTF-16BE "),
            (b"\0\0\x01\0\0\x01".to_vec(), "not a text", "zero bytes"),
        ] {
            for read in [list_text, policy_text] {
                let error = read(bytes.clone()).unwrap_err().to_string();
                assert!(error.contains(what) && error.contains(cure), "{what}: {error}");
            }
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_spoil_one_line_of_a_list() {
        let list = |bytes: &[u8]| list_text(bytes.to_vec()).unwrap();
        assert_eq!(
            list(b"a.example # caf\xe9\nb.example\n"),
            "a.example # caf\u{fffd}\nb.example\n"
        );
        assert_eq!(list("bücher.example\n".as_bytes()), "bücher.example\n");
        assert_eq!(list(b""), "");
        assert_eq!(list(b"a.example\rb.example\r"), "a.example\nb.example\n");
    }

    #[test]
    fn the_line_of_a_policy_that_is_not_utf8_is_named() {
        let error = policy_text(b"[[rule]]\nname = \"caf\xe9\"\n".to_vec()).unwrap_err();
        assert!(error.to_string().starts_with("line 2 is not UTF-8"), "{error}");
    }
}
