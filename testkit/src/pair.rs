//! A sandbox, and something outside of it to talk to.

use crate::namespace::{Namespace, inside};
use crate::sandbox::Sandbox;

/// The address of the sandbox's `left`.
pub const NEAR: &str = "198.18.7.1";
/// The address at the other end.
pub const FAR: &str = "198.18.7.2";

/// A sandbox whose `right` is in a namespace of its own, with addresses on both ends.
pub struct Pair {
    /// The near end.
    pub sandbox: Sandbox,
    far: Namespace,
}

impl Pair {
    /// Makes both ends, up.
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        let far = Namespace::new(&format!("{}-far", sandbox.network.name())).unwrap();
        sandbox.ip(&format!("link set right netns {}", far.name()));
        sandbox.ip(&format!("address add {NEAR}/30 dev left"));
        far.ip(&format!("address add {FAR}/30 dev right")).unwrap();
        // Or the kernel says things of its own.
        for end in [&sandbox.network, &far] {
            end.set("ipv6/conf/all/disable_ipv6", "1").unwrap();
        }
        far.ip("link set right up").unwrap();
        Self { sandbox, far }
    }

    /// `ip ARGUMENTS` at the far end.
    pub fn far_ip(&self, arguments: &str) {
        self.far.ip(arguments).unwrap();
    }

    /// What `task` returns when it runs at the near end. Sockets belong to the end they were opened
    /// at, wherever they are used later.
    pub fn near<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        inside(&self.sandbox.network, task)
    }

    /// The same at the far end.
    pub fn far<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        inside(&self.far, task)
    }
}
