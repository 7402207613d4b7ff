#![doc = include_str!("../README.md")]

mod classify;
mod first_packet;
mod flow;
mod fragments;
mod ipv4_header;
mod key;
mod normalise;
mod resegment;
mod sample;
mod seconds;
mod tenant;
mod unpack;
mod verdict;

pub use classify::{
    Accounting, Allowance, BlockedConnections, Captured, Classifier, Deferred, Deferring, Detector,
    DnsAnswer, End, Enforcement, Hints, Judge, Moment, Packet, RuleJudge, Scene, Settings, Sink,
    Taken, Unenforced,
};
pub use first_packet::{
    Basis, Blocked, Blocklist, Hint, Known, LONGEST, Lesson, NoBlocklist, ServerCache, Servers,
    UNANNOUNCED,
};
pub use flow::{
    AFTER, Adopted, Cause, Client, Decided, DecidedBy, Details, DetailsBuilder, Devices,
    EarlierRule, FlowEntry, FlowTable, Held, Inherited, Ledger, Looks, Meeting, Note, Notes, Pool,
    Reported, RuleTexts, Shards, Shares, SlotId, Stage, Start, Text, Timeouts, Traffic, Volume,
    Worth,
};
pub use fragments::Fragments;
pub use key::{Endpoint, FlowKey, key_between};
pub use ndpi_labels::{Finding, Findings};
pub use normalise::{Receiver, Step, may_open_quic};
pub use resegment::fit;
pub use sample::{Sample, tcp};
pub use seconds::Seconds;
pub use tenant::{Tenant, TenantId, Tenants};
pub use unpack::Unpacker;
pub use verdict::{Action, Verdict};
