//! Reading a policy again, in place of one that is in force. Whoever writes it or a list may be at it, and what is
//! there may be the beginning of what is to come.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::any_path::AnyPath;
use crate::blocklist::has_entries;
use crate::decide::Policy;
use crate::diagnose::Diagnostics;
use crate::files::{Files, beside};
use crate::load::{ReadPolicy, policy_from, policy_of, read_first, read_list, read_policy};
use crate::parsed::{Extent, Parsed};
use crate::read::Reader;
use crate::support::Support;
use crate::vocabulary::Vocabulary;

/// What the policy in force has and the next one may not lose without a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    has_rules: bool,
    /// Its lists that have no entries.
    empty_lists: Vec<AnyPath>,
}

impl InForce {
    /// What `policy` has.
    pub fn of(policy: &Policy) -> Self {
        let lists = policy.diagnostics().lists();
        let empty = lists.filter(|(_, text)| !has_entries(text));
        Self {
            has_rules: !policy.rules().is_empty(),
            empty_lists: empty.map(|(path, _)| AnyPath(path.to_owned())).collect(),
        }
    }

    /// Reads the policy at `path` that is to take its place.
    fn read_next(
        &self,
        path: &Path,
        vocabulary: &Vocabulary,
        support: Support,
        files: &dyn Files,
    ) -> Result<ReadPolicy, Diagnostics> {
        let text = policy_from(path, || read_policy(files, path))?;
        let read_list = |list: &Path| {
            let file = beside(path, list);
            let text = read_list(files, &file)?;
            let refused = "no entry is in it; if it is to have none, write a line: # none";
            if self.takes_list(&file, &text) { Ok(text) } else { Err(unfinished(refused)) }
        };
        let mut reader = Reader::new(vocabulary, support, &read_list);
        let parsed = reader.policy(path, &text);
        match parsed.as_ref().and_then(|parsed| self.refuses(parsed)) {
            Some(why) => policy_from(path, || Err(unfinished(why)))
                .and_then(|_| policy_of(None, reader.diagnostics)),
            None => policy_of(parsed, reader.diagnostics),
        }
    }

    /// Why what was read is not taken for a whole policy; `None` where it is.
    fn refuses(&self, read: &Parsed) -> Option<&'static str> {
        match read.extent {
            Extent::Nothing => {
                Some("nothing is in it; if it is to have no rules, write: rule = []")
            }
            Extent::Settings if self.has_rules => {
                Some("settings are in it, and no rules; if it is to have none, write: rule = []")
            }
            Extent::Settings | Extent::Rules => None,
        }
    }

    /// Whether this is taken for the whole list in the file at `path`.
    fn takes_list(&self, path: &Path, text: &str) -> bool {
        has_entries(text) || says_none(text) || self.empty_lists.iter().any(|list| list.0 == path)
    }
}

/// Reads the policy at `path` again, in place of one of which `before` says what it has: a file without content is not
/// taken, nor one that does not say a word of rules if there were some, nor a list without entries that had some, or
/// was not there, unless it has a line `# none`. Let `files` wait until they have been left alone.
///
/// # Errors
/// As [`load`](crate::load).
pub fn reload(
    path: &Path,
    before: &InForce,
    vocabulary: &Vocabulary,
    support: Support,
    files: &dyn Files,
) -> Result<Policy, Diagnostics> {
    before.read_next(path, vocabulary, support, files).map(|read| read.index(vocabulary))
}

/// [`load`](crate::load), or [`reload`] in place of a policy that has what `before` says, as far as it can be done
/// without those who decide by it.
///
/// # Errors
/// As they.
pub fn read(
    path: &Path,
    before: Option<&InForce>,
    vocabulary: &Vocabulary,
    support: Support,
    files: &dyn Files,
) -> Result<ReadPolicy, Diagnostics> {
    match before {
        Some(before) => before.read_next(path, vocabulary, support, files),
        None => read_first(path, vocabulary, support, files),
    }
}

