//! Tenants: whose packets a tunnel carries, as far as both directions of a flow say the same.
//!
//! Networks that share tunnels may use the same addresses, so flows inside of a tunnel whose header has such a
//! number have keys of their own. What each receiver or sender chooses for itself is no part of a key: the
//! TEID of GTP-U, and the lowest byte of NVGRE's key.

/// Which number a tunnel's header has.
#[repr(u8)]
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "user", derive(Debug))]
pub enum TenantKind {
    /// None that both directions have in common.
    None = 0,
    /// The VXLAN network identifier, 24 bits (RFC 7348).
    Vxlan = 1,
    /// The virtual network identifier of Geneve, 24 bits (RFC 8926).
    Geneve = 2,
    /// The key of GRE (RFC 2890).
    GreKey = 3,
    /// The virtual subnet of NVGRE, 24 bits (RFC 7637).
    Nvgre = 4,
}

impl TenantKind {
    /// The kind that this byte stands for.
    pub const fn from_byte(byte: u8) -> Self {
        match byte {
            1 => Self::Vxlan,
            2 => Self::Geneve,
            3 => Self::GreKey,
            4 => Self::Nvgre,
            _ => Self::None,
        }
    }
}

/// What the tunnels around a packet say, the outermost first.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "user", derive(Debug))]
pub struct TenantIds {
    /// The numbers; 0 where there is none.
    pub numbers: [u32; 2],
    /// A [`TenantKind`] for each.
    pub kinds: [u8; 2],
    /// Always 0; makes the padding explicit.
    pub reserved: [u8; 2],
}

impl TenantIds {
    /// Those of a packet that no tunnel carries.
    pub const NONE: Self = Self { numbers: [0; 2], kinds: [0; 2], reserved: [0; 2] };

    /// Whether any tunnel has a number.
    #[inline(always)]
    pub const fn is_some(&self) -> bool {
        self.kinds[0] | self.kinds[1] != 0
    }

    /// These, with what the tunnel in so many others says.
    #[inline(always)]
    #[must_use]
    pub const fn with(mut self, depth: u8, (kind, number): (TenantKind, u32)) -> Self {
        // Spelled out, as an index would need a bounds check that the verifier follows.
        if depth == 0 {
            (self.kinds[0], self.numbers[0]) = (kind as u8, number);
        } else {
            (self.kinds[1], self.numbers[1]) = (kind as u8, number);
        }
        self
    }

    /// The numbers by their tunnels, the outermost first.
    #[cfg(feature = "user")]
    pub fn numbered(&self) -> [Option<(TenantKind, u32)>; 2] {
        [0, 1].map(|at| match TenantKind::from_byte(self.kinds[at]) {
            TenantKind::None => None,
            kind => Some((kind, self.numbers[at])),
        })
    }
}

const _: () = assert!(size_of::<TenantIds>() == 2 * 4 + 2 + 2);
