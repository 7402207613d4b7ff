//! What rtnetlink(7) tells about interfaces and their programs, and how they are taken off.

mod filters;
mod interfaces;
mod message;

pub(super) use filters::{EGRESS, Filter, INGRESS, delete_clsact, filters};
pub(super) use interfaces::{Interface, detach_xdp, interfaces};
