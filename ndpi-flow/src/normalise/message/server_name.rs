//! The name of a server in the hello of its client (RFC 8446, section 4.1.2).

use crate::normalise::host::long_name;

/// The type of a message, and its length.
pub(super) const MESSAGE_HEADER: usize = 4;
/// What is before the lists of a hello, behind its header: the version and the random bytes.
const FIXED: usize = 2 + 32;
/// The widths of the lengths of the lists before the extensions: session, ciphers, compressions.
const LISTS: [usize; 3] = [1, 2, 1];
/// The extension with the name (RFC 6066, section 3), and the only kind of names.
const SERVER_NAME: usize = 0;
const HOST_NAME: usize = 0;

/// The name that a hello asks for, where nDPI keeps only its end.
pub(in super::super) fn long_server_name(hello: &[u8]) -> Option<Box<str>> {
    long_name(server_name(hello)?)
}

fn server_name(hello: &[u8]) -> Option<&[u8]> {
    let mut rest = hello.get(MESSAGE_HEADER + FIXED..)?;
    for width in LISTS {
        take(&mut rest, width)?;
    }
    let mut extensions = take(&mut rest, 2)?;
    while let Some(kind) = number(&mut extensions, 2) {
        let mut content = take(&mut extensions, 2)?;
        if kind == SERVER_NAME {
            let mut names = take(&mut content, 2)?;
            return (number(&mut names, 1)? == HOST_NAME).then(|| take(&mut names, 2))?;
        }
    }
    None
}

/// The number in the first `width` bytes.
fn number(bytes: &mut &[u8], width: usize) -> Option<usize> {
    let (own, others) = bytes.split_at_checked(width)?;
    *bytes = others;
    Some(own.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

/// The bytes behind the number that says how many they are.
fn take<'a>(bytes: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let length = number(bytes, width)?;
    let (own, others) = bytes.split_at_checked(length)?;
    *bytes = others;
    Some(own)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use testkit::tls::message;

    use super::*;

    #[test]
    fn a_name_is_read_where_ndpi_keeps_its_end_alone() {
        for length in [80, 200, 253] {
            let name = ["a".repeat(length - 12), ".example.org".into()].concat();
            assert_eq!(long_server_name(&message(&name)).as_deref(), Some(&*name));
        }
        assert_eq!(long_server_name(&message("www.example.org")), None);
    }

    proptest! {
        #[test]
        fn a_hello_may_end_anywhere_and_be_anything(
            cut in 0_usize..400,
            at in 0_usize..400,
            byte: u8,
        ) {
            let mut hello = message(&"a".repeat(250));
            let (at, cut) = (at % hello.len(), cut.min(hello.len()));
            hello[at] = byte;
            let _ = long_server_name(&hello[..cut]);
        }
    }
}
