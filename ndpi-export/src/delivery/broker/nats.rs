//! A stream of a NATS server.

use std::os::fd::{AsFd as _, BorrowedFd};

use ndpi_nats::{Answer as Said, Login, Publisher, Server};

use super::{Answer, Broker, CONNECT_WAIT, Stored, in_words};

struct Stream {
    publisher: Publisher,
    /// What subjects begin with, and ids: those of another host may have the same number.
    subjects: String,
}

/// Connects to one.
pub(in crate::delivery) fn connect(
    server: &Server,
    login: &Login,
    subjects: &str,
) -> Result<Box<dyn Broker>, String> {
    let publisher = Publisher::connect(server, login, CONNECT_WAIT).map_err(in_words)?;
    Ok(Box::new(Stream { publisher, subjects: subjects.into() }))
}

impl Broker for Stream {
    fn publish(&mut self, Stored { number, kind, id, record }: &Stored<'_>) -> Result<(), String> {
        let whose = &self.subjects;
        let (subject, id) = (format!("{whose}.{kind}"), format!("{whose}.{id}"));
        self.publisher.publish(*number, &subject, &id, record).map_err(in_words)
    }

    fn flush(&mut self) -> Result<(), String> {
        self.publisher.flush().map(drop).map_err(in_words)
    }

    fn next_answer(&mut self) -> Result<Option<Answer>, String> {
        let answer = self.publisher.next_answer().map_err(in_words)?;
        Ok(answer.map(|answer| match answer {
            Said::Stored(number) => Answer::Stored(number),
            Said::Refused { number, why, for_good: true } => Answer::Refused(number, why),
            Said::Refused { why, .. } => Answer::Failed(why),
        }))
    }

    fn unsent(&self) -> usize {
        self.publisher.unsent()
    }

    fn is_sending(&self) -> bool {
        self.unsent() > 0
    }

    fn socket(&self) -> BorrowedFd<'_> {
        self.publisher.as_fd()
    }
}
