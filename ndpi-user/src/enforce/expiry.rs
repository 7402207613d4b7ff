//! Which verdicts have done their work.

use std::time::Duration;

use ndpi_common::{Action, EntryNote, TICK_NS, VerdictEntry};

use ndpi_flow::{End, FlowKey, Timeouts, tcp};

/// Why the flow of a verdict is over at the tick `now` of the coarse clock; `None` while it lives.
///
/// The FIN and RST of a blocked connection never arrive, and both ends may still hold it open: they only
/// bring the end of its entry nearer, after which a note is left ([`ndpi_flow::Notes`]) that blocks the
/// rest of it.
pub fn end_of(key: &FlowKey, entry: &VerdictEntry, now: u32, timeouts: &Timeouts) -> Option<End> {
    let ticks = u64::from(now.saturating_sub(entry.last_seen));
    let silent = Duration::from_nanos(ticks * TICK_NS);
    let (lower, upper) = (entry.tcp_flags_lower, entry.tcp_flags_upper);
    let closed = tcp::closed(lower, upper);
    let end = if closed { End::Closed } else { End::Idle };
    if Action::from_byte(entry.action).is_some_and(Action::drops) {
        return (silent > timeouts.for_blocked(key.proto(), closed)).then_some(end);
    }
    if closed && silent > timeouts.tcp_closed {
        return Some(End::Closed);
    }
    (silent > timeouts.for_proto(key.proto(), is_connection(entry))).then_some(End::Idle)
}

/// Whether what the entry is of is known for a TCP connection: one that was half open, or of which a single host forged
/// both ends, is not to be remembered for hours. Where packets are counted, both ends have gone on with it since the
/// verdict, or it was seen to be one before.
fn is_connection(entry: &VerdictEntry) -> bool {
    let is_counted = entry.action != Action::Bypass as u8;
    let goes_on = entry.lower().packets > 0 && entry.upper().packets > 0;
    let both = tcp::answered(entry.tcp_flags_lower, entry.tcp_flags_upper);
    EntryNote::of_word(entry.note).proven || both && (goes_on || !is_counted)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ndpi_common::{Action, Direction, EntryNote, Key, KeyV4, TICK_NS, Tally, VerdictEntry};
    use ndpi_flow::tcp::{ACK, FIN, RST, SYN};
    use ndpi_flow::{End, Timeouts};

    use super::end_of;

    fn key(proto: u8) -> Key {
        let (key, direction) = KeyV4::new(([198, 18, 0, 1], 1), ([198, 18, 0, 2], 2), 0, proto);
        assert_eq!(direction, Direction::FromLower);
        Key::V4(key)
    }

    fn entry(action: Action, lower: u8, upper: u8) -> VerdictEntry {
        VerdictEntry {
            action: action as u8,
            tcp_flags_lower: lower,
            tcp_flags_upper: upper,
            last_seen: 1000,
            ..VerdictEntry::default()
        }
    }

    /// The same after a packet of each end.
    fn met(entry: VerdictEntry) -> VerdictEntry {
        let one = Tally { packets: 1, bytes: 52 };
        VerdictEntry { from_lower: one, from_upper: one, ..entry }
    }

    /// The end of `entry` after it was silent for as long as `silent` and one tick more.
    fn after(silent: Duration, proto: u8, entry: &VerdictEntry) -> Option<End> {
        let ticks = u32::try_from(silent.as_nanos() / u128::from(TICK_NS)).unwrap();
        assert_eq!(end_of(&key(proto), entry, 1000 + ticks, &Timeouts::default()), None);
        end_of(&key(proto), entry, 1000 + ticks + 1, &Timeouts::default())
    }

    #[test]
    fn each_kind_of_flow_has_its_time() {
        let times = Timeouts::default();
        let open = met(entry(Action::Count, ACK, ACK));
        assert_eq!(after(times.tcp, 6, &open), Some(End::Idle));
        assert_eq!(after(times.tcp_opening, 6, &entry(Action::Count, ACK, 0)), Some(End::Idle));
        let fin = entry(Action::Bypass, ACK | FIN, ACK | FIN);
        assert_eq!(after(times.tcp_closed, 6, &fin), Some(End::Closed));
        let reset = entry(Action::Count, ACK, RST);
        assert_eq!(after(times.tcp_closed, 6, &reset), Some(End::Closed));
        assert_eq!(after(times.udp, 17, &entry(Action::Count, 0, 0)), Some(End::Idle));
        assert_eq!(after(times.other, 1, &entry(Action::Count, 0, 0)), Some(End::Idle));
    }

    #[test]
    fn what_is_not_known_for_a_connection_is_soon_forgotten() {
        let times = Timeouts::default();
        let forged = entry(Action::Count, SYN | ACK, SYN | ACK);
        assert_eq!(after(times.tcp_opening, 6, &forged), Some(End::Idle), "from one host");
        let asked = VerdictEntry { from_lower: Tally { packets: 9, bytes: 900 }, ..forged };
        assert_eq!(after(times.tcp_opening, 6, &asked), Some(End::Idle), "it goes on alone");
        let bypassed = entry(Action::Bypass, SYN | ACK, SYN | ACK);
        assert_eq!(after(times.tcp, 6, &bypassed), Some(End::Idle), "nothing is counted");
        let note = EntryNote { proven: true, ..EntryNote::default() }.word();
        for seen in [[ACK, ACK], [ACK, 0]] {
            let proven = VerdictEntry { note, ..entry(Action::Count, seen[0], seen[1]) };
            assert_eq!(after(times.tcp, 6, &proven), Some(End::Idle));
        }
    }

    #[test]
    fn the_entry_of_a_blocked_flow_goes_after_minutes() {
        let times = Timeouts::default();
        for action in [Action::Drop, Action::Reject] {
            let open = entry(action, ACK, ACK);
            assert_eq!(after(times.blocked, 6, &open), Some(End::Idle));
            assert_eq!(after(times.blocked, 17, &entry(action, 0, 0)), Some(End::Idle));
            assert_eq!(after(times.other, 1, &entry(action, 0, 0)), Some(End::Idle));
            let reset = entry(action, ACK | RST, 0);
            assert_eq!(after(times.blocked_closed, 6, &reset), Some(End::Closed));
        }
    }

    #[test]
    fn a_clock_that_is_behind_ends_nothing() {
        let fresh = entry(Action::Drop, 0, 0);
        assert_eq!(end_of(&key(17), &fresh, 0, &Timeouts::default()), None);
    }
}
