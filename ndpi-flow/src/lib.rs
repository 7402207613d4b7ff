#![doc = include_str!("../README.md")]

mod batch;
mod classify;
mod first_packet;
mod flow;
mod resegment;
mod sample;
mod unpack;
mod verdict;

pub use batch::Batch;
pub use classify::{
    Announcement, Classifier, Detector, End, Enforcement, Judge, Keeper, Moment, Settings, Sink,
    Unenforced, judge,
};
pub use first_packet::{
    Blocked, Blocklist, Claim, Known, LONGEST, Memory, NoBlocklist, Servers, UNANNOUNCED, lesson,
};
pub use flow::{
    AFTER, Cause, Client, Decided, DecidedBy, Details, Endpoint, FlowEntry, FlowKey, FlowTable,
    Held, Ledger, Looks, Meeting, Note, Notes, Pool, Shards, Shares, SlotId, Stage, Start, Tenant,
    TenantId, Tenants, Timeouts,
};
pub use resegment::fit;
pub use sample::{Sample, tcp};
pub use unpack::Unpacker;
pub use verdict::{Action, Verdict};
