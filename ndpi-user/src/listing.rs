//! The names that policies can use: `ndpi-xdp list`.

use std::process::ExitCode;

use anyhow::Result;
use ndpi::Engine;
use ndpi_policy::{Group, Listed, Vocabulary, our_groups};
use ndpi_text::clean;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use crate::engine_setup::EngineSetup;
use crate::stdout::print;

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Protocols and applications (`app`), with their category and breed
    Protocols,
    /// Categories (`category`), with the protocols and applications of each
    Categories,
    /// Groups (`group`) for what people mean by video, games and so on, with their members
    Groups,
    /// Breeds (`breed`)
    Breeds,
    /// Risks (`risk`), with what each adds to `risk_score`
    Risks,
}

/// Prints the names of a kind; of these only what has `word` in a column.
///
/// # Errors
/// nDPI cannot be loaded or set up, or nothing has the word.
pub(crate) fn list(
    kind: Kind,
    word: Option<&str>,
    as_json: bool,
    setup: &EngineSetup,
) -> Result<ExitCode> {
    let engine = setup.engine(&setup.library()?)?;
    let mut table = Table::of(kind, &engine);
    if let Some(word) = word {
        table.keep(word);
        if table.rows.is_empty() {
            anyhow::bail!("nothing in the list has {word:?}; without a word, all is shown");
        }
    }
    print(&if as_json { table.to_json_lines() } else { table.to_text() })
}

/// Rows of a list, each as wide as the header.
struct Table {
    header: &'static [&'static str],
    rows: Vec<Vec<Value>>,
}

impl Table {
    fn of(kind: Kind, engine: &Engine) -> Self {
        let mut table = Self::raw(kind, engine);
        table.rows.iter_mut().flatten().for_each(tidy);
        table
    }

    fn raw(kind: Kind, engine: &Engine) -> Self {
        match kind {
            Kind::Protocols => Self::protocols(engine),
            Kind::Categories => Self::categories(engine),
            Kind::Groups => Self::groups(&Vocabulary::of(engine)),
            Kind::Breeds => Self {
                header: &["id", "name"],
                rows: engine.breeds().iter().map(|b| vec![json!(b.id.0), json!(b.name)]).collect(),
            },
            Kind::Risks => Self {
                header: &["id", "name", "severity", "score"],
                rows: engine
                    .library()
                    .risks()
                    .into_iter()
                    .map(|risk| {
                        let severity = json!(risk.severity.name());
                        vec![json!(risk.number), json!(risk.name), severity, json!(risk.score)]
                    })
                    .collect(),
            },
        }
    }

    fn protocols(engine: &Engine) -> Self {
        let row = |protocol: ndpi::Protocol| {
            let category = json!(engine.category_name(protocol.category));
            let breed = json!(engine.breed_name(protocol.breed));
            let encrypted = json!(if protocol.encrypted { "yes" } else { "no" });
            vec![json!(protocol.id), json!(protocol.name), category, breed, encrypted]
        };
        Self {
            header: &["id", "name", "category", "breed", "encrypted"],
            rows: engine.protocols().into_iter().map(row).collect(),
        }
    }

    fn categories(engine: &Engine) -> Self {
        let protocols = engine.protocols();
        let members = |category| {
            let of_it = protocols.iter().filter(move |protocol| protocol.category == category);
            of_it.map(|protocol| protocol.name.as_str()).collect::<Vec<_>>()
        };
        let row = |c: ndpi::Category| vec![json!(c.id.0), json!(c.name), json!(members(c.id))];
        Self {
            header: &["id", "name", "members"],
            rows: engine.categories().into_iter().map(row).collect(),
        }
    }

    fn groups(names: &Vocabulary) -> Self {
        let row = |(name, listed): (&String, &Listed)| {
            let missing = Group::of(name, listed, names).missing;
            vec![
                json!(name),
                json!(listed.about),
                json!(listed.app),
                json!(listed.category),
                json!(missing),
                json!(our_groups().version),
            ]
        };
        Self {
            header: &["name", "about", "app", "category", "missing", "version"],
            rows: our_groups().groups.iter().map(row).collect(),
        }
    }

