//! Documents for people who write policies: the schema, and an example.

/// The JSON Schema of policies (draft 2020-12), for editors. It takes what the reader takes, as far as
/// a schema can tell: that names and files exist, and that networks and host names are in order, is
/// for the reader.
pub const SCHEMA: &str = include_str!("schema.json");

/// A commented policy.
pub const EXAMPLE: &str = include_str!("example.toml");

#[cfg(test)]
mod tests {
    use ndpi_labels::Recorded;
    use std::path::Path;

    use super::*;
    use crate::load::check_text;
    use crate::support::Support;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn the_example_passes_the_check() {
        let vocabulary = Vocabulary::of(&Recorded::ndpi_5_0());
        let no_list = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let support = Support::THIS_BUILD;
        let checked = check_text(Path::new("example"), EXAMPLE, &vocabulary, support, &no_list);
        assert!(checked.problems().is_empty(), "{}", checked.render(false));
    }
}
