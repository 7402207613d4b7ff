//! The end that has the network: it watches the keys of an instance, and says which policy is asked for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use ndpi_export::is_over_within;
use ndpi_nats::{Bucket, Connection, Entry, Heard, NatsError, Watch};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};

use super::keys;
use super::message::{LONGEST, Said, say, say_policy, taken};
use super::place::{PolicySource, Reached};

/// How long a connection may take to come about, and a server to answer.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// How long it takes until it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a follower does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FollowerJob {
    place: Reached,
    /// The key of the instance, which goes before that of its site.
    host: String,
    site: String,
    outcome: String,
}

impl FollowerJob {
    /// For this instance.
    ///
    /// # Errors
    ///
    /// A secret cannot be read.
    pub(super) fn new(source: &PolicySource, instance: &str) -> anyhow::Result<Self> {
        let (place, site) = (source.reached()?, source.site());
        let (host, outcome) = (keys::of_host(instance), keys::of_outcome(site, instance));
        Ok(Self { place, host, site: keys::of_site(site), outcome })
    }
}

/// What a follower makes of what it is told first, as it would be told again; `None` where that is no job. For those who
/// try whatever bytes.
pub fn follower_job(bytes: &[u8]) -> Option<Vec<u8>> {
    let job: FollowerJob = serde_json::from_slice(bytes).ok()?;
    serde_json::to_vec(&job).ok()
}

/// Takes what a follower is told first.
///
/// # Errors
///
/// That is no job.
pub(crate) fn read_job(socket: impl AsFd) -> io::Result<FollowerJob> {
    Ok(serde_json::from_slice(taken(socket, &mut vec![0; LONGEST])?)?)
}

/// Why a connection was given up.
#[derive(Debug)]
enum Over {
    /// The instance is gone.
    Done,
    /// It is to be tried again.
    Failed(String),
}

impl From<NatsError> for Over {
    fn from(error: NatsError) -> Self {
        Self::Failed(format!("{:#}", anyhow::Error::from(error)))
    }
}

impl From<io::Error> for Over {
    /// Of the socket to the instance.
    fn from(_: io::Error) -> Self {
        Self::Done
    }
}

/// Follows the policies of an instance until that is gone.
pub(crate) fn follow(socket: impl AsFd, job: &FollowerJob) {
    let socket = socket.as_fd();
    loop {
        let followed = connect(job).map_err(Over::from).and_then(|watch| {
            say(socket, &Said::Connected)?;
            Follower { socket, job, watch, wanted: Wanted::default(), said: Told::Nothing }.serve()
        });
        let Err(over) = followed else { return };
        let Over::Failed(why) = over else { return };
        if say(socket, &Said::Failed(why)).is_err() || is_over_within(socket, RETRY_AFTER) {
            return;
        }
    }
}

fn connect(job: &FollowerJob) -> Result<Watch, NatsError> {
    let Reached { server, bucket, login } = &job.place;
    let connection = Connection::open(server, login, CONNECT_WAIT)?;
    let until = Instant::now() + CONNECT_WAIT;
    Watch::open(connection, Bucket::named(bucket)?, &[&job.host, &job.site], until)
}

/// The values of both keys.
#[derive(Debug, Default)]
struct Wanted {
    host: Option<Entry>,
    site: Option<Entry>,
}

impl Wanted {
    /// Takes a value of one of the keys.
    fn take(&mut self, entry: Entry, job: &FollowerJob) {
        let place = if entry.key == job.host { &mut self.host } else { &mut self.site };
        *place = Some(entry);
    }

    /// The one that counts, with its text.
    fn policy(&self) -> Option<(&Entry, &[u8])> {
        let mut both = [&self.host, &self.site].into_iter().flatten();
        both.find_map(|entry| Some((entry, entry.value.as_deref()?)))
    }
}

/// What an instance was told of its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    /// None is asked for.
    NoPolicy,
    /// The one of this revision is.
    Policy(u64),
}

/// A connection, and what was said of it.
struct Follower<'a> {
    socket: BorrowedFd<'a>,
    job: &'a FollowerJob,
    watch: Watch,
    wanted: Wanted,
    /// What the instance was told last.
    said: Told,
}

impl Follower<'_> {
    fn serve(mut self) -> Result<(), Over> {
        loop {
            self.watch.flush()?;
            while let Some(heard) = self.watch.next_heard()? {
                match heard {
                    Heard::Entry(entry) => self.wanted.take(entry, self.job),
                    Heard::Stored(_) => {}
                    Heard::Refused(error) => return Err(error.into()),
                }
            }
            if self.watch.is_current() {
                self.say()?;
            }
            self.wait()?;
        }
    }

    /// Says which policy is asked for, where that is another one.
    fn say(&mut self) -> io::Result<()> {
        let policy = self.wanted.policy();
        let told = policy.map_or(Told::NoPolicy, |(entry, _)| Told::Policy(entry.revision));
        if self.said == told {
            return Ok(());
        }
        match policy {
            Some((entry, text)) => say_policy(self.socket, &entry.key, entry.revision, text)?,
            None => say(self.socket, &Said::Nothing)?,
        }
        self.said = told;
        Ok(())
    }

    /// Waits until either end has something, and takes what the instance has.
    fn wait(&mut self) -> Result<(), Over> {
        let is_sent = self.watch.flush()?;
        let server = if is_sent { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        let mut both = [
            PollFd::from_borrowed_fd(self.socket, PollFlags::IN),
            PollFd::from_borrowed_fd(self.watch.as_fd(), server),
        ];
        let left = self.watch.due().saturating_duration_since(Instant::now());
        match poll(&mut both, Timespec::try_from(left + RETRY_AFTER).ok().as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io::Error::from(error).into()),
        }
        if both[0].revents().is_empty() {
            return Ok(());
        }
        let mut buffer = vec![0; LONGEST];
        let outcome = taken(self.socket, &mut buffer)?;
        if outcome.is_empty() {
            return Err(Over::Done);
        }
        self.watch.put(&self.job.outcome, outcome)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use testkit::seed;

    use super::*;

    fn entry(key: &str, revision: u64, value: Option<&str>) -> Entry {
        let value = value.map(|it| it.as_bytes().to_vec());
        Entry { key: key.into(), revision, time_ns: 0, value }
    }

    #[test]
    fn the_policy_of_the_host_goes_before_that_of_its_site() {
        let source: PolicySource = "nats:h,site=n".parse().unwrap();
        let job = FollowerJob::new(&source, "r.1").unwrap();
        let text = serde_json::to_vec(&job).unwrap();
        seed::hold("control", "follower-job", &[b"p", &text[..]].concat());
        assert_eq!(follower_job(&text), Some(text));
        assert_eq!(
            (&*job.host, &*job.site, &*job.outcome),
            ("host.r_1", "site.n", "outcome.n.r_1")
        );
        let mut wanted = Wanted::default();
        let mut after = |entry| {
            wanted.take(entry, &job);
            wanted.policy().map(|(entry, _)| entry.revision)
        };
        assert_eq!(after(entry("host.r_1", 1, None)), None);
        assert_eq!(after(entry("site.n", 2, Some("site"))), Some(2));
        assert_eq!(after(entry("host.r_1", 3, Some("host"))), Some(3));
        assert_eq!(after(entry("site.n", 4, Some("later"))), Some(3));
        assert_eq!(after(entry("host.r_1", 5, None)), Some(4));
    }
}
