//! The kernel side, as seen from user space: loading the programs, attaching them, their maps and
//! rings, and what another instance has pinned.

mod abi;
mod attach;
mod carried;
mod clock;
mod earlier;
mod element;
mod folder;
mod instance;
mod lasting;
mod link_pins;
mod load;
mod lock;
mod map_set;
mod maps;
mod messages;
mod netlink;
pub mod object;
mod options;
pub mod pinned;
mod pins;
mod preflight;
mod programs;
mod rings;
mod running;
mod shape;
mod sizes;
mod sys;
mod test_run;

pub use attach::{
    AttachError, Attachment, DetachError, Detached, Egress, EgressView, Hooks, Mode, detach,
    egress_views, find_interface,
};
pub use clock::{Clock, ktime_ns, suspended_ns};
pub use element::Element;
pub use folder::{Distrust, FolderError};
pub use instance::Instance;
pub use load::LoadError;
pub use lock::{LockError, ProgramUser};
pub use maps::{
    Limits, LossOfRing, LostFrames, MapError, RequestWatches, RingLosses, RuleNames, RuntimeConfig,
    ServerMap, Statistics, Stats, TrackMaps, VerdictMaps, Written,
};
pub use netlink::{Interface, LinkMonitor, Linked, XdpAttached, XdpPlace, interfaces};
pub use options::{
    DEFAULT_PIN_DIRECTORY, LoadOptions, detach_command, messages_beside, named_pin_directory,
};
pub use pins::PinError;
pub use preflight::{PreflightError, check_capabilities, preflight};
pub use rings::{Gauge, Lane, Polled, Rings, RingsError, Waiting, Waker};
pub use running::{Health, Kernel, Links};
pub use test_run::{SkbContext, TestRun, TestRunError, TestRunResult, XdpContext};
