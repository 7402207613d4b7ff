//! Records: what is written down of a flow, as one JSON object a line.

mod flow;
mod names;
mod time;

pub use flow::{Counters, FlowRecord, Origin};
pub use names::Names;
pub use time::Time;
