//! An order for nDPI's confidences, whose own numbers are none.

use ndpi_labels::Confidence;
use serde::{Deserialize, Serialize};

/// How much an answer is worth: higher is better founded.
///
/// nDPI's `ndpi_confidence_t` is numbered by history. The order here: nothing, guesses (port, then
/// address), heuristics, answers derived from other flows or from parts of a conversation, full
/// inspection, and last what the operator's own nDPI rules say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rank(pub(super) u8);

/// The words of `confidence = "…"`, from the least to the best founded, with nDPI's value.
const ORDER: [(&str, Confidence); 10] = [
    ("unknown", Confidence::Unknown),
    ("port", Confidence::MatchByPort),
    ("ip", Confidence::MatchByIp),
    ("dpi_aggressive", Confidence::DpiAggressive),
    ("dpi_partial_cache", Confidence::DpiPartialCache),
    ("dpi_partial", Confidence::DpiPartial),
    ("dpi_cache", Confidence::DpiCache),
    ("dpi", Confidence::Dpi),
    ("nbpf", Confidence::Nbpf),
    ("custom_rule", Confidence::CustomRule),
];

impl Rank {
    /// Whether there is such a rank.
    pub(super) fn exists(self) -> bool {
        usize::from(self.0) < ORDER.len()
    }

    /// The words a policy may use, least founded first.
    pub fn words() -> impl Iterator<Item = &'static str> {
        ORDER.iter().map(|(word, _)| *word)
    }

    /// The rank a word stands for.
    pub fn from_word(word: &str) -> Option<Self> {
        (0..).zip(ORDER).find(|(_, (name, _))| *name == word).map(|(rank, _)| Self(rank))
    }

    /// The word of a rank.
    pub fn word(self) -> &'static str {
        ORDER[usize::from(self.0)].0
    }

    /// The confidence a word stands for.
    pub fn confidence(self) -> Confidence {
        ORDER[usize::from(self.0)].1
    }
}

impl From<Confidence> for Rank {
    fn from(confidence: Confidence) -> Self {
        let rank = (0..).zip(ORDER).find(|(_, (_, value))| *value == confidence);
        Self(rank.map_or(0, |(rank, _)| rank))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_confidence_has_a_rank_and_its_word() {
        for (word, confidence) in ORDER {
            let rank = Rank::from(confidence);
            assert_eq!(rank.word(), word);
            assert_eq!(rank.confidence(), confidence);
            assert_eq!(Rank::from_word(word), Some(rank));
        }
    }

    #[test]
    fn inspection_beats_guesses_although_ndpi_numbers_them_otherwise() {
        assert!(Rank::from(Confidence::Dpi) > Rank::from(Confidence::MatchByIp));
        assert!(Rank::from(Confidence::Dpi) > Rank::from(Confidence::DpiAggressive));
        assert!(Rank::from(Confidence::MatchByIp) > Rank::from(Confidence::MatchByPort));
    }
}