fn unfinished(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, why)
}

/// Whether a list says that it has no entries.
fn says_none(text: &str) -> bool {
    let comments = text.lines().filter_map(|line| line.trim().strip_prefix('#'));
    comments.map(str::trim).any(|comment| comment.eq_ignore_ascii_case("none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::load;

    const NAMES_A_LIST: &str =
        "[[rule]]\nname = \"a\"\nhost = { file = \"list\" }\naction = \"count\"\n";
    const RULE: &str = "[[ rule ]]\nname = \"a\"\nport = 1\naction = \"count\"\n";

    fn files(policy: &str, list: &str) -> impl Fn(&Path, u64) -> io::Result<Vec<u8>> {
        let [policy, list] = [policy, list].map(|text| text.as_bytes().to_vec());
        move |path, _| Ok(if path.ends_with("list") { list.clone() } else { policy.clone() })
    }

    /// What a reload of a policy with this text, whose list has that one, says in place of another policy and list;
    /// nothing where it is taken.
    fn refused((before, list_before): (&str, &str), (policy, list): (&str, &str)) -> String {
        let apps = [(91, "TLS")].into_iter().collect();
        let (path, vocabulary) =
            (Path::new("policy"), Vocabulary { apps, ..Vocabulary::default() });
        let before = load(path, &vocabulary, Support::ALL, &files(before, list_before)).unwrap();
        let before = InForce::of(&before);
        match reload(path, &before, &vocabulary, Support::ALL, &files(policy, list)) {
            Ok(_) => String::new(),
            Err(mistakes) => mistakes.to_string(),
        }
    }

    #[test]
    fn what_may_be_the_beginning_of_a_policy_is_not_taken_in_place_of_a_whole_one() {
        let after = |before, text| refused((before, ""), (text, ""));
        for text in ["", " \n\t\n", "\u{feff}", "\u{feff}\n# rules follow\n", "# [[rule]]\n"] {
            assert!(after(RULE, text).contains("nothing is in it"), "{text:?}");
        }
        for text in ["default = \"drop\"\n", "\u{feff}undecided = \"drop\"\n# rule = []\n"] {
            assert!(after(RULE, text).contains("no rules"), "{text:?}");
            assert_eq!(after("rule = []", text), "", "there were none before");
        }
        for text in ["rule = []", "\u{feff}\"rules\"=[]", "default = \"drop\"\nrules = [\n]", RULE]
        {
            assert_eq!(after(RULE, text), "", "{text:?}");
        }
    }

    #[test]
    fn rules_are_what_the_parser_takes_for_rules() {
        let group = "default = \"drop\"\n[groups]\nrules = [\"TLS\"]\n";
        assert!(refused((RULE, ""), (group, "")).contains("no rules"), "a group of that name");
        for text in ["\"r\\u0075le\" = []", "default = \"drop\"\n\"r\\u0075le\" = [ ]"] {
            assert_eq!(refused((RULE, ""), (text, "")), "", "{text}");
        }
    }

    #[test]
    fn what_may_be_the_beginning_of_a_list_is_not_taken_either() {
        let after = |before, list| refused((NAMES_A_LIST, before), (NAMES_A_LIST, list));
        let comments = ["# my list\n", "! Title: ads\n[Adblock Plus 2.0]\n", "; x\n// y\n"];
        for list in ["", "\n", "\u{feff}"].into_iter().chain(comments) {
            let said = after("a.example", list);
            assert!(said.contains("no entry is in it"), "{list:?}: {said}");
            assert_eq!(after("# nothing yet", list), "", "{list:?}: it had none before");
            let new = refused((RULE, ""), (NAMES_A_LIST, list));
            assert!(new.contains("no entry is in it"), "{list:?}: it was not named before");
        }
        for list in ["# none", "# my list\n #  None \r\n", "#none", "a.example", "# x\nb.example"] {
            assert_eq!(after("a.example", list), "", "{list:?}");
        }
    }
}
