//! Applications, categories and groups in nDPI's table: what surely is of what, and what can
//! never be.

use ndpi_labels::CategoryId;

use crate::app_pattern::AppPattern;
use crate::carrier::{TELLING_CARRIERS, is_mere_carrier, may_carry};
use crate::category::CategoryTable;
use crate::group::Group;

impl AppPattern {
    /// Whether every flow that it takes is of the category, whatever else nDPI says of the flow.
    pub(super) fn is_surely_of(self, category: CategoryId, table: &CategoryTable) -> bool {
        let is_of = |id: u16| id != 0 && table.get(id) == Some(category);
        match self {
            Self::Either(id) => is_of(id) && !is_mere_carrier(id),
            Self::Pair(pair) => table.of_app(pair).contains(&Some(category)),
        }
    }

    /// Whether nDPI's table has a flow that it takes under the category. What is in it, or its host, may
    /// still give a flow any category.
    pub(super) fn may_be_of(self, category: CategoryId, table: &CategoryTable) -> bool {
        match self {
            Self::Either(id) if id == 0 || may_carry(id) => true,
            // Carried by one that has the category itself, as SMTPS does Google.
            Self::Either(id) => {
                let by_carrier = TELLING_CARRIERS.iter().any(|it| table.get(*it) == Some(category));
                table.get(id) == Some(category) || by_carrier
            }
            Self::Pair(pair) => table.of_app(pair).contains(&Some(category)),
        }
    }

    /// Whether one flow may be what both take.
    pub(super) fn may_meet(self, other: Self) -> bool {
        match (self, other) {
            (Self::Either(a), Self::Either(b)) => a == b || may_carry(a) || may_carry(b),
            (either @ Self::Either(_), Self::Pair(pair))
            | (Self::Pair(pair), either @ Self::Either(_)) => either.matches(pair),
            (Self::Pair(a), Self::Pair(b)) => a == b,
        }
    }
}

impl Group {
    /// Whether every flow of the application belongs to it.
    pub(super) fn surely_has(&self, app: AppPattern, table: &CategoryTable) -> bool {
        let by_app = self.apps.iter().any(|its| match (*its, app) {
            (AppPattern::Either(a), AppPattern::Either(b)) => a == b,
            (either @ AppPattern::Either(_), AppPattern::Pair(pair)) => either.matches(pair),
            (pair, other) => pair == other,
        });
        by_app || self.categories.iter().any(|category| app.is_surely_of(*category, table))
    }

    /// Whether a flow of the application may belong to it.
    pub(super) fn may_have(&self, app: AppPattern, table: &CategoryTable) -> bool {
        self.apps.iter().any(|its| its.may_meet(app))
            || self.categories.iter().any(|category| app.may_be_of(*category, table))
    }

    /// Whether a flow of the category may belong to it.
    pub(super) fn may_be_of(&self, category: CategoryId, table: &CategoryTable) -> bool {
        !self.categories.is_empty() || self.apps.iter().any(|app| app.may_be_of(category, table))
    }
}
