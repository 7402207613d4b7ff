//! Policies checked and explained without enforcing them, and a running instance asked to reload its own.

mod capture;
mod check;
mod explain;
mod explainer;
mod for_others;
mod input;
mod reload;

pub(crate) use check::Check;
pub(crate) use explain::Explain;
pub(crate) use for_others::for_others;
pub(crate) use reload::reload;
