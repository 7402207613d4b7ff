//! Programs that tests and lab use from the distribution.
//!
//! Installing packages changes the machine, so it happens only when asked for. Packages with
//! servers would start them: a policy for the time of the installation says no.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process;

const TABLE: &str = include_str!("../../packages.txt");

/// A program of the table, with the package that brings it.
struct Package {
    program: &'static str,
    name: &'static str,
    purpose: &'static str,
}

/// Says which programs are missing, and how to get them; true when all are there.
pub(super) fn report() -> bool {
    let missing: Vec<_> = missing().collect();
    for package in &missing {
        eprintln!(
            "setup: {} is missing (package {}): it {}",
            package.program, package.name, package.purpose
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
        .map(|package| format!("{} (package {})", package.program, package.name))
        .collect();
    if !missing.is_empty() {
        bail!("missing: {}; to install: cargo xtask setup --packages", missing.join(", "));
    }
    Ok(())
}

/// Installs the packages of the programs that are missing.
pub(super) fn install() -> Result<()> {
    let names: Vec<_> = missing().map(|package| package.name).collect();
    if names.is_empty() {
        eprintln!("setup: distribution packages: present");
        return Ok(());
    }
    eprintln!("setup: installing distribution packages: {}", names.join(" "));
    let by_hand = || format!("to install them by hand: sudo apt-get install {}", names.join(" "));
    let _quiet = NoServices::new()?;
    process::run(process::privileged("apt-get").arg("update")).with_context(by_hand)?;
    process::run(
        process::privileged("env")
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes"])
            .arg("--no-install-recommends")
            .args(&names),
    )
    .with_context(by_hand)
}

fn missing() -> impl Iterator<Item = Package> {
    packages().filter(|package| process::find_program(package.program).is_none())
}

fn packages() -> impl Iterator<Item = Package> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let (program, rest) = line.split_once(' ')?;
        let (name, purpose) = rest.trim_start().split_once(' ')?;
        Some(Package { program, name, purpose: purpose.trim_start() })
    })
}

/// While it lives, installing a package starts no server (`invoke-rc.d` asks this file).
struct NoServices {
    ours: bool,
}

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn new() -> Result<Self> {
        if Path::new(Self::POLICY).exists() {
            return Ok(Self { ours: false });
        }
        eprintln!("setup: no server is started while packages are installed ({})", Self::POLICY);
        let script = std::env::temp_dir().join(format!("policy-rc.d-{}", std::process::id()));
        fs::write(&script, "#!/bin/sh\nexit 101\n")?;
        let installed = process::run(
            process::privileged("install").args(["-m", "755"]).arg(&script).arg(Self::POLICY),
        );
        fs::remove_file(&script)?;
        installed.map(|()| Self { ours: true })
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = process::run(process::privileged("rm").arg(Self::POLICY))
        {
            eprintln!("setup: {} stays behind, please remove it: {error:#}", Self::POLICY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_package() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(packages().count(), lines);
        let cc = packages().find(|package| package.program == "cc").unwrap();
        assert_eq!(cc.name, "gcc");
        assert!(cc.purpose.starts_with("compiles"));
    }
}
