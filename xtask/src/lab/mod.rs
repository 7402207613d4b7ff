//! `cargo xtask lab`: a small network inside this machine, where real clients talk to real servers
//! through a router that runs `ndpi-xdp`.

mod bpffs;
mod clients;
mod conversation;
mod daemon;
mod flow;
mod interrupt;
mod kernel;
mod leftovers;
mod namespace;
mod outcome;
mod requests;
mod router;
mod servers;
mod table;
mod topology;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::ops::RangeFrom;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{process, setup};
use bpffs::Bpffs;
use conversation::{Asked, Client};
use outcome::Outcome;
use router::Router;
use servers::Servers;
use topology::Topology;

/// Blocks social networks and video.
const OWN_POLICY: &str = include_str!("policy.toml");

/// The programs of the distribution that the lab uses.
const PROGRAMS: [&str; 9] =
    ["bpftool", "curl", "dig", "dnsmasq", "ip", "nginx", "openssl", "ssh", "sshd"];

/// Ports of the clients, without and with `ndpi-xdp`: all below those that the kernel hands out.
const BARE_PORTS: RangeFrom<u16> = 20_000..;
const PORTS: RangeFrom<u16> = 25_000..;

/// See `ndpi-xdp` work without a network: clients, a router and servers inside this machine.
///
/// Three network namespaces, joined by veth pairs, are made and removed again. Each request is made
/// twice: through a bare router, where all must be answered, then with ndpi-xdp on it. Exit status
/// 1 when a blocked request is answered, an allowed one is not, or anything is left behind.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One JSON object a request on standard output, in place of the table.
    #[arg(long)]
    json: bool,
    /// The policy on the router; without it, one that blocks social networks and video.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// After the requests, leave all running until Ctrl-C, to look around.
    #[arg(long)]
    keep: bool,
    /// The `ndpi-xdp` to run; without it, the one that `cargo xtask build` makes.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// `cargo xtask lab`.
pub(crate) fn run(args: &Args, workspace: &Workspace) -> Result<ExitCode> {
    let binary = binary(args, workspace)?;
    if !process::is_root() {
        return again_as_root(args, &binary);
    }
    setup::require(&PROGRAMS)?;
    interrupt::watch()?;
    leftovers::remove_stale()?;
    let folder = tempfile::Builder::new().prefix(&leftovers::named("")).tempdir()?;
    let outcomes = experiment(args, &binary, folder.path());
    let place = folder.path().to_owned();
    folder.close().context("cannot remove the lab's folder")?;
    let clean = leftovers::check(&place);
    let right = outcomes.and_then(|outcomes| report(args, &outcomes));
    match (&right, clean) {
        (_, Ok(())) => eprintln!("lab: nothing is left behind: no namespace, mount, pin or file"),
        (Ok(_), Err(left)) => return Err(left),
        (Err(_), Err(left)) => eprintln!("lab: {left:#}"),
    }
    Ok(if right? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Makes the lab, has all requests made, and removes it.
fn experiment(args: &Args, binary: &Path, folder: &Path) -> Result<Vec<Outcome>> {
    eprintln!("lab: making client, router and server");
    let mut bpffs = Bpffs::ensure()?;
    let topology = Topology::new()?;
    let servers = Servers::start(&topology.server, folder, &requests::names())?;
    let policy = policy(args, folder)?;
    let client = Client { namespace: &topology.client, folder };
    eprintln!("lab: all requests, through a router without ndpi-xdp");
    let bare = ask_all(&client, BARE_PORTS, false)?;
    eprintln!("lab: starting ndpi-xdp on the router");
    let router = Router::start(&topology, binary, &policy, folder)?;
    eprintln!("lab: all requests again");
    let asked = ask_all(&client, PORTS, true)?;
    if args.keep {
        keep(&topology);
    }
    let records = router.end()?;
    servers.end()?;
    topology.remove()?;
    bpffs.release()?;
    let pairs = requests::all().into_iter().zip(bare).zip(asked);
    Ok(pairs.map(|((request, bare), asked)| Outcome::new(request, bare, asked, &records)).collect())
}

/// Makes every request, each from a port of its own.
fn ask_all(client: &Client, ports: RangeFrom<u16>, watched: bool) -> Result<Vec<Asked>> {
    let requests = requests::all();
    requests.iter().zip(ports).map(|(request, port)| client.ask(request, port, watched)).collect()
}

/// Leaves all running until Ctrl-C.
fn keep(topology: &Topology) {
    let client = topology.client.command("COMMAND");
    eprintln!("lab: all stays as it is until Ctrl-C. To look around:");
    eprintln!("  as the client:  {}", process::shown(&client));
    eprintln!("  what is held:   bpftool -p map dump pinned {}/VERDICTS_V4", kernel::PINS);
    interrupt::wait();
}

/// Prints the results; whether all is as it should be.
fn report(args: &Args, outcomes: &[Outcome]) -> Result<bool> {
    let own_policy = args.policy.is_none();
    let mut out = io::stdout().lock();
    if args.json {
        outcomes.iter().try_for_each(|row| writeln!(out, "{}", row.record(own_policy)))?;
    } else {
        out.write_all(table::show(outcomes, own_policy).as_bytes())?;
    }
    Ok(outcomes.iter().all(|row| row.problems(own_policy).is_empty()))
}

/// The policy to run with: the one that is asked for, or the lab's own.
fn policy(args: &Args, folder: &Path) -> Result<PathBuf> {
    if let Some(policy) = &args.policy {
        return policy.canonicalize().with_context(|| format!("no policy at {}", policy.display()));
    }
    let file = folder.join("policy.toml");
    fs::write(&file, OWN_POLICY)?;
    Ok(file)
}

/// The program to run: the one that is asked for, or one built now, as the caller.
fn binary(args: &Args, workspace: &Workspace) -> Result<PathBuf> {
    let Some(binary) = &args.binary else {
        crate::build::build(workspace, false)?;
        return Ok(workspace.binary(false));
    };
    binary.canonicalize().with_context(|| format!("no program at {}", binary.display()))
}

/// The same again, as root: the only part that needs it is what comes after building.
fn again_as_root(args: &Args, binary: &Path) -> Result<ExitCode> {
    eprintln!("lab: network namespaces and BPF need root; asking sudo, which may want a password");
    let mut command = process::privileged("env");
    // sudo would drop it.
    if let Some(library) = env::var_os("NDPI_LIBRARY") {
        command.arg(assignment("NDPI_LIBRARY", &library));
    }
    command.arg(env::current_exe()?).arg("lab").arg("--binary").arg(binary);
    if let Some(policy) = &args.policy {
        command.arg("--policy").arg(policy);
    }
    let flags = [("--json", args.json), ("--keep", args.keep)];
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
