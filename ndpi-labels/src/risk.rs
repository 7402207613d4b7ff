//! Risks, one by one.

/// How bad a risk is (`ndpi_risk_severity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are nDPI's own and say it")]
pub enum Severity {
    Low,
    Medium,
    High,
    Severe,
    Critical,
    Emergency,
}

impl Severity {
    /// All of them, in the order of the library's numbers, which is that of badness.
    pub const ALL: [Self; 6] =
        [Self::Low, Self::Medium, Self::High, Self::Severe, Self::Critical, Self::Emergency];

    /// nDPI's name for it (`ndpi_severity2str`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
            Self::Severe => "Severe",
            Self::Critical => "Critical",
            Self::Emergency => "Emergency",
        }
    }
}

/// One kind of risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// The number, which is the bit in [`Risks`](crate::Risks).
    pub number: u8,
    /// The name: `Known Proto on Non Std Port` (`ndpi_risk2str`).
    pub name: String,
    /// The name in C: `NDPI_KNOWN_PROTOCOL_ON_NON_STANDARD_PORT` (`ndpi_risk2code`).
    pub code: String,
    /// How bad it is (`ndpi_risk2severity`).
    pub severity: Severity,
    /// What it adds to the score of a flow.
    pub score: u16,
}
