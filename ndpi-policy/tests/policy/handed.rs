//! Policies that one process has read and another decides by.

use std::fs;
use std::io;
use std::path::Path;

use ndpi_policy::{Outcome, Support, hand_over, read, take_over};
use testkit::seed;

use crate::asked;

#[path = "../../../fuzz/cases/handed.rs"]
mod case;

/// A policy, its list, and what is handed over of them.
struct Handed {
    text: String,
    list: String,
    bytes: Vec<u8>,
}

impl Handed {
    fn of(text: &str, list: &str) -> Self {
        let files = |file: &Path, _: u64| file_of(file, text, list);
        let (path, names) = (Path::new("policy.toml"), asked::vocabulary());
        let outcome = read(path, None, &names, Support::ALL, &files);
        let mut bytes = Vec::new();
        hand_over(&outcome, &mut bytes).unwrap();
        Self { text: text.to_owned(), list: list.to_owned(), bytes }
    }

    fn take(&self, bytes: &[u8]) -> Option<Outcome> {
        take_over(bytes, &|file| file_of(file, &self.text, &self.list).ok()).ok()
    }

    /// As the fuzzer has it.
    fn seed(&self, bytes: &[u8]) -> Vec<u8> {
        [self.text.as_bytes(), self.list.as_bytes(), bytes].join(case::SEPARATOR)
    }

    /// With these bytes exchanged for those.
    fn with_lie(&self, truth: &[u8], lie: &[u8]) -> Option<Outcome> {
        let mut bytes = self.bytes.clone();
        assert!(self.take(&bytes).is_some_and(|outcome| outcome.is_ok()), "{}", self.text);
        let at = bytes.windows(truth.len()).rposition(|it| it == truth).expect("it is in there");
        bytes.splice(at..at + truth.len(), lie.iter().copied());
        self.take(&bytes)
    }
}

fn file_of(path: &Path, text: &str, list: &str) -> io::Result<Vec<u8>> {
    match path.to_str() {
        Some("policy.toml") => Ok(text.into()),
        Some("list") => Ok(list.into()),
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}

/// The seeds of the target `policy`.
fn seeds() -> impl Iterator<Item = (String, Handed)> {
    let policies = fs::read_dir(seed::corpus("policy")).unwrap().map(|it| it.unwrap().path());
    policies.map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        let (text, list) = text.split_once("\n%%\n").unwrap_or((&text, ""));
        (path.file_name().unwrap().to_str().unwrap().to_owned(), Handed::of(text, list))
    })
}

#[test]
fn the_corpus_of_the_fuzzer_is_handed_over_and_holds() {
    for (name, handed) in seeds() {
        seed::hold("handed", &name, &handed.seed(&handed.bytes));
        assert!(handed.take(&handed.bytes).is_some(), "{name}");
    }
    seed::replay("handed", case::run);
}

#[test]
fn a_lie_about_any_byte_is_a_policy_or_none() {
    let mut none = 0;
    for (_, handed) in seeds().filter(|(_, handed)| handed.bytes.len() < 1000) {
        let mut bytes = handed.bytes.clone();
        for at in 0..bytes.len() {
            none += u32::from(handed.take(&bytes[..at]).is_none());
            let was = bytes[at];
            for lie in [0, 0x7f, 0xff, was ^ 1] {
                bytes[at] = lie;
                case::run(&handed.seed(&bytes));
            }
            bytes[at] = was;
        }
    }
    assert!(none > 500, "a part of a policy is none: {none}");
}

#[test]
fn what_no_policy_says_is_refused_and_what_is_shown_is_clean() {
    let rule = |rest: &str| Handed::of(&format!("[[rule]]\nname = \"rule-one\"\n{rest}\n"), "");
    // Numbers are written in groups of seven bits.
    let ports = rule("port = \"33-34\"\naction = \"drop\"");
    assert!(ports.with_lie(&[33, 34], &[33, 35]).is_some());
    assert!(ports.with_lie(&[33, 34], &[34, 33]).is_none(), "it ends before it starts");
    let limit = rule("limit = \"1 mbit/s\"\nburst = \"64 kB\"");
    let burst = [0x80, 0xf4, 0x03];
    assert!(limit.with_lie(&burst, &[0x81, 0xf4, 0x03]).is_some());
    assert!(limit.with_lie(&burst, &[1]).is_none(), "less than a frame");
    let named = rule("app = \"TLS\"\naction = \"drop\"");
    let (place, beyond) = ([0, 16, 26], [0, 16, 127]);
    assert!(named.with_lie(&place, &place).is_some());
    assert!(named.with_lie(&place, &beyond).is_none(), "the file is shorter");
    let other = (b"\x0bpolicy.toml", b"\x0bpolicy.tomm");
    assert!(named.with_lie(other.0, other.1).is_none(), "a file that it was not given");
    let cleaned = named.with_lie(b"\x08rule-one", b"\x08rule\none").unwrap().unwrap();
    let policy = cleaned.index(&asked::vocabulary());
    assert_eq!(policy.rules()[0].name, "rule?one");
}