    /// Keeps the rows with a word in some text, in any case.
    fn keep(&mut self, word: &str) {
        let word = word.to_lowercase();
        let has_word =
            |text: &Value| text.as_str().is_some_and(|t| t.to_lowercase().contains(&word));
        self.rows.retain(|row| row.iter().flat_map(texts).any(has_word));
    }

    fn to_json_lines(&self) -> String {
        let object = |row: &Vec<Value>| {
            let fields = self.header.iter().map(|key| (*key).to_owned()).zip(row.iter().cloned());
            format!("{}\n", Value::Object(fields.collect()))
        };
        self.rows.iter().map(object).collect()
    }

    fn to_text(&self) -> String {
        let header = self.header.iter().map(|key| (*key).to_owned()).collect();
        let rows = self.rows.iter().map(|row| row.iter().map(cell).collect());
        let lines: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].width()).max();
        let widths: Vec<usize> = (0..self.header.len()).filter_map(width).collect();
        let line = |cells: &Vec<String>| {
            let pad =
                |(cell, width): (&String, &usize)| cell.clone() + &" ".repeat(width - cell.width());
            let padded = cells.iter().zip(&widths).map(pad);
            format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
        };
        lines.iter().map(line).collect()
    }
}

/// A file of the user's may have named it.
fn tidy(cell: &mut Value) {
    match cell {
        Value::String(text) => *text = clean(text).into_owned(),
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// A cell, or what is in it.
fn texts(cell: &Value) -> &[Value] {
    cell.as_array().map_or(std::slice::from_ref(cell), Vec::as_slice)
}

/// A cell as it stands in a column.
fn cell(value: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    texts(value).iter().map(plain).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Kind; 5] =
        [Kind::Protocols, Kind::Categories, Kind::Groups, Kind::Breeds, Kind::Risks];

    fn table() -> Table {
        Table {
            header: &["id", "name", "category"],
            rows: vec![
                vec![json!(5), json!("DNS"), json!("Network")],
                vec![json!(119), json!("Facebook"), json!("SocialNetwork")],
            ],
        }
    }

    #[test]
    fn columns_stand_below_their_headers() {
        let expected =
            "id   name      category\n5    DNS       Network\n119  Facebook  SocialNetwork\n";
        assert_eq!(table().to_text(), expected);
    }

    #[test]
    fn a_word_is_looked_for_in_every_column() {
        let mut social = table();
        social.keep("social");
        let expected = "{\"id\":119,\"name\":\"Facebook\",\"category\":\"SocialNetwork\"}\n";
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&social.to_json_lines()).unwrap(), expected);
        let mut none = table();
        none.keep("119");
        assert!(none.rows.is_empty(), "numbers are no words");
    }

    #[test]
    fn a_member_is_found_and_stands_in_a_list() {
        let mut lists = Table {
            header: &["name", "members"],
            rows: vec![
                vec![json!("Media"), json!(["RTP", "YouTube"])],
                vec![json!("Video"), json!(["Zoom"])],
                vec![json!("News"), json!([])],
            ],
        };
        assert_eq!(lists.to_text(), "name   members\nMedia  RTP, YouTube\nVideo  Zoom\nNews\n");
        lists.keep("youtube");
        assert_eq!(
            lists.to_json_lines(),
            "{\"members\":[\"RTP\",\"YouTube\"],\"name\":\"Media\"}\n"
        );
    }

    #[test]
    fn every_list_of_the_library_has_rows() {
        let Some(library) = crate::testing::library() else { return };
        let engine = library.engine().build().unwrap();
        for kind in ALL {
            let table = Table::of(kind, &engine);
            assert!(!table.rows.is_empty(), "{kind:?}");
            assert!(table.rows.iter().all(|row| row.len() == table.header.len()), "{kind:?}");
        }
    }
}
