//! Lists what rules on categories and groups take, application by application.

use ndpi_labels::{CategoryId, Finding};

use crate::app_pattern::AppPattern;
use crate::diagnose::Place;
use crate::group::Group;
use crate::rule::{ANY_FINDING, At, Matchers, Rule};
use crate::vocabulary::Vocabulary;

/// A category or group that a rule names, or `any` finding, and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// The rule.
    pub rule: String,
    /// Where it is written.
    pub place: Place,
    /// The matcher: `category`, `not.group`, `evasion`, …
    pub key: String,
    /// The category or group; `any`.
    pub name: String,
    /// The applications that it takes.
    pub apps: Vec<String>,
    /// Categories that it takes flows of, whatever their application: nDPI files flows by their host,
    /// by what they transfer, and by lists, too.
    pub categories: Vec<String>,
    /// The findings that it takes.
    pub findings: Vec<&'static str>,
}

/// What each rule that names categories or groups takes by them, in the order of the file.
pub fn caught(rules: &[Rule], names: &Vocabulary) -> Vec<Caught> {
    let of_rule = |rule: &Rule| {
        let mut all = of_matchers(rule, "", &rule.matchers, names);
        all.extend(of_matchers(rule, "not.", &rule.not, names));
        all
    };
    rules.iter().flat_map(of_rule).collect()
}

impl Caught {
    /// What it takes, in words.
    pub fn members(&self) -> String {
        let apps = self.apps.join(", ");
        let categories = self.categories.join(", ");
        match (apps.as_str(), categories.as_str()) {
            ("", "") if !self.findings.is_empty() => self.findings.join(", "),
            ("", "") => "nothing".to_owned(),
            (apps, "") => apps.to_owned(),
            ("", categories) => format!("what nDPI files under {categories}, of any application"),
            (apps, categories) => format!("{apps}; and what else nDPI files under {categories}"),
        }
    }
}

fn of_matchers(rule: &Rule, prefix: &str, matchers: &Matchers, names: &Vocabulary) -> Vec<Caught> {
    let caught = |key: &str, place: Place| Caught {
        rule: rule.name.clone(),
        place,
        key: format!("{prefix}{key}"),
        name: String::new(),
        apps: Vec::new(),
        categories: Vec::new(),
        findings: Vec::new(),
    };
    let category = |key: &'static str, apps: fn(CategoryId, &Vocabulary) -> Vec<String>| {
        move |at: &At<CategoryId>| {
            let name = category_name(at.value, names);
            let categories = vec![name.clone()];
            Caught { name, apps: apps(at.value, names), categories, ..caught(key, at.place) }
        }
    };
    let groups = matchers.group.iter().flatten().map(|at| Caught {
        name: at.value.name.clone(),
        apps: group_members(&at.value, names),
        categories: at.value.categories.iter().map(|it| category_name(*it, names)).collect(),
        ..caught("group", at.place)
    });
    let broad = matchers.category.iter().flatten().map(category("category", members));
    let narrow = matchers.flow_category.iter().flatten();
    let narrow = narrow.map(category("flow_category", |_, _| Vec::new()));
    let findings = matchers.evasion.iter().flatten().filter(|at| at.value.iter().count() > 1);
    let findings = findings.map(|at| Caught {
        name: ANY_FINDING.to_owned(),
        findings: at.value.iter().map(Finding::name).collect(),
        ..caught("evasion", at.place)
    });
    broad.chain(narrow).chain(groups).chain(findings).collect()
}

fn members(category: CategoryId, names: &Vocabulary) -> Vec<String> {
    let ids = names.app_categories.members(category);
    ids.into_iter().map(|id| names.pattern_name(AppPattern::Either(id))).collect()
}

fn group_members(group: &Group, names: &Vocabulary) -> Vec<String> {
    let apps = group.apps.iter().map(|app| names.pattern_name(*app));
    apps.chain(group.categories.iter().flat_map(|it| members(*it, names))).collect()
}

fn category_name(category: CategoryId, names: &Vocabulary) -> String {
    names.categories.name(category.0).unwrap_or("Unspecified").to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::load::parse;
    use crate::support::Support;

    #[test]
    fn every_category_and_group_of_a_rule_is_listed_with_its_members() {
        let names = Vocabulary {
            apps: [(119, "Facebook"), (124, "YouTube"), (189, "Zoom")].into_iter().collect(),
            categories: [(1, "Media"), (6, "SocialNetwork"), (7, "Download")].into_iter().collect(),
            app_categories: [(119, CategoryId(6)), (124, CategoryId(1))].into_iter().collect(),
            ..Vocabulary::default()
        };
        let text = "groups.films = { app = 'YouTube', category = 'Download' }\n\
                    [[rule]]\nname = 'a'\ncategory = 'SocialNetwork'\nnot.group = 'films'\n\
                    action = 'drop'\n\
                    [[rule]]\nname = 'b'\nflow_category = 'Download'\naction = 'drop'\n\
                    [[rule]]\nname = 'c'\nevasion = ['any', 'oversize']\naction = 'drop'\n";
        let path = Path::new("p");
        let policy = parse(path, text, &names, Support::ALL, &|_| unreachable!()).unwrap();
        let said: Vec<_> = caught(policy.rules(), &names)
            .iter()
            .map(|it| format!("{} {} {}: {}", it.rule, it.key, it.name, it.members()))
            .collect();
        assert_eq!(
            said,
            [
                "a category SocialNetwork: Facebook; and what else nDPI files under SocialNetwork",
                "a not.group films: YouTube; and what else nDPI files under Download",
                "b flow_category Download: what nDPI files under Download, of any application",
                "c evasion any: fake-segment, out-of-window, bad-checksum, ttl-anomaly, ambiguous, \
                 reordered-hello, split-records, budget-padding, fragment-overlap, dns-unsolicited, \
                 oversize",
            ]
        );
    }
}
