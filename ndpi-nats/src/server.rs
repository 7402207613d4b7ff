//! Which server, and who asks.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use ndpi_remote::Address;
use serde::{Deserialize, Serialize};

use crate::NatsError;

/// A server, and the port where none is said.
const USUAL: (&str, u16) = ("nats.example.org", 4222);

/// Where a server listens: `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Server(Address);

impl Server {
    /// Its addresses now.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, NatsError> {
        let failed = NatsError::while_doing("cannot find the server's address");
        self.0.addresses().map_err(failed)
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Address::read(text, USUAL).map(Self)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who asks; by default nobody in particular.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user's name.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
    /// A token, for servers that know no users.
    pub token: Option<String>,
}

/// Without what is secret.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_a_host_and_perhaps_a_port() {
        for (text, shown) in [
            ("nats.example.org", "nats.example.org:4222"),
            ("127.0.0.1:14222", "127.0.0.1:14222"),
            ("[2001:db8::1]:14222", "[2001:db8::1]:14222"),
            ("[2001:db8::1]", "[2001:db8::1]:4222"),
            ("2001:db8::1", "[2001:db8::1]:4222"),
        ] {
            let server: Server = text.parse().unwrap();
            assert_eq!(server.to_string(), shown);
            assert_eq!(shown.parse::<Server>().unwrap(), server);
        }
        for text in ["", ":4222", "host:", "host:0", "host:port", "[::1]4222", "user@host", "//h"] {
            assert!(text.parse::<Server>().unwrap_err().contains("HOST:PORT"), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let login = Login { password: Some("hush".into()), ..Login::default() };
        assert!(!format!("{login:?}").contains("hush"));
    }
}
