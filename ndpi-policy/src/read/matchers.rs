//! Reads the matchers of a rule. The same keys stand in a rule and in its `not`.

use ndpi_labels::{BreedId, CategoryId, Finding, Findings};
use toml::Spanned;
use toml::de::DeValue;

use super::keys::Keys;
use super::meant::site;
use super::reader::{Reader, here};
use super::value::as_list;
use super::words::Meant;
use crate::app_pattern::AppPattern;
use crate::confidence::Rank;
use crate::diagnose::{Place, Problem};
use crate::group::{also_called, app_pattern, group_name};
use crate::known_as::ndpi_name;
use crate::letters::letters;
use crate::names::Names;
use crate::rule::{ANY_FINDING, At, Matchers};
use crate::vocabulary::Vocabulary;

type Value<'i> = Spanned<DeValue<'i>>;

/// What is so of a category that nothing is in, and what to write.
pub(crate) const EMPTY: &str = "no application is in it and no list fills it: name its sites, \
                                           host = { file = \"…\" }, or fill it with --categories FILE";

impl Reader<'_> {
    pub(super) fn matchers(&mut self, keys: &mut Keys<'_, '_>) -> Matchers {
        Matchers {
            app: keys.take("app").map(|v| self.each("app", v, Self::app)),
            category: keys.take("category").map(|v| self.each("category", v, Self::category)),
            flow_category: keys
                .take("flow_category")
                .map(|v| self.each("flow_category", v, Self::flow_category)),
            group: keys.take("group").map(|v| self.each("group", v, Self::group)),
            breed: keys.take("breed").map(|v| self.each("breed", v, Self::breed)),
            risk: keys.take("risk").map(|v| self.each("risk", v, Self::risk)),
            risk_score: keys
                .take("risk_score")
                .and_then(|v| self.number("risk_score", u16::MAX, v)),
            host: keys.take("host").map(|v| self.each("host", v, Self::host)),
            ja4: keys.take("ja4").map(|v| self.each("ja4", v, Self::ja4)),
            alpn: keys.take("alpn").map(|v| self.each("alpn", v, |r, v| r.plain_text("alpn", v))),
            src: keys.take("src").map(|v| self.each("src", v, |r, v| r.net("src", v))),
            dst: keys.take("dst").map(|v| self.each("dst", v, |r, v| r.net("dst", v))),
            any: keys.take("any").map(|v| self.each("any", v, |r, v| r.net("any", v))),
            port: keys.take("port").map(|v| self.each("port", v, Self::port)),
            proto: keys.take("proto").map(|v| self.each("proto", v, Self::proto)),
            vlan: keys.take("vlan").map(|v| self.each("vlan", v, |r, v| r.range("vlan", 4094, v))),
            iface: keys
                .take("iface")
                .map(|v| self.each("iface", v, |r, v| r.plain_text("iface", v))),
            confidence: keys.take("confidence").and_then(|v| self.confidence(v)),
            guessed: keys.take("guessed").and_then(|v| self.flag("guessed", v)),
            incomplete: keys.take("incomplete").and_then(|v| self.flag("incomplete", v)),
            evasion: keys.take("evasion").map(|v| self.each("evasion", v, Self::evasion)),
            schedule: keys.take("schedule").and_then(|v| self.schedule(v)),
        }
    }

    pub(super) fn app(&mut self, value: &Value<'_>) -> Vec<At<AppPattern>> {
        let Some(name) = self.text("app", "names of protocols and applications", value) else {
            return Vec::new();
        };
        if let Some(pattern) = app_pattern(&self.vocabulary.apps, name) {
            return vec![At { value: pattern, place: here(value) }];
        }
        self.unknown_app(name, here(value));
        Vec::new()
    }

    pub(super) fn category(&mut self, value: &Value<'_>) -> Vec<At<CategoryId>> {
        self.category_of("category", value)
    }

    fn flow_category(&mut self, value: &Value<'_>) -> Vec<At<CategoryId>> {
        self.category_of("flow_category", value)
    }

    fn category_of(&mut self, key: &str, value: &Value<'_>) -> Vec<At<CategoryId>> {
        let names = &self.vocabulary.categories;
        self.named(key, "categories", names, value, CategoryId)
    }

    fn breed(&mut self, value: &Value<'_>) -> Vec<At<BreedId>> {
        let names = &self.vocabulary.breeds;
        self.named("breed", "breeds", names, value, |id| {
            BreedId(u8::try_from(id).unwrap_or(u8::MAX))
        })
    }

    fn risk(&mut self, value: &Value<'_>) -> Vec<At<u8>> {
        let names = &self.vocabulary.risks;
        self.named("risk", "risks", names, value, |id| u8::try_from(id).unwrap_or(u8::MAX))
    }

    fn named<T>(
        &mut self,
        key: &str,
        list: &str,
        names: &Names,
        value: &Value<'_>,
        make: impl Fn(u16) -> T,
    ) -> Vec<At<T>> {
        let Some(name) = self.text(key, &format!("names of {list}"), value) else {
            return Vec::new();
        };
        if let Some(id) = names.id(name) {
            return vec![At { value: make(id), place: here(value) }];
        }
        self.unknown_name(key, list, name, &names.nearest(name), here(value));
        Vec::new()
    }

    fn ja4(&mut self, value: &Value<'_>) -> Vec<At<String>> {
        let Some(text) = self.text("ja4", "JA4 fingerprints", value) else { return Vec::new() };
        if is_ja4(text) {
            return vec![At { value: text.to_owned(), place: here(value) }];
        }
        self.report(
            Problem::error("ja4", here(value), format!("{text:?} is not a JA4 fingerprint"))
                .help("they look like \"t13d1516h2_8daaf6152771_02713d6af862\""),
        );
        Vec::new()
    }

    fn plain_text(&mut self, key: &str, value: &Value<'_>) -> Vec<At<String>> {
        let Some(text) = self.text(key, "names", value) else { return Vec::new() };
        if text.is_empty() {
            self.report(Problem::error(
                "empty-name",
                here(value),
                format!("a name in `{key}` is empty"),
            ));
            return Vec::new();
        }
        vec![At { value: text.to_owned(), place: here(value) }]
    }

    fn confidence(&mut self, value: &Value<'_>) -> Option<At<Rank>> {
        let words: Vec<_> =
            Rank::words().filter_map(|word| Some((word, Rank::from_word(word)?))).collect();
        self.word("confidence", &words, Meant::Nothing, value)
    }

    fn evasion(&mut self, value: &Value<'_>) -> Vec<At<Findings>> {
        let one = Finding::ALL.map(|finding| (finding.name(), finding.into()));
        let any = (ANY_FINDING, Finding::ALL.into_iter().collect());
        let words: Vec<_> = one.into_iter().chain([any]).collect();
        self.word("evasion", &words, Meant::Evasion, value).into_iter().collect()
    }

    fn unknown_app(&mut self, name: &str, place: Place) {
        let apps = &self.vocabulary.apps;
        let halves =
            name.split_once('.').map(|(master, app)| (apps.id(master), apps.id(app), app, master));
        // Where one half is right, only the other needs a suggestion.
        let near: Vec<String> = match halves {
            Some((Some(_), None, app, master)) => {
                apps.nearest(app).into_iter().map(|near| format!("{master}.{near}")).collect()
            }
            Some((None, Some(_), app, master)) => {
                apps.nearest(master).into_iter().map(|near| format!("{near}.{app}")).collect()
            }
            _ => apps.nearest(name).into_iter().map(str::to_owned).collect(),
        };
        let near: Vec<&str> = near.iter().map(String::as_str).collect();
        self.unknown_name("app", "protocols", name, &near, place);
    }

    fn unknown_name(&mut self, key: &str, list: &str, name: &str, near: &[&str], place: Place) {
        let kind = key.strip_prefix("flow_").unwrap_or(key);
        let message = format!("nDPI knows no {kind} {name:?}");
        let help = self.named_elsewhere(kind, name).unwrap_or_else(|| match near {
            _ if name.contains(',') => as_list(key, name),
            [] => format!("`ndpi-xdp list {list}` shows all names"),
            [only] => format!("did you mean \"{only}\"?"),
            _ => format!("did you mean one of {}?", super::value::quoted(near)),
        });
        self.report(Problem::error("unknown-name", place, message).help(help));
    }

    /// What to write where a name is one of another kind, in any spelling.
    pub(super) fn named_elsewhere(&self, key: &str, name: &str) -> Option<String> {
        let group = self.groups.iter().find(|group| group.name == group_name(name));
        if let Some(group) = group.filter(|_| key != "group") {
            return Some(format!("that is a group: write `group = {:?}`", group.name));
        }
        if let Some(site) = site(name) {
            return Some(format!("that is a host name: write `host = \".{site}\"`"));
        }
        let Vocabulary { apps, categories, breeds, risks, .. } = self.vocabulary;
        let kinds = [
            ("app", "an application", apps),
            ("category", "a category", categories),
            ("breed", "a breed", breeds),
            ("risk", "a risk", risks),
        ];
        let others = kinds.into_iter().filter(|(other, ..)| *other != key);
        let of_another_kind = others.into_iter().find_map(|(other, what, names)| {
            let known = names.named(name)?;
            let category = names.id(known).map(CategoryId).filter(|_| other == "category");
            if category.is_some_and(|it| self.vocabulary.is_empty_category(it)) {
                return Some(format!("that is a category, but {EMPTY}"));
            }
            Some(format!("that is {what}: write `{other} = \"{known}\"`"))
        });
        let is_app = key == "app" && ndpi_name(&letters(name)).is_some();
        let group = || also_called(name).filter(|_| !is_app && ["app", "category"].contains(&key));
        of_another_kind.or_else(|| {
            group().map(|group| format!("there is a group for that: write `group = {group:?}`"))
        })
    }
}

/// The shape of JA4 (`FoxIO`, "JA4: TLS Client Fingerprinting"): ten characters, two
/// hashes of twelve.
fn is_ja4(text: &str) -> bool {
    let mut parts = text.split('_');
    let mut part = |length: usize, hex: bool| {
        parts.next().is_some_and(|part| {
            part.len() == length
                && part
                    .bytes()
                    .all(|b| if hex { b.is_ascii_hexdigit() } else { b.is_ascii_alphanumeric() })
        })
    };
    part(10, false) && part(12, true) && part(12, true) && parts.next().is_none()
}
