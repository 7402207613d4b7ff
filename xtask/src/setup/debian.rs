//! The source of `core` from Debian's `rust-src`, for machines that reach a Debian mirror only.
//!
//! The release must be the compiler's own, which is seldom the one in the machine's suite. So the
//! mirror the machine already uses is asked for other suites, through lists of our own: the
//! system's configuration and package state stay as they are, and apt checks the signatures with
//! the distribution's keys as always. Only `library/` is unpacked, into the toolchain.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::toolchain::Toolchain;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Where to look, smallest list first. Debian's mirrors keep these names for whichever release
/// they stand for today.
const SUITES: [&str; 4] = ["stable-backports", "stable", "testing", "unstable"];

/// Puts `library/` of Debian's `rust-src` of the same release where `-Z build-std` looks.
pub(super) fn install_core_source(toolchain: &Toolchain) -> Result<()> {
    let mirror = mirror()?;
    let scratch = Scratch::new(toolchain)?;
    for suite in SUITES {
        let apt = Apt::new(&scratch.0, &mirror, suite)?;
        let Some(version) = apt.version_of(&toolchain.release)? else { continue };
        eprintln!("setup: rust-src {version} from Debian's {suite}");
        let package = apt.download(&format!("rust-src={version}"))?;
        return unpack(&package, toolchain, &scratch.0);
    }
    bail!(
        "Debian has no rust-src {} in {}; a release it has can be chosen with: rustup default \
         RELEASE",
        toolchain.release,
        SUITES.join(", ")
    )
}

/// The mirror of Debian that this machine uses.
pub(crate) fn mirror() -> Result<String> {
    let system = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let codename = debian_codename(&system).context("this is not Debian")?;
    let sources = process::output(process::command("apt-get").args([
        "indextargets",
        "--format",
        "$(SITE)|$(RELEASE)",
        "Created-By: Packages",
    ]))?;
    let mirror = main_mirror(&sources, codename);
    mirror.map(str::to_owned).with_context(|| format!("apt has no source for {codename}"))
}

/// The release's name out of `/etc/os-release`, where that describes a Debian.
fn debian_codename(system: &str) -> Option<&str> {
    let field = |name| system.lines().find_map(|line| line.strip_prefix(name));
    (field("ID=")?.trim_matches('"') == "debian").then_some(())?;
    Some(field("VERSION_CODENAME=")?.trim_matches('"'))
}

/// The mirror of the machine's own release, from lines `SITE|RELEASE`: not that of its security
/// updates, nor one of other people's packages.
fn main_mirror<'a>(sources: &'a str, codename: &str) -> Option<&'a str> {
    sources
        .lines()
        .filter_map(|line| line.trim().split_once('|'))
        .find(|(_, release)| *release == codename)
        .map(|(site, _)| site)
}

/// A folder of ours beside the place the source goes to: renaming out of it is one step.
struct Scratch(PathBuf);

