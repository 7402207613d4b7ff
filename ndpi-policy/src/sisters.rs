//! Parts of a service that nDPI knows under names of their own: those of `sisters.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::names::Names;

const TABLE: &str = include_str!("sisters.toml");

/// The names of the parts by the name that people write.
fn table() -> &'static BTreeMap<String, Vec<String>> {
    static TABLE_READ: LazyLock<BTreeMap<String, Vec<String>>> =
        LazyLock::new(|| toml::from_str(TABLE).expect("sisters.toml is read by a test"));
    &TABLE_READ
}

/// The parts of an application that have names of their own, by their numbers.
pub(super) fn sisters(app: u16, names: &Names) -> Vec<u16> {
    let parts = names.name(app).and_then(|name| table().get(name));
    parts.into_iter().flatten().filter_map(|name| names.id(name)).collect()
}

#[cfg(test)]
mod tests {
    use ndpi_labels::Recorded;

    use super::*;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn the_library_has_every_name_and_writes_it_so() {
        let apps = Vocabulary::of(&Recorded::ndpi_5_0()).apps;
        for (app, parts) in table() {
            for name in parts.iter().chain([app]) {
                assert_eq!(apps.id(name).and_then(|id| apps.name(id)), Some(name.as_str()));
            }
            assert_eq!(sisters(apps.id(app).unwrap(), &apps).len(), parts.len(), "{app}");
        }
    }
}
