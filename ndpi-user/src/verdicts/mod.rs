//! Verdicts in the kernel's maps, as a table or as JSON: `ndpi-xdp verdicts`.

mod entry;
mod query;
mod rules;
mod undecided;

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ndpi_common::{Key, Switches, Track, VerdictEntry};
use ndpi_kernel::pinned::{self, Pinned};
use ndpi_kernel::{Clock, MapError, ktime_ns};
use serde::Serialize;

use crate::counters::{self, Before};
use crate::engine_setup::EngineSetup;
use crate::hosts;
use crate::record::Names;
use crate::report::table::{Align, Table};
use crate::status::Left;
use crate::stdout::{print, width};
use entry::{Entry, Now};
use query::{Filter, Sorted};
pub(crate) use query::{Query, Sort};
use rules::Rules;
use undecided::Undecided;

/// Bytes that are written at a time.
const AT_A_TIME: usize = 64 * 1024;

const COLUMNS: [(&str, Align); 12] = [
    ("proto", Align::Left),
    ("endpoints", Align::Left),
    ("action", Align::Left),
    ("rule", Align::Left),
    ("app", Align::Left),
    ("host", Align::Left),
    ("category", Align::Left),
    ("packets", Align::Right),
    ("bytes", Align::Right),
    ("dropped", Align::Right),
    ("age", Align::Right),
    ("idle", Align::Right),
];

/// Columns that go first where the terminal has no room for all.
const DISPENSABLE: [&str; 7] = ["category", "age", "bytes", "idle", "rule", "proto", "host"];

/// How verdicts are shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View {
    /// A table, once.
    Table,
    /// A table, and another each time that this has passed.
    Watch(Duration),
    /// A JSON object a line.
    Json,
}

/// Prints the verdicts of the instance with these maps that are asked for, with nDPI's names where it can be used.
///
/// # Errors
/// No maps are pinned in the folder, they are of another version, or may not be read; or a name that is asked for
/// is none of nDPI's.
pub(crate) fn show(
    pin_directory: &Path,
    view: View,
    query: &Query,
    setup: &EngineSetup,
) -> Result<ExitCode> {
    let pinned = pinned::open(Some(pin_directory))?;
    if !pinned.running {
        let pid = format!(" (pid {})", pinned.instance.pid);
        log::warn!("{}", Left::of(&pinned)?.text(&pid, pin_directory));
    }
    let dry_run = pinned.live.read()?.fixed & Switches::DRY_RUN != 0;
    if dry_run {
        log::warn!("a dry run: what is dropped here would be, and passes");
    }
    let began_ns = pinned.instance.started_ns;
    let now = || Now { ktime_ns: ktime_ns(), clock: Clock::new(), dry_run, began_ns };
    let names = names(setup);
    let names = names.as_ref();
    let hosts = hosts_of(&pinned, pin_directory, query)?;
    let filter = query.filter(names)?;
    let before = counters_of(&pinned, pin_directory);
    let mut asked = Asked { pinned: &pinned, query, filter, names, hosts, before };
    match view {
        View::Json => asked.print_lines(&now()),
        View::Table => asked.print_table(&now()),
        View::Watch(every) => loop {
            if io::stdout().is_terminal() {
                // To the upper left, and clear what is below (ECMA-48, CUP and ED).
                print("\x1b[H\x1b[J")?;
            }
            asked.print_table(&now())?;
            thread::sleep(every);
            asked.hosts = still_hosts(asked.hosts, pin_directory);
            asked.before = counters::fetch(pin_directory).unwrap_or(asked.before);
        },
    }
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

/// What is asked of which instance.
struct Asked<'a> {
    pinned: &'a Pinned,
    query: &'a Query,
    filter: Filter,
    names: Option<&'a Names>,
    hosts: hosts::Names,
    /// What verdicts had counted when counters were reset.
    before: Before,
}

