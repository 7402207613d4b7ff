//! Commands from outside, carried out by the parts of `run`.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{self, Receiver, Sender, select};

use super::releasing::Order;
use super::reload::Ask;
use crate::control::{Answer, Command, Reaction, Server};
use crate::counters::Counters;
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
    let counters = Counters::new(Arc::clone(&observer), kernel.verdicts().clone());
    let (going_on, ending) = channel::bounded(0);
    let server = Server::start(&path, move |command| match command {
        Command::PolicyReload => reload_policy(reload.as_ref(), &ending).into(),
        Command::Status => Answer::Status(Box::new(observer.snapshot())).into(),
        Command::Release { what, seconds } => {
            let order = Order::Make(what, Duration::from_secs(seconds));
            release(reload.as_ref(), order, &ending).into()
        }
        Command::EndRelease(number) => release(reload.as_ref(), Order::End(number), &ending).into(),
        Command::ResetCounters => match counters.reset() {
            Ok(since) => Answer::CountersReset(since).into(),
            Err(error) => Answer::Refused(format!("{:#}", anyhow::Error::new(error))).into(),
        },
        Command::Counters => Reaction::Lines(Box::new(counters.lines())),
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
    let _ = reload.send(Ask::Reload(Some(tell)));
    heard(&told, ending, Answer::PolicyReload)
}

/// Has something pass for a time, or no longer.
fn release(reload: Option<&Sender<Ask>>, order: Order, ending: &Receiver<()>) -> Answer {
    let Some(reload) = reload else {
        let why =
            "this instance was started without --policy: it blocks nothing that could be released";
        return Answer::Refused(why.into());
    };
    let (tell, told) = channel::bounded(1);
    // As above.
    let _ = reload.send(Ask::Release(order, tell));
    heard(&told, ending, |result| match result {
        Ok(result) => Answer::Release(Box::new(result)),
        Err(why) => Answer::Refused(why),
    })
}

/// What is told, as an answer; in words where nothing is.
fn heard<T>(told: &Receiver<T>, ending: &Receiver<()>, answer: impl FnOnce(T) -> Answer) -> Answer {
    let gone = || Answer::Refused("the instance is ending".into());
    select! {
        recv(told) -> outcome => outcome.map_or_else(|_| gone(), answer),
        recv(ending) -> _ => gone(),
        default(PATIENCE) => Answer::Refused(format!(
            "it is not in force after {} seconds; the instance's log will have the result",
            PATIENCE.as_secs()
        )),
    }
}
