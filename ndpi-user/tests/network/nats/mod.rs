//! Records in a stream of a NATS server, which is a real one.

mod delivered;
mod server;
