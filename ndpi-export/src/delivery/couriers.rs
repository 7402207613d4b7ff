//! Starting the processes that have the network.

use std::io;
use std::os::fd::OwnedFd;

use anyhow::{Context as _, Result};

use super::job::send_job;
use super::message::pair;
use crate::Output;
use crate::output::Destination;

/// The ends of the processes that deliver, by the place of each output; `None` for those that need none.
#[derive(Debug, Default)]
pub struct Couriers(Vec<Option<OwnedFd>>);

impl Couriers {
    /// Starts a process for each output that needs one, with the records of this instance, by `start`, which is given
    /// what is to be the process's standard input. To be called while programs can be started.
    ///
    /// # Errors
    ///
    /// A secret cannot be read, or a process cannot be started.
    pub fn start(
        outputs: &[Output],
        instance: &str,
        start: impl Fn(OwnedFd) -> io::Result<()>,
    ) -> Result<Self> {
        let one = |output: &Output| {
            let failed = || format!("cannot start the output {output}");
            let job = match &output.to {
                Destination::Nats(server) => output.nats.nats_job(server, instance),
                Destination::Kafka(server) => output.nats.kafka_job(server, instance),
                _ => return Ok(None),
            };
            let job = job.with_context(failed)?;
            let (own, other) = pair().with_context(failed)?;
            send_job(&own, &job).and_then(|()| start(other)).with_context(failed)?;
            Ok(Some(own))
        };
        Ok(Self(outputs.iter().map(one).collect::<Result<_>>()?))
    }

    /// The end of the output at this place.
    pub(crate) fn take(&mut self, at: usize) -> Option<OwnedFd> {
        self.0.get_mut(at).and_then(Option::take)
    }
}
