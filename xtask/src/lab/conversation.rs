//! Requests being made: clients run, and meanwhile the kernel's map may be looked at.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::slice;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::namespace::Namespace;

use super::clients::{self, Answer, PATIENCE, Setting};
use super::flow::FlowId;
use super::requests::{Ask, Request};
use super::{interrupt, kernel};

/// How long after the client's end a verdict is waited for.
const VERDICT: Duration = Duration::from_secs(2);

/// What came of a request.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) answer: Answer,
    /// What the client's program ended with; none where it was killed.
    pub(super) code: Option<i32>,
    /// From the client's start to its end.
    pub(super) took: Duration,
    /// How its flow is known.
    pub(super) flow: FlowId,
    /// Whether its entry in the kernel's verdict map was looked for.
    pub(super) watched: bool,
    /// The entry, as bpftool shows it.
    pub(super) entry: Option<Value>,
}

/// The place where requests are made.
#[derive(Clone, Copy)]
pub(super) struct Client<'a> {
    pub(super) namespace: &'a Namespace,
    pub(super) folder: &'a Path,
}

impl Client<'_> {
    /// Makes `request` from port `sport`. With `watched`, `ndpi-xdp` runs on the router, and the
    /// flow's verdict is looked for while the client waits.
    pub(super) fn ask(&self, request: &Request, sport: u16, watched: bool) -> Result<Asked> {
        let mut running = self.start(request, sport)?;
        let mut entry = None;
        wait(slice::from_mut(&mut running), |running| {
            if watched && entry.is_none() {
                entry = kernel::verdict(&running[0].flow)?;
            }
            Ok(())
        })?;
        if watched {
            // A flow of two packets may be over before its verdict stands; one that has it goes on
            // counting.
            interrupt::until(VERDICT, || {
                entry = kernel::verdict(&running.flow)?.or(entry.take());
                Ok(entry.is_some())
            })?;
        }
        Ok(Asked { watched, entry, ..running.asked()? })
    }

    /// Makes all `requests` at once, each from its own port.
    pub(super) fn ask_together(&self, requests: &[(Request, u16)]) -> Result<Vec<Asked>> {
        let start = |(request, sport): &(Request, u16)| self.start(request, *sport);
        let mut running = requests.iter().map(start).collect::<Result<Vec<_>>>()?;
        wait(&mut running, |_| Ok(()))?;
        running.into_iter().map(Running::asked).collect()
    }

    /// Starts the client's program, with its files in a folder of its own.
    fn start(&self, request: &Request, sport: u16) -> Result<Running> {
        let from = SocketAddr::new(request.family.client(), sport);
        let server = request.family.server();
        let call = clients::call(request, &Setting { folder: self.folder, server, from });
        let (proto, port) = request.service();
        let chosen = (request.ask != Ask::Ssh).then_some(sport);
        let flow = FlowId { proto, client: (from.ip(), chosen), server: (server, port) };
        let folder = self.folder.join(format!("asked-{sport}"));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::write(folder.join("stdin"), &call.input)?;
        let child = self
            .namespace
            .command(call.program)
            .args(&call.arguments)
            .stdin(File::open(folder.join("stdin"))?)
            .stdout(File::create(folder.join("stdout"))?)
            .stderr(File::create(folder.join("stderr"))?)
            .spawn()
            .with_context(|| format!("cannot start {}", call.program))?;
        Ok(Running { request: *request, flow, folder, child, started: Instant::now(), end: None })
    }
}

/// A client's program under way.
struct Running {
    request: Request,
    flow: FlowId,
    folder: PathBuf,
    child: Child,
    started: Instant,
    /// How it ended, and after what time.
    end: Option<(ExitStatus, Duration)>,
}

impl Running {
    fn has_ended(&mut self) -> Result<bool> {
        if self.end.is_none() {
            self.end = self.child.try_wait()?.map(|status| (status, self.started.elapsed()));
        }
        Ok(self.end.is_some())
    }

    fn kill(&mut self) -> Result<()> {
        if self.end.is_none() {
            self.child.kill()?;
            self.end = Some((self.child.wait()?, self.started.elapsed()));
        }
        Ok(())
    }

    /// What came of it, once it has ended.
    fn asked(self) -> Result<Asked> {
        let (status, took) = self.end.context("a client that was not waited for")?;
        let text = |name: &str| -> Result<String> {
            Ok(String::from_utf8_lossy(&fs::read(self.folder.join(name))?).into_owned())
        };
        let output = clients::Output {
            success: status.success(),
            stdout: text("stdout")?,
            stderr: text("stderr")?,
        };
        let answer = clients::answer(&self.request, &output);
        let (code, flow) = (status.code(), self.flow);
        Ok(Asked { answer, code, took, flow, watched: false, entry: None })
    }
}

/// Waits for the clients, which have patience of their own but for openssl and ssh: those are
/// killed. Should we be interrupted, they end with their namespace.
fn wait(
    running: &mut [Running],
    mut meanwhile: impl FnMut(&[Running]) -> Result<()>,
) -> Result<()> {
    interrupt::until(PATIENCE + Duration::from_millis(500), || {
        let mut all = true;
        for one in running.iter_mut() {
            all &= one.has_ended()?;
        }
        if !all {
            meanwhile(running)?;
        }
        Ok(all)
    })?;
    running.iter_mut().try_for_each(Running::kill)
}
