//! Records: what is written down of a flow, as one JSON object a line.

mod crowding;
mod flow;
mod halves;
mod label;
mod names;
mod precedence;
mod status;
mod stuck;
mod time;
mod verdict;

pub use crowding::CrowdingRecord;
pub use flow::{Counters, FlowRecord};
pub use halves::HalvesRecord;
pub use label::{Ends, Label, Origin};
pub use names::Names;
pub use precedence::PrecedenceRecord;
pub use status::{
    Attached, InterfaceRecord, RingFull, StatusRecord, StoppedRecord, StrainRecord, TimesRecord,
};
pub use stuck::StuckRecord;
pub use time::Time;
pub use verdict::VerdictRecord;
