//! The names nDPI knows, and what was probably meant by one it does not know.

use std::collections::HashMap;

use ndpi_labels::{AppId, Asking, BreedId, Catalog, CategoryId};

use crate::category::CategoryTable;
use crate::filed::Filed;
use crate::known_as::ndpi_name;
use crate::letters::letters;
use crate::rule::AppPattern;

/// Names of one kind with nDPI's numbers.
#[derive(Clone, Debug, Default)]
pub struct Names {
    by_key: HashMap<String, u16>,
    by_id: HashMap<u16, String>,
}

impl Names {
    /// The number of a name, in any case.
    pub fn id(&self, name: &str) -> Option<u16> {
        self.by_key.get(&name.to_lowercase()).copied()
    }

    /// The name of a number, as nDPI writes it.
    pub fn name(&self, id: u16) -> Option<&str> {
        self.by_id.get(&id).map(String::as_str)
    }

    /// The name with the same letters and digits, as nDPI writes it.
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        let meant = letters(name);
        let exact = self.id(name).and_then(|id| self.name(id));
        let mut names = self.by_id.values().map(String::as_str);
        exact.or_else(|| names.find(|known| !meant.is_empty() && letters(known) == meant))
    }

    /// Up to three names that look like `name`, the nearest first; only those with the same letters and
    /// digits where there are such, or the one that it is commonly called otherwise.
    pub fn nearest(&self, name: &str) -> Vec<&str> {
        let meant = letters(name);
        let names = || self.by_id.values().map(String::as_str);
        let mut same: Vec<_> = names().filter(|known| letters(known) == meant).collect();
        if same.is_empty() {
            let known_as = ndpi_name(&meant).and_then(|known| self.id(known));
            same.extend(known_as.and_then(|id| self.name(id)));
        }
        same.sort_unstable();
        if meant.is_empty() || same.is_empty() { nearest(name, names()) } else { same }
    }
}

impl<S: Into<String>> FromIterator<(u16, S)> for Names {
    fn from_iter<I: IntoIterator<Item = (u16, S)>>(names: I) -> Self {
        let mut all = Self::default();
        for (id, name) in names {
            let name = name.into();
            all.by_key.entry(name.to_lowercase()).or_insert(id);
            all.by_id.entry(id).or_insert(name);
        }
        all
    }
}

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

/// Whether a candidate is half of a word, or one of several words: there is a raft in Minecraft.
fn is_most_of(key: &str, word: &str) -> bool {
    let mut words = word.split(|c: char| !c.is_alphanumeric());
    word.contains(key) && (2 * key.len() >= word.len() || words.any(|word| word == key))
}

/// Up to three candidates that look like `word`: one that contains it, is most of it, or is within a third of its
/// length by Damerau-Levenshtein distance; the nearest first.
pub(super) fn nearest<'n>(word: &str, candidates: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let word = word.to_lowercase();
    let limit = (word.chars().count() / 3).max(1);
    let mut near: Vec<(usize, &str)> = candidates
        .filter_map(|candidate| {
            let key = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&word, &key);
            let inside = word.len() >= 3 && (key.contains(&word) || is_most_of(&key, &word));
            let inside = inside && key.len() >= 3;
            (distance <= limit || inside).then_some((distance, candidate))
        })
        .collect();
    near.sort_unstable();
    near.truncate(3);
    near.into_iter().map(|(_, candidate)| candidate).collect()
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

    #[test]
    fn spaces_and_marks_do_not_hide_a_name() {
        let names: Names = [(1, "Teams"), (2, "Microsoft"), (3, "FTP_DATA"), (4, "AppleTVPlus")]
            .into_iter()
            .collect();
        assert_eq!(names.nearest("Microsoft Teams"), ["Teams"]);
        assert_eq!(names.nearest("ftp-data"), ["FTP_DATA"]);
        assert_eq!(names.nearest("Apple TV Plus"), ["AppleTVPlus"]);
        assert_eq!(names.nearest("Apple TV+"), ["AppleTVPlus"]);
        assert_eq!(names.nearest("!!"), Vec::<&str>::new());
    }

    fn names() -> Names {
        [(119, "Facebook"), (133, "NetFlix"), (5, "DNS"), (26, "ntop"), (211, "Instagram")]
            .into_iter()
            .collect()
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(names().id("FACEBOOK"), Some(119));
        assert_eq!(names().id("netflix"), Some(133));
        assert_eq!(names().id("Faceboook"), None);
        assert_eq!(names().name(133), Some("NetFlix"));
    }

    #[test]
    fn a_slip_of_the_hand_finds_its_name() {
        assert_eq!(names().nearest("Facbeook"), ["Facebook"]);
        assert_eq!(names().nearest("Netflx"), ["NetFlix"]);
        assert_eq!(names().nearest("gram"), ["Instagram"]);
        assert_eq!(names().nearest("zzz"), Vec::<&str>::new());
        assert_eq!(names().nearest("Facebook app"), ["Facebook"]);
        assert_eq!(names().nearest("ntopological"), Vec::<&str>::new());
    }
}
