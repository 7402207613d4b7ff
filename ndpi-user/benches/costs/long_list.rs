//! The cost of a long list of host names: reads a policy with one rule and a list of so many names,
//! once, as a start does. Prints a line of JSON: seconds, and the most memory that the process had,
//! megabytes.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use ndpi_policy::{Names, Support, Vocabulary, load};
use ndpi_user::policy_files::PolicyFiles;
use testkit::memory;

/// How a list is written.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Form {
    /// A name a line.
    Names,
    /// As `/etc/hosts`.
    Hosts,
    /// As filters of advertisements.
    Adblock,
}

impl Form {
    /// What stands before and behind each name.
    fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Names => ("", ""),
            Self::Hosts => ("0.0.0.0 ", ""),
            Self::Adblock => ("||", "^"),
        }
    }
}

pub(crate) fn run(names: u32, form: Form) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = write_policy(folder.path(), names, form)?;
    let start = Instant::now();
    let policy = load(&path, &vocabulary(), Support::ALL, &PolicyFiles::as_they_are());
    let policy = policy.map_err(|problems| anyhow!("{problems}"))?;
    let seconds = start.elapsed().as_secs_f64();
    let read = policy.rules()[0].matchers.host.as_ref().map_or(0, Vec::len);
    println!(r#"{{"names":{read},"load_s":{seconds:.2},"peak_mb":{:.0}}}"#, peak_mb()?);
    Ok(())
}

/// A list of names, each with what its form has before and behind it, and a policy that names it.
fn write_policy(folder: &Path, names: u32, form: Form) -> Result<PathBuf> {
    let (before, behind) = form.around();
    let path = folder.join("policy.toml");
    fs::write(&path, "[[rule]]\nhost = { file = \"names.txt\" }\naction = \"drop\"\n")?;
    let mut list = BufWriter::new(File::create(folder.join("names.txt"))?);
    for number in 0..names {
        // As long as names on such lists are, and in no order: a multiplication modulo 2^32.
        let mixed = number.wrapping_mul(2_654_435_761);
        writeln!(list, "{before}tracker-{mixed:08x}.{:x}.ads.example.com{behind}", mixed % 4099)?;
    }
    list.flush()?;
    Ok(path)
}

/// No names of nDPI's are asked for.
fn vocabulary() -> Vocabulary {
    Vocabulary {
        apps: Names::default(),
        categories: Names::default(),
        breeds: Names::default(),
        risks: Names::default(),
        ..Vocabulary::default()
    }
}

/// The most memory that this process has had so far.
fn peak_mb() -> Result<f64> {
    let kib = memory::most_kib("self").context("/proc/self/status has no VmHWM")?;
    Ok(kib as f64 * 1024.0 / 1e6)
}
