//! Which broker is asked first, and who asks.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::KafkaError;

/// The port of a broker where none is said.
const PORT: u16 = 9092;

/// Where a broker listens: `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Server {
    host: String,
    port: u16,
}

impl Server {
    /// A broker as another one names it; `None` where it cannot be one.
    pub(crate) fn named(host: &str, port: i32) -> Option<Self> {
        let port = u16::try_from(port).ok().filter(|port| *port != 0)?;
        is_host(host).then(|| Self { host: host.into(), port })
    }

    /// Its addresses now.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, KafkaError> {
        let addresses = (&*self.host, self.port).to_socket_addrs();
        let failed = KafkaError::while_doing("cannot find the broker's address");
        addresses.map(Iterator::collect).map_err(failed)
    }
}

fn is_host(text: &str) -> bool {
    let fits = |it: char| it.is_ascii_alphanumeric() || "-._:%".contains(it);
    !text.is_empty() && text.chars().all(fits)
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no HOST or HOST:PORT, such as kafka.example.org:9092");
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            None => match text.split_once(':') {
                Some((_, rest)) if rest.contains(':') => (text, None),
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map_or(Ok(PORT.into()), |port| port.parse().map_err(|_| wrong()))?;
        Self::named(host, port).ok_or_else(wrong)
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

/// Who asks, by SASL PLAIN; by default nobody in particular.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// The user's name.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<String>,
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
    fn a_broker_is_a_host_and_perhaps_a_port() {
        for (text, shown) in [
            ("kafka.example.org", "kafka.example.org:9092"),
            ("127.0.0.1:19092", "127.0.0.1:19092"),
            ("[2001:db8::1]:19092", "[2001:db8::1]:19092"),
            ("2001:db8::1", "[2001:db8::1]:9092"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), shown);
        }
        for text in ["", ":9092", "host:", "host:0", "host:70000", "[::1]9092", "a b", "//h"] {
            assert!(text.parse::<Server>().unwrap_err().contains("HOST:PORT"), "{text}");
        }
        assert_eq!(Server::named("h", -1), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let login = Login { user: None, password: Some("hush".into()) };
        assert!(!format!("{login:?}").contains("hush"));
    }
}
