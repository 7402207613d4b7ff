//! Hints about a flow before nDPI has classified it.

use ndpi::{AppId, BreedId, CategoryId, Classification, Confidence, State};

use crate::flow::{Decided, DecidedBy, Details};

/// What a flow is taken for by its first packet, until nDPI has classified it.
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
    /// Whether it is only concluded from a DNS answer. What nDPI keeps of it may be older than the
    /// answer allows.
    pub by_name: bool,
}

impl Known {
    /// What is known of a server after one of its flows was decided so; `None` where that says
    /// nothing new of it: the flow was guessed, or judged by what is known already.
    pub fn by(decided: &Decided) -> Option<Self> {
        let Classification { app, category, breed, confidence, guessed, .. } =
            decided.classification;
        let by_name = match decided.by {
            DecidedBy::Content if !guessed => false,
            DecidedBy::FirstPacket => confidence == Confidence::DpiCache,
            DecidedBy::Content | DecidedBy::Server | DecidedBy::Note => return None,
        };
        let name = decided.details.hostname().map(Into::into);
        Some(Self { app, category, breed, name, by_name })
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
