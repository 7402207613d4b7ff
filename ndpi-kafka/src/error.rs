//! Errors of a producer.

use std::io;

/// Why there is no connection any more, or a record cannot be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KafkaError {
    /// A broker cannot be reached, or the connection broke.
    #[error("{doing}")]
    Connection {
        /// What was being done.
        doing: &'static str,
        /// What went wrong with it.
        source: io::Error,
    },
    /// It says what no broker says.
    #[error("what answers is no Kafka broker")]
    Protocol,
    /// It does not have a request as this client asks it.
    #[error("the broker is too old or too new: it does not have version {version} of {request}")]
    Version {
        /// The request.
        request: &'static str,
        /// The version that was to be used.
        version: i16,
    },
    /// It refuses something.
    #[error("the broker refuses {what}: {why}")]
    Refused {
        /// What it refuses.
        what: &'static str,
        /// Why, in a word or by a number of the protocol.
        why: String,
    },
    /// The topic is not there.
    #[error("there is no topic {0}: make it, or have the broker do so (auto.create.topics.enable)")]
    NoTopic(String),
    /// It has closed the connection.
    #[error("the broker has closed the connection")]
    Closed,
    /// It has not answered in time.
    #[error("the broker does not answer")]
    Silent,
    /// A record is longer than a request may be.
    #[error("{size} bytes are more than a record may have ({most})")]
    TooLong {
        /// Bytes of the record.
        size: usize,
        /// Bytes that it may have.
        most: usize,
    },
}

impl KafkaError {
    /// An error of the connection while something was being done.
    pub(crate) fn while_doing(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Connection { doing, source }
    }

    /// A broker's error: <https://kafka.apache.org/protocol#protocol_error_codes>.
    pub(crate) fn refused(what: &'static str, code: i16) -> Self {
        let why = match code {
            2 => "what arrives is not what was sent".into(),
            3 => "there is no such topic or partition".into(),
            5 => "the partition has no leader at present".into(),
            6 => "another broker leads the partition by now".into(),
            7 => "the other replicas do not answer in time".into(),
            10 | 18 => "it is longer than the topic takes".into(),
            19 | 20 => "too few replicas are in sync".into(),
            29 => "whoever asks may not write to the topic".into(),
            31 => "whoever asks may not use the cluster".into(),
            33 => "it does not have SASL PLAIN".into(),
            58 => "the user or the password is wrong".into(),
            87 => "the topic does not take such records".into(),
            code => format!("error {code}"),
        };
        Self::Refused { what, why }
    }
}
