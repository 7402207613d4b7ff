//! The meaning of the bits in a set of risks.

use ndpi_sys::constants::MAX_RISK;

use crate::{Library, Risk, Risks, Severity, text};

/// How bad a set of risks is (`ndpi_risk2score`).
#[doc(alias = "ndpi_risk2score")]
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
    #[doc(alias = "ndpi_risk2score")]
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
