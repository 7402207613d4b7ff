//! Features that the running build can enforce.

/// The settings beyond `drop`, `count` and `bypass` that this build carries out. A policy that asks
/// for one that is off is refused: nothing is parsed and then ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, read by name")]
pub struct Support {
    /// `action = "reject"`.
    pub reject: bool,
    /// `limit = "…"`.
    pub limit: bool,
    /// `first_packet = true`.
    pub first_packet: bool,
    /// `fragments = "drop"`.
    pub fragments: bool,
    /// `unparsable = "drop"`.
    pub unparsable: bool,
}

impl Support {
    /// What this version of the program enforces.
    pub const THIS_BUILD: Self =
        Self { reject: true, limit: true, first_packet: true, fragments: true, unparsable: true };

    /// Everything the language has.
    pub const ALL: Self =
        Self { reject: true, limit: true, first_packet: true, fragments: true, unparsable: true };
}
