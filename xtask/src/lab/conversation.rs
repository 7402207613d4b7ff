//! One request being made: the client runs, and meanwhile the kernel's map is looked at.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;

use super::clients::{self, Answer, Call, PATIENCE};
use super::flow::FlowId;
use super::namespace::Namespace;
use super::requests::{Ask, Request};
use super::{interrupt, kernel};

/// How long after the client's end a verdict is waited for.
const VERDICT: Duration = Duration::from_secs(2);

/// What came of a request.
pub(super) struct Asked {
    pub(super) answer: Answer,
    /// From the client's start to its end.
    pub(super) took: Duration,
    /// How its flow is known.
    pub(super) flow: FlowId,
    /// The flow's entry in the kernel's verdict map, as bpftool shows it.
    pub(super) entry: Option<Value>,
}

/// The place where requests are made.
pub(super) struct Client<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) folder: &'a Path,
}

impl Client<'_> {
    /// Makes `request` from port `sport`. With `watched`, `ndpi-xdp` runs on the router, and the
    /// flow's verdict is looked for while the client waits.
    pub(super) fn ask(&self, request: &Request, sport: u16, watched: bool) -> Result<Asked> {
        let from = SocketAddr::new(request.family.client(), sport);
        let server = request.family.server();
        let setting = clients::Setting { folder: self.folder, server, from };
        let (proto, port) = request.service();
        let chosen = (request.ask != Ask::Ssh).then_some(sport);
        let flow = FlowId { proto, client: (from.ip(), chosen), server: (server, port) };
        let start = Instant::now();
        let mut child = self.start(&clients::call(request, &setting))?;
        let mut entry = None;
        let status = wait(&mut child, || {
            if watched && entry.is_none() {
                entry = kernel::verdict(&flow)?;
            }
            Ok(())
        })?;
        let took = start.elapsed();
        if watched {
            // A flow of two packets may be over before its verdict stands; one that has it goes on
            // counting.
            interrupt::until(VERDICT, || {
                entry = kernel::verdict(&flow)?.or(entry.take());
                Ok(entry.is_some())
            })?;
        }
        let answer = clients::answer(request, &self.output(status)?);
        Ok(Asked { answer, took, flow, entry })
    }

    fn start(&self, call: &Call) -> Result<Child> {
        let file = |name: &str| self.folder.join(name);
        fs::write(file("stdin"), &call.input)?;
        self.namespace
            .command(call.program)
            .args(&call.arguments)
            .stdin(File::open(file("stdin"))?)
            .stdout(File::create(file("stdout"))?)
            .stderr(File::create(file("stderr"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", call.program))
    }

    fn output(&self, status: Option<ExitStatus>) -> Result<clients::Output> {
        let text = |name: &str| -> Result<String> {
            Ok(String::from_utf8_lossy(&fs::read(self.folder.join(name))?).into_owned())
        };
        let success = status.is_some_and(|status| status.success());
        Ok(clients::Output { success, stdout: text("stdout")?, stderr: text("stderr")? })
    }
}

/// Waits for the client, which has patience of its own but for openssl and ssh: those are killed.
/// Should we be interrupted, it ends with its namespace.
fn wait(
    child: &mut Child,
    mut meanwhile: impl FnMut() -> Result<()>,
) -> Result<Option<ExitStatus>> {
    let mut status = None;
    let ended = interrupt::until(PATIENCE + Duration::from_millis(500), || {
        status = child.try_wait()?;
        if status.is_none() {
            meanwhile()?;
        }
        Ok(status.is_some())
    })?;
    if !ended {
        child.kill()?;
        child.wait()?;
    }
    Ok(status)
}
