//! The flag bits of a TCP header (RFC 9293, section 3.1), and what they say of a connection.

/// No more data from the sender.
pub const FIN: u8 = 0x01;
/// Synchronise sequence numbers: the opening of a connection.
pub const SYN: u8 = 0x02;
/// The connection is reset.
pub const RST: u8 = 0x04;
/// Pushes what was sent to the application.
pub const PSH: u8 = 0x08;
/// The acknowledgement field counts.
pub const ACK: u8 = 0x10;

/// Whether these flags open a new connection: SYN without ACK.
#[inline(always)]
pub const fn opens(flags: u8) -> bool {
    flags & (SYN | ACK) == SYN
}

/// Whether these flags accept a connection: SYN with ACK, sent by the server.
#[inline(always)]
pub const fn accepts(flags: u8) -> bool {
    flags & (SYN | ACK) == SYN | ACK
}

/// Whether a connection ended, by the flags that were seen from each side: FIN from both, or RST
/// from either.
#[inline(always)]
pub const fn closed(lower: u8, upper: u8) -> bool {
    (lower & upper & FIN != 0) || ((lower | upper) & RST != 0)
}

/// Whether these flags answer what the other side sent: an acknowledgement that is no reset.
#[inline(always)]
pub const fn answers(flags: u8) -> bool {
    flags & (ACK | RST) == ACK
}

/// Whether both sides were heard after the first SYN.
#[inline(always)]
pub const fn answered(lower: u8, upper: u8) -> bool {
    lower & upper & ACK != 0
}

#[cfg(test)]
mod tests {
    use super::{ACK, FIN, RST, SYN, accepts, answered, answers, closed, opens};

    #[test]
    fn connections_begin() {
        assert!(opens(SYN) && !opens(SYN | ACK) && !opens(ACK) && !opens(0));
        assert!(accepts(SYN | ACK) && !accepts(SYN) && !accepts(ACK));
        assert!(answered(SYN | ACK, ACK) && !answered(ACK, SYN));
        assert!(answers(SYN | ACK) && answers(ACK) && !answers(RST | ACK) && !answers(SYN));
    }

    #[test]
    fn connections_end() {
        assert!(closed(FIN | ACK, FIN) && closed(0, RST) && closed(RST, 0));
        assert!(!closed(FIN, ACK) && !closed(SYN, SYN | ACK));
    }
}
