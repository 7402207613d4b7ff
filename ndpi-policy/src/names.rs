//! Names with nDPI's numbers, and what was probably meant by one that it does not know.

use std::collections::HashMap;

use ndpi_labels::AppId;

use crate::known_as::ndpi_name;
use crate::letters::letters;

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

    /// `TLS.Facebook`. Names may themselves hold dots, so every dot is tried.
    pub(crate) fn pair(&self, name: &str) -> Option<AppId> {
        name.match_indices('.').find_map(|(dot, _)| {
            let master = self.id(&name[..dot])?;
            let app = self.id(&name[dot + 1..])?;
            Some(AppId { master, app })
        })
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
    use super::*;

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
