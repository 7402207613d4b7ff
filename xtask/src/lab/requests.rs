//! The requests of the lab's client, one a row.

use std::net::IpAddr;

use testkit::topology::{CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6};

/// Which internet protocol a request goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// dig: the name's address.
    Address,
    /// curl: a page over TLS.
    Https(Page),
    /// curl: a page in the clear.
    Http(Page),
    /// curl: a tiny page, and then an ordinary one over the same connection.
    HttpTwice,
    /// openssl: a page over a TLS connection opened by hand.
    Tls,
    /// ssh: the server's host key and its word on who may log in.
    Ssh,
}

/// Which page; their sizes and speeds are nginx's matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Small,
    Large,
}

/// The result of a request under the lab's own policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Answered,
    Blocked,
}

/// One request of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) ask: Ask,
    /// The server's name, as the client knows it.
    pub(super) name: &'static str,
    pub(super) family: Family,
    pub(super) expected: Expected,
}

pub(super) const fn row(
    ask: Ask,
    name: &'static str,
    family: Family,
    expected: Expected,
) -> Request {
    Request { ask, name, family, expected }
}

use Ask::{Address, Http, HttpTwice, Https, Ssh, Tls};
use Expected::{Answered, Blocked};
use Family::{V4, V6};
use Page::{Large, Small};

/// The requests, in the order they are made. Each asks for its name's address first, see [`all`].
const REQUESTS: [Request; 20] = [
    row(Https(Small), "www.wikipedia.org", V4, Answered),
    row(Https(Small), "www.wikipedia.org", V6, Answered),
    row(Https(Large), "www.debian.org", V4, Answered),
    row(Https(Large), "www.debian.org", V6, Answered),
    row(Http(Small), "www.wikipedia.org", V4, Answered),
    row(Http(Small), "www.debian.org", V6, Answered),
    row(HttpTwice, "www.wikipedia.org", V4, Answered),
    row(Tls, "www.debian.org", V4, Answered),
    row(Ssh, "shell.example.org", V4, Answered),
    row(Ssh, "shell.example.org", V6, Answered),
    row(Https(Small), "www.facebook.com", V4, Blocked),
    row(Https(Small), "www.facebook.com", V6, Blocked),
    row(Https(Small), "www.instagram.com", V4, Blocked),
    row(Https(Small), "www.netflix.com", V4, Blocked),
    row(Https(Small), "www.netflix.com", V6, Blocked),
    row(Https(Small), "www.disneyplus.com", V6, Blocked),
    row(Http(Small), "www.facebook.com", V4, Blocked),
    row(Http(Small), "www.tiktok.com", V6, Blocked),
    row(HttpTwice, "www.instagram.com", V4, Blocked),
    row(Tls, "www.netflix.com", V4, Blocked),
];

/// All requests: before the first that needs a name's address stands the one that asks for it.
pub(super) fn all() -> Vec<Request> {
    let mut requests = Vec::new();
    for request in REQUESTS {
        let address = row(Address, request.name, request.family, Answered);
        if !requests.contains(&address) {
            requests.push(address);
        }
        requests.push(request);
    }
    requests
}

/// The names that the requests use, each once.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = REQUESTS.iter().map(|request| request.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Request {
    /// What is asked, as a person would write it.
    pub(super) fn shown(&self) -> String {
        let name = self.name;
        match (self.ask, self.family) {
            (Address, V4) => format!("dig {name} A"),
            (Address, V6) => format!("dig {name} AAAA"),
            (Https(Small), _) => format!("curl https://{name}/"),
            (Https(Large), _) => format!("curl https://{name}/large"),
            (Http(Small), _) => format!("curl http://{name}/"),
            (Http(Large), _) => format!("curl http://{name}/large"),
            (HttpTwice, _) => format!("curl http://{name}/ again"),
            (Tls, _) => format!("openssl s_client {name}"),
            (Ssh, _) => format!("ssh {name}"),
        }
    }

    /// The IP protocol number and the server's port.
    pub(super) fn service(&self) -> (u8, u16) {
        const TCP: u8 = 6;
        const UDP: u8 = 17;
        match self.ask {
            Address => (UDP, 53),
            Https(_) | Tls => (TCP, 443),
            Http(_) | HttpTwice => (TCP, 80),
            Ssh => (TCP, 22),
        }
    }
}

impl Expected {
    pub(super) fn name(self) -> &'static str {
        match self {
            Answered => "answered",
            Blocked => "blocked",
        }
    }
}

impl Family {
    pub(super) fn client(self) -> IpAddr {
        match self {
            V4 => CLIENT_V4,
            V6 => CLIENT_V6,
        }
    }

    pub(super) fn server(self) -> IpAddr {
        match self {
            V4 => SERVER_V4,
            V6 => SERVER_V6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_asked_for_once_and_before_it_is_used() {
        let requests = all();
        for (place, request) in requests.iter().enumerate() {
            let asked = |other: &Request| {
                other.ask == Address && (other.name, other.family) == (request.name, request.family)
            };
            assert_eq!(requests[..=place].iter().filter(|other| asked(other)).count(), 1);
        }
    }
}
