//! Records in a stream of a NATS server, which is a real one.

mod delivered;
mod process;
mod server;

pub(crate) use process::{assert_has_no_rights, with_the_network};
pub(crate) use server::NatsServer;
