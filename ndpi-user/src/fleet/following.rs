//! The end that has the policy: a thread of the instance.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Context as _, Result};
use crossbeam::channel::{self, Sender};
use ndpi_events::{Event, Offered, Reloaded};
use ndpi_text::clean;
use rustix::net::{SendFlags, Shutdown, send, shutdown};

use super::follower::FollowerJob;
use super::link::Link;
use super::message::{LONGEST, Read, Reader, pair, taken};
use super::place::PolicySource;

/// An outcome at most: what is longer is a policy with very many problems, which whoever has it finds by `policy check`.
const LONGEST_OUTCOME: usize = 32 * 1024;

/// A policy that is to be taken.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// Where it is in the bucket.
    pub(crate) from: Offered,
    /// What it says.
    pub(crate) text: String,
    /// Who wants to receive the result.
    pub(crate) tell: Sender<Reloaded>,
}

/// What follows a fleet's policies for an instance; ends with this.
#[derive(Debug)]
pub(crate) struct Following {
    link: Link,
    socket: Arc<OwnedFd>,
    /// Nobody is to follow it any more.
    ended: Arc<AtomicBool>,
}

impl Following {
    /// Starts the process that has the network by `start`, which is given what is to be its standard input. To be
    /// called while programs can be started.
    ///
    /// # Errors
    ///
    /// A secret cannot be read, or there can be no process.
    pub(crate) fn start(
        source: &PolicySource,
        instance: &str,
        start: impl Fn(OwnedFd) -> io::Result<()>,
    ) -> Result<Self> {
        let failed = || format!("cannot follow the policies of {source}");
        let job = FollowerJob::new(source, instance).with_context(failed)?;
        let (own, other) = pair().with_context(failed)?;
        let text = serde_json::to_vec(&job).with_context(failed)?;
        super::message::give(&own, &text).and_then(|()| start(other)).with_context(failed)?;
        Ok(Self::over(own, source.to_string()))
    }

    fn over(socket: OwnedFd, source: String) -> Self {
        let (link, ended) = (Link::new(source), Arc::default());
        Self { link, socket: Arc::new(socket), ended }
    }

    /// How it stands with the bucket.
    pub(crate) fn link(&self) -> Link {
        self.link.clone()
    }

    /// Gives each policy that is asked for to `take`, which is false when nobody takes any.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub(crate) fn listen(&self, take: impl Fn(Offer) -> bool + Send + 'static) -> io::Result<()> {
        let (link, ended) = (self.link(), Arc::clone(&self.ended));
        let (source, socket) = (link.read().bucket, Arc::clone(&self.socket));
        let listener = Listener { source, socket, outcome: None, link };
        let thread = thread::Builder::new().name("fleet".into());
        thread.spawn(move || listener.run(take, &ended))?;
        Ok(())
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // The thread, and the other process, see that nothing comes any more.
        let _ = shutdown(&*self.socket, Shutdown::Both);
    }
}

/// What is known of the bucket.
struct Listener {
    source: String,
    socket: Arc<OwnedFd>,
    /// What came of the last policy.
    outcome: Option<Vec<u8>>,
    link: Link,
}

impl Listener {
    /// Listens until nobody takes policies, or none can come any more.
    fn run(mut self, take: impl Fn(Offer) -> bool, ended: &AtomicBool) {
        let Err(why) = self.hear_all(take) else { return };
        if !ended.load(Ordering::Acquire) {
            let why = format!("{why}: no policy is taken from it until ndpi-xdp is started again");
            log::error!("{}: {why}", self.source);
            self.link.set(Some(why));
        }
    }

    /// Takes all that the follower says; an error is why it says no more.
    fn hear_all(&mut self, take: impl Fn(Offer) -> bool) -> Result<(), String> {
        let (mut buffer, mut reader) = (vec![0; LONGEST], Reader::default());
        loop {
            let read = match taken(&*self.socket, &mut buffer) {
                Ok([]) => return Err("the process that follows it is gone".into()),
                Ok(bytes) => reader.take(bytes),
                Err(error) => Err(error),
            };
            let read = read.map_err(|error| format!("what follows it says {error}"))?;
            if !read.is_none_or(|read| self.hear(read, &take)) {
                return Ok(());
            }
        }
    }

