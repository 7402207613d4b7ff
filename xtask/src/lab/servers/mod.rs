//! Services on the lab's server: nginx, dnsmasq and sshd, with configurations of our own.

mod certificates;
mod dns;
mod listening;
mod setting;
mod ssh;
mod web;

use std::path::Path;

use anyhow::Result;
use rustix::process::Signal;
use testkit::namespace::Namespace;

use super::daemon::Daemon;
use setting::Setting;

pub(super) use certificates::TRUSTED;
pub(super) use ssh::KNOWN_HOSTS;
pub(super) use web::{ENDLESS, LARGE, SMALL, STREAM, TINY};

/// The servers, running and ready.
pub(super) struct Servers(Vec<Daemon>);

impl Servers {
    /// Starts all servers and waits until they listen.
    pub(super) fn start(server: &Namespace, folder: &Path, names: &[&str]) -> Result<Self> {
        let setting = Setting { server, folder, names };
        certificates::make(&setting)?;
        let mut servers = Self(Vec::new());
        for (start, ports) in [
            (dns::start as fn(&Setting) -> Result<Daemon>, &[("udp", 53), ("udp6", 53)][..]),
            (web::start, &[("tcp", 80), ("tcp6", 80), ("tcp", 443), ("tcp6", 443)]),
            (ssh::start, &[("tcp", 22), ("tcp6", 22)]),
        ] {
            let mut daemon = start(&setting)?;
            daemon.wait_until(|| listening::all(server, ports))?;
            servers.0.push(daemon);
        }
        Ok(servers)
    }

    /// Ends them, and says which did not end well.
    pub(super) fn end(mut self) -> Result<()> {
        self.0.iter_mut().try_for_each(|daemon| daemon.end(Signal::TERM).map(drop))
    }
}
