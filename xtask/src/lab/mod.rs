//! `cargo xtask lab`: a small network inside this machine, where real clients talk to real servers
//! through a router that runs `ndpi-xdp`.

mod arrivals;
mod bpffs;
mod clients;
mod conversation;
mod daemon;
mod download;
mod echo;
mod experiment;
mod findings;
mod flow;
pub(crate) mod inside;
mod interrupt;
mod kernel;
pub(crate) mod leftovers;
mod names;
mod raw;
mod requests;
mod retrying_client;
mod router;
mod scenarios;
mod servers;
mod stage;
mod table;
mod trial;

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;

use crate::manner::Manner;
use crate::setup::{self, Need};
use crate::workspace::{Profile, Workspace};
use crate::{build, process};
use bpffs::Bpffs;
use findings::{Findings, Report};
use scenarios::Scenario;
use servers::Servers;
use stage::Stage;
use testkit::topology::Topology;

/// The programs of the distribution that the lab uses.
const PROGRAMS: [&str; 10] =
    ["bpftool", "curl", "dig", "dnsmasq", "ip", "nft", "nginx", "openssl", "ssh", "sshd"];

/// See `ndpi-xdp` work without a network: clients, a router and servers inside this machine.
///
/// Three network namespaces, joined by veth pairs, are made and removed again. Shown are requests,
/// each made twice: through a bare router, where all must be answered, then with ndpi-xdp on it. Then
/// come the scenarios that are asked for, each with a policy of its own. Exit status 1 when a blocked
/// request is answered, an allowed one is not, something else is not as a scenario wants it, or
/// anything is left behind.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are the flags of a command line")]
pub(crate) struct Args {
    /// JSON objects on standard output, in place of the tables: one a request, one a scenario.
    #[arg(long)]
    json: bool,
    /// The requests, then all scenarios: some minutes.
    #[arg(long, conflicts_with_all = ["scenario", "policy", "keep"])]
    all: bool,
    /// Only these scenarios; `category` is the requests.
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = PossibleValuesParser::new(names()))]
    scenario: Vec<String>,
    /// Say which scenarios there are, and what they show.
    #[arg(long)]
    list: bool,
    /// Only the requests, with this policy on the router.
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    policy: Option<PathBuf>,
    /// Only the requests; afterwards, leave all running until Ctrl-C, to look around.
    #[arg(long, conflicts_with = "scenario")]
    keep: bool,
    /// The `ndpi-xdp` to run; without it, the one that `cargo xtask build` makes.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) manner: Manner,
}

/// The names of all scenarios, and what they show.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let others = scenarios::ALL.iter().map(|scenario| (scenario.name, scenario.about));
    std::iter::once((experiment::NAME, experiment::ABOUT)).chain(others)
}

fn names() -> Vec<&'static str> {
    all().map(|(name, _)| name).collect()
}

impl Args {
    /// Whether the scenario of this name is to be carried out.
    fn wants(&self, name: &str) -> bool {
        if self.scenario.is_empty() {
            return self.all || name == experiment::NAME;
        }
        self.scenario.iter().any(|wanted| wanted == name)
    }
}

