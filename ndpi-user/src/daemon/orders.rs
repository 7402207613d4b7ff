//! Commands from outside, carried out by the parts of `run`.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{self, Receiver, Sender, select};

use super::reload::Ask;
use crate::control::{Answer, Command, Reaction, Server};
use crate::hosts::HostBook;
use crate::snapshot::Observer;
use ndpi_kernel::Kernel;

/// How long a command may take before whoever asked receives that it takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Listens for commands until it is dropped.
pub(super) struct Orders {
    /// Goes first: whoever waits for an answer receives that there will be none.
    _going_on: Sender<()>,
    _server: Server,
}

/// Listens for commands to the instance that `kernel` belongs to; `reload` is how it is asked to read
/// its policy again, if it has one, `observer` knows how it is, and `hosts` what its flows are called. Where it cannot, it says so, and
/// signals are what is left.
pub(super) fn listen(
    kernel: &Kernel,
    reload: Option<Sender<Ask>>,
    observer: Arc<Observer>,
    hosts: HostBook,
) -> Option<Orders> {
    let path = kernel.socket_path()?;
    let (going_on, ending) = channel::bounded(0);
    let server = Server::start(&path, move |command| match command {
        Command::PolicyReload => reload_policy(reload.as_ref(), &ending).into(),
        Command::Status => Answer::Status(Box::new(observer.snapshot())).into(),
        Command::Hosts => Reaction::Lines(Box::new(hosts.lines())),
    });
    match server {
        Ok(server) => Some(Orders { _going_on: going_on, _server: server }),
        Err(error) => {
            let error = anyhow::Error::new(error);
            log::warn!(
                "{error:#}: `ndpi-xdp policy reload` and `status` will not find this one; use SIGHUP"
            );
            None
        }
    }
}

fn reload_policy(reload: Option<&Sender<Ask>>, ending: &Receiver<()>) -> Answer {
    let Some(reload) = reload else {
        let why = "this instance was started without --policy: there is no policy to reload";
        return Answer::Refused(why.into());
    };
    let (tell, told) = channel::bounded(1);
    // Where nobody is there to hear it, nobody tells either.
    let _ = reload.send(Some(tell));
    let gone = || Answer::Refused("the instance is ending".into());
    select! {
        recv(told) -> outcome => outcome.map_or_else(|_| gone(), Answer::PolicyReload),
        recv(ending) -> _ => gone(),
        default(PATIENCE) => Answer::Refused(format!(
            "the policy is not in force after {} seconds; the instance's log will have the result",
            PATIENCE.as_secs()
        )),
    }
}
