//! The network and servers that every part of the lab uses.

use std::cell::Cell;
use std::path::Path;

use anyhow::{Context as _, Result};
use testkit::topology::Topology;

use super::arrivals::Arrivals;
use super::conversation::{Asked, Client};
use super::flow::FlowId;
use super::requests::Request;
use super::router::Router;

/// Ports of the clients: all below those that the kernel hands out.
const FIRST_PORT: u16 = 20_000;
const LAST_PORT: u16 = 32_767;

/// The network with its servers, and the program for the router.
pub(super) struct Stage<'a> {
    pub(super) topology: &'a Topology,
    /// `ndpi-xdp`.
    pub(super) binary: &'a Path,
    /// For whatever is written: configurations, certificates, logs.
    pub(super) folder: &'a Path,
    /// What reaches the server, by the client's port.
    pub(super) server_sees: Arrivals,
    /// What reaches the client, by its port.
    pub(super) client_sees: Arrivals,
    next_port: Cell<u16>,
}

impl<'a> Stage<'a> {
    pub(super) fn new(topology: &'a Topology, binary: &'a Path, folder: &'a Path) -> Result<Self> {
        let server_sees = Arrivals::count(&topology.server, "sport")?;
        let client_sees = Arrivals::count(&topology.client, "dport")?;
        let next_port = Cell::new(FIRST_PORT);
        Ok(Self { topology, binary, folder, server_sees, client_sees, next_port })
    }

    pub(super) fn client(&self) -> Client<'a> {
        Client { namespace: &self.topology.client, folder: self.folder }
    }

    /// A port of the client that no flow of this lab has used.
    pub(super) fn port(&self) -> Result<u16> {
        let port = self.next_port.get();
        let next = (port < LAST_PORT).then_some(port + 1);
        self.next_port.set(next.context("the lab has used up its ports")?);
        Ok(port)
    }

    /// Makes all `requests` at once.
    pub(super) fn ask(&self, requests: &[Request]) -> Result<Vec<Asked>> {
        let from = |request: &Request| Ok((*request, self.port()?));
        self.client().ask_together(&requests.iter().map(from).collect::<Result<Vec<_>>>()?)
    }

    /// How many packets of a flow have arrived, at both its ends together.
    pub(super) fn arrived(&self, flow: &FlowId) -> Result<u64> {
        Ok(self.server_sees.of(flow)?.packets + self.client_sees.of(flow)?.packets)
    }

    /// Starts `ndpi-xdp` with `policy` on the router.
    pub(super) fn router(&self, policy: &Path) -> Result<Router> {
        self.router_in(policy, &[])
    }

    /// The same with more `variables` in its environment.
    pub(super) fn router_in(&self, policy: &Path, variables: &[(&str, &str)]) -> Result<Router> {
        Router::start(self.topology, self.binary, policy, self.folder, variables)
    }
}
