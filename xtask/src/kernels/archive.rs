//! Debian's kernels: which there are, downloading and unpacking them.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::setup::debian::{Apt, mirror};

/// The kernels that are wanted, and the suites of Debian that have or had them.
const WANTED: [(&str, &str); 4] =
    [("6.1", "bookworm"), ("6.6", "bookworm-backports"), ("6.12", "trixie"), (NEWEST, NEW)];
const NEWEST: &str = "newest";
const NEW: &str = "stable-backports";

/// A kernel that can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kernel {
    /// As in the package's name: `6.12.57+deb13`.
    pub(super) version: String,
    package: String,
    suite: &'static str,
}

/// A kernel out of its package.
pub(super) struct Unpacked {
    /// What it calls itself: `uname -r`.
    pub(super) release: String,
    pub(super) image: PathBuf,
    /// The folder of its modules.
    pub(super) modules: PathBuf,
}

/// Debian's packages, through lists of our own.
pub(super) struct Archive {
    folder: PathBuf,
    mirror: String,
}

impl Archive {
    pub(super) fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), mirror: mirror()? })
    }

    /// The newest of each wanted series that Debian has now.
    pub(super) fn choose(&self, asked: &[String]) -> Result<Vec<Kernel>> {
        let mut kernels = Vec::new();
        for (series, suite) in WANTED {
            let wanted = asked.is_empty() || asked.iter().any(|one| begins(one, series));
            if !wanted {
                continue;
            }
            match newest(&self.names(suite)?, series) {
                Some((package, version)) => kernels.push(Kernel { version, package, suite }),
                None if asked.is_empty() => {
                    eprintln!("kernels: Debian's {suite} has no Linux {series}: left out");
                }
                None => bail!("Debian's {suite} has no Linux {series}"),
            }
        }
        if kernels.is_empty() {
            let known = WANTED.map(|(series, _)| series).join(", ");
            bail!("none of {} is among the kernels that are known here: {known}", asked.join(", "));
        }
        Ok(kernels)
    }

    /// The packages with kernels in a suite; none where there is no such suite any more.
    fn names(&self, suite: &str) -> Result<String> {
        match self.apt(suite).and_then(|apt| apt.names("^linux-image-[0-9].*-amd64$")) {
            Ok(names) => Ok(names),
            Err(error) if suite == WANTED[1].1 => {
                eprintln!("kernels: {suite} cannot be read: {error:#}");
                Ok(String::new())
            }
            Err(error) => Err(error),
        }
    }

    fn apt(&self, suite: &str) -> Result<Apt> {
        Apt::new(&self.folder, &self.mirror, suite)
    }

    /// Downloads a kernel unless it is there already, and unpacks it.
    pub(super) fn unpack(&self, kernel: &Kernel) -> Result<Unpacked> {
        let folder = self.folder.join(&kernel.version);
        if let Ok(unpacked) = find(&folder) {
            return Ok(unpacked);
        }
        // Whatever an interrupted run left.
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let apt = self.apt(kernel.suite)?;
        let mut packages = vec![kernel.package.clone()];
        while let Some(package) = packages.pop() {
            eprintln!("kernels: downloading {package} from Debian's {}", kernel.suite);
            let file = apt.download(&package)?;
            extract(&file, &folder)?;
            packages.extend(parts(&file)?);
            fs::remove_file(&file)?;
        }
        find(&folder)
    }
}

/// Since Linux 7.3 the image and the modules are in packages that the kernel's own depends on.
fn parts(package: &Path) -> Result<Vec<String>> {
    let mut dpkg = process::command("dpkg-deb");
    let depends = process::output(dpkg.arg("--field").arg(package).arg("Depends"))?;
    let names = depends.split(',').filter_map(|one| one.split_whitespace().next());
    let is_part =
        |name: &&str| name.starts_with("linux-binary-") || name.starts_with("linux-modules-");
    Ok(names.filter(is_part).map(str::to_owned).collect())
}

fn extract(package: &Path, folder: &Path) -> Result<()> {
    process::run(process::command("dpkg-deb").arg("--extract").arg(package).arg(folder))
}

/// The image and the modules below a folder.
fn find(folder: &Path) -> Result<Unpacked> {
    let modules =
        ["lib/modules", "usr/lib/modules"].iter().find_map(|below| only(&folder.join(below)));
    let modules = modules.with_context(|| format!("no modules in {}", folder.display()))?;
    let release = modules.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // Since Linux 7 the image is beside the modules.
    let images = [folder.join(format!("boot/vmlinuz-{release}")), modules.join("vmlinuz")];
    let image = images.into_iter().find(|image| image.is_file());
    let image = image.with_context(|| format!("no image of Linux {release}"))?;
    Ok(Unpacked { release, image, modules })
}

/// What is in a folder with one entry.
fn only(folder: &Path) -> Option<PathBuf> {
    Some(fs::read_dir(folder).ok()?.next()?.ok()?.path())
}

/// Whether `version` is of the series: `6.1` and `6.1.170` are of 6.1, `6.12` is not.
fn begins(version: &str, series: &str) -> bool {
    version.strip_prefix(series).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// The package of the newest kernel of a series among lines that each begin with a package's name.
fn newest(names: &str, series: &str) -> Option<(String, String)> {
    let special = ["-cloud-", "-rt-"];
    let version =
        |name: &str| Some(name.strip_prefix("linux-image-")?.strip_suffix("-amd64")?.to_owned());
    names
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !special.iter().any(|one| name.contains(one)))
        .filter_map(|name| Some((name.to_owned(), version(name)?)))
        // The others are names for whichever is newest.
        .filter(|(_, version)| version.split('.').count() > 2)
        .filter(|(_, version)| series == NEWEST || begins(version, series))
        .max_by(|(_, left), (_, right)| by_numbers(left, right))
}

/// Compares the numbers in two versions, one by one.
fn by_numbers(left: &str, right: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<u32> {
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
    };
    numbers(left).cmp(&numbers(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &str = "linux-image-6.1.0-9-amd64 - Linux 6.1 for 64-bit PCs (signed)
linux-image-6.1.0-57-amd64 - Linux 6.1 for 64-bit PCs (signed)
linux-image-6.1.0-58-cloud-amd64 - Linux 6.1 for x86-64 cloud (signed)
linux-image-6.12.117+deb13-amd64 - Linux 6.12 for 64-bit PCs (signed)
linux-image-6.12-amd64 - Linux for 64-bit PCs (meta-package)
";

    #[test]
    fn the_newest_ordinary_kernel_of_a_series_is_taken() {
        let version = |series| newest(NAMES, series).map(|(_, version)| version);
        assert_eq!(version("6.1").as_deref(), Some("6.1.0-57"));
        assert_eq!(version("6.12").as_deref(), Some("6.12.117+deb13"));
        assert_eq!(version(NEWEST).as_deref(), Some("6.12.117+deb13"));
        assert_eq!(version("6.6"), None);
    }

    #[test]
    fn a_series_is_not_another_that_begins_like_it() {
        assert!(begins("6.1.0-57", "6.1") && begins("6.1", "6.1") && !begins("6.12", "6.1"));
    }
}
