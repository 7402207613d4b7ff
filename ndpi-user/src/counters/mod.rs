//! Counters that begin again at zero: `ndpi-xdp reset-counters`.
//!
//! Nothing that counts is written to. The instance notes what had been counted by then, and `status` and `verdicts`
//! show what came since; metrics, records and the closing report go on, so that they never go back and always add up.

mod before;
mod command;
mod reset;

pub(crate) use before::{Before, fetch};
pub(crate) use command::reset;
pub(crate) use reset::Counters;
