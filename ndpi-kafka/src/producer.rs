//! Records to one partition of a topic.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::batch::{Batch, HEAD};
use crate::connection::Connection;
use crate::partition::partition;
use crate::requests::{METADATA, PRODUCE, leaders, metadata, produce, produced};
use crate::{KafkaError, Login, Record, Server};

/// Bytes of the records of a batch from which on there is another one: less than topics take by default.
const FULL: usize = 256 * 1024;

/// A record with its key at most: what topics take by default, with room for its batch.
const LONGEST_RECORD: usize = 1_000_000 - HEAD;

/// Errors of a batch that another attempt does not mend: one of its records is too long, or none that the topic takes.
const FOR_GOOD: [i16; 3] = [10, 18, 87];

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The topic.
    pub topic: String,
    /// The key of all records, which says in which partition they are.
    pub key: String,
}

/// What came of a record, by the number that whoever published it has given it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is stored.
    Stored(u64),
    /// It is not, and never will be.
    Refused(u64, String),
}

/// Publishes records and takes what comes of them.
#[derive(Debug)]
pub struct Producer {
    connection: Connection,
    target: Target,
    partition: u32,
    /// What is to be sent next.
    waiting: VecDeque<Batch>,
    /// What was sent and has no answer.
    under_way: Option<Batch>,
    answers: VecDeque<Answer>,
}

impl Producer {
    /// Asks a broker who leads the partition of these records, and connects to that one; waits for so long at most, for
    /// each of both.
    ///
    /// # Errors
    ///
    /// One cannot be reached or refuses whoever asks, or there is no such topic.
    pub fn connect(
        server: &Server,
        login: &Login,
        target: Target,
        wait: Duration,
    ) -> Result<Self, KafkaError> {
        let mut first = Connection::open(server, login, wait)?;
        let answer = first.request(METADATA, &metadata(&target.topic), Instant::now() + wait)?;
        let leaders = leaders(&answer, &target.topic)?;
        let count = u32::try_from(leaders.len()).unwrap_or(u32::MAX);
        let partition = partition(target.key.as_bytes(), count);
        let leader = leaders.into_iter().nth(usize::try_from(partition).unwrap_or_default());
        let no_leader = || KafkaError::refused("the topic", 5);
        let leader = leader.flatten().ok_or_else(no_leader)?;
        let connection = Connection::open(&leader, login, wait)?;
        let (waiting, answers) = (VecDeque::new(), VecDeque::new());
        Ok(Self { connection, target, partition, waiting, under_way: None, answers })
    }

    /// Queues a record of this number, which is sent by and by.
    ///
    /// # Errors
    ///
    /// It cannot be sent as it is, whenever.
    pub fn publish(&mut self, number: u64, record: Record<'_>) -> Result<(), KafkaError> {
        let size = record.value.len() + record.id.len() + self.target.key.len();
        if size > LONGEST_RECORD {
            return Err(KafkaError::TooLong { size, most: LONGEST_RECORD });
        }
        let has_room = |it: &&mut Batch| it.size() + size <= FULL;
        let key = self.target.key.as_bytes();
        if let Some(batch) = self.waiting.back_mut().filter(has_room) {
            batch.push(number, key, &record);
        } else {
            let mut batch = Batch::default();
            batch.push(number, key, &record);
            self.waiting.push_back(batch);
        }
        Ok(())
    }

