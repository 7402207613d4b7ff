//! Where a server listens.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};

use serde::{Deserialize, Serialize};

/// Where a server listens: `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The one of this host and port; `None` where it cannot be one.
    pub fn new(host: &str, port: u16) -> Option<Self> {
        let fits = |it: char| it.is_ascii_alphanumeric() || "-._:%".contains(it);
        let is_host = !host.is_empty() && host.chars().all(fits);
        (is_host && port != 0).then(|| Self { host: host.into(), port })
    }

    /// The one in `text`, by default at this port; an error names `example`, a host, as well.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn read(text: &str, (example, usual): (&str, u16)) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no HOST or HOST:PORT, such as {example}:{usual}");
        let (host, port) = split(text).ok_or_else(wrong)?;
        let port = port.map_or(Ok(usual), |port| port.parse().map_err(|_| wrong()))?;
        Self::new(host, port).ok_or_else(wrong)
    }

    /// Its addresses now.
    ///
    /// # Errors
    ///
    /// They cannot be found.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        (&*self.host, self.port).to_socket_addrs().map(Iterator::collect)
    }
}

/// Host and port, if there is one.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => Some((host, None)),
        Some((host, rest)) => Some((host, Some(rest.strip_prefix(':')?))),
        None => Some(match text.split_once(':') {
            Some((_, rest)) if rest.contains(':') => (text, None),
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        }),
    }
}

/// As it is written for another process, always with its port.
impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::read(&text, ("server.example.org", 0))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_a_host_and_perhaps_a_port() {
        let read = |text: &str| Address::read(text, ("www.example.org", 4222));
        for (text, shown) in [
            ("www.example.org", "www.example.org:4222"),
            ("127.0.0.1:14222", "127.0.0.1:14222"),
            ("[2001:db8::1]:14222", "[2001:db8::1]:14222"),
            ("[2001:db8::1]", "[2001:db8::1]:4222"),
            ("2001:db8::1", "[2001:db8::1]:4222"),
        ] {
            let address = read(text).unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(read(shown).unwrap(), address);
            assert_eq!(Address::try_from(String::from(address.clone())).unwrap(), address);
        }
        for text in [
            "",
            ":4222",
            "host:",
            "host:0",
            "host:70000",
            "host:port",
            "[::1]4222",
            "a b",
            "u@h",
            "//h",
        ] {
            let error = read(text).unwrap_err();
            assert!(error.ends_with("HOST:PORT, such as www.example.org:4222"), "{error}");
        }
        assert!(Address::try_from(String::from("host")).is_err(), "no port");
        assert_eq!(Address::new("h", 0), None);
    }
}
