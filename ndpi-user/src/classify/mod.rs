//! From samples to decisions: feeds nDPI until a flow's classification is final, asks the policy,
//! and tells the sink. Plain code: time, packets and map writes come in as arguments.

mod classifier;
mod detector;
#[cfg(test)]
mod tests;

pub use classifier::{Classifier, End, Keeper, Moment, Settings, Sink};
pub use detector::Detector;
