//! The values of some keys of a bucket, and each that they are given from then on.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bucket::Response;
use crate::connection::inbox;
use crate::{Bucket, Connection, Entry, Message, NatsError};

/// How often the server says that it goes on while there is nothing else to say.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// How long it may say nothing.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// What the server speaks to a watch about: a consumer that it has made, and a value that was put.
const MADE: &str = "made";
const PUT: &str = "put";

/// The status of a message by which a server says that it goes on.
const GOES_ON: u16 = 100;

/// What a watch receives.
#[derive(Debug)]
pub enum Heard {
    /// A value.
    Entry(Entry),
    /// A value that was [put](Watch::put) is stored under this revision.
    Stored(u64),
    /// It is not, and why.
    Refused(NatsError),
}

/// What brings the values of a key.
#[derive(Debug)]
struct Consumer {
    /// The subscription that they come by.
    subscription: u64,
    /// The number of the last one, which they have without gaps.
    last: u64,
}

/// A connection that values come by.
#[derive(Debug)]
pub struct Watch {
    connection: Connection,
    bucket: Bucket,
    /// What subjects begin with by which the server speaks to this watch.
    inbox: String,
    /// The consumers, of which there is one for each of the keys.
    consumers: Vec<Consumer>,
    /// Values that were there before, and have not come yet.
    pending: u64,
    /// What came before it was asked for.
    early: VecDeque<Heard>,
    heard: Instant,
}

impl Watch {
    /// Watches these keys, which may have wildcards.
    ///
    /// # Errors
    ///
    /// The connection is gone, the server refuses it or says nothing until then, or there is no such bucket.
    pub fn open(
        mut connection: Connection,
        bucket: Bucket,
        keys: &[&str],
        until: Instant,
    ) -> Result<Self, NatsError> {
        let inbox = inbox();
        connection.subscribe(&format!("{inbox}.*"))?;
        let (consumers, early, heard) = (Vec::new(), VecDeque::new(), Instant::now());
        let mut watch = Self { connection, bucket, inbox, consumers, pending: 0, early, heard };
        for key in keys {
            watch.ask_for(key)?;
        }
        let mut asked = keys.len();
        while asked > 0 {
            let message = watch.connection.wait_for_message(until)?.ok_or(NatsError::Silent)?;
            if message.subject == watch.subject(MADE) {
                if message.status.is_some() {
                    return Err(NatsError::Refused("it has no JetStream".into()));
                }
                let values = Response::read(&message.payload, &watch.bucket)?.values();
                watch.pending = watch.pending.saturating_add(values);
                asked -= 1;
            } else if let Some(heard) = watch.take(&message)? {
                watch.early.push_back(heard);
            }
        }
        // What came early is among what was pending.
        watch.pending = watch.pending.saturating_sub(watch.early.len() as u64);
        Ok(watch)
    }

    /// The last value of each key of a bucket; of deleted ones too.
    ///
    /// # Errors
    ///
    /// The connection is gone, the server refuses it or says nothing until then, or there is no such bucket.
    pub fn all(
        connection: Connection,
        bucket: &Bucket,
        until: Instant,
    ) -> Result<Vec<Entry>, NatsError> {
        let mut watch = Self::open(connection, bucket.clone(), &[">"], until)?;
        let mut entries = Vec::new();
        while !watch.is_current() {
            match watch.wait(until)? {
                Some(Heard::Entry(entry)) => entries.push(entry),
                Some(_) => {}
                None => return Err(NatsError::Silent),
            }
        }
        Ok(entries)
    }

    /// The subject by which the server speaks to this watch about something.
    fn subject(&self, of: &str) -> String {
        format!("{}.{of}", self.inbox)
    }

    /// Has the server make a consumer that brings the values of a key.
    fn ask_for(&mut self, key: &str) -> Result<(), NatsError> {
        let values = format!("{}.value.{}", self.inbox, self.consumers.len());
        let subscription = self.connection.subscribe(&values)?;
        self.consumers.push(Consumer { subscription, last: 0 });
        let stream = self.bucket.stream();
        let request = json!({
            "stream_name": stream,
            "config": {
                "deliver_subject": values,
                "deliver_policy": "last_per_subject",
                "filter_subject": self.bucket.subject(key),
                "ack_policy": "none",
                "max_deliver": 1,
                "idle_heartbeat": u64::try_from(HEARTBEAT.as_nanos()).unwrap_or(u64::MAX),
                "mem_storage": true,
                "num_replicas": 1,
            },
        });
        let subject = format!("$JS.API.CONSUMER.CREATE.{stream}");
        let reply = self.subject(MADE);
        self.connection.publish(&subject, &reply, &[], request.to_string().as_bytes())
    }

