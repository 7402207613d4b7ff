//! The job of a courier, which it is told first: where records go, and as whom.

use std::io;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, SendFlags, recv, send};
use serde::{Deserialize, Serialize};

use super::message::LONGEST;

/// What a courier does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CourierJob {
    /// Where records go.
    pub(super) to: To,
    /// What their subjects begin with.
    pub(super) subjects: String,
}

/// A server, and as whom it is spoken to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum To {
    Nats { server: ndpi_nats::Server, login: ndpi_nats::Login },
    Kafka { server: ndpi_kafka::Server, login: ndpi_kafka::Login, topic: String },
}

impl CourierJob {
    pub(super) fn new(to: To, subjects: String) -> Self {
        Self { to, subjects }
    }
}

/// What the subjects of an instance's records begin with.
pub(super) fn subjects(site: &str, instance: &str) -> String {
    format!("ndpi.v1.{}.{}", token(site), token(instance))
}

/// A name as one token of a subject: what means something there, or is no text, is `_`.
pub(super) fn token(name: &str) -> String {
    let is_plain = |it: char| !it.is_whitespace() && !it.is_control() && !".*>".contains(it);
    let token: String = name.chars().map(|it| if is_plain(it) { it } else { '_' }).collect();
    if token.is_empty() { "_".into() } else { token }
}

/// Tells a courier that is about to start. Its end of the pair has room for that.
pub(super) fn send_job(socket: impl AsFd, job: &CourierJob) -> io::Result<()> {
    let text = serde_json::to_vec(job)?;
    send(socket, &text, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// What a courier makes of what it is told first, as it would be told again; `None` where that is no job. For those who
/// try whatever bytes.
pub fn courier_job(bytes: &[u8]) -> Option<Vec<u8>> {
    let job: CourierJob = serde_json::from_slice(bytes).ok()?;
    serde_json::to_vec(&job).ok()
}

/// Takes what a courier is told first.
///
/// # Errors
///
/// That is no job.
pub fn read_job(socket: impl AsFd) -> io::Result<CourierJob> {
    let mut bytes = vec![0; LONGEST];
    let (length, _) = recv(socket, &mut *bytes, RecvFlags::empty())?;
    Ok(serde_json::from_slice(&bytes[..length])?)
}

#[cfg(test)]
mod tests {
    use testkit::seed;

    use super::*;
    use crate::delivery::message::pair;

    #[test]
    fn names_are_one_token_each() {
        assert_eq!(subjects("north", "router-1.example.org"), "ndpi.v1.north.router-1_example_org");
        assert_eq!(subjects("", "a *>\n"), "ndpi.v1._.a____");
    }

    #[test]
    fn a_courier_knows_what_it_was_told() {
        let login = ndpi_nats::Login { user: Some("me".into()), ..Default::default() };
        let to = To::Nats { server: "[::1]:4222".parse().unwrap(), login };
        let job = CourierJob::new(to, subjects("s", "h"));
        let text = serde_json::to_vec(&job).unwrap();
        seed::hold("control", "courier-job", &[b"j", &text[..]].concat());
        assert_eq!(courier_job(&text), Some(text));
        let (one, other) = pair().unwrap();
        send_job(&one, &job).unwrap();
        assert_eq!(read_job(&other).unwrap(), job);
        drop(one);
        assert!(read_job(&other).is_err());
    }
}
