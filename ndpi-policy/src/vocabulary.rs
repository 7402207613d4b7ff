//! The names that rules are written with.

use std::collections::HashMap;

use ndpi_labels::{AppId, Asking, BreedId, Catalog, CategoryId};

use crate::app_pattern::AppPattern;
use crate::category::CategoryTable;
use crate::filed::Filed;
use crate::names::Names;

/// All names a policy can use, and what each risk adds to a flow's score.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Protocols and applications.
    pub apps: Names,
    /// Categories.
    pub categories: Names,
    /// The category of each protocol and application.
    pub app_categories: CategoryTable,
    /// The categories besides that nDPI files some of their flows under, as far as it was asked.
    pub filed: Filed,
    /// The breed of each protocol and application.
    pub app_breeds: HashMap<u16, BreedId>,
    /// Breeds.
    pub breeds: Names,
    /// Risks, by their bit.
    pub risks: Names,
    /// What each risk adds to the score of a flow (`ndpi_risk2score`), by its bit.
    pub risk_scores: [u16; 64],
}

impl Default for Vocabulary {
    /// One that knows nothing.
    fn default() -> Self {
        Self {
            apps: Names::default(),
            categories: Names::default(),
            app_categories: CategoryTable::default(),
            filed: Filed::default(),
            app_breeds: HashMap::new(),
            breeds: Names::default(),
            risks: Names::default(),
            risk_scores: [0; 64],
        }
    }
}

impl Vocabulary {
    /// The name of master and application, as `ndpi_protocol2name` makes it: `TLS.Google`.
    pub fn app_name(&self, app: AppId) -> String {
        let name = |id| self.apps.name(id).unwrap_or("Unknown");
        match (app.master, app.app) {
            (0, only) | (only, 0) => name(only).to_owned(),
            (master, app) if master == app => name(app).to_owned(),
            (master, app) => format!("{}.{}", name(master), name(app)),
        }
    }

    /// With what a catalog makes of hosts that nDPI files otherwise than their applications; the flows
    /// that an engine makes for it stay in its caches. `lists` says whether it has lists of categories.
    #[must_use]
    pub fn with_filed(self, catalog: &impl Catalog, lists: bool) -> Self {
        let classify = |host: &str| catalog.classify_host(host, Asking::Tls);
        Self { filed: Filed::of(classify, lists), ..self }
    }

    /// Whether nothing is under the category, as far as is known.
    pub(super) fn is_empty_category(&self, category: CategoryId) -> bool {
        self.filed.leaves_empty(category, &self.app_categories)
    }

    /// What an entry of `app` is called.
    pub(super) fn pattern_name(&self, pattern: AppPattern) -> String {
        match pattern {
            AppPattern::Either(id) => self.apps.name(id).unwrap_or("Unknown").to_owned(),
            AppPattern::Pair(pair) => self.app_name(pair),
        }
    }

    /// All names of a catalog. Risks go by their names: of the constants (`ndpi_risk2code`) some stand
    /// for two risks.
    pub fn of(catalog: &impl Catalog) -> Self {
        let risks = catalog.risks();
        let mut risk_scores = [0; 64];
        for risk in &risks {
            risk_scores[usize::from(risk.number)] = risk.score;
        }
        let apps = catalog.protocols();
        Self {
            app_categories: apps.iter().map(|app| (app.id, app.category)).collect(),
            app_breeds: apps.iter().map(|app| (app.id, app.breed)).collect(),
            apps: apps.into_iter().map(|app| (app.id, app.name)).collect(),
            filed: Filed::default(),
            categories: catalog.categories().into_iter().map(|c| (c.id.0, c.name)).collect(),
            breeds: catalog.breeds().into_iter().map(|b| (b.id.0.into(), b.name)).collect(),
            risks: risks.into_iter().map(|risk| (risk.number.into(), risk.name)).collect(),
            risk_scores,
        }
    }
}

#[cfg(test)]
mod tests {
    use ndpi_labels::Recorded;

    use super::*;

    #[test]
    fn every_name_of_a_catalog_is_found_again() {
        let ndpi = Recorded::ndpi_5_0();
        let all = Vocabulary::of(&ndpi);
        for app in ndpi.protocols() {
            assert_eq!(all.apps.id(&app.name.to_uppercase()), Some(app.id), "{}", app.name);
        }
        for category in ndpi.categories() {
            assert_eq!(all.categories.id(&category.name), Some(category.id.0), "{}", category.name);
        }
        for risk in ndpi.risks() {
            assert_eq!(all.risks.id(&risk.name), Some(risk.number.into()), "{}", risk.name);
            assert_eq!(all.risks.name(risk.number.into()), Some(risk.name.as_str()));
        }
    }
}
