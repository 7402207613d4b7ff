//! A key-value bucket of `JetStream`: a stream that keeps the last values of each key.
//!
//! <https://docs.nats.io/nats-concepts/jetstream/key-value-store>

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Connection, NatsError};

/// No stream has that name: `JSStreamNotFoundErr`.
const NOT_FOUND: u32 = 10059;

/// A bucket by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket(String);

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The number of the value in the bucket, which grows with each that is put there, under whichever key.
    pub revision: u64,
    /// When the server stored it, in nanoseconds since 1970.
    pub time_ns: u64,
    /// The value; `None` where the key was deleted.
    pub value: Option<Vec<u8>>,
}

/// What a server says to a request: <https://docs.nats.io/reference/reference-protocols/nats_api_reference>.
#[derive(Deserialize)]
pub(crate) struct Response {
    error: Option<ApiError>,
    #[serde(default)]
    pub(crate) seq: u64,
    /// Values that a consumer has not been sent yet.
    #[serde(default)]
    num_pending: u64,
    /// And those that it has been, before this was said.
    #[serde(default)]
    delivered: Delivered,
}

#[derive(Default, Deserialize)]
struct Delivered {
    #[serde(default)]
    consumer_seq: u64,
}

#[derive(Deserialize)]
struct ApiError {
    #[serde(default)]
    err_code: u32,
    #[serde(default)]
    description: String,
}

impl Response {
    /// How many values were there for a consumer when it was made.
    pub(crate) fn values(&self) -> u64 {
        self.num_pending.saturating_add(self.delivered.consumer_seq)
    }

    /// Reads what a server says in reply to something about this bucket.
    pub(crate) fn read(payload: &[u8], bucket: &Bucket) -> Result<Self, NatsError> {
        let unknown = |_| NatsError::Refused("what answers is no JetStream".into());
        let response: Self = serde_json::from_slice(payload).map_err(unknown)?;
        match response.error {
            None => Ok(response),
            Some(ApiError { err_code: NOT_FOUND, .. }) => {
                Err(NatsError::NoBucket(bucket.0.clone()))
            }
            Some(ApiError { description, .. }) => Err(NatsError::Refused(description)),
        }
    }
}

impl Bucket {
    /// The bucket of this name.
    ///
    /// # Errors
    ///
    /// None can have it.
    pub fn named(name: &str) -> Result<Self, NatsError> {
        let fits = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        if name.is_empty() || !name.chars().all(fits) {
            return Err(NatsError::Unsendable(name.into()));
        }
        Ok(Self(name.into()))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Its stream.
    pub(crate) fn stream(&self) -> String {
        format!("KV_{}", self.0)
    }

    /// The subject of a key.
    pub(crate) fn subject(&self, key: &str) -> String {
        format!("$KV.{}.{key}", self.0)
    }

    /// Makes it, in files of the server, where it is not there yet; it keeps so many values of each key.
    ///
    /// # Errors
    ///
    /// The connection is gone, or the server refuses it, as where it has another configuration.
    pub fn create(
        &self,
        connection: &mut Connection,
        (history, description): (u8, &str),
        until: Instant,
    ) -> Result<(), NatsError> {
        // As the clients of NATS make buckets, so that they know this for one.
        let stream = json!({
            "name": self.stream(),
            "description": description,
            "subjects": [self.subject(">")],
            "max_msgs_per_subject": history,
            "discard": "new",
            "deny_delete": true,
            "allow_rollup_hdrs": true,
            "allow_direct": true,
            "storage": "file",
            "num_replicas": 1,
        });
        let subject = format!("$JS.API.STREAM.CREATE.{}", self.stream());
        self.ask(connection, &subject, &stream, until).map(drop)
    }

    /// Gives a key another value; its revision.
    ///
    /// # Errors
    ///
    /// The connection is gone, the server refuses it, or there is no such bucket.
    pub fn put(
        &self,
        connection: &mut Connection,
        (key, value): (&str, &[u8]),
        until: Instant,
    ) -> Result<u64, NatsError> {
        let answer = connection.request(&self.subject(key), &[], value, until)?;
        if answer.status.is_some() {
            return Err(NatsError::NoBucket(self.0.clone()));
        }
        Ok(Response::read(&answer.payload, self)?.seq)
    }

    fn ask(
        &self,
        connection: &mut Connection,
        subject: &str,
        question: &Value,
        until: Instant,
    ) -> Result<Response, NatsError> {
        let answer = connection.request(subject, &[], question.to_string().as_bytes(), until)?;
        if answer.status.is_some() {
            return Err(NatsError::Refused("it has no JetStream".into()));
        }
        Response::read(&answer.payload, self)
    }
}
