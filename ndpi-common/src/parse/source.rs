//! Where the parser reads from.

/// Bytes of a frame.
pub trait Source {
    /// The frame's length on the wire, which may be more than was captured.
    fn len(&self) -> u32;

    /// Whether the frame has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `N` bytes at `at`, or `None` when they are not all there.
    fn load<const N: usize>(&self, at: u32) -> Option<[u8; N]>;

    /// Returns `value`. In a BPF program it keeps the verifier from following every value that an
    /// offset can have, one by one, through the rest of the program.
    #[inline(always)]
    fn forget(&self, value: u32) -> u32 {
        value
    }
}

/// A [`Source`] whose first bytes can be read in place: what the fast path needs.
pub trait Head: Source {
    /// A checked view of the first bytes.
    type View: View;

    /// The first `len` bytes, or `None` when they are not there or do not lie together.
    fn head(&self, len: usize) -> Option<Self::View>;

    /// How many bytes lie together from the frame's start on.
    fn together(&self) -> u32;
}

/// The bytes that [`Head::head`] checked. Offsets are constants, so that a BPF program needs one
/// instruction to read; one beyond the checked length panics, or does not compile to a program.
pub trait View: Copy {
    /// The same bytes without the first `len`.
    #[must_use]
    fn skip(self, len: usize) -> Self;
    /// The byte at `AT`.
    fn byte<const AT: usize>(self) -> u8;
    /// The 16-bit number at `AT` in network byte order.
    fn be16<const AT: usize>(self) -> u16;
    /// The four bytes at `AT`.
    fn four<const AT: usize>(self) -> [u8; 4];
    /// The sixteen bytes at `AT`.
    fn sixteen<const AT: usize>(self) -> [u8; 16];
}

/// A frame of which only the first bytes may have been captured.
#[derive(Clone, Copy)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct Captured<'a> {
    /// The bytes that were captured.
    pub bytes: &'a [u8],
    /// The frame's length on the wire.
    pub wire_len: u32,
}

impl Source for Captured<'_> {
    fn len(&self) -> u32 {
        self.wire_len
    }

    fn load<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        self.bytes.load(at)
    }
}

impl Source for [u8] {
    fn len(&self) -> u32 {
        u32::try_from(<[u8]>::len(self)).unwrap_or(u32::MAX)
    }

    fn load<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        let at = usize::try_from(at).ok()?;
        self.get(at..at.checked_add(N)?)?.try_into().ok()
    }
}

impl Source for &[u8] {
    fn len(&self) -> u32 {
        Source::len(*self)
    }

    fn load<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        (**self).load(at)
    }
}

impl<'a> Head for &'a [u8] {
    type View = &'a [u8];

    fn head(&self, len: usize) -> Option<&'a [u8]> {
        self.get(..len)
    }

    fn together(&self) -> u32 {
        Source::len(*self)
    }
}

impl View for &[u8] {
    fn skip(self, len: usize) -> Self {
        &self[len..]
    }

    fn byte<const AT: usize>(self) -> u8 {
        self[AT]
    }

    fn be16<const AT: usize>(self) -> u16 {
        u16::from_be_bytes([self[AT], self[AT + 1]])
    }

    fn four<const AT: usize>(self) -> [u8; 4] {
        self[AT..AT + 4].try_into().expect("four bytes")
    }

    fn sixteen<const AT: usize>(self) -> [u8; 16] {
        self[AT..AT + 16].try_into().expect("sixteen bytes")
    }
}
