//! `ndpi-xdp verdicts`: what the kernel does with the flows that are decided, and its counts.

mod entry;

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use super::{NdpiOptions, print};
use crate::record::Names;
use crate::report::table::{Align, Table};
use entry::{Entry, Now};
use ndpi_kernel::pinned::{self, Pinned};
use ndpi_kernel::{Clock, DEFAULT_PIN_DIRECTORY, ktime_ns};

/// Show the verdicts in the kernel, with its counts of each flow
#[derive(Args, Clone, Debug)]
pub struct VerdictsArguments {
    /// Print a JSON object for each, a line each
    #[arg(long)]
    pub json: bool,

    /// Folder on the BPF file system with the maps
    #[arg(long, value_name = "DIR", default_value = DEFAULT_PIN_DIRECTORY)]
    pub pin_dir: PathBuf,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

const COLUMNS: [(&str, Align); 10] = [
    ("proto", Align::Left),
    ("endpoints", Align::Left),
    ("action", Align::Left),
    ("rule", Align::Right),
    ("app", Align::Left),
    ("category", Align::Left),
    ("packets", Align::Right),
    ("bytes", Align::Right),
    ("age", Align::Right),
    ("idle", Align::Right),
];

impl VerdictsArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// No maps are pinned in the folder, they are of another version, or may not be read.
    pub fn run(self) -> Result<ExitCode> {
        let pinned = pinned::open(Some(&self.pin_dir))?;
        if !pinned.running {
            log::warn!(
                "the ndpi-xdp that made these (pid {}) is gone: nothing is enforced any more; \
                 remove them with: ndpi-xdp detach",
                pinned.instance.pid
            );
        }
        let names = self.names();
        let names = names.as_ref();
        let now = Now { ktime_ns: ktime_ns(), clock: Clock::new() };
        if self.json {
            print_lines(&pinned, names, &now)
        } else {
            print_table(&pinned, names, &now)
        }
    }

    /// nDPI's names where it can be used; numbers will do without.
    fn names(&self) -> Option<Names> {
        match self.ndpi.library().and_then(|library| self.ndpi.engine(&library)) {
            Ok(engine) => Some(Names::of(&engine)),
            Err(error) => {
                log::warn!("applications and categories are shown by number: {error:#}");
                None
            }
        }
    }
}

fn print_lines(pinned: &Pinned, names: Option<&Names>, now: &Now) -> Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout().lock());
    for found in pinned.verdicts.entries() {
        let (key, verdict) = found?;
        let line = serde_json::to_string(&Entry::new(&key, &verdict, names, now))?;
        match writeln!(out, "{line}") {
            // Nobody reads on (`| head`).
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written.context("writing to standard output")?,
        }
    }
    match out.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("writing to standard output")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn print_table(pinned: &Pinned, names: Option<&Names>, now: &Now) -> Result<ExitCode> {
    let mut found = pinned.verdicts.entries().collect::<Result<Vec<_>, _>>()?;
    if found.is_empty() {
        return print("no flow has a verdict\n");
    }
    // The newest last, where a terminal shows them.
    found.sort_unstable_by_key(|(key, verdict)| (verdict.decided_ns, *key));
    let mut table = Table::new(&COLUMNS);
    for (key, verdict) in &found {
        table.row(Entry::new(key, verdict, names, now).cells(now));
    }
    print(&table.to_string())
}
