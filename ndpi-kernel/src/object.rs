//! The object with the BPF programs, as compiled into this program.

/// The embedded ELF object, 8-byte aligned as its headers are; `None` where this program was
/// compiled before the object was (see `build.rs`).
pub const KERNEL_OBJECT: Option<&[u8]> = EMBEDDED;

/// This program was compiled without the BPF programs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this ndpi-xdp was compiled without its programs for the kernel; build both with: cargo xtask \
     build"
)]
pub struct MissingObject;

/// The embedded object.
///
/// # Errors
///
/// [`MissingObject`] where there is none.
pub fn kernel_object() -> Result<&'static [u8], MissingObject> {
    KERNEL_OBJECT.ok_or(MissingObject)
}

/// Gives the bytes of a file the alignment of the 64-bit words in it.
#[cfg(kernel_object)]
#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

#[cfg(kernel_object)]
static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!(env!("NDPI_XDP_OBJECT_PATH")));
#[cfg(kernel_object)]
const EMBEDDED: Option<&[u8]> = Some(&FILE.0);
#[cfg(not(kernel_object))]
const EMBEDDED: Option<&[u8]> = None;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedded_object_is_an_aligned_elf_file() {
        match kernel_object() {
            Ok(object) => {
                assert!(object.starts_with(b"\x7fELF\x02"));
                assert_eq!(object.as_ptr().addr() % 8, 0);
            }
            Err(missing) => assert!(missing.to_string().contains("cargo xtask build")),
        }
    }
}
