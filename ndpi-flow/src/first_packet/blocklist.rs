//! Where blocked servers stand: the kernel's map, or a table in a test.

use std::time::Duration;

use ndpi::{AppId, CategoryId};
use ndpi_common::ServerKey;

use crate::verdict::Verdict;

/// What is done to all new flows to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The rule, and an action that drops.
    pub verdict: Verdict,
    /// What the server is known as.
    pub app: AppId,
    /// Its category.
    pub category: CategoryId,
    /// For how long from now on.
    pub left: Duration,
}

/// Servers whose flows are dropped without asking. Where it cannot be written, it says so itself: flows
/// to the server are then decided one by one, and an entry that stays goes by its own time.
pub trait Blocklist: Send + std::fmt::Debug {
    /// Drops new flows to a server, in place of what was said of it before.
    fn block(&mut self, server: &ServerKey, blocked: &Blocked);

    /// Lets new flows to a server pass, whether they did before or not.
    fn unblock(&mut self, server: &ServerKey);
}

/// Where no kernel could block anything: captures.
#[derive(Clone, Copy, Debug)]
pub struct NoBlocklist;

impl Blocklist for NoBlocklist {
    fn block(&mut self, _server: &ServerKey, _blocked: &Blocked) {}

    fn unblock(&mut self, _server: &ServerKey) {}
}
