//! Which server, and who asks.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::NatsError;

/// The port of a server where none is said.
const PORT: u16 = 4222;

/// Where a server listens: `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Server {
    host: String,
    port: u16,
}

impl Server {
    /// Its addresses now.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, NatsError> {
        let addresses = (&*self.host, self.port).to_socket_addrs();
        addresses
            .map(Iterator::collect)
            .map_err(NatsError::while_doing("cannot find the server's address"))
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no HOST or HOST:PORT, such as nats.example.org:4222");
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            None => match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => (text, None),
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let is_host = |it: char| it.is_ascii_alphanumeric() || "-._:%".contains(it);
        let port = port.map_or(Ok(PORT), |port| port.parse().map_err(|_| wrong()))?;
        if host.is_empty() || !host.chars().all(is_host) || port == 0 {
            return Err(wrong());
        }
        Ok(Self { host: host.into(), port })
    }
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Server> for String {
    fn from(server: Server) -> Self {
        server.to_string()
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
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