    /// Sends what is queued, as far as it is its turn and it is taken; whether the broker has all that it can have now.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn flush(&mut self) -> Result<bool, KafkaError> {
        if self.under_way.is_none()
            && let Some(batch) = self.waiting.pop_front()
        {
            let request = produce(&self.target.topic, self.partition, &batch.bytes());
            self.connection.ask(PRODUCE, &request);
            self.under_way = Some(batch);
        }
        self.connection.flush()
    }

    /// Bytes that are queued.
    pub fn unsent(&self) -> usize {
        self.waiting.iter().map(Batch::size).sum::<usize>() + self.connection.unsent()
    }

    /// Whether the connection is to be waited for until it takes more.
    pub fn is_sending(&self) -> bool {
        self.connection.unsent() > 0
    }

    /// The next answer, of those that are there by now.
    ///
    /// # Errors
    ///
    /// The connection is gone, or the broker cannot store anything at present.
    pub fn next_answer(&mut self) -> Result<Option<Answer>, KafkaError> {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return Ok(Some(answer));
            }
            let Some(answer) = self.connection.answer()? else { return Ok(None) };
            let batch = self.under_way.take().ok_or(KafkaError::Protocol)?;
            self.take(batch, produced(&answer)?)?;
            self.flush()?;
        }
    }

    /// The next answer, for which it waits until then; `None` where none has come.
    ///
    /// # Errors
    ///
    /// As [`next_answer`](Self::next_answer).
    pub fn wait_for_answer(&mut self, until: Instant) -> Result<Option<Answer>, KafkaError> {
        loop {
            self.flush()?;
            if let Some(answer) = self.next_answer()? {
                return Ok(Some(answer));
            }
            match self.connection.wait(until) {
                Ok(()) => {}
                Err(KafkaError::Silent) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what came of a batch.
    fn take(&mut self, batch: Batch, error: i16) -> Result<(), KafkaError> {
        if error == 0 {
            self.answers.extend(batch.numbers().map(Answer::Stored));
            return Ok(());
        }
        let refused = KafkaError::refused("a record", error);
        if !FOR_GOOD.contains(&error) {
            return Err(refused);
        }
        if batch.numbers().len() == 1 {
            let numbers = batch.numbers();
            self.answers.extend(numbers.map(|number| Answer::Refused(number, refused.to_string())));
        } else {
            // One of them is to blame, and the others are not to be lost.
            batch.halves().into_iter().rev().for_each(|half| self.waiting.push_front(half));
        }
        Ok(())
    }
}

impl AsFd for Producer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Scripted;

    const WAIT: Duration = Duration::from_secs(10);

    fn target(key: &str) -> Target {
        Target { topic: "flows".into(), key: key.into() }
    }

    fn record(id: &str) -> Record<'_> {
        Record { id, value: b"{}", time_ms: 0 }
    }

    #[test]
    fn each_record_has_an_answer_and_one_that_is_refused_costs_no_other() {
        let leader = Scripted::start(|end| {
            end.greet();
            assert_eq!(end.produced(0), [1]);
            // What came while that was under way is in one batch, of which one record is too long.
            assert_eq!(end.produced(10), [2, 3, 4]);
            assert_eq!(end.produced(0), [2]);
            assert_eq!(end.produced(10), [3, 4]);
            assert_eq!(end.produced(10), [3]);
            assert_eq!(end.produced(0), [4]);
            assert_eq!(end.produced(6), [5]);
        });
        let port = leader.port();
        let first = Scripted::start(move |end| {
            end.greet();
            end.name_leader("flows", port);
        });
        let mut producer =
            Producer::connect(&first.address(), &Login::default(), target("k"), WAIT).unwrap();
        first.end();
        producer.publish(1, record("1")).unwrap();
        producer.flush().unwrap();
        (2..=4).for_each(|number| producer.publish(number, record(&number.to_string())).unwrap());
        let mut answer = || producer.wait_for_answer(Instant::now() + WAIT).unwrap().unwrap();
        let answers = [(); 4].map(|()| answer());
        let why = "the broker refuses a record: it is longer than the topic takes".into();
        let stored = Answer::Stored;
        assert_eq!(answers, [stored(1), stored(2), Answer::Refused(3, why), stored(4)]);
        producer.publish(5, record("5")).unwrap();
        let error = producer.wait_for_answer(Instant::now() + WAIT).unwrap_err().to_string();
        assert!(error.contains("another broker leads"), "{error}");
        let long = vec![b'x'; LONGEST_RECORD];
        let long = Record { value: &long, ..record("6") };
        assert!(matches!(producer.publish(6, long), Err(KafkaError::TooLong { .. })));
        drop(producer);
        leader.end();
    }

    #[test]
    fn a_topic_that_is_not_there_is_named() {
        let first = Scripted::start(|end| {
            end.greet();
            end.name_none("flows", 3);
        });
        let error = Producer::connect(&first.address(), &Login::default(), target("k"), WAIT);
        assert!(error.unwrap_err().to_string().starts_with("there is no topic flows: "));
        first.end();
    }

    #[test]
    fn whoever_has_a_password_says_it_and_hears_that_it_is_wrong() {
        let first = Scripted::start(|end| {
            end.greet();
            assert_eq!(end.login(58), b"\0\0\0\x08\0me\0hush");
        });
        let login = Login { user: Some("me".into()), password: Some("hush".into()) };
        let error = Producer::connect(&first.address(), &login, target("k"), WAIT).unwrap_err();
        assert!(error.to_string().contains("the user or the password is wrong"), "{error}");
        first.end();
    }

    #[test]
    fn what_is_no_broker_is_said_to_be_none() {
        let first = Scripted::start(|end| end.say(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        let error = Producer::connect(&first.address(), &Login::default(), target("k"), WAIT);
        assert!(matches!(error, Err(KafkaError::Protocol)), "{error:?}");
        first.end();
    }
}
