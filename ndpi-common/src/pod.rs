//! Plain old data: types that are copied to and from the kernel byte by byte.

/// A type that the BPF programs and user space exchange through maps.
///
/// # Safety
///
/// Every bit pattern of its size is a value, and every byte of a value is initialised: integers and
/// arrays of them, or a `repr(C)` struct of such without padding.
pub unsafe trait Pod: Copy + 'static {}

// SAFETY: an integer has neither padding nor forbidden values.
unsafe impl Pod for u8 {}
// SAFETY: as for `u8`.
unsafe impl Pod for u16 {}
// SAFETY: as for `u8`.
unsafe impl Pod for u32 {}
// SAFETY: as for `u8`.
unsafe impl Pod for u64 {}
// SAFETY: the elements of an array lie side by side, without padding.
unsafe impl<T: Pod, const N: usize> Pod for [T; N] {}
