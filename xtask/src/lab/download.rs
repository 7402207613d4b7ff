//! A download that goes on until it is ended, counted as it arrives.

use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::clients::bracketed;
use super::flow::FlowId;
use super::interrupt;
use super::requests::Family;
use super::stage::Stage;

/// It ends by itself after this time, should nobody end it.
const LIFE: Duration = Duration::from_mins(2);
/// How long a change is waited for.
const CHANGE: Duration = Duration::from_secs(10);

/// curl under way; dropping it ends it.
pub(super) struct Download<'a> {
    /// How its flow is known.
    pub(super) flow: FlowId,
    stage: &'a Stage<'a>,
    curl: Child,
}

impl<'a> Download<'a> {
    /// Starts to fetch `path` of the server `name`, in the clear.
    pub(super) fn start(stage: &'a Stage, family: Family, name: &str, path: &str) -> Result<Self> {
        let (port, client, server) = (stage.port()?, family.client(), family.server());
        let curl = stage
            .topology
            .client
            .command("curl")
            .args(["--disable", "--silent", "--noproxy", "*", "--output", "/dev/null"])
            .args(["--max-time", &LIFE.as_secs().to_string()])
            .args(["--resolve", &format!("{name}:80:{}", bracketed(server))])
            .args(["--interface", &client.to_string(), "--local-port", &port.to_string()])
            .arg(format!("http://{name}{path}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start curl")?;
        let flow = FlowId { proto: 6, client: (client, Some(port)), server: (server, 80) };
        Ok(Self { flow, stage, curl })
    }

    /// Bytes that have arrived so far, from the IP header on, as the client's kernel sees them:
    /// several segments may have come as one packet with one header.
    pub(super) fn arrived(&self) -> Result<u64> {
        Ok(self.stage.client_sees.of(&self.flow)?.bytes)
    }

    /// Waits until `bytes` more have arrived; false when they have not.
    pub(super) fn goes_on(&self, bytes: u64) -> Result<bool> {
        let before = self.arrived()?;
        interrupt::until(CHANGE, || Ok(self.arrived()? >= before + bytes))
    }
}

impl Drop for Download<'_> {
    fn drop(&mut self) {
        // It may have ended by itself, and what is left ends with its namespace.
        let _ = self.curl.kill();
        let _ = self.curl.wait();
    }
}
