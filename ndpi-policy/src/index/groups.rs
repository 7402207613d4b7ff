//! From an application and its categories to the rules whose groups have one of them.

use ndpi_labels::{AppId, CategoryId};

use super::apps::add_app;
use super::exact::ByKey;
use super::sets::Words;
use crate::app_pattern::AppPattern;
use crate::category::Categories;
use crate::group::Group;

/// Rules by what is in their groups.
#[derive(Debug)]
pub(super) struct ByGroup {
    apps: ByKey<AppPattern>,
    categories: ByKey<CategoryId>,
}

impl ByGroup {
    pub(super) fn new<'g>(width: usize, entries: impl Iterator<Item = (&'g Group, u16)>) -> Self {
        let entries: Vec<_> = entries.collect();
        let apps =
            entries.iter().flat_map(|(group, rule)| group.apps.iter().map(|it| (*it, *rule)));
        let categories =
            entries.iter().flat_map(|(group, rule)| group.categories.iter().map(|it| (*it, *rule)));
        Self { apps: ByKey::new(width, apps), categories: ByKey::new(width, categories) }
    }

    /// Adds the rules with a group that a flow belongs to.
    pub(super) fn add_to(&self, app: AppId, categories: Categories, union: &mut Words) {
        add_app(&self.apps, app, union);
        for category in categories.iter() {
            self.categories.add_to(&category, union);
        }
    }
}
