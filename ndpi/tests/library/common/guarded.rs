//! Memory that ends the process when it is written to, or read past its end.

/// Room for packets: read-only while they are looked at, with nothing mapped behind it.
pub(crate) struct Guarded {
    start: *mut libc::c_void,
    size: usize,
    page: usize,
}

impl Guarded {
    /// Room for the longest IP packet.
    pub(crate) fn new() -> Self {
        // SAFETY: a constant of the system is read.
        let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap();
        let size = (1 << 16) + page;
        // SAFETY: a new mapping where there is none; the page behind it is made inaccessible.
        let start = unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let start =
                libc::mmap(std::ptr::null_mut(), size + page, libc::PROT_NONE, flags, -1, 0);
            assert_ne!(start, libc::MAP_FAILED);
            start
        };
        Self { start, size, page }
    }

    /// A packet whose last byte is the last that can be read.
    pub(crate) fn hold(&mut self, packet: &[u8]) -> &[u8] {
        assert!(packet.len() <= self.size);
        self.protect(libc::PROT_READ | libc::PROT_WRITE);
        // SAFETY: the packet fits into the mapping, which is writable and this object's own.
        let held = unsafe {
            let place = self.start.cast::<u8>().add(self.size - packet.len());
            place.copy_from_nonoverlapping(packet.as_ptr(), packet.len());
            std::slice::from_raw_parts(place, packet.len())
        };
        self.protect(libc::PROT_READ);
        held
    }

    fn protect(&self, access: libc::c_int) {
        // SAFETY: the mapping is this object's own, and no slice of it is alive but those that
        // reading is enough for.
        assert_eq!(unsafe { libc::mprotect(self.start, self.size, access) }, 0);
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // SAFETY: the mapping is this object's own and is unmapped once.
        unsafe { libc::munmap(self.start, self.size + self.page) };
    }
}
