//! Verdicts in the kernel's maps, as a table or as JSON: `ndpi-xdp verdicts`.

mod entry;
mod rules;

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use ndpi_kernel::pinned::{self, Pinned};
use ndpi_kernel::{Clock, ktime_ns};

use crate::engine_setup::EngineSetup;
use crate::record::Names;
use crate::report::table::{Align, Table};
use crate::stdout::print;
use entry::{Entry, Now};
use rules::Rules;

const COLUMNS: [(&str, Align); 10] = [
    ("proto", Align::Left),
    ("endpoints", Align::Left),
    ("action", Align::Left),
    ("rule", Align::Left),
    ("app", Align::Left),
    ("category", Align::Left),
    ("packets", Align::Right),
    ("bytes", Align::Right),
    ("age", Align::Right),
    ("idle", Align::Right),
];

/// Prints the verdicts of the instance with these maps, with nDPI's names where it can be used.
///
/// # Errors
/// No maps are pinned in the folder, they are of another version, or may not be read.
pub(crate) fn show(pin_directory: &Path, as_json: bool, setup: &EngineSetup) -> Result<ExitCode> {
    let pinned = pinned::open(Some(pin_directory))?;
    if !pinned.running {
        log::warn!(
            "the ndpi-xdp that made these (pid {}) is gone: nothing is enforced any more; \
                 remove them with: ndpi-xdp detach",
            pinned.instance.pid
        );
    }
    let names = names(setup);
    let names = names.as_ref();
    let now = Now { ktime_ns: ktime_ns(), clock: Clock::new() };
    if as_json { print_lines(&pinned, names, &now) } else { print_table(&pinned, names, &now) }
}

/// nDPI's names where it can be used; numbers will do without.
fn names(setup: &EngineSetup) -> Option<Names> {
    match setup.library().and_then(|library| setup.engine(&library)) {
        Ok(engine) => Some(Names::of(&engine)),
        Err(error) => {
            log::warn!("applications and categories are shown by number: {error:#}");
            None
        }
    }
}

fn print_lines(pinned: &Pinned, names: Option<&Names>, now: &Now) -> Result<ExitCode> {
    let mut rules = Rules::new(&pinned.rules);
    let mut out = BufWriter::new(io::stdout().lock());
    for found in pinned.verdicts.entries() {
        let (key, verdict) = found?;
        let entry = Entry::new(&key, &verdict, names, now).by_rule(rules.name(&verdict)?);
        let line = serde_json::to_string(&entry)?;
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
    let mut rules = Rules::new(&pinned.rules);
    let mut table = Table::new(&COLUMNS);
    for (key, verdict) in &found {
        let entry = Entry::new(key, verdict, names, now).by_rule(rules.name(verdict)?);
        table.row(entry.cells(now));
    }
    print(&table.to_string())
}