    /// Whether all values that were there when it was opened have been received.
    pub fn is_current(&self) -> bool {
        self.pending == 0 && self.early.is_empty()
    }

    /// Gives a key of the bucket another value; whether that is stored is [heard](Heard) later.
    ///
    /// # Errors
    ///
    /// It cannot be sent as it is.
    pub fn put(&mut self, key: &str, value: &[u8]) -> Result<(), NatsError> {
        let reply = self.subject(PUT);
        self.connection.publish(&self.bucket.subject(key), &reply, &[], value)
    }

    /// Sends what is queued, as far as it is taken; whether that was all.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn flush(&mut self) -> Result<bool, NatsError> {
        self.connection.flush()
    }

    /// What has come next, of what is there by now.
    ///
    /// # Errors
    ///
    /// The connection is gone, the server has ended it, or says nothing for longer than it may.
    pub fn next_heard(&mut self) -> Result<Option<Heard>, NatsError> {
        if let Some(early) = self.early.pop_front() {
            return Ok(Some(early));
        }
        while let Some(message) = self.connection.next_message()? {
            if let Some(heard) = self.take(&message)? {
                return Ok(Some(heard));
            }
        }
        if self.heard.elapsed() > LONGEST_SILENCE { Err(NatsError::Silent) } else { Ok(None) }
    }

    /// When the server is to have said something.
    pub fn due(&self) -> Instant {
        self.heard + LONGEST_SILENCE
    }

    /// The same, for which it waits until then; `None` where nothing has come.
    ///
    /// # Errors
    ///
    /// As [`next_heard`](Self::next_heard).
    pub fn wait(&mut self, until: Instant) -> Result<Option<Heard>, NatsError> {
        if let Some(early) = self.early.pop_front() {
            return Ok(Some(early));
        }
        while let Some(message) = self.connection.wait_for_message(until)? {
            if let Some(heard) = self.take(&message)? {
                return Ok(Some(heard));
            }
        }
        Ok(None)
    }

    /// What a message says.
    fn take(&mut self, message: &Message) -> Result<Option<Heard>, NatsError> {
        self.heard = Instant::now();
        if message.subject == self.subject(PUT) {
            let answered = match message.status {
                Some(_) => Err(NatsError::NoBucket(self.bucket.name().into())),
                None => Response::read(&message.payload, &self.bucket),
            };
            let said = answered.map_or_else(Heard::Refused, |it| Heard::Stored(it.seq));
            return Ok(Some(said));
        }
        let mut consumers = self.consumers.iter_mut();
        let consumer = consumers.find(|it| it.subscription == message.subscription);
        let Some(consumer) = consumer else { return Ok(None) };
        match message.status {
            None => {
                let entry = consumer.entry(message, &self.bucket)?;
                self.pending = self.pending.saturating_sub(1);
                Ok(Some(Heard::Entry(entry)))
            }
            Some(GOES_ON) => {
                let said = message.header("Nats-Last-Consumer").and_then(|it| it.parse().ok());
                if said.is_some_and(|said: u64| said != consumer.last) {
                    return Err(missed());
                }
                Ok(None)
            }
            Some(status) => Err(NatsError::Refused(format!("it has ended the watch ({status})"))),
        }
    }
}

impl Consumer {
    /// The value of a key that a message has.
    fn entry(&mut self, message: &Message, bucket: &Bucket) -> Result<Entry, NatsError> {
        let unknown = || NatsError::Protocol(format!("{} with a value", message.subject));
        let key = message.subject.strip_prefix(&*bucket.subject("")).ok_or_else(unknown)?;
        let numbers = message.reply.as_deref().and_then(Numbers::read).ok_or_else(unknown)?;
        let Numbers { revision, delivered, time_ns } = numbers;
        if delivered != self.last + 1 {
            return Err(missed());
        }
        self.last = delivered;
        // A deletion is a value that says so.
        let is_gone = message.header("KV-Operation").is_some();
        let value = (!is_gone).then(|| message.payload.clone());
        Ok(Entry { key: key.into(), revision, time_ns, value })
    }
}

