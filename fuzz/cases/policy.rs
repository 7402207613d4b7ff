//! One policy file, as the fuzzer and the tests that replay its corpus feed it.

use std::io;
use std::path::Path;

use ndpi_policy::{Support, check_text, hand_over, policy_text, read, take_over};

use crate::asked;

/// What separates the policy from the list file that it can name.
const SEPARATOR: &str = "\n%%\n";

/// Reads `data` as a policy, and asks it about a few flows, before and after it was handed to another process.
///
/// # Panics
/// If the policy reader does something that it never should.
pub(super) fn run(data: &[u8]) {
    let Ok(input) = std::str::from_utf8(data) else { return };
    let (text, list) = input.split_once(SEPARATOR).unwrap_or((input, ""));
    let path = Path::new("policy.toml");
    let files = |file: &Path, _: u64| match file.to_str() {
        Some("list") => Ok(list.into()),
        _ if file == path => Ok(text.into()),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    // A list that looks like another encoding is none, for whoever reads it.
    let read_list = |file: &Path| policy_text(files(file, 0)?);
    let names = asked::vocabulary();
    let checked = check_text(path, text, &names, Support::ALL, &read_list);
    assert_eq!(checked.render(false).is_empty(), checked.problems().is_empty());
    assert_eq!(checked.to_json().as_array().map(Vec::len), Some(checked.problems().len()));
    let outcome = read(path, None, &names, Support::ALL, &files);
    let mut handed = Vec::new();
    hand_over(&outcome, &mut handed).expect("memory takes it");
    let taken =
        take_over(&handed, &|file| files(file, 0).ok()).expect("it was handed over as it is");
    assert_eq!(format!("{taken:?}"), format!("{outcome:?}"));
    match outcome {
        Err(problems) => assert!(problems.has_errors() && checked.has_errors()),
        Ok(policy) => {
            assert!(!checked.has_errors());
            asked::ask(&policy.index(&names), &names);
        }
    }
}
