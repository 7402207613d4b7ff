//! The server of a job, by the protocol that it speaks.

use super::broker::{Broker, kafka, nats};
use super::job::{CourierJob, To};

/// Connects to it; an error is in words.
pub(super) fn connect(job: &CourierJob) -> Result<Box<dyn Broker>, String> {
    match &job.to {
        To::Nats { server, login } => nats::connect(server, login, &job.subjects),
        To::Kafka { server, login, topic } => kafka::connect(server, login, (topic, &job.subjects)),
    }
}
