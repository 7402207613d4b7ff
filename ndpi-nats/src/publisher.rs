//! Messages to a stream of `JetStream`, which says of each whether it is stored.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::connection::inbox;
use crate::{Connection, Login, Message, NatsError, Server};

/// Nobody has subscribed to a subject that was asked.
const NO_RESPONDERS: u16 = 503;

/// A message is longer than its stream takes: `JSStreamMessageExceedsMaximumErr`.
const EXCEEDS_MAXIMUM: u32 = 10054;

/// What came of a message, by the number that whoever published it has given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is stored: once, however often it was published.
    Stored(u64),
    /// It is not.
    Refused {
        /// Which.
        number: u64,
        /// Why.
        why: String,
        /// Whether it never will be.
        for_good: bool,
    },
}

/// The payload of an answer: <https://docs.nats.io/reference/reference-protocols/nats_api_reference>.
#[derive(Deserialize)]
struct Acknowledgement {
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

/// Publishes messages and takes what comes of them.
#[derive(Debug)]
pub struct Publisher {
    connection: Connection,
    /// Where answers go, with the number behind it.
    inbox: String,
}

impl Publisher {
    /// Connects; waits for so long at most.
    ///
    /// # Errors
    ///
    /// As [`Connection::open`].
    pub fn connect(server: &Server, login: &Login, wait: Duration) -> Result<Self, NatsError> {
        let mut connection = Connection::open(server, login, wait)?;
        let inbox = format!("{}.", inbox());
        connection.subscribe(&format!("{inbox}*"))?;
        Ok(Self { connection, inbox })
    }

    /// Queues a message of this number, which is sent by and by. A stream stores one of the same `id` once.
    ///
    /// # Errors
    ///
    /// It cannot be sent as it is, whenever.
    pub fn publish(
        &mut self,
        number: u64,
        subject: &str,
        id: &str,
        payload: &[u8],
    ) -> Result<(), NatsError> {
        let reply = format!("{}{number}", self.inbox);
        self.connection.publish(subject, &reply, &[("Nats-Msg-Id", id)], payload)
    }

    /// Sends what is queued, as far as it is taken; whether that was all.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn flush(&mut self) -> Result<bool, NatsError> {
        self.connection.flush()
    }

    /// Bytes that are queued.
    pub fn unsent(&self) -> usize {
        self.connection.unsent()
    }

    /// The next answer, of those that are there by now.
    ///
    /// # Errors
    ///
    /// The connection is gone, or the server refuses something.
    pub fn next_answer(&mut self) -> Result<Option<Answer>, NatsError> {
        while let Some(message) = self.connection.next_message()? {
            if let Some(answer) = self.answer(&message) {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    /// The next answer, for which it waits until then; `None` where none has come.
    ///
    /// # Errors
    ///
    /// As [`next_answer`](Self::next_answer).
    pub fn wait_for_answer(&mut self, until: Instant) -> Result<Option<Answer>, NatsError> {
        while let Some(message) = self.connection.wait_for_message(until)? {
            if let Some(answer) = self.answer(&message) {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    fn answer(&self, message: &Message) -> Option<Answer> {
        let number = message.subject.strip_prefix(&*self.inbox)?.parse().ok()?;
        if message.status == Some(NO_RESPONDERS) {
            let why = "no stream takes its subject".into();
            return Some(Answer::Refused { number, why, for_good: false });
        }
        Some(match serde_json::from_slice(&message.payload) {
            Ok(Acknowledgement { error: None }) => Answer::Stored(number),
            Ok(Acknowledgement { error: Some(ApiError { err_code, description }) }) => {
                let for_good = err_code == EXCEEDS_MAXIMUM;
                Answer::Refused { number, why: description, for_good }
            }
            Err(_) => {
                let why = "what answers it is no JetStream".into();
                Answer::Refused { number, why, for_good: false }
            }
        })
    }
}

impl AsFd for Publisher {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    const WAIT: Duration = Duration::from_secs(10);

    #[test]
    fn each_message_has_an_id_and_an_answer_of_its_own() {
        let server = Scripted::start(|end| {
            end.greet();
            let subscription = end.line();
            let inbox = subscription.split(' ').nth(1).unwrap().trim_end_matches('*').to_owned();
            for number in 1..=4 {
                assert_eq!(end.line(), format!("HPUB a.b {inbox}{number} 28 30"));
                let lines = [(); 4].map(|()| end.line());
                assert_eq!(lines, ["NATS/1.0", &format!("Nats-Msg-Id: {number}"), "", "{}"]);
            }
            let full = r#"{"error":{"code":503,"err_code":10077,"description":"it is full"}}"#;
            let long = r#"{"error":{"code":400,"err_code":10054,"description":"it is long"}}"#;
            for (number, text) in [(3, r#"{"stream":"S","seq":9}"#), (1, full), (4, long)] {
                end.say(&format!("MSG {inbox}{number} 1 {}\r\n{text}\r\n", text.len()));
            }
            end.say(&format!(
                "MSG other 1 2\r\n{{}}\r\nHMSG {inbox}2 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"
            ));
            end.wait_for_its_end();
        });
        let mut publisher = Publisher::connect(&server.address(), &Login::default(), WAIT).unwrap();
        for number in 1..=4 {
            publisher.publish(number, "a.b", &number.to_string(), b"{}").unwrap();
        }
        let answers =
            [(); 4].map(|()| publisher.wait_for_answer(Instant::now() + WAIT).unwrap().unwrap());
        let refused =
            |number, why: &str, for_good| Answer::Refused { number, why: why.into(), for_good };
        let expected = [
            Answer::Stored(3),
            refused(1, "it is full", false),
            refused(4, "it is long", true),
            refused(2, "no stream takes its subject", false),
        ];
        assert_eq!(answers, expected);
        drop(publisher);
        server.end();
    }
}
