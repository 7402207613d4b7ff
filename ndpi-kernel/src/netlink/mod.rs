//! Interfaces and their programs through netlink(7), and detaching programs.

mod features;
mod filters;
mod interfaces;
mod message;
mod monitor;

pub(super) use features::{runs_xdp, takes_redirects};
pub(super) use filters::{AnyFilter, EGRESS, Filter, INGRESS, all_filters, delete_clsact, filters};
pub(super) use interfaces::detach_xdp;
pub use interfaces::{Interface, Linked, XdpAttached, XdpPlace, interfaces};
pub use monitor::LinkMonitor;
