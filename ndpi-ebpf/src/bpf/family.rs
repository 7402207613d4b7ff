//! The address families, and tenants: which maps a key belongs to.

use core::ptr;

use ndpi_common::{
    Direction, KeyV4, KeyV6, SampleHeader, ServerKey, TenantKey, Track, VerdictEntry,
};

use super::answer::{UNDECIDED_TENANT, UNDECIDED_V4, UNDECIDED_V6};
use super::maps::{
    TRACK_TENANT, TRACK_V4, TRACK_V6, UNANSWERED_TENANT, UNANSWERED_V4, UNANSWERED_V6,
    VERDICTS_TENANT, VERDICTS_V4, VERDICTS_V6,
};

/// A flow key with maps of its own.
pub(super) trait Family: Copy {
    /// The answer where a flow has no verdict.
    const UNDECIDED: i32;
    /// The flow's verdict. The entry may be removed at any time; its memory stays a verdict's.
    fn verdict(&self) -> Option<*mut VerdictEntry>;
    /// The flow's track, where its client was answered.
    fn track(&self) -> Option<*mut Track>;
    /// The flow's track, where nobody has answered.
    fn unanswered(&self) -> Option<*mut Track>;
    /// Writes the flow's track, as `flags` say (`BPF_ANY`, `BPF_NOEXIST`), whose client was answered;
    /// says whether it was written.
    fn set_track(&self, track: &Track, flags: u32) -> bool;
    /// Writes the flow's track, whom nobody has answered; says whether there was room.
    fn set_unanswered(&self, track: &Track) -> bool;
    /// The IP protocol.
    fn proto(&self) -> u8;
    /// The flow's server, if the client's packets go `client`; `None` where what is known of servers is of
    /// others.
    fn server_of(&self, client: Direction) -> Option<ServerKey>;
    /// Writes the key into the header of a sample.
    ///
    /// # Safety
    /// `header` is valid for writes.
    unsafe fn write_to(&self, header: *mut SampleHeader);
    /// The key of the same packet without its tags.
    fn untagged(&self) -> Self;
    /// The last word of the key, as it lies in memory.
    fn last_word(&self) -> u64;

    /// Writes the key's last word again, as a word.
    ///
    /// The kernel's hash reads a key in words. What was written in smaller parts has to reach the cache
    /// before it can be read in larger ones, and the look-up would wait for it.
    #[inline(always)]
    fn join_last_word(&mut self) {
        const { assert!(size_of::<Self>().is_multiple_of(8) && align_of::<Self>() == 8) };
        let word = self.last_word();
        // SAFETY: within the key, as aligned as the key. Volatile, so that the compiler does not write
        // the parts of which the word is made.
        unsafe {
            let last = ptr::from_mut(self).cast::<u64>().add(size_of::<Self>() / 8 - 1);
            ptr::write_volatile(last, word);
        }
    }
}

impl Family for KeyV4 {
    const UNDECIDED: i32 = UNDECIDED_V4;

    #[inline(always)]
    fn verdict(&self) -> Option<*mut VerdictEntry> {
        VERDICTS_V4.get_ptr_mut(self)
    }

    #[inline(always)]
    fn track(&self) -> Option<*mut Track> {
        TRACK_V4.get_ptr_mut(self)
    }

    #[inline(always)]
    fn unanswered(&self) -> Option<*mut Track> {
        UNANSWERED_V4.get_ptr_mut(self)
    }

    #[inline(always)]
    fn set_track(&self, track: &Track, flags: u32) -> bool {
        TRACK_V4.insert(self, track, flags.into()).is_ok()
    }

    #[inline(always)]
    fn set_unanswered(&self, track: &Track) -> bool {
        UNANSWERED_V4.insert(self, track, 0).is_ok()
    }

    #[inline(always)]
    fn proto(&self) -> u8 {
        self.proto
    }

    #[inline(always)]
    fn server_of(&self, client: Direction) -> Option<ServerKey> {
        Some(self.server(client))
    }

    #[inline(always)]
    unsafe fn write_to(&self, header: *mut SampleHeader) {
        // SAFETY: the caller's promise.
        unsafe { (*header).set_key_v4(self) };
    }

    #[inline(always)]
    fn untagged(&self) -> Self {
        Self { vlan: 0, ..*self }
    }

    #[inline(always)]
    fn last_word(&self) -> u64 {
        KeyV4::last_word(self)
    }
}

impl Family for KeyV6 {
    const UNDECIDED: i32 = UNDECIDED_V6;

    #[inline(always)]
    fn verdict(&self) -> Option<*mut VerdictEntry> {
        VERDICTS_V6.get_ptr_mut(self)
    }

    #[inline(always)]
    fn track(&self) -> Option<*mut Track> {
        TRACK_V6.get_ptr_mut(self)
    }

    #[inline(always)]
    fn unanswered(&self) -> Option<*mut Track> {
        UNANSWERED_V6.get_ptr_mut(self)
    }

    #[inline(always)]
    fn set_track(&self, track: &Track, flags: u32) -> bool {
        TRACK_V6.insert(self, track, flags.into()).is_ok()
    }

    #[inline(always)]
    fn set_unanswered(&self, track: &Track) -> bool {
        UNANSWERED_V6.insert(self, track, 0).is_ok()
    }

    #[inline(always)]
    fn proto(&self) -> u8 {
        self.proto
    }

    #[inline(always)]
    fn server_of(&self, client: Direction) -> Option<ServerKey> {
        Some(self.server(client))
    }

    #[inline(always)]
    unsafe fn write_to(&self, header: *mut SampleHeader) {
        // SAFETY: the caller's promise.
        unsafe { (*header).set_key_v6(self) };
    }

    #[inline(always)]
    fn untagged(&self) -> Self {
        Self { vlan: 0, ..*self }
    }

    #[inline(always)]
    fn last_word(&self) -> u64 {
        KeyV6::last_word(self)
    }
}

impl Family for TenantKey {
    const UNDECIDED: i32 = UNDECIDED_TENANT;

    #[inline(always)]
    fn verdict(&self) -> Option<*mut VerdictEntry> {
        VERDICTS_TENANT.get_ptr_mut(self)
    }

    #[inline(always)]
    fn track(&self) -> Option<*mut Track> {
        TRACK_TENANT.get_ptr_mut(self)
    }

    #[inline(always)]
    fn unanswered(&self) -> Option<*mut Track> {
        UNANSWERED_TENANT.get_ptr_mut(self)
    }

    #[inline(always)]
    fn set_track(&self, track: &Track, flags: u32) -> bool {
        TRACK_TENANT.insert(self, track, flags.into()).is_ok()
    }

    #[inline(always)]
    fn set_unanswered(&self, track: &Track) -> bool {
        UNANSWERED_TENANT.insert(self, track, 0).is_ok()
    }

    #[inline(always)]
    fn proto(&self) -> u8 {
        self.flow.proto
    }

    #[inline(always)]
    fn server_of(&self, _: Direction) -> Option<ServerKey> {
        None
    }

    #[inline(always)]
    unsafe fn write_to(&self, header: *mut SampleHeader) {
        // SAFETY: the caller's promise.
        unsafe { (*header).set_key_tenant(self) };
    }

    #[inline(always)]
    fn untagged(&self) -> Self {
        Self { flow: KeyV6 { vlan: 0, ..self.flow }, ..*self }
    }

    #[inline(always)]
    fn last_word(&self) -> u64 {
        TenantKey::last_word(self)
    }
}
