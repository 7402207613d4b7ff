//! What is printed for people who write policies.

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

    /// The page for people, at the top of the repository.
    const PAGE: &str = include_str!("../../docs/policy.md");

    #[test]
    fn the_policies_of_the_page_pass_the_check() {
        let vocabulary = Vocabulary::of(&Recorded::ndpi_5_0());
        let no_list = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let blocks: Vec<_> = PAGE.split("```toml\n").skip(1).collect();
        assert_eq!(blocks.len(), 3);
        for block in blocks {
            let text = block.split("```").next().unwrap_or_default();
            let support = Support::THIS_BUILD;
            let checked = check_text(Path::new("page"), text, &vocabulary, support, &no_list);
            assert!(checked.problems().is_empty(), "{}", checked.render(false));
        }
    }

    #[test]
    fn the_page_has_every_key_of_the_schema() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let tables = [
            &schema["properties"],
            &schema["$defs"]["rule"]["properties"],
            &schema["$defs"]["matchers"]["properties"],
        ];
        let keys = tables.into_iter().flat_map(|table| table.as_object().unwrap().keys());
        for key in keys.filter(|key| !["rule", "rules", "not"].contains(&key.as_str())) {
            assert!(PAGE.contains(&format!("`{key}`")), "{key}");
        }
    }

    #[test]
    fn the_example_passes_the_check() {
        let vocabulary = Vocabulary::of(&Recorded::ndpi_5_0());
        let no_list = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let support = Support::THIS_BUILD;
        let checked = check_text(Path::new("example"), EXAMPLE, &vocabulary, support, &no_list);
        assert!(checked.problems().is_empty(), "{}", checked.render(false));
    }
}
