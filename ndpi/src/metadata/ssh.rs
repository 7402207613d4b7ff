//! SSH.

use ndpi_sys::constants::PROTOCOL_SSH;
use ndpi_sys::flow::ssh as field;

use crate::Flow;

/// What both ends of an SSH connection say before it is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ssh {
    /// The client's banner, `SSH-2.0-…`, its first 47 bytes.
    pub client: Option<String>,
    /// The server's banner, its first 47 bytes.
    pub server: Option<String>,
    /// HASSH fingerprint of the client.
    pub hassh_client: Option<String>,
    /// HASSH fingerprint of the server.
    pub hassh_server: Option<String>,
}

impl<E: crate::HoldsEngine> Flow<E> {
    pub(super) fn ssh(&self) -> Option<Ssh> {
        if !self.is(PROTOCOL_SSH) {
            return None;
        }
        let ssh = Ssh {
            client: self.array(field::CLIENT_SIGNATURE),
            server: self.array(field::SERVER_SIGNATURE),
            hassh_client: self.array(field::HASSH_CLIENT),
            hassh_server: self.array(field::HASSH_SERVER),
        };
        // Nothing at all where only the port said so.
        (ssh != Ssh::default()).then_some(ssh)
    }
}
