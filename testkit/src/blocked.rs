//! Blocked flows, as they lie in the kernel's maps.

use ndpi_common::{Action, Key, KeyV4, VerdictEntry};

/// The key of a flow of its own, of each number below 2^24.
pub fn key(number: u32) -> Key {
    let [_, a, b, c] = number.to_be_bytes();
    Key::V4(KeyV4::new(([198, 18, b, c], 40_000), ([198, 18, 0, 1], 443), a.into(), 6).0)
}

/// A verdict that drops.
pub fn verdict() -> VerdictEntry {
    VerdictEntry {
        action: Action::Drop as u8,
        app: 119,
        master: 91,
        decided_ns: 1_000_000_000,
        ..VerdictEntry::default()
    }
}