/// `cargo xtask lab`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    if args.list {
        all().try_for_each(|(name, about)| writeln!(io::stdout(), "{name:<12}  {about}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let binary = binary(args, workspace)?;
    if !process::is_root() {
        return again_as_root(args, &binary);
    }
    interrupt::watch()?;
    leftovers::remove_stale(&binary)?;
    let folder =
        tempfile::Builder::new().prefix(&names::named("")).tempdir_in(leftovers::temporary())?;
    let right = play(args, &binary, folder.path());
    let place = folder.path().to_owned();
    folder.close().context("cannot remove the lab's folder")?;
    let clean = leftovers::check(&place);
    match (&right, clean) {
        (_, Ok(())) => eprintln!("lab: nothing is left behind: no namespace, mount, pin or file"),
        (Ok(_), Err(left)) => return Err(left),
        (Err(_), Err(left)) => eprintln!("lab: {left:#}"),
    }
    if args.scenario.is_empty() && !args.all && right.as_ref().is_ok_and(|right| *right) {
        eprintln!("lab: what other policies do: cargo xtask lab --all, or some of: --list");
    }
    Ok(if right? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the lab, carries out what is wanted, and removes it; whether all was as it should be.
fn play(args: &Args, binary: &Path, folder: &Path) -> Result<bool> {
    eprintln!("lab: making client, router and server");
    let mut bpffs = Bpffs::ensure()?;
    let topology = Topology::new(names::named)?;
    let servers = Servers::start(&topology.server, folder, &server_names())?;
    let right = carry_out(args, &Stage::new(&topology, binary, folder)?)?;
    servers.end()?;
    topology.remove()?;
    bpffs.release()?;
    Ok(right)
}

/// The requests and the scenarios, as far as they are wanted, each with its report.
fn carry_out(args: &Args, stage: &Stage) -> Result<bool> {
    let mut right = true;
    if args.wants(experiment::NAME) {
        right &= requests(args, stage)?;
    }
    let wanted: Vec<&Scenario> = scenarios::ALL.iter().filter(|it| args.wants(it.name)).collect();
    if !wanted.is_empty() && !args.json {
        io::stdout().write_all(Report::heading().as_bytes())?;
    }
    for scenario in wanted {
        let report = scenario.run(stage)?;
        right &= report.is_right();
        let text = if args.json { format!("{}\n", report.record()) } else { report.text() };
        io::stdout().write_all(text.as_bytes())?;
    }
    Ok(right)
}

/// The requests: a table, or a record of each; whether all is as it should be.
fn requests(args: &Args, stage: &Stage) -> Result<bool> {
    let started = Instant::now();
    let own_policy = args.policy.is_none();
    let trials = experiment::run(stage, args.policy.as_deref(), args.keep)?;
    let mut findings = Findings::default();
    findings.trials(&trials, own_policy);
    let report = Report { name: experiment::NAME, took: started.elapsed(), findings };
    let mut out = io::stdout().lock();
    if args.json {
        trials.iter().try_for_each(|row| writeln!(out, "{}", row.record(own_policy)))?;
        writeln!(out, "{}", report.record())?;
    } else {
        out.write_all(table::show(&trials, own_policy).as_bytes())?;
    }
    Ok(report.is_right())
}

/// The names that lead to the server, each once.
fn server_names() -> Vec<&'static str> {
    let mut names: Vec<_> = requests::names().into_iter().chain(scenarios::names()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The program to run: the one that is asked for, or one built now, as the caller.
fn binary(args: &Args, workspace: &Workspace) -> Result<PathBuf> {
    let root = Some("making network namespaces and attaching programs there");
    let need = Need { programs: &PROGRAMS, root, ..Need::default() };
    let Some(binary) = &args.binary else {
        build::build(workspace, Profile::Quick, &need)?;
        return Ok(workspace.binary(Profile::Quick));
    };
    setup::provide(workspace, &need)?;
    binary.canonicalize().with_context(|| format!("no program at {}", binary.display()))
}

/// The same again, as root: the only part that needs it is what comes after building.
fn again_as_root(args: &Args, binary: &Path) -> Result<ExitCode> {
    let mut command = process::privileged("env");
    // sudo would drop it.
    if let Some(library) = process::variable("NDPI_LIBRARY") {
        command.arg(assignment("NDPI_LIBRARY", &library));
    }
    command.arg(env::current_exe()?).arg("lab").arg("--binary").arg(binary);
    if let Some(policy) = &args.policy {
        command.arg("--policy").arg(policy);
    }
    if !args.scenario.is_empty() {
        command.arg("--scenario").args(&args.scenario);
    }
    let flags = [("--json", args.json), ("--keep", args.keep), ("--all", args.all)];
    command.args(flags.iter().filter(|(_, set)| *set).map(|(flag, _)| flag));
    let status = command.status().context("cannot start sudo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `NAME=VALUE`, for env(1).
fn assignment(name: &str, value: &OsStr) -> OsString {
    let mut word = OsString::from(name);
    word.push("=");
    word.push(value);
    word
}
