//! Looking at memory that may not be there.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};

/// Whether `address` holds this string and a NUL after it. Asked of the kernel, which answers
/// EFAULT where a load would end the process: the address may be anything at all.
pub(super) fn is_string(address: usize, expected: &str) -> bool {
    let mut wanted = expected.as_bytes().to_vec();
    wanted.push(0);
    bytes(address, wanted.len()).is_some_and(|found| found == wanted)
}

/// `length` bytes (less than a pipe holds) from `address`, if all of them can be read.
fn bytes(address: usize, length: usize) -> Option<Vec<u8>> {
    let mut ends = [0; 2];
    // SAFETY: two descriptors are written to an array of two.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0 {
        return None;
    }
    // SAFETY: pipe2 succeeded, so both are open and nobody else's.
    let (reader, writer) =
        unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: the kernel checks the range itself and reads nothing on this side; an address that
    // is not mapped is an error of the call.
    let written = unsafe {
        use std::os::fd::AsRawFd;
        libc::write(writer.as_raw_fd(), std::ptr::without_provenance(address), length)
    };
    if usize::try_from(written) != Ok(length) {
        return None;
    }
    let mut found = vec![0; length];
    File::from(reader).read_exact(&mut found).ok().map(|()| found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_found_where_it_is() {
        let text = c"GET /";
        assert!(is_string(text.as_ptr().addr(), "GET /"));
        assert!(!is_string(text.as_ptr().addr(), "GET"), "no NUL after it");
        assert!(!is_string(text.as_ptr().addr(), "PUT /"));
    }

    #[test]
    fn addresses_that_are_not_mapped_are_no_strings() {
        for address in [0, 1, 0x7472_6f6e, usize::MAX, usize::MAX / 2] {
            assert!(!is_string(address, "x"), "{address:#x}");
        }
    }
}
