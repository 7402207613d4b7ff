//! From samples to decisions: feeds nDPI until a flow's classification is final, asks the policy,
//! and tells the sink. Plain code: time, packets and map writes come in as arguments.

mod adopt;
mod again;
mod allowance;
mod blocked_connections;
mod catch_up;
mod classifier;
mod decide;
mod deferred;
mod detector;
mod end;
mod enforcement;
mod extend;
mod extensions;
mod fall_back;
mod inspect;
mod later_requests;
mod memory;
mod moved;
mod put_off;
mod reassemble;
mod room;
mod rule_judge;
mod said;
mod settings;
mod sink;
#[cfg(test)]
mod tests;
mod texts;
mod waiting;
mod whole_names;

pub use allowance::Allowance;
pub use blocked_connections::BlockedConnections;
pub use classifier::Classifier;
pub use deferred::{Deferred, Deferring};
pub use detector::{Detector, DnsAnswer, Packet};
pub use end::End;
pub use enforcement::{Enforcement, Unenforced};
pub use rule_judge::{Captured, Hints, RuleJudge, Scene};
pub use settings::{Accounting, Settings};
pub use sink::{Judge, Moment, Sink, Taken};
