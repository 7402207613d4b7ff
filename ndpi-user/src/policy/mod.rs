//! The policy: a TOML file of rules, and what they make of a flow's classification.
//!
//! [`load`] reads and checks a file against the names nDPI knows ([`Vocabulary`]) and what this
//! build can enforce ([`Support`]), and gives a [`Policy`] or every problem at once
//! ([`Diagnostics`]). [`Policy::decide`] then is plain code: no I/O, no clock; the flow's facts and
//! the time come in as [`Facts`]. The first rule that matches wins.

mod action;
mod blocklist;
mod category;
mod caught;
mod confidence;
mod decide;
mod diagnose;
mod documents;
mod encoding;
mod explain;
mod facts;
mod filed;
mod group;
mod host;
mod hurry;
mod index;
mod judge;
mod known_as;
mod letters;
mod lint;
mod load;
mod moment;
mod net;
mod proto;
mod rate;
mod read;
mod rule;
mod schedule;
mod service;
mod sisters;
mod support;
mod vocabulary;
mod watch;
mod week;

pub use action::{Action, Limit, Per, Undecided};
pub use category::CategoryTable;
pub use caught::{Caught, caught};
pub use confidence::Rank;
pub use decide::Policy;
pub use diagnose::{Diagnostics, Named, Place, Problem, Severity, SourceId};
pub use documents::{EXAMPLE, SCHEMA};
pub use encoding::policy_text;
pub use explain::{Explanation, FlowError, FlowWords, Hit, Miss, explain};
pub use facts::{Decision, Facts, RuleIndex};
pub use filed::Filed;
pub use group::{Group, GroupFile, Listed, groups, our_groups};
pub use host::HostPattern;
pub use judge::{DEFAULT_RULE, UNDECIDED_RULE};
pub use lint::AppOfHost;
pub use load::{ReadList, check, check_given, check_text, load, load_given, parse, reload};
pub use moment::moment;
pub use net::Net;
pub use rule::{AppPattern, At, Matchers, Rule};
pub use schedule::Schedule;
pub use support::Support;
pub use vocabulary::{Names, Vocabulary};
pub use watch::{Changed, WatchError, Watcher};
