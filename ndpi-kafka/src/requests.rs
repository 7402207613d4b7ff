//! The requests of a producer, and what is read of their answers: <https://kafka.apache.org/protocol#protocol_api_keys>.

use crate::wire::{Reader, Writer};
use crate::{KafkaError, Server};

/// A request: its name, its number, and the version of it that this client has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) name: &'static str,
    pub(crate) number: i16,
    pub(crate) version: i16,
}

const fn request(name: &'static str, number: i16, version: i16) -> Request {
    Request { name, number, version }
}

pub(crate) const PRODUCE: Request = request("Produce", 0, 3);
pub(crate) const METADATA: Request = request("Metadata", 3, 4);
pub(crate) const SASL_HANDSHAKE: Request = request("SaslHandshake", 17, 1);
pub(crate) const API_VERSIONS: Request = request("ApiVersions", 18, 0);
pub(crate) const SASL_AUTHENTICATE: Request = request("SaslAuthenticate", 36, 0);

/// How long a leader waits for its followers, in milliseconds.
const REPLICAS_WAIT: i32 = 10_000;

/// Fails where the broker does not have one of these requests.
pub(crate) fn check_versions(answer: &[u8], needed: &[Request]) -> Result<(), KafkaError> {
    let mut reader = Reader(answer);
    let error = reader.i16()?;
    if error != 0 {
        return Err(KafkaError::refused("to say what it has", error));
    }
    let has = reader.list(|reader| Ok((reader.i16()?, reader.i16()?, reader.i16()?)))?;
    let lacks = |it: &&Request| {
        !has.iter()
            .any(|(number, from, to)| *number == it.number && (*from..=*to).contains(&it.version))
    };
    match needed.iter().find(lacks) {
        Some(Request { name, version, .. }) => {
            Err(KafkaError::Version { request: name, version: *version })
        }
        None => Ok(()),
    }
}

/// Asks for a topic, which may be made.
pub(crate) fn metadata(topic: &str) -> Vec<u8> {
    let mut body = Writer::default();
    body.length(1);
    body.text(topic);
    body.i8(1);
    body.0
}

/// The leaders of a topic's partitions, in their order; `None` for one that has none.
pub(crate) fn leaders(answer: &[u8], topic: &str) -> Result<Vec<Option<Server>>, KafkaError> {
    let mut reader = Reader(answer);
    let _throttled = reader.i32()?;
    let brokers = reader.list(|reader| {
        let (number, host, port) = (reader.i32()?, reader.text()?, reader.i32()?);
        let _rack = reader.text()?;
        Ok((number, Server::named(&host.unwrap_or_default(), port)))
    })?;
    let (_cluster, _controller) = (reader.text()?, reader.i32()?);
    let topics = reader.list(|reader| {
        let (error, name, _internal) = (reader.i16()?, reader.text()?, reader.bool()?);
        let partitions = reader.list(|reader| {
            let (_error, number, leader) = (reader.i16()?, reader.i32()?, reader.i32()?);
            let (_replicas, _in_sync) = (reader.list(Reader::i32)?, reader.list(Reader::i32)?);
            Ok((number, leader))
        })?;
        Ok((error, name, partitions))
    })?;
    let found = topics.into_iter().find(|(_, name, _)| name.as_deref() == Some(topic));
    let (error, _, mut partitions) = found.ok_or(KafkaError::Protocol)?;
    match error {
        0 => {}
        3 => return Err(KafkaError::NoTopic(topic.into())),
        error => return Err(KafkaError::refused("the topic", error)),
    }
    partitions.sort_unstable();
    let broker = |leader: i32| {
        let mut all = brokers.iter().filter(|(number, _)| *number == leader);
        all.find_map(|(_, server)| server.clone())
    };
    Ok(partitions.into_iter().map(|(_, leader)| broker(leader)).collect())
}

/// Has a batch stored by all replicas that are in sync.
pub(crate) fn produce(topic: &str, partition: u32, batch: &[u8]) -> Vec<u8> {
    let mut body = Writer(Vec::with_capacity(batch.len() + topic.len() + 64));
    // No transaction; all replicas.
    body.no_text();
    body.i16(-1);
    body.i32(REPLICAS_WAIT);
    body.length(1);
    body.text(topic);
    body.length(1);
    body.i32(partition.cast_signed());
    body.length(batch.len());
    body.0.extend_from_slice(batch);
    body.0
}

/// The error that came of a batch; 0 where it is stored.
pub(crate) fn produced(answer: &[u8]) -> Result<i16, KafkaError> {
    let mut reader = Reader(answer);
    let topics = reader.list(|reader| {
        let _topic = reader.text()?;
        reader.list(|reader| {
            let (_partition, error) = (reader.i32()?, reader.i16()?);
            let (_offset, _time) = (reader.i64()?, reader.i64()?);
            Ok(error)
        })
    })?;
    topics.into_iter().flatten().next().ok_or(KafkaError::Protocol)
}

/// Asks to say who asks by a name and a password.
pub(crate) fn handshake() -> Vec<u8> {
    let mut body = Writer::default();
    body.text("PLAIN");
    body.0
}

/// Says it (RFC 4616).
pub(crate) fn plain(user: &str, password: &str) -> Vec<u8> {
    let said = format!("\0{user}\0{password}");
    let mut body = Writer::default();
    body.length(said.len());
    body.0.extend_from_slice(said.as_bytes());
    body.0
}

/// Fails with the error that an answer begins with.
pub(crate) fn check_error(answer: &[u8], what: &'static str) -> Result<(), KafkaError> {
    match Reader(answer).i16()? {
        0 => Ok(()),
        error => Err(KafkaError::refused(what, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_broker_does_not_have_is_named() {
        let mut answer = Writer::default();
        answer.i16(0);
        answer.length(2);
        for (number, from, to) in [(0, 3, 11), (3, 5, 13)] {
            for value in [number, from, to] {
                answer.i16(value);
            }
        }
        check_versions(&answer.0, &[PRODUCE]).unwrap();
        let error = check_versions(&answer.0, &[PRODUCE, METADATA]).unwrap_err().to_string();
        assert!(error.contains("version 4 of Metadata"), "{error}");
        assert!(check_versions(&[0, 35], &[]).unwrap_err().to_string().contains("error 35"));
        assert!(matches!(check_versions(&[0], &[]), Err(KafkaError::Protocol)));
    }
}