impl Asked<'_> {
    /// Gives each verdict that is asked for to `take`, with the name of its rule.
    fn each(
        &self,
        mut take: impl FnMut(Key, VerdictEntry, Option<String>) -> Result<()>,
    ) -> Result<()> {
        if self.query.without_decided {
            return Ok(());
        }
        let mut rules = Rules::new(&self.pinned.rules);
        let fits = |entry: &Result<(Key, VerdictEntry), MapError>| {
            entry.as_ref().map_or(true, |(key, verdict)| self.filter.takes(key, verdict))
        };
        for entry in self.pinned.verdicts.entries().filter(fits) {
            let (key, verdict) = entry?;
            let rule = rules.name(&verdict)?;
            let is_at = self.query.hosts.is_empty() || self.hosts.is_at(&key, &self.query.hosts);
            if is_at && self.query.takes_rule(rule.as_deref()) {
                take(key, self.before.taken_from(&key, verdict), rule)?;
            }
        }
        Ok(())
    }

    /// Gives each flow without a verdict that is asked for to `take`. One with a verdict may have a track for a moment.
    fn each_undecided(&self, mut take: impl FnMut(Key, Track) -> Result<()>) -> Result<()> {
        if !self.query.with_undecided {
            return Ok(());
        }
        for entry in self.pinned.tracks.entries() {
            let (key, track) = entry?;
            if self.filter.takes_ends(&key) && self.pinned.verdicts.get(&key)?.is_none() {
                take(key, track)?;
            }
        }
        Ok(())
    }

    /// In the order that is asked for.
    fn sorted(&self) -> Result<Vec<(Key, VerdictEntry)>> {
        let mut sorted = Sorted::new(self.query);
        self.each(|key, verdict, _| {
            sorted.add(key, verdict);
            Ok(())
        })?;
        Ok(sorted.finish())
    }

    fn print_lines(&self, now: &Now) -> Result<ExitCode> {
        let mut out = BufWriter::with_capacity(AT_A_TIME, io::stdout().lock());
        let mut write = |key: Key, verdict: VerdictEntry, rule| {
            let entry = Entry::new(&key, &verdict, self.names, now);
            let entry = entry.by_rule(rule).named(self.hosts.of(&key));
            line(&mut out, &entry.counted_since(self.before.since()))
        };
        let written = if self.query.is_sorted() {
            let mut rules = Rules::new(&self.pinned.rules);
            self.sorted()?.into_iter().try_for_each(|(key, verdict)| {
                let rule = rules.name(&verdict)?;
                write(key, verdict, rule)
            })
        } else {
            self.each(write)
        };
        let written = written.and_then(|()| {
            self.each_undecided(|key, track| line(&mut out, &Undecided::new(&key, &track, now)))
        });
        let flushed = written.and_then(|()| out.flush().context("writing to standard output"));
        match flushed {
            // Nobody reads on (`| head`).
            Err(error) if !is_broken_pipe(&error) => Err(error),
            _ => Ok(ExitCode::SUCCESS),
        }
    }

    fn print_table(&self, now: &Now) -> Result<ExitCode> {
        let found = self.sorted()?;
        let mut rules = Rules::new(&self.pinned.rules);
        let mut table = Table::new(&COLUMNS);
        for (key, verdict) in &found {
            let entry = Entry::new(key, verdict, self.names, now).by_rule(rules.name(verdict)?);
            table.row(entry.named(self.hosts.of(key)).cells(now));
        }
        self.each_undecided(|key, track| {
            table.row(Undecided::new(&key, &track, now).cells(now));
            Ok(())
        })?;
        if table.is_empty() {
            return print(if self.query.with_undecided {
                "no flow lives\n"
            } else {
                "no flow has a verdict\n"
            });
        }
        if let Some(width) = width() {
            table.fit(width, &DISPENSABLE);
        }
        print(&table.to_string())
    }
}

/// What it calls them by now; where it does not say, what it last did.
fn still_hosts(before: hosts::Names, pins: &Path) -> hosts::Names {
    hosts::fetch(pins).unwrap_or(before)
}

/// What the instance calls its flows. Of a dead one nobody knows, and of many that are listed as they are found nobody
/// is to remember it.
fn hosts_of(pinned: &Pinned, pins: &Path, query: &Query) -> Result<hosts::Names> {
    if !pinned.running {
        let text = "the ndpi-xdp that knew its hosts is gone: --host finds nothing";
        anyhow::ensure!(query.hosts.is_empty(), text);
        return Ok(hosts::Names::default());
    }
    match hosts::fetch(pins) {
        Err(error) if query.hosts.is_empty() => {
            log::warn!("flows are shown without host names: {error:#}");
            Ok(hosts::Names::default())
        }
        fetched => fetched,
    }
}

/// What verdicts had counted when counters of the instance were reset; of a dead one they are all that there is.
fn counters_of(pinned: &Pinned, pins: &Path) -> Before {
    if !pinned.running {
        return Before::default();
    }
    counters::fetch(pins).unwrap_or_else(|error| {
        log::warn!("flows are shown with all that they counted since their verdicts: {error:#}");
        Before::default()
    })
}

/// Writes a JSON object and the end of its line.
fn line(out: &mut impl Write, object: &impl Serialize) -> Result<()> {
    let written = serde_json::to_writer(&mut *out, object).map_err(io::Error::from);
    written.and_then(|()| out.write_all(b"\n")).context("writing to standard output")
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
