//! A topic of a Kafka broker.

use std::os::fd::{AsFd as _, BorrowedFd};

use ndpi_events::Time;
use ndpi_kafka::{Answer as Said, Login, Producer, Record, Server, Target};

use super::{Answer, Broker, CONNECT_WAIT, Stored, in_words};

struct Topic {
    producer: Producer,
    /// What ids begin with, and the key of all records: those of another host may have the same number.
    whose: String,
}

/// Connects to one.
pub(in crate::delivery) fn connect(
    server: &Server,
    login: &Login,
    (topic, whose): (&str, &str),
) -> Result<Box<dyn Broker>, String> {
    let target = Target { topic: topic.into(), key: whose.into() };
    let producer = Producer::connect(server, login, target, CONNECT_WAIT).map_err(in_words)?;
    Ok(Box::new(Topic { producer, whose: whose.into() }))
}

impl Broker for Topic {
    fn publish(&mut self, Stored { number, id, record, .. }: &Stored<'_>) -> Result<(), String> {
        let id = format!("{}.{id}", self.whose);
        let record =
            Record { id: &id, value: record, time_ms: Time::now().timestamp().as_millisecond() };
        self.producer.publish(*number, record).map_err(in_words)
    }

    fn flush(&mut self) -> Result<(), String> {
        self.producer.flush().map(drop).map_err(in_words)
    }

    fn next_answer(&mut self) -> Result<Option<Answer>, String> {
        let answer = self.producer.next_answer().map_err(in_words)?;
        Ok(answer.map(|answer| match answer {
            Said::Stored(number) => Answer::Stored(number),
            Said::Refused(number, why) => Answer::Refused(number, why),
        }))
    }

    fn unsent(&self) -> usize {
        self.producer.unsent()
    }

    fn is_sending(&self) -> bool {
        self.producer.is_sending()
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.producer.as_fd()
    }
}
