//! The names of nDPI 5.0, recorded for tests and tools that have no library.

use std::fmt::Write as _;
use std::str::{FromStr, Split};

use crate::{
    AppId, Asking, Breed, BreedId, Catalog, Category, CategoryId, Classification, Protocol, Risk,
    Severity, State,
};

/// The names and numbers of nDPI 5.0 without a user's own protocols and categories, and what it says of
/// a few hosts. A test of the `ndpi` crate holds the record against the library.
const TEXT: &str = include_str!("recorded.tsv");

/// A host that was asked for, and how.
pub type Question = (String, Asking);

/// A catalog that was written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    protocols: Vec<Protocol>,
    categories: Vec<Category>,
    breeds: Vec<Breed>,
    risks: Vec<Risk>,
    hosts: Vec<(Question, Classification)>,
}

impl Recorded {
    /// The record of nDPI 5.0.
    ///
    /// # Panics
    ///
    /// Never: a test reads it.
    pub fn ndpi_5_0() -> Self {
        Self::from_text(TEXT).expect("the record is read by a test")
    }

    /// Records what a catalog knows, and what it says of hosts: application, category and breed.
    pub fn of(catalog: &impl Catalog, hosts: impl IntoIterator<Item = Question>) -> Self {
        let answer = |(host, asking): Question| {
            let said = catalog.classify_host(&host, asking)?;
            Some(((host, asking), answer(said.app, said.category, said.breed)))
        };
        Self {
            protocols: catalog.protocols(),
            categories: catalog.categories(),
            breeds: catalog.breeds(),
            risks: catalog.risks(),
            hosts: hosts.into_iter().filter_map(answer).collect(),
        }
    }

    /// The hosts that were asked for.
    pub fn hosts(&self) -> impl Iterator<Item = &Question> {
        self.hosts.iter().map(|(question, _)| question)
    }

    /// The record as text: a line for each thing, its parts separated by tabs.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        // Memory takes any text.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        for Category { id, name } in &self.categories {
            writeln!(out, "category\t{}\t{name}", id.0)?;
        }
        for Breed { id, name } in &self.breeds {
            writeln!(out, "breed\t{}\t{name}", id.0)?;
        }
        for Risk { number, name, code, severity, score } in &self.risks {
            writeln!(out, "risk\t{number}\t{}\t{score}\t{code}\t{name}", severity.name())?;
        }
        for Protocol { id, name, category, breed, encrypted, custom } in &self.protocols {
            let (category, breed) = (category.0, breed.0);
            writeln!(out, "protocol\t{id}\t{category}\t{breed}\t{encrypted}\t{custom}\t{name}")?;
        }
        for ((host, asking), said) in &self.hosts {
            let AppId { master, app } = said.app;
            let (category, breed) = (said.category.0, said.breed.0);
            let asking = word(*asking);
            writeln!(out, "host\t{asking}\t{host}\t{master}\t{app}\t{category}\t{breed}")?;
        }
        Ok(())
    }

    /// Reads what [`Recorded::to_text`] wrote; `None` where it is something else.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut recorded = Self::default();
        for line in text.lines() {
            let mut parts = line.split('\t');
            recorded.read(parts.next()?, &mut parts)?;
            if parts.next().is_some() {
                return None;
            }
        }
        Some(recorded)
    }

    fn read(&mut self, kind: &str, parts: &mut Split<'_, char>) -> Option<()> {
        match kind {
            "category" => {
                let id = CategoryId(next(parts)?);
                self.categories.push(Category { id, name: next(parts)? });
            }
            "breed" => {
                let id = BreedId(next(parts)?);
                self.breeds.push(Breed { id, name: next(parts)? });
            }
            "risk" => self.risks.push(risk(parts)?),
            "protocol" => self.protocols.push(protocol(parts)?),
            "host" => self.hosts.push(host(parts)?),
            _ => return None,
        }
        Some(())
    }
}

impl Catalog for Recorded {
    fn protocols(&self) -> Vec<Protocol> {
        self.protocols.clone()
    }

    fn categories(&self) -> Vec<Category> {
        self.categories.clone()
    }

    fn breeds(&self) -> Vec<Breed> {
        self.breeds.clone()
    }

    fn risks(&self) -> Vec<Risk> {
        self.risks.clone()
    }

    fn classify_host(&self, host: &str, asking: Asking) -> Option<Classification> {
        let of_host =
            |((its, way), _): &&(Question, Classification)| *its == host && *way == asking;
        self.hosts.iter().find(of_host).map(|(_, said)| *said)
    }
}

const ASKING: [(&str, Asking); 3] =
    [("tls", Asking::Tls), ("http", Asking::Http), ("dns", Asking::Dns)];

fn word(asking: Asking) -> &'static str {
    match asking {
        Asking::Tls => "tls",
        Asking::Http => "http",
        Asking::Dns => "dns",
    }
}

fn answer(app: AppId, category: CategoryId, breed: BreedId) -> Classification {
    Classification { state: State::Classified, app, category, breed, ..Classification::default() }
}

fn next<T: FromStr>(parts: &mut Split<'_, char>) -> Option<T> {
    parts.next()?.parse().ok()
}

fn risk(parts: &mut Split<'_, char>) -> Option<Risk> {
    let number = next(parts)?;
    let severity = parts.next()?;
    let severity = Severity::ALL.into_iter().find(|known| known.name() == severity)?;
    let (score, code, name) = (next(parts)?, next(parts)?, next(parts)?);
    Some(Risk { number, name, code, severity, score })
}

fn protocol(parts: &mut Split<'_, char>) -> Option<Protocol> {
    let (id, category, breed) = (next(parts)?, CategoryId(next(parts)?), BreedId(next(parts)?));
    let (encrypted, custom, name) = (next(parts)?, next(parts)?, next(parts)?);
    Some(Protocol { id, name, category, breed, encrypted, custom })
}

fn host(parts: &mut Split<'_, char>) -> Option<(Question, Classification)> {
    let asking = parts.next()?;
    let (_, asking) = ASKING.into_iter().find(|(word, _)| *word == asking)?;
    let host = next(parts)?;
    let app = AppId { master: next(parts)?, app: next(parts)? };
    let said = answer(app, CategoryId(next(parts)?), BreedId(next(parts)?));
    Some(((host, asking), said))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_is_read_and_written_again_as_it_is() {
        let recorded = Recorded::ndpi_5_0();
        assert_eq!(recorded.to_text(), TEXT);
        assert_eq!(Recorded::of(&recorded, recorded.hosts().cloned()), recorded);
        assert!(recorded.protocols.len() > 400 && recorded.risks.len() > 50);
    }

    #[test]
    fn what_was_not_asked_has_no_answer() {
        let recorded = Recorded::ndpi_5_0();
        let app = |host, asking| Some(recorded.classify_host(host, asking)?.app);
        let facebook = AppId { master: 91, app: 119 };
        assert_eq!(app("www.facebook.com", Asking::Tls), Some(facebook));
        assert_eq!(app("www.facebook.com", Asking::Dns), None);
        assert_eq!(app("nobody.example", Asking::Tls), None);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for text in ["category\tx\tname", "category\t1", "other\t1", "breed\t1\tFun\tmore", "\n"] {
            assert_eq!(Recorded::from_text(text), None, "{text:?}");
        }
    }
}
