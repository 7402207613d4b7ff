//! The lab's requests: all of them through a bare router, and again through one with `ndpi-xdp`.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context as _, Result, anyhow};

use super::conversation::Asked;
use super::requests::Expected;
use super::stage::Stage;
use super::trial::Trial;
use super::{interrupt, kernel, requests};
use crate::process;

/// What the requests show, under the lab's own policy.
pub(super) const NAME: &str = "category";
pub(super) const ABOUT: &str = "the requests, one after the other: social networks and video are blocked, all else is answered";

/// Blocks social networks and video.
const OWN_POLICY: &str = include_str!("policy.toml");

/// Has all requests made; with `keep`, all stays until Ctrl-C when they have been.
pub(super) fn run(stage: &Stage, policy: Option<&Path>, keep: bool) -> Result<Vec<Trial>> {
    let policy = policy_file(policy, stage.folder)?;
    eprintln!("lab: all requests, through a router without ndpi-xdp");
    let bare = ask_all(stage, false)?;
    eprintln!("lab: starting ndpi-xdp on the router");
    let router = stage.router(&policy)?;
    eprintln!("lab: all requests again");
    let asked = ask_all(stage, true)?;
    if keep {
        wait(stage);
    }
    let records = router.end()?;
    Ok(Trial::all(&requests::all(), bare, asked, &records))
}

/// Makes every request, each from a port of its own: one after the other those that are answered, and
/// beside them those that wait for an answer in vain.
fn ask_all(stage: &Stage, watched: bool) -> Result<Vec<Asked>> {
    let client = &stage.client();
    let requests = requests::all();
    let with_port = requests.iter().map(|request| Ok((request, stage.port()?)));
    let with_port = with_port.collect::<Result<Vec<_>>>()?;
    thread::scope(|scope| {
        let made = with_port.into_iter().map(|(request, port)| {
            let ask = move || client.ask(request, port, watched);
            match request.expected {
                Expected::Answered => Made::Done(ask()),
                Expected::Blocked => Made::Waiting(scope.spawn(ask)),
            }
        });
        // All of them first: whoever waits is not waited for before.
        made.collect::<Vec<_>>().into_iter().map(Made::asked).collect()
    })
}

/// A request that was made, or is being made.
enum Made<'a> {
    Done(Result<Asked>),
    Waiting(ScopedJoinHandle<'a, Result<Asked>>),
}

impl Made<'_> {
    fn asked(self) -> Result<Asked> {
        match self {
            Self::Done(asked) => asked,
            Self::Waiting(thread) => {
                thread.join().map_err(|_| anyhow!("the thread of a request panicked"))?
            }
        }
    }
}

/// Leaves all running until Ctrl-C.
fn wait(stage: &Stage) {
    let client = stage.topology.client.command("COMMAND");
    eprintln!("lab: all stays as it is until Ctrl-C. To look around:");
    eprintln!("  as the client:  {}", process::shown(&client));
    eprintln!(
        "  what is held:   bpftool -p map dump pinned {}/VERDICTS_V4",
        kernel::pins().display()
    );
    interrupt::wait();
}

/// The policy to run with: the one that is asked for, or the lab's own.
fn policy_file(asked: Option<&Path>, folder: &Path) -> Result<PathBuf> {
    if let Some(policy) = asked {
        return policy.canonicalize().with_context(|| format!("no policy at {}", policy.display()));
    }
    let file = folder.join("policy.toml");
    fs::write(&file, OWN_POLICY)?;
    Ok(file)
}
