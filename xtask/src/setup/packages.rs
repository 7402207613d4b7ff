//! Programs that tests and lab use from the distribution.
//!
//! Packages with servers would start them, which `xtask/install-packages.sh` prevents.

use std::fmt;
use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;

const TABLE: &str = include_str!("../../packages.txt");

/// What tests and lab use: all of the table but the emulator.
pub(super) const ALL: [&str; 17] = [
    "bpftool", "cc", "curl", "dig", "dnsmasq", "fever", "ip", "nfcapd", "nfdump", "nft", "nginx",
    "openssl", "pip3", "promtool", "ssh", "sshd", "tshark",
];

/// A program of the table, with the packages that bring it, separated by commas.
#[derive(Clone, Copy)]
pub(super) struct Package {
    program: &'static str,
    names: &'static str,
    purpose: &'static str,
}

impl fmt::Display for Package {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { program, names, purpose } = self;
        write!(formatter, "{program} (package {names}), which {purpose}")
    }
}

/// Which of `programs` are missing.
pub(super) fn missing(programs: &[&str]) -> Vec<Package> {
    packages()
        .filter(|package| programs.contains(&package.program) && !is_there(package.program))
        .collect()
}

/// Whether it is there and, where that is not the same, works.
fn is_there(program: &str) -> bool {
    // Ubuntu's looks for another program, which belongs to the kernel that runs.
    let works = || process::output(process::command(program).arg("version")).is_ok();
    process::find_program(program).is_some() && (program != "bpftool" || works())
}

/// Fails where there is nothing to install them with.
pub(super) fn can_install(packages: &[Package]) -> Result<()> {
    if process::find_program("apt-get").is_none() {
        let programs: Vec<_> = packages.iter().map(|package| package.program).collect();
        bail!(
            "missing: {}; there is no apt-get here: install them as your distribution does",
            programs.join(", ")
        );
    }
    Ok(())
}

/// How a person would install them; nothing where none is missing.
pub(super) fn by_hand(packages: &[Package]) -> String {
    if packages.is_empty() {
        return String::new();
    }
    in_shell(&names(packages, &distribution()))
}

/// As `xtask/install-packages.sh` would, but that a shell takes `|` for something else.
fn in_shell(names: &[String]) -> String {
    let first = names.iter().map(|name| name.split('|').next().unwrap_or(name));
    let first = first.collect::<Vec<_>>().join(" ");
    format!("to install by hand: sudo apt-get install --no-install-recommends {first}")
}

/// Installs the packages.
pub(super) fn install(packages: &[Package], workspace: &Workspace) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let names = names(packages, &distribution());
    eprintln!("setup: installing packages of the distribution: {}", names.join(" "));
    let script = workspace.root().join("xtask/install-packages.sh");
    process::quietly(process::privileged("sh").arg(script).args(&names))
        .with_context(|| by_hand(packages))
}

/// The contents of `/etc/os-release`.
fn distribution() -> String {
    fs::read_to_string("/etc/os-release").unwrap_or_default()
}

/// What to ask apt-get for; `a|b` is `a` where there is such a package, else `b`.
fn names(packages: &[Package], system: &str) -> Vec<String> {
    let of = |package: &Package| -> Vec<String> {
        if package.program == "bpftool" && is_ubuntu(system) {
            // The program is in a package of each kernel, and what looks for it in a common one.
            let release = rustix::system::uname().release().to_string_lossy().into_owned();
            let program = format!("linux-tools-{release}|linux-tools-generic");
            return vec!["linux-tools-common".to_owned(), program];
        }
        package.names.split(',').map(str::to_owned).collect()
    };
    packages.iter().flat_map(of).collect()
}

fn is_ubuntu(system: &str) -> bool {
    system.lines().any(|line| line.trim_matches('"') == "ID=ubuntu")
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
        let names = packages().map(|package| package.program);
        assert_eq!(names.filter(|name| !name.starts_with("qemu")).collect::<Vec<_>>(), ALL);
        let cc = packages().find(|package| package.program == "cc").unwrap();
        assert_eq!(cc.names, "gcc,libc6-dev");
        assert!(cc.purpose.starts_with("compiles"));
    }

    #[test]
    fn ubuntu_has_bpftool_with_its_kernels() {
        let packages: Vec<_> =
            packages().filter(|it| ["bpftool", "cc"].contains(&it.program)).collect();
        assert_eq!(names(&packages, "ID=debian\n"), ["bpftool", "gcc", "libc6-dev"]);
        let ubuntu = names(&packages, "NAME=\"Ubuntu\"\nID=ubuntu\nID_LIKE=debian\n");
        assert_eq!(ubuntu[0], "linux-tools-common");
        assert!(
            ubuntu[1].starts_with("linux-tools-") && ubuntu[1].ends_with("|linux-tools-generic")
        );
        assert_eq!(ubuntu[2..], ["gcc", "libc6-dev"]);
        assert!(!in_shell(&ubuntu).contains('|'), "a shell would start a pipe");
    }

    #[test]
    fn what_is_missing_is_said_with_its_package() {
        let packages: Vec<_> = packages().filter(|package| package.program == "dig").collect();
        assert!(packages[0].to_string().starts_with("dig (package bind9-dnsutils), which asks"));
        assert_eq!(by_hand(&[]), "");
        assert!(by_hand(&packages).ends_with("--no-install-recommends bind9-dnsutils"));
    }
}