/// What is missing comes again with the next watch.
fn missed() -> NatsError {
    NatsError::Protocol("less than all values of a key".into())
}

/// The numbers of a value in the subject by which it would be acknowledged.
#[derive(Debug, PartialEq, Eq)]
struct Numbers {
    revision: u64,
    delivered: u64,
    time_ns: u64,
}

impl Numbers {
    /// `$JS.ACK.STREAM.CONSUMER.DELIVERIES.REVISION.DELIVERED.TIME.PENDING`, or with the domain and the account before
    /// the stream, and perhaps something behind it all.
    fn read(subject: &str) -> Option<Self> {
        let words: Vec<_> = subject.strip_prefix("$JS.ACK.")?.split('.').collect();
        let words = words.get(if words.len() > 7 { 2.. } else { 0.. })?;
        let number = |at: usize| words.get(at)?.parse().ok();
        Some(Self { revision: number(3)?, delivered: number(4)?, time_ns: number(5)? })
    }
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Login;
    use crate::testing::{End, Scripted};

    const WAIT: Duration = Duration::from_secs(10);

    fn opened(server: &Scripted, keys: &[&str]) -> Result<Watch, NatsError> {
        let connection = Connection::open(&server.address(), &Login::default(), WAIT).unwrap();
        Watch::open(connection, Bucket::named("b").unwrap(), keys, Instant::now() + WAIT)
    }

    /// Takes what a client asks for with a key, and where it wants to be answered: about the consumer, and with values.
    fn asked(end: &mut End) -> (String, String) {
        let values = end.line();
        let head = end.line();
        let reply = head.split(' ').nth(2).unwrap().to_owned();
        let question = [(); 3].map(|()| end.line());
        assert!(question[2].contains("\"last_per_subject\""), "{question:?}");
        (reply, values.split(' ').nth(2).unwrap().to_owned())
    }

    fn say(end: &mut End, subject: &str, by: &str, payload: &str) {
        end.say(&format!("MSG {subject} {by} {}\r\n{payload}\r\n", payload.len()));
    }

