//! nDPI's numbers for states and confidences.

use ndpi_labels::{Confidence, State};
use ndpi_sys::constants::{STATE_CLASSIFIED, STATE_MONITORING, STATE_PARTIAL};

/// The state with this number (`ndpi_classification_state`).
#[inline]
pub(crate) fn state(raw: u32) -> State {
    match raw {
        STATE_PARTIAL => State::Partial,
        STATE_MONITORING => State::Monitoring,
        STATE_CLASSIFIED => State::Classified,
        // 5.0 has no other number than that of Inspecting.
        _ => State::Inspecting,
    }
}

/// The confidence with this number (`ndpi_confidence_t`); `Unknown` for one that 5.0 does not have.
#[inline]
pub(crate) fn confidence(raw: u32) -> Confidence {
    let index = usize::try_from(raw).ok();
    index.and_then(|index| Confidence::ALL.get(index)).copied().unwrap_or_default()
}
