//! From samples to decisions: feeds nDPI until a flow's classification is final, asks the policy,
//! and tells the sink. Plain code: time, packets and map writes come in as arguments.

mod again;
mod classifier;
mod decide;
mod detector;
mod enforcement;
mod room;
mod rule_judge;
mod sink;
#[cfg(test)]
mod tests;

pub use classifier::{Classifier, End, Keeper, Settings};
pub use detector::{Announcement, Detector};
pub use enforcement::{Enforcement, Unenforced};
pub use rule_judge::judge;
pub use sink::{Judge, Moment, Sink};
