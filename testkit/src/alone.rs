//! Tests that need a process of their own, because what they look at is the process's: its standard
//! output, what a library counts in it.

use std::env;
use std::process::{Command, Output};

/// Says to a test that it was started by itself.
const ALONE: &str = "NDPI_TEST_ALONE";

/// Runs the test `name` of `module` (`module_path!()`) again, in a process of its own that it knows
/// by `word` ([`word`]), and gives what it printed.
#[track_caller]
pub fn run(module: &str, name: &str, word: &str) -> Output {
    // What the harness calls it: the path without the crate.
    let path = match module.split_once("::") {
        Some((_, inner)) => format!("{inner}::{name}"),
        None => name.to_owned(),
    };
    let mut test = Command::new(env::current_exe().expect("this program"));
    let output = test.args([&path, "--exact", "--nocapture"]).env(ALONE, word).output();
    let output = output.expect("this program starts");
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(output.status.success(), "{path}, alone: {}{}", said[0], said[1]);
    assert!(said[0].contains("1 passed"), "there is no test {path}: {}", said[0]);
    output
}

/// The word given to [`run`], in the process that it started.
pub fn word() -> Option<String> {
    env::var(ALONE).ok()
}

#[cfg(test)]
mod tests {
    use super::{run, word};

    #[test]
    fn a_test_runs_again_in_a_process_of_its_own() {
        let Some(word) = word() else {
            let output = run(module_path!(), "a_test_runs_again_in_a_process_of_its_own", "above");
            let number = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!number.contains(&format!("process {}", std::process::id())), "{number}");
            return;
        };
        assert_eq!(word, "above");
        println!("process {}", std::process::id());
    }
}
