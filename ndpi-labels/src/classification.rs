//! nDPI's classification of a flow, as plain values that outlive it.

use std::fmt;

use crate::State;

/// Master and application protocol (`ndpi_master_app_protocol`), by nDPI's ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AppId {
    /// The protocol that carries the application (TLS, QUIC, HTTP, …); 0 where there is none.
    pub master: u16,
    /// The application, or the protocol itself where no application is known; 0 is Unknown.
    pub app: u16,
}

/// A category (`ndpi_protocol_category_t`): `SocialNetwork`, `Video`, …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CategoryId(pub u16);

/// A breed (`ndpi_protocol_breed_t`): how wanted a protocol is, `Safe` … `Dangerous`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BreedId(pub u8);

/// How nDPI came to its answer (`ndpi_confidence_t`). The library's numbers are no order of quality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are nDPI's own and say it")]
pub enum Confidence {
    #[default]
    Unknown,
    MatchByPort,
    Nbpf,
    DpiPartial,
    DpiPartialCache,
    DpiCache,
    Dpi,
    MatchByIp,
    DpiAggressive,
    CustomRule,
}

impl Confidence {
    /// All of them, in the order of the library's numbers.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::MatchByPort,
        Self::Nbpf,
        Self::DpiPartial,
        Self::DpiPartialCache,
        Self::DpiCache,
        Self::Dpi,
        Self::MatchByIp,
        Self::DpiAggressive,
        Self::CustomRule,
    ];

    /// nDPI's name for it: `DPI`, `Match by port`, … (`ndpi_confidence_get_name`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::MatchByPort => "Match by port",
            Self::Nbpf => "nBPF",
            Self::DpiPartial => "DPI (partial)",
            Self::DpiPartialCache => "DPI (partial cache)",
            Self::DpiCache => "DPI (cache)",
            Self::Dpi => "DPI",
            Self::MatchByIp => "Match by IP",
            Self::DpiAggressive => "DPI (aggressive)",
            Self::CustomRule => "Match by custom rule",
        }
    }
}

/// The risks of a flow: a set of `ndpi_risk_enum`, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Risks(pub u64);

impl Risks {
    /// The risk numbers in the set, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (0..64).filter(move |bit| self.0 >> bit & 1 == 1)
    }

    /// Whether no risk was seen.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How bad they are together, where each is as bad as it says by its number in `scores`
    /// (`ndpi_risk2score`).
    pub fn score(self, scores: &[u16]) -> u16 {
        let score = |risk: u8| scores.get(usize::from(risk)).copied().unwrap_or_default();
        self.iter().map(score).fold(0, u16::saturating_add)
    }
}

/// What nDPI says of a flow at one moment. Strings (host name, JA4, …) are asked of the flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Classification {
    /// How far the classification has come.
    pub state: State,
    /// Master and application protocol.
    pub app: AppId,
    /// Category of the application.
    pub category: CategoryId,
    /// Breed of the application.
    pub breed: BreedId,
    /// How the answer was found.
    pub confidence: Confidence,
    /// Whether the answer is a guess from ports or addresses: the library's flag
    /// (`protocol_was_guessed`), or a confidence that says so.
    pub guessed: bool,
    /// Risks seen so far.
    pub risks: Risks,
}

/// `7.91`, as nDPI's own tools print it: `master.app`, or the application alone where nothing carries it.
impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.master {
            0 => write!(f, "{}", self.app),
            master => write!(f, "{master}.{}", self.app),
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// For logs: `CLASSIFIED 91.119 by DPI`. Names are the engine's: see `ndpi::Engine::app_name`.
impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, app, confidence, guessed, .. } = self;
        write!(f, "{state} {app}")?;
        if *confidence != Confidence::Unknown {
            write!(f, " by {confidence}")?;
        }
        f.write_str(if *guessed { " (guessed)" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::{AppId, Classification, Confidence};
    use crate::State;

    #[test]
    fn a_classification_is_shown_with_what_is_known_of_it() {
        let nothing = Classification::default();
        assert_eq!(nothing.to_string(), "INSPECTING 0");
        let app = AppId { master: 91, app: 119 };
        let found = Classification {
            state: State::Classified,
            app,
            confidence: Confidence::Dpi,
            ..nothing
        };
        assert_eq!(found.to_string(), "CLASSIFIED 91.119 by DPI");
        let confidence = Confidence::MatchByPort;
        let guess = Classification { confidence, guessed: true, ..found };
        assert_eq!(guess.to_string(), "CLASSIFIED 91.119 by Match by port (guessed)");
    }
}
