//! Errors of a connection to a server.

use std::io;

/// Why there is no connection any more, or nothing came of a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// It cannot be reached, or the connection broke.
    #[error("{doing}")]
    Connection {
        /// What was being done.
        doing: &'static str,
        /// What went wrong with it.
        source: io::Error,
    },
    /// It has said something that is no NATS.
    #[error("this is no NATS server: it says {0:?}")]
    Protocol(String),
    /// It refuses the connection, or something on it.
    #[error("the server refuses it: {0}")]
    Refused(String),
    /// It only talks by TLS.
    #[error(
        "the server wants TLS, which this client does not have: have a leaf node on this machine connect to it"
    )]
    Tls,
    /// It has closed the connection.
    #[error("the server has closed the connection")]
    Closed,
    /// It has not answered in time.
    #[error("the server does not answer")]
    Silent,
    /// There is no such key-value bucket.
    #[error("the server has no bucket {0}: make one with: ndpi-xdp fleet push --create-bucket")]
    NoBucket(String),
    /// A name, a subject or a header that cannot be sent.
    #[error("{0:?} cannot be sent: it has characters that NATS does not take there")]
    Unsendable(String),
    /// The payload is longer than the server takes.
    #[error("{size} bytes are more than the server takes ({most})")]
    TooLong {
        /// Bytes of the message.
        size: usize,
        /// Bytes that it may have.
        most: usize,
    },
}

impl NatsError {
    /// An error of the connection while something was being done.
    pub(crate) fn while_doing(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Connection { doing, source }
    }
}
