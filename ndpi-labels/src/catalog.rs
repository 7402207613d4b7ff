//! Names that nDPI knows, and who can be asked for them.

use crate::{BreedId, CategoryId, Classification, Risk};

/// Names with nDPI's numbers, and the answer to a host name: what rules are written with, and checked
/// against. A running engine is one, and so is what was recorded of one.
pub trait Catalog {
    /// All protocols and applications.
    fn protocols(&self) -> Vec<Protocol>;

    /// All categories that have a name.
    fn categories(&self) -> Vec<Category>;

    /// All breeds.
    fn breeds(&self) -> Vec<Breed>;

    /// All risks, but for "no risk".
    fn risks(&self) -> Vec<Risk>;

    /// The classification of a flow whose client asks for `host`; `None` where that is no name, or
    /// nothing is recorded of it.
    fn classify_host(&self, host: &str, asking: Asking) -> Option<Classification>;
}

/// A protocol or application that the engine knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The number, as in [`AppId`](crate::AppId).
    pub id: u16,
    /// The name.
    pub name: String,
    /// The category that flows of it have, where no rule says otherwise.
    pub category: CategoryId,
    /// How wanted it is.
    pub breed: BreedId,
    /// Whether its traffic is encrypted.
    pub encrypted: bool,
    /// Whether it came from a protocols file.
    pub custom: bool,
}

/// A category with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// The number.
    pub id: CategoryId,
    /// The name.
    pub name: String,
}

/// A breed with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breed {
    /// The number.
    pub id: BreedId,
    /// The name.
    pub name: String,
}

/// How a client names the host that it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asking {
    /// In the hello of TLS.
    Tls,
    /// In the host field of an HTTP request.
    Http,
    /// As the name in a DNS query.
    Dns,
}
