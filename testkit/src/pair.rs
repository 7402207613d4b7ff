//! A sandbox, and something outside of it to talk to.

use std::net::UdpSocket;
use std::process::Command;

use crate::namespace::{Namespace, inside};
use crate::sandbox::Sandbox;

/// The address of the sandbox's `left`.
pub const NEAR: &str = "198.18.7.1";
/// The address at the other end.
pub const FAR: &str = "198.18.7.2";

/// What [`Pair::add_v6`] adds to `left`.
pub const NEAR_V6: &str = "2001:db8:7::1";
/// The address at the other end.
pub const FAR_V6: &str = "2001:db8:7::2";

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

    /// Gives both ends an address of IPv6 too.
    pub fn add_v6(&self) {
        for end in [&self.sandbox.network, &self.far] {
            end.set("ipv6/conf/all/disable_ipv6", "0").unwrap();
        }
        self.sandbox.ip(&format!("address add {NEAR_V6}/64 dev left nodad"));
        self.far_ip(&format!("address add {FAR_V6}/64 dev right nodad"));
    }

    /// `ip ARGUMENTS` at the far end.
    pub fn far_ip(&self, arguments: &str) {
        self.far.ip(arguments).unwrap();
    }

    /// A command at the far end.
    pub fn far_command(&self, program: &str) -> Command {
        self.far.command(program)
    }

    /// Sets `/proc/sys/net/KEY` at the far end.
    pub fn far_set(&self, key: &str, value: &str) {
        self.far.set(key, value).unwrap();
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

/// A flow of datagrams from the far end to the near one.
pub struct Datagrams {
    sender: UdpSocket,
    receiver: UdpSocket,
    port: u16,
}

impl Datagrams {
    /// One between these ports.
    pub fn new(pair: &Pair, from: u16, port: u16) -> Self {
        let receiver = pair.near(|| UdpSocket::bind((NEAR, port)).unwrap());
        receiver.set_nonblocking(true).unwrap();
        let sender = pair.far(|| UdpSocket::bind((FAR, from)).unwrap());
        Self { sender, receiver, port }
    }

    /// Sends some datagrams that no protocol would.
    pub fn send(&self, count: usize) {
        for _ in 0..count {
            self.sender.send_to(&[0xa5; 40], (NEAR, self.port)).unwrap();
        }
    }

    /// How many have arrived since the last call.
    pub fn arrived(&self) -> usize {
        std::iter::from_fn(|| self.receiver.recv(&mut [0; 64]).ok()).count()
    }

    /// How many of some datagrams arrive. On veth, what is not dropped has arrived by the time it is
    /// sent.
    pub fn arriving(&self, count: usize) -> usize {
        self.send(count);
        self.arrived()
    }
}
