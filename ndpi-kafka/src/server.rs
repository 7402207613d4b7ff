//! Which broker is asked first, and who asks.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use ndpi_remote::Address;
use serde::{Deserialize, Serialize};

use crate::KafkaError;

/// A broker, and the port where none is said.
const USUAL: (&str, u16) = ("kafka.example.org", 9092);

/// Where a broker listens: `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Server(Address);

impl Server {
    /// A broker as another one names it; `None` where it cannot be one.
    pub(crate) fn named(host: &str, port: i32) -> Option<Self> {
        Address::new(host, u16::try_from(port).ok()?).map(Self)
    }

    /// Its addresses now.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, KafkaError> {
        let failed = KafkaError::while_doing("cannot find the broker's address");
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
