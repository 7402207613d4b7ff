//! Programs that tests and lab use from the distribution.
//!
//! Installing packages changes the machine, so it happens only when asked for. Packages with
//! servers would start them, which `xtask/install-packages.sh` prevents.

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

const TABLE: &str = include_str!("../../packages.txt");

/// A program of the table, with the packages that bring it, separated by commas.
struct Package {
    program: &'static str,
    names: &'static str,
    purpose: &'static str,
}

/// Says which programs are missing, and how to get them; true when all are there.
pub(super) fn report() -> bool {
    let missing: Vec<_> = missing().collect();
    for package in &missing {
        eprintln!(
            "setup: {} is missing (package {}): it {}",
            package.program, package.names, package.purpose
        );
    }
    if !missing.is_empty() {
        eprintln!("setup: tests and lab need them; to install: cargo xtask setup --packages");
    }
    missing.is_empty()
}

/// Fails when one of `programs` is missing, naming all that are, with their packages.
pub(crate) fn require(programs: &[&str]) -> Result<()> {
    let missing: Vec<_> = missing()
        .filter(|package| programs.contains(&package.program))
        .map(|package| format!("{} (package {})", package.program, package.names))
        .collect();
    if !missing.is_empty() {
        bail!("missing: {}; to install: cargo xtask setup --packages", missing.join(", "));
    }
    Ok(())
}

/// Installs the packages of the programs that are missing.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let names: Vec<_> = missing().flat_map(|package| package.names.split(',')).collect();
    if names.is_empty() {
        eprintln!("setup: distribution packages: present");
        return Ok(());
    }
    eprintln!("setup: installing distribution packages: {}", names.join(" "));
    let script = workspace.root().join("xtask/install-packages.sh");
    process::run(process::privileged("sh").arg(script).args(&names)).with_context(|| {
        format!("to install them by hand: sudo apt-get install {}", names.join(" "))
    })
}

fn missing() -> impl Iterator<Item = Package> {
    packages().filter(|package| process::find_program(package.program).is_none())
}

fn packages() -> impl Iterator<Item = Package> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (program, rest) = line.split_once(' ')?;
        let (names, purpose) = rest.trim_start().split_once(' ')?;
        Some(Package { program, names, purpose: purpose.trim_start() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_package() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(packages().count(), lines);
        let cc = packages().find(|package| package.program == "cc").unwrap();
        assert_eq!(cc.names, "gcc,libc6-dev");
        assert!(cc.purpose.starts_with("compiles"));
    }
}
