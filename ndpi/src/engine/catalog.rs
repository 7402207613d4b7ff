//! An engine as those ask it who know no engine.

use super::Engine;
use crate::{Asking, Breed, Catalog, Category, Classification, Protocol, Risk};

impl Catalog for Engine {
    fn protocols(&self) -> Vec<Protocol> {
        self.protocols()
    }

    fn categories(&self) -> Vec<Category> {
        self.categories()
    }

    fn breeds(&self) -> Vec<Breed> {
        self.breeds()
    }

    fn risks(&self) -> Vec<Risk> {
        self.library().risks()
    }

    fn classify_host(&self, host: &str, asking: Asking) -> Option<Classification> {
        self.classify_host(host, asking)
    }
}