impl Scratch {
    fn new(toolchain: &Toolchain) -> Result<Self> {
        let folder = toolchain
            .library_source()
            .with_file_name(format!(".ndpi-xdp-setup-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| {
            format!("cannot write into the toolchain: {}; run as its owner", folder.display())
        })?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: what stays behind is a hidden folder, and nothing looks at it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// apt with package lists of its own.
pub(crate) struct Apt {
    folder: PathBuf,
    options: Vec<String>,
}

impl Apt {
    pub(crate) fn new(scratch: &Path, mirror: &str, suite: &str) -> Result<Self> {
        let folder = scratch.join(suite);
        for name in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(folder.join(name))?;
        }
        let list = folder.join("sources.list");
        fs::write(&list, format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"))?;
        let at = |name: &str| folder.join(name).display().to_string();
        let options = vec![
            format!("Dir::Etc::SourceList={}", list.display()),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            // Only the list of packages, none of what graphical software centres show.
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
            "Acquire::Languages=none".to_owned(),
            // A release whose signature cannot be checked is an error, not a warning.
            "APT::Update::Error-Mode=any".to_owned(),
        ];
        let apt = Self { folder, options };
        process::output(apt.command("apt-get").arg("update"))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = process::command(program);
        command.current_dir(&self.folder);
        self.options.iter().for_each(|option| _ = command.args(["-o", option]));
        command
    }

    /// Debian's version of `rust-src` for a release of Rust, if the suite has it.
    fn version_of(&self, release: &str) -> Result<Option<String>> {
        let table = process::output(self.command("apt-cache").args(["madison", "rust-src"]))?;
        Ok(matching_version(&table, release).map(str::to_owned))
    }

    /// The packages whose names match, a line each, with what they are.
    pub(crate) fn names(&self, pattern: &str) -> Result<String> {
        process::output(self.command("apt-cache").args(["search", "--names-only", pattern]))
    }

    /// Downloads a package: its name, or `NAME=VERSION`.
    pub(crate) fn download(&self, package: &str) -> Result<PathBuf> {
        process::output(self.command("apt-get").args(["download", package]))?;
        let files = fs::read_dir(&self.folder)?.collect::<Result<Vec<_>, _>>()?;
        files
            .into_iter()
            .map(|file| file.path())
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .with_context(|| format!("apt-get download {package} left no package"))
    }
}

/// Out of `apt-cache madison`: the first version that is `release`, whatever Debian added to it.
fn matching_version<'a>(table: &'a str, release: &str) -> Option<&'a str> {
    table.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim).find(|version| {
        let upstream = version.split(['+', '-', '~']).next();
        upstream == Some(release)
    })
}

fn unpack(package: &Path, toolchain: &Toolchain, scratch: &Path) -> Result<()> {
    let library = toolchain.library_source();
    eprintln!("setup: writing into the toolchain: {}", library.display());
    unpack_library(package, &toolchain.release, scratch)?;
    if library.exists() {
        fs::rename(&library, scratch.join("incomplete"))
            .with_context(|| format!("cannot replace {}", library.display()))?;
    }
    fs::rename(scratch.join("library"), &library)
        .with_context(|| format!("cannot make {}", library.display()))
}

/// Only `library/`, a fifth of the package.
fn unpack_library(package: &Path, release: &str, folder: &Path) -> Result<()> {
    let mut dpkg = process::command("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(package)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start dpkg-deb")?;
    let archive = dpkg.stdout.take().context("dpkg-deb has no output")?;
    let member = format!("./usr/src/rustc-{release}/library");
    let tar = process::run(
        process::command("tar")
            .args(["--extract", "--strip-components=4", "--no-same-owner", "--directory"])
            .arg(folder)
            .arg(member)
            .stdin(archive),
    );
    let status = dpkg.wait().context("dpkg-deb went away")?;
    tar?;
    anyhow::ensure!(status.success(), "dpkg-deb cannot read {}: {status}", package.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_of_the_release_itself_is_taken() {
        let sources = "http://mirror.example/debian-security|bookworm-security
http://mirror.example/debian|bookworm-updates
https://packages.example/tool|stable
http://other.example/debian|bookworm
";
        assert_eq!(main_mirror(sources, "bookworm"), Some("http://other.example/debian"));
        assert_eq!(main_mirror(sources, "trixie"), None);
    }

    #[test]
    fn only_debian_is_debian() {
        let debian = "NAME=\"Debian GNU/Linux\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(debian_codename(debian), Some("bookworm"));
        let ubuntu = "VERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\n";
        assert_eq!(debian_codename(ubuntu), None);
    }

    #[test]
    fn only_the_very_same_release_matches() {
        let table = "  rust-src | 1.96.1+dfsg1-2~bpo13+1 | http://x stable-backports/main Packages
  rust-src | 1.95.0+dfsg1-2~bpo13+1 | http://x stable-backports/main amd64 Packages
";
        assert_eq!(matching_version(table, "1.95.0"), Some("1.95.0+dfsg1-2~bpo13+1"));
        assert_eq!(matching_version(table, "1.95"), None);
        assert_eq!(matching_version(table, "1.97.0"), None);
    }
}
