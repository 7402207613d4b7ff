//! Hints about a flow before nDPI has classified it.

use ndpi::{AppId, BreedId, CategoryId, Classification, Confidence, State};
use ndpi_policy::carries;

use crate::flow::{Decided, DecidedBy, Details};

/// What is claimed of a flow by its first packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Application, category and breed, in state INSPECTING: nDPI has seen none of it.
    pub classification: Classification,
    /// The name that the server goes by, where one is known.
    pub details: Details,
    /// Where the hint comes from.
    pub by: DecidedBy,
}

/// What a server was found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Master and application protocol.
    pub app: AppId,
    /// Category of the application.
    pub category: CategoryId,
    /// Breed of the application.
    pub breed: BreedId,
    /// Host name.
    pub name: Option<Box<str>>,
    /// What that rests on.
    pub basis: Basis,
}

/// What is known of a server rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Basis {
    /// What one of its flows said, which is the client's word: it may call any server by any name.
    #[default]
    Flow,
    /// A DNS answer to a question that was asked: it holds as long as the answer does.
    Name,
    /// nDPI's lists of addresses, or its custom rules.
    Address,
}

impl Hint {
    /// What nDPI says by the first packet, with what is known besides. What it concludes from DNS is left
    /// aside: it takes any answer for one.
    pub fn by_first_packet(said: Option<Classification>, details: Details) -> Option<Self> {
        let classification = said.filter(|said| said.confidence != Confidence::DpiCache)?;
        Some(Self { classification, details, by: DecidedBy::FirstPacket })
    }
}

impl Known {
    /// What is known of a server after one of its flows was decided so; `None` where that says
    /// nothing new of it: the flow was guessed, or judged by what is known already.
    pub fn by(decided: &Decided) -> Option<Self> {
        let Classification { app, category, breed, confidence, guessed, .. } =
            decided.classification;
        let basis = match decided.by {
            DecidedBy::Content if !guessed => Basis::Flow,
            DecidedBy::FirstPacket => match confidence {
                Confidence::DpiCache => Basis::Name,
                Confidence::MatchByIp | Confidence::CustomRule => Basis::Address,
                // By what is in it.
                _ => Basis::Flow,
            },
            DecidedBy::Content
            | DecidedBy::Server
            | DecidedBy::Note
            | DecidedBy::Connection
            | DecidedBy::Finding
            | DecidedBy::Request => {
                return None;
            }
        };
        let name = decided.details.hostname().map(Into::into);
        Some(Self { app, category, breed, name, basis })
    }

    /// What flows to a name are, by `said` of one of them; `None` where nDPI does not know the name.
    pub fn named(said: &Classification) -> Option<Self> {
        let Classification { app, category, breed, guessed, .. } = *said;
        let is_known = !guessed && app.app != 0 && !carries(app.app);
        // Whatever carries it.
        let app = AppId { master: 0, app: app.app };
        is_known.then_some(Self { app, category, breed, name: None, basis: Basis::Name })
    }

    /// What a flow to the name is, of which only `carrier` was known, as `said`.
    pub fn carried_by(&self, carrier: u16, said: &Classification) -> Classification {
        let app = AppId { master: carrier, app: self.app.app };
        Classification { app, category: self.category, breed: self.breed, ..*said }
    }

    /// What is claimed of the server's next flow. As sure as nDPI is of what it concludes from one
    /// flow to another.
    pub fn hint(&self) -> Hint {
        let classification = Classification {
            state: State::Inspecting,
            app: self.app,
            category: self.category,
            breed: self.breed,
            confidence: Confidence::DpiCache,
            ..Classification::default()
        };
        let details = Details::new(self.name.as_deref().unwrap_or_default(), "", "");
        Hint { classification, details, by: DecidedBy::Server }
    }
}
