//! Versions of QUIC, and what differs between them in the packets that open a connection.

/// A version whose first packets are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// Version 1 (RFC 9000).
    One,
    /// Version 2 (RFC 9369).
    Two,
}

/// What a packet with a long header is (RFC 9000, section 17.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It opens a connection.
    Initial,
    /// It has data that are sent before the server has answered, or is of the handshake that follows.
    Other,
    /// A server asks for another Initial, to another identifier.
    Retry,
}

/// What keys are derived with, and under which names (RFC 9001, sections 5.2 and 5.8; RFC 9369, section 3.3).
pub(super) struct Constants {
    /// The salt of the secrets that both sides' Initial keys come from.
    pub(super) salt: [u8; 20],
    /// The names of a key, of what makes its nonces, and of the key for headers.
    pub(super) labels: [&'static str; 3],
    /// The key and the nonce of the tag of a Retry.
    pub(super) retry: ([u8; 16], [u8; 12]),
}

const ONE: Constants = Constants {
    salt: [
        0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c,
        0xad, 0xcc, 0xbb, 0x7f, 0x0a,
    ],
    labels: ["quic key", "quic iv", "quic hp"],
    retry: (
        [
            0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a, 0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68,
            0xc8, 0x4e,
        ],
        [0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb],
    ),
};

const TWO: Constants = Constants {
    salt: [
        0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d,
        0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
    ],
    labels: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
    retry: (
        [
            0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2, 0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c,
            0xcc, 0x92,
        ],
        [0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a],
    ),
};

impl Version {
    /// Of its number in a long header.
    pub(super) fn of(number: u32) -> Option<Self> {
        [Self::One, Self::Two].into_iter().find(|version| version.number() == number)
    }

    /// Its number in a long header.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 0x6b33_43cf,
        }
    }

    /// What a packet is by its first byte.
    pub(super) fn kind(self, first: u8) -> Kind {
        let retry = if self == Self::One { 3 } else { 0 };
        let bits = first >> 4 & 3;
        if bits == retry {
            Kind::Retry
        } else if bits == self.initial() {
            Kind::Initial
        } else {
            Kind::Other
        }
    }

    /// The type of an Initial.
    pub(super) fn initial(self) -> u8 {
        u8::from(self == Self::Two)
    }

    /// What its keys are derived with.
    pub(super) fn constants(self) -> &'static Constants {
        if self == Self::One { &ONE } else { &TWO }
    }
}