    /// Takes what the follower says; false when nobody takes policies.
    fn hear(&mut self, read: Read, take: impl Fn(Offer) -> bool) -> bool {
        match read {
            Read::Connected => {
                if self.link.set(None) {
                    log::info!("the policies of {} are followed again", self.source);
                }
                self.say();
            }
            Read::Failed(why) => {
                let why = clean(&why).into_owned();
                if self.link.set(Some(why.clone())) {
                    log::warn!(
                        "the policies of {} cannot be followed: {why}; the one in force stays, and it is tried again \
                         every second",
                        self.source
                    );
                }
            }
            Read::Nothing => {
                log::warn!(
                    "{} has no policy for this instance: the one in force stays",
                    self.source
                );
            }
            Read::Policy { key, revision, text } => {
                return self.offer((&key, revision), &text, take);
            }
        }
        true
    }

    fn offer(
        &mut self,
        (key, revision): (&str, u64),
        text: &[u8],
        take: impl Fn(Offer) -> bool,
    ) -> bool {
        let from = Offered { fleet_key: clean(key).into_owned(), fleet_revision: revision };
        let (tell, told) = channel::bounded(1);
        // What is no UTF-8 is none of a policy either, and is refused with the place.
        let text = String::from_utf8_lossy(text).into_owned();
        if !take(Offer { from, text, tell }) {
            return false;
        }
        let Ok(reloaded) = told.recv() else { return false };
        self.outcome = Some(outcome(reloaded));
        self.say();
        true
    }

    /// Says what came of the last policy, where there is room: it is said again with the next connection.
    fn say(&self) {
        if let Some(outcome) = &self.outcome {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            let _ = send(&*self.socket, outcome, flags);
        }
    }
}

/// What came of a policy, as a record.
fn outcome(mut reloaded: Reloaded) -> Vec<u8> {
    let problems = &mut reloaded.problems;
    if problems.len() > LONGEST_OUTCOME {
        let end = problems.floor_char_boundary(LONGEST_OUTCOME);
        problems.truncate(end);
        problems.push('…');
    }
    // It is made of texts and numbers.
    serde_json::to_vec(&Event::Reloaded(reloaded)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use testkit::wait_until;

    use super::super::message::{Said, give, say, say_policy};
    use super::*;

    #[test]
    fn a_policy_is_offered_and_what_came_of_it_is_said_with_each_connection() {
        let (own, other) = pair().unwrap();
        let following = Following::over(own, "here".into());
        let (sender, offers) = channel::unbounded();
        following.listen(move |offer| sender.send(offer).is_ok()).unwrap();
        say(&other, &Said::Connected).unwrap();
        say_policy(&other, "site.n", 7, b"default = \"count\"\n").unwrap();
        let offer: Offer = offers.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!((&*offer.from.fleet_key, offer.from.fleet_revision), ("site.n", 7));
        assert_eq!(offer.text, "default = \"count\"\n");
        let problems = "ä".repeat(LONGEST_OUTCOME);
        let reloaded = Reloaded { problems, offered: Some(offer.from), ..Reloaded::default() };
        offer.tell.send(reloaded).unwrap();
        let mut buffer = vec![0; LONGEST];
        let first = taken(&other, &mut buffer).unwrap().to_vec();
        let record: serde_json::Value = serde_json::from_slice(&first).unwrap();
        assert_eq!((&record["type"], &record["fleet_revision"]), (&"reload".into(), &7.into()));
        assert!(record["problems"].as_str().unwrap().ends_with("ä…"));
        let link = following.link();
        say(&other, &Said::Failed("it is gone".into())).unwrap();
        wait_until(|| link.read().failure.as_deref() == Some("it is gone"));
        say(&other, &Said::Connected).unwrap();
        assert_eq!(taken(&other, &mut buffer).unwrap(), first);
        wait_until(|| link.read().failure.is_none());
        drop(following);
        assert_eq!(taken(&other, &mut buffer).unwrap(), b"");
        assert!(give(&other, b"x").is_err());
        assert_eq!(link.read().failure, None, "nobody wants it any more");
    }

    #[test]
    fn that_nothing_comes_any_more_is_known() {
        let (own, other) = pair().unwrap();
        let following = Following::over(own, "here".into());
        following.listen(|_| true).unwrap();
        let link = following.link();
        drop(other);
        wait_until(|| link.read().failure.is_some());
        let why = link.read().failure.unwrap();
        assert!(why.contains("is gone") && why.contains("started again"), "{why}");
    }
}