    #[test]
    fn what_was_there_comes_first_and_then_each_change() {
        let server = Scripted::start(|end| {
            end.greet();
            assert!(end.line().ends_with(".* 1"));
            let (made, values) = asked(end);
            assert_eq!(asked(end).1, "3");
            // A value may come before the answer to whoever asked for it.
            say(end, "$KV.b.site.n", &format!("{values} $JS.ACK.KV_b.c.1.7.1.5.0"), "one");
            say(end, &made, "1", r#"{"num_pending":1}"#);
            say(end, &made, "1", r#"{"num_pending":1}"#);
            say(end, "$KV.b.host.r", "3 $JS.ACK.hub.account.KV_b.c.1.9.1.6.0.x", "two");
            end.say("HMSG $KV.b.site.n 2 $JS.ACK.KV_b.c.1.11.2.7.0 31 31\r\nNATS/1.0\r\nKV-Operation: DEL\r\n\r\n\r\n");
            // It goes on; and then it does, though the second value did not come.
            end.say("HMSG x.value.0 2 39 39\r\nNATS/1.0 100\r\nNats-Last-Consumer: 2\r\n\r\n\r\n");
            end.say("HMSG x.value.1 3 39 39\r\nNATS/1.0 100\r\nNats-Last-Consumer: 2\r\n\r\n\r\n");
            end.wait_for_its_end();
        });
        let mut watch = opened(&server, &["site.n", "host.r"]).unwrap();
        assert!(!watch.is_current());
        let mut entry = || match watch.wait(Instant::now() + WAIT).unwrap() {
            Some(Heard::Entry(entry)) => (entry, watch.is_current()),
            other => panic!("{other:?}"),
        };
        let expected = |key: &str, revision, time_ns, value: Option<&str>| {
            let value = value.map(|it| it.as_bytes().to_vec());
            Entry { key: key.into(), revision, time_ns, value }
        };
        assert_eq!(entry(), (expected("site.n", 7, 5, Some("one")), false));
        assert_eq!(entry(), (expected("host.r", 9, 6, Some("two")), true));
        assert_eq!(entry(), (expected("site.n", 11, 7, None), true));
        let missed = watch.wait(Instant::now() + WAIT).unwrap_err().to_string();
        assert!(missed.contains("less than all"), "{missed}");
        drop(watch);
        server.end();
    }

    #[test]
    fn a_value_that_was_sent_before_the_answer_stands_for_no_other() {
        let server = Scripted::start(|end| {
            end.greet();
            end.line();
            let (made, values) = asked(end);
            asked(end);
            say(end, "$KV.b.site.n", &format!("{values} $JS.ACK.KV_b.c.1.7.1.5.0"), "one");
            say(
                end,
                &made,
                "1",
                r#"{"num_pending":0,"delivered":{"consumer_seq":1,"stream_seq":7}}"#,
            );
            say(
                end,
                &made,
                "1",
                r#"{"num_pending":1,"delivered":{"consumer_seq":0,"stream_seq":0}}"#,
            );
            say(end, "$KV.b.host.r", "3 $JS.ACK.KV_b.c.1.9.1.6.0", "two");
            end.wait_for_its_end();
        });
        let mut watch = opened(&server, &["site.n", "host.r"]).unwrap();
        let current = [(); 2].map(|()| {
            assert!(watch.wait(Instant::now() + WAIT).unwrap().is_some());
            watch.is_current()
        });
        assert_eq!(current, [false, true]);
        drop(watch);
        server.end();
    }

    #[test]
    fn whoever_puts_a_value_hears_what_came_of_it() {
        let server = Scripted::start(|end| {
            end.greet();
            end.line();
            let (made, _) = asked(end);
            say(end, &made, "1", r#"{"num_pending":0}"#);
            let head = end.line();
            assert!(head.starts_with("HPUB $KV.b.outcome.n.r "), "{head}");
            let reply = head.split(' ').nth(2).unwrap().to_owned();
            say(end, &reply, "1", r#"{"stream":"KV_b","seq":12}"#);
            say(end, &reply, "1", r#"{"error":{"err_code":10077,"description":"it is full"}}"#);
            end.say(&format!("HMSG {reply} 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"));
            end.wait_for_its_end();
        });
        let mut watch = opened(&server, &["site.n"]).unwrap();
        assert!(watch.is_current());
        watch.put("outcome.n.r", b"{}").unwrap();
        let mut heard = || watch.wait(Instant::now() + WAIT).unwrap().unwrap();
        assert!(matches!(heard(), Heard::Stored(12)));
        let refused = [(); 2].map(|()| match heard() {
            Heard::Refused(error) => error.to_string(),
            other => panic!("{other:?}"),
        });
        assert_eq!(refused[0], "the server refuses it: it is full");
        assert!(refused[1].starts_with("the server has no bucket b: "), "{refused:?}");
        drop(watch);
        server.end();
    }

    #[test]
    fn a_bucket_that_is_not_there_is_named() {
        let server = Scripted::start(|end| {
            end.greet();
            end.line();
            let (made, _) = asked(end);
            say(
                end,
                &made,
                "1",
                r#"{"error":{"err_code":10059,"description":"stream not found"}}"#,
            );
            end.wait_for_its_end();
        });
        let error = opened(&server, &[">"]).unwrap_err();
        assert!(matches!(error, NatsError::NoBucket(name) if name == "b"));
        server.end();
    }

    #[test]
    fn numbers_are_read_with_a_domain_and_without() {
        let numbers = Some(Numbers { revision: 2, delivered: 3, time_ns: 4 });
        assert_eq!(Numbers::read("$JS.ACK.S.C.1.2.3.4.0"), numbers);
        assert_eq!(Numbers::read("$JS.ACK._.hash.S.C.1.2.3.4.0"), numbers);
        assert_eq!(Numbers::read("$JS.ACK.hub.hash.S.C.1.2.3.4.0.token"), numbers);
        for wrong in ["$JS.ACK.S.C.1.2.3", "$JS.ACK.S.C.1.x.3.4.0", "other", "$JS.ACK."] {
            assert_eq!(Numbers::read(wrong), None, "{wrong}");
        }
    }
}
