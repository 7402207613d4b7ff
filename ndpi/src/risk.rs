//! What the bits in a set of risks mean.

use ndpi_sys::constants::MAX_RISK;

use crate::{Library, Risks, text};

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
    /// The number, which is the bit in [`Risks`].
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

/// How bad a set of risks is (`ndpi_risk2score`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RiskScore {
    /// The sum over the risks: 10 for a low one to 250 for an emergency.
    pub total: u16,
    /// The client's part of it.
    pub client: u16,
    /// The server's part of it.
    pub server: u16,
}

impl Library {
    /// All risks, by number. 0, "no risk", is not among them.
    pub fn risks(&self) -> Vec<Risk> {
        (1..MAX_RISK).filter_map(|number| self.risk(number)).collect()
    }

    /// The risk of a number; `None` where there is none.
    pub fn risk(&self, number: u8) -> Option<Risk> {
        if !(1..MAX_RISK).contains(&number) {
            return None;
        }
        let functions = self.functions();
        let raw = u32::from(number);
        // SAFETY: the number was checked above, and the library returns constant strings for it.
        let (name, code) = unsafe {
            (text::owned((functions.risk2str)(raw)), text::owned((functions.risk2code)(raw)))
        };
        // SAFETY: the number was checked above, so this is an entry of the library's constant
        // table, or null.
        let severity = unsafe { (functions.risk2severity)(raw).as_ref() }?.severity;
        let severity = *Severity::ALL.get(usize::try_from(severity).ok()?)?;
        let score = self.risk_score(Risks(1 << number)).total;
        Some(Risk { number, name, code, severity, score })
    }

    /// How bad a set of risks is (`ndpi_risk2score`).
    pub fn risk_score(&self, risks: Risks) -> RiskScore {
        let mut score = RiskScore::default();
        // Bits without a meaning would be looked up behind the table's end.
        let known = risks.0 & ((1 << MAX_RISK) - 1);
        // SAFETY: two numbers that outlive the call are written to.
        score.total = unsafe {
            (self.functions().risk2score)(known, &raw mut score.client, &raw mut score.server)
        };
        score
    }
}
