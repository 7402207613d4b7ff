//! nDPI's names, copied out of an engine once, so that any thread can write records.

use std::borrow::Cow;
use std::sync::Arc;

use ndpi::{AppId, BreedId, CategoryId, Engine, Risks};
use ndpi_text::clean;

/// Names by nDPI's numbers.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Protocols and applications, by id.
    pub apps: Vec<Arc<str>>,
    /// Categories, by id.
    pub categories: Vec<Arc<str>>,
    /// Breeds, by id.
    pub breeds: Vec<Arc<str>>,
    /// Risks, by bit.
    pub risks: Vec<Arc<str>>,
    /// What each risk adds to the score of a flow (`ndpi_risk2score`), by bit.
    pub risk_scores: Vec<u16>,
}

/// What a number without a name is called, as nDPI does.
const UNKNOWN: &str = "Unknown";

impl Names {
    /// All names that `engine` knows.
    pub fn of(engine: &Engine) -> Self {
        Self {
            apps: by_number(engine.protocols().into_iter().map(|app| (app.id.into(), app.name))),
            categories: by_number(
                engine
                    .categories()
                    .into_iter()
                    .map(|category| (category.id.0.into(), category.name)),
            ),
            breeds: by_number(
                engine.breeds().into_iter().map(|breed| (breed.id.0.into(), breed.name)),
            ),
            risk_scores: risk_scores(engine),
            risks: by_number(
                engine.library().risks().into_iter().map(|risk| (risk.number.into(), risk.name)),
            ),
        }
    }

    /// The name of master and application, as `ndpi_protocol2name` makes it: `TLS.Google`.
    pub fn app(&self, id: AppId) -> Cow<'_, str> {
        let name = |id: u16| named(&self.apps, id);
        match (id.master, id.app) {
            (0, app) => name(app).into(),
            (master, 0) => name(master).into(),
            (master, app) if master == app => name(app).into(),
            (master, app) => [name(master), ".", name(app)].concat().into(),
        }
    }

    /// The name of a category.
    pub fn category(&self, id: CategoryId) -> &str {
        named(&self.categories, id.0)
    }

    /// The name of a breed.
    pub fn breed(&self, id: BreedId) -> &str {
        named(&self.breeds, id.0)
    }

    /// The names of all risks in a set.
    pub fn risks(&self, risks: Risks) -> impl Iterator<Item = &str> {
        risks.iter().map(|bit| named(&self.risks, bit))
    }

    /// The name of master and application, shared where it is one name.
    pub(super) fn shared_app(&self, id: AppId) -> Arc<str> {
        match (id.master, id.app) {
            (0, one) | (one, 0) => shared(&self.apps, one),
            (master, app) if master == app => shared(&self.apps, app),
            _ => self.app(id).into(),
        }
    }

    /// The name of a category, shared.
    pub(super) fn shared_category(&self, id: CategoryId) -> Arc<str> {
        shared(&self.categories, id.0)
    }

    /// The name of a breed, shared.
    pub(super) fn shared_breed(&self, id: BreedId) -> Arc<str> {
        shared(&self.breeds, id.0)
    }

    /// How bad a set of risks is; `None` where there are none.
    pub(super) fn risk_score(&self, risks: Risks) -> Option<u16> {
        (!risks.is_empty()).then(|| risks.score(&self.risk_scores))
    }

    /// The names of all risks in a set, shared.
    pub(super) fn shared_risks(&self, risks: Risks) -> impl Iterator<Item = Arc<str>> {
        risks.iter().map(|bit| shared(&self.risks, bit))
    }
}

fn risk_scores(engine: &Engine) -> Vec<u16> {
    let mut scores = vec![0; 64];
    for risk in engine.library().risks() {
        if let Some(score) = scores.get_mut(usize::from(risk.number)) {
            *score = risk.score;
        }
    }
    scores
}

/// A list in which each name stands at its number.
fn by_number(names: impl Iterator<Item = (usize, String)>) -> Vec<Arc<str>> {
    let mut list = Vec::new();
    for (number, name) in names {
        if list.len() <= number {
            list.resize_with(number + 1, || UNKNOWN.into());
        }
        // A file of the user's may have named it.
        list[number] = clean(&name).into();
    }
    list
}

fn named(names: &[Arc<str>], number: impl Into<usize>) -> &str {
    names.get(number.into()).map_or(UNKNOWN, |name| name)
}

fn shared(names: &[Arc<str>], number: impl Into<usize>) -> Arc<str> {
    names.get(number.into()).map_or_else(|| UNKNOWN.into(), Arc::clone)
}

#[cfg(test)]
mod tests {
    use ndpi::{AppId, CategoryId, Risks};

    use super::Names;

    fn names() -> Names {
        let list = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        Names {
            apps: list(&["Unknown", "FTP", "TLS", "Google"]),
            categories: list(&["Unspecified", "Media"]),
            risks: list(&["XSS", "SQL"]),
            ..Names::default()
        }
    }

    #[test]
    fn pairs_are_joined_as_ndpi_does() {
        let app = |master, app| names().app(AppId { master, app }).into_owned();
        assert_eq!(app(0, 0), "Unknown");
        assert_eq!(app(0, 1), "FTP");
        assert_eq!(app(2, 0), "TLS");
        assert_eq!(app(2, 2), "TLS");
        assert_eq!(app(2, 3), "TLS.Google");
        assert_eq!(app(2, 9), "TLS.Unknown");
    }

    #[test]
    fn sets_of_risks_are_listed_in_order() {
        assert_eq!(names().risks(Risks(0b11)).collect::<Vec<_>>(), ["XSS", "SQL"]);
        assert_eq!(names().category(CategoryId(7)), "Unknown");
    }

    #[test]
    fn a_set_of_risks_is_as_bad_as_all_of_them() {
        let names = Names { risk_scores: vec![10, 250], ..names() };
        let scores = [0, 1, 2, 3].map(|risks| names.risk_score(Risks(risks)));
        assert_eq!(scores, [None, Some(10), Some(250), Some(260)]);
    }

    #[test]
    fn names_are_those_that_the_library_gives() {
        let Some(library) = crate::testing::library() else { return };
        let engine = library.engine().build().unwrap();
        let names = Names::of(&engine);
        let all = engine.protocols();
        for master in all.iter().take(100) {
            for app in &all {
                let id = AppId { master: master.id, app: app.id };
                assert_eq!(names.app(id), engine.app_name(id));
            }
        }
        for category in engine.categories() {
            assert_eq!(names.category(category.id), category.name);
        }
    }
}
