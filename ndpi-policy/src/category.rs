//! The categories that a flow counts to: its own, and those of its application and of what carries it.
//!
//! nDPI gives each protocol a category, and a flow that of its application; then it may change the
//! flow's for what is transferred (an HTTP answer with a binary body is `Download`), for its host name or
//! address, or for a list. A person who writes `SocialNetwork` means the application's.

use std::collections::HashMap;

use ndpi_labels::{AppId, CategoryId};

use crate::carrier::is_mere_carrier;

/// nDPI's table: the category of each protocol and application, by its number.
#[derive(Clone, Debug, Default)]
pub struct CategoryTable(HashMap<u16, CategoryId>);

impl FromIterator<(u16, CategoryId)> for CategoryTable {
    fn from_iter<I: IntoIterator<Item = (u16, CategoryId)>>(apps: I) -> Self {
        Self(apps.into_iter().collect())
    }
}

impl CategoryTable {
    /// The category of a protocol or application; `None` for one that is not in the table.
    pub fn get(&self, app: u16) -> Option<CategoryId> {
        self.0.get(&app).copied()
    }

    /// The protocols and applications of a category, by their numbers.
    pub fn members(&self, category: CategoryId) -> Vec<u16> {
        let of_it = self.0.iter().filter(|(_, its)| **its == category).map(|(app, _)| *app);
        let mut members: Vec<_> = of_it.collect();
        members.sort_unstable();
        members
    }

    /// The categories of a flow of `app` that nDPI files under `category`.
    pub(super) fn of_flow(&self, app: AppId, category: CategoryId) -> Categories {
        let [application, carrier] = self.of_app(app);
        Categories([Some(category), application, carrier])
    }

    /// The categories that every flow of `app` has: that of the application and, if it is not a mere
    /// carrier of anything, that of its master.
    pub(super) fn of_app(&self, app: AppId) -> [Option<CategoryId>; 2] {
        let known = |id: u16| if id == 0 { None } else { self.get(id) };
        let telling = Some(app.master).filter(|master| !is_mere_carrier(*master));
        [known(app.app), telling.and_then(known)]
    }
}

/// The categories of a flow, the flow's own first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Categories([Option<CategoryId>; 3]);

impl Categories {
    pub(super) fn iter(self) -> impl Iterator<Item = CategoryId> {
        self.0.into_iter().flatten()
    }

    pub(super) fn contains(self, category: CategoryId) -> bool {
        self.iter().any(|its| its == category)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEB: CategoryId = CategoryId(5);
    const SOCIAL: CategoryId = CategoryId(6);
    const EMAIL: CategoryId = CategoryId(3);
    const DOWNLOAD: CategoryId = CategoryId(7);

    fn table() -> CategoryTable {
        // HTTP, TLS, Facebook, SMTPS, Google.
        [(7, WEB), (91, WEB), (119, SOCIAL), (29, EMAIL), (126, WEB)].into_iter().collect()
    }

    fn categories(master: u16, app: u16, own: CategoryId) -> Vec<CategoryId> {
        table().of_flow(AppId { master, app }, own).iter().collect()
    }

    #[test]
    fn a_download_still_counts_to_its_application() {
        assert_eq!(categories(7, 119, DOWNLOAD), [DOWNLOAD, SOCIAL]);
        assert_eq!(categories(0, 7, DOWNLOAD), [DOWNLOAD, WEB]);
    }

    #[test]
    fn what_carries_anything_says_nothing_of_it_but_mail_does() {
        assert_eq!(categories(91, 119, SOCIAL), [SOCIAL, SOCIAL], "TLS is Web, Facebook is not");
        assert_eq!(categories(29, 126, EMAIL), [EMAIL, WEB, EMAIL]);
    }

    #[test]
    fn an_unknown_application_has_the_category_that_ndpi_gives_the_flow() {
        assert_eq!(categories(0, 0, CategoryId(0)), [CategoryId(0)]);
        assert_eq!(categories(0, 9999, WEB), [WEB]);
    }

    #[test]
    fn the_members_of_a_category_are_found() {
        assert_eq!(table().members(WEB), [7, 91, 126]);
        assert_eq!(table().members(DOWNLOAD), Vec::<u16>::new());
    }
}
