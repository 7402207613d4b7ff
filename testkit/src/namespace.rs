//! A network namespace that exists as long as its value.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// How long processes in a namespace may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(3);

/// A network namespace; dropping it ends what runs inside and removes it.
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes the namespace `name`, with the loopback interface up and nothing else.
    pub fn new(name: &str) -> Result<Self> {
        run(tool("ip").args(["netns", "add", name]))?;
        let namespace = Self { name: name.to_owned() };
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Its name, as ip-netns(8) knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs inside. Only the network is the namespace's: the file systems stay ours,
    /// `/sys/fs/bpf` among them, which `ip netns exec` would hide.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = tool("nsenter");
        command.arg(format!("--net={}", self.file().display())).arg("--").arg(program);
        command
    }

    /// `ip ARGUMENTS` inside, the arguments separated by white space.
    pub fn ip(&self, arguments: &str) -> Result<()> {
        let words = arguments.split_whitespace();
        run(tool("ip").args(["-n", &self.name]).args(words)).map(drop)
    }

    /// Sets `/proc/sys/net/KEY`, which is the namespace's own.
    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        let script = r#"echo "$1" > "/proc/sys/net/$0""#;
        run(self.command("sh").args(["-c", script, key, value])).map(drop)
    }

    /// Moves this thread into the namespace; threads that it starts later begin there.
    pub fn enter(&self) -> Result<()> {
        let file = File::open(self.file()).with_context(|| format!("opening {}", self.name))?;
        let kind = Some(LinkNameSpaceType::Network);
        move_into_link_name_space(file.as_fd(), kind)
            .with_context(|| format!("entering the network namespace {}", self.name))
    }

    /// What `task` returns when it runs inside. Sockets belong to the namespace they were opened in,
    /// wherever they are used later.
    pub fn inside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> Result<T> {
        // A thread of its own, which takes its namespace with it when it ends.
        let entered = || self.enter().map(|()| task());
        let joined = thread::scope(|scope| scope.spawn(entered).join());
        // What went wrong in the task goes on here, as if it had run here.
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The same in a namespace that is somebody else's, by its name.
    pub fn visit<T: Send>(name: &str, task: impl FnOnce() -> T + Send) -> Result<T> {
        // Which is not removed with it.
        let namespace = std::mem::ManuallyDrop::new(Self::adopt(name));
        namespace.inside(task)
    }

    /// Takes over a namespace that someone made before.
    pub fn adopt(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    /// Ends every process inside, first kindly, and removes the namespace with its interfaces.
    pub fn remove(&mut self) -> Result<()> {
        if self.name.is_empty() {
            return Ok(());
        }
        self.end_processes()?;
        let name = std::mem::take(&mut self.name);
        run(tool("ip").args(["netns", "delete", &name])).map(drop)
    }

    fn file(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    fn end_processes(&self) -> Result<()> {
        let deadline = Instant::now() + GRACE;
        let mut signal = Signal::TERM;
        loop {
            let pids = self.pids()?;
            if pids.is_empty() {
                return Ok(());
            }
            for pid in pids {
                // A process that ended in between is what we want.
                let _ = kill_process(pid, signal);
            }
            if Instant::now() > deadline {
                signal = Signal::KILL;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What runs inside. All of it is ours: nobody else knows the name.
    fn pids(&self) -> Result<Vec<Pid>> {
        let output = run(tool("ip").args(["netns", "pids", &self.name]))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?)).collect())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let name = self.name.clone();
        if let Err(error) = self.remove() {
            eprintln!(
                "namespace {name} stays behind: {error:#}; to remove it: ip netns delete {name}"
            );
        }
    }
}

/// What `task` returns when it runs in a network namespace ([`Namespace::inside`]).
#[track_caller]
pub fn inside<T: Send>(namespace: &Namespace, task: impl FnOnce() -> T + Send) -> T {
    namespace.inside(task).unwrap_or_else(|error| panic!("{error:#}"))
}

/// A name for a thing of this process that is not to outlive it, such as a namespace or a folder with
/// pins. It says whose it is, so that what a killed process could not remove is known for what it is.
/// The number alone would not do: it is another process's one day. (The BPF file system takes no
/// dots in names.)
pub fn named(kind: &str, what: &str) -> String {
    let pid = std::process::id();
    format!("ndpi-{kind}-{pid}_{}-{what}", started(pid).unwrap_or_default())
}

/// A name for a thing of a test that no other test uses, whether it runs in this process or in another.
pub fn unique(what: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    named("test", &format!("{number}-{what}"))
}

/// Whether [`named`] gave this name, in a process that is gone. Names without a start, as tests give
/// them, are stale when nobody has the number.
pub fn is_stale(name: &str) -> bool {
    owner(name).is_some_and(|(pid, start)| match started(pid) {
        Some(started) => start.is_some_and(|start| start != started),
        None => true,
    })
}

/// The process that gave a name, and when that was started: `ndpi-KIND-PID_START-WHAT`, or without the
/// start.
fn owner(name: &str) -> Option<(u32, Option<u64>)> {
    const KINDS: [&str; 4] = ["bench", "kernels", "lab", "test"];
    let (kind, rest) = name.strip_prefix("ndpi-")?.split_once('-')?;
    let (owner, _what) = rest.split_once('-')?;
    let (pid, start) = match owner.split_once('_') {
        Some((pid, start)) => (pid, Some(start.parse().ok()?)),
        None => (owner, None),
    };
    Some((pid.parse().ok()?, start)).filter(|_| KINDS.contains(&kind))
}

/// When a process was started, in ticks since this machine was (`proc_pid_stat(5)`, `starttime`).
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Behind the name, which may have anything in it, comes the third field.
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(22 - 3)?.parse().ok()
}

/// The network namespaces that exist, by name.
pub fn namespaces() -> Result<Vec<String>> {
    let output = run(tool("ip").args(["netns", "list"]))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// A program of the distribution, found also in the folders for administration, which `PATH` lacks
/// after a plain `su`, and without the libraries that cargo adds for what it runs.
fn tool(program: &str) -> Command {
    let path = env::var_os("PATH").unwrap_or_default();
    // An empty entry is the working directory, which is no place for programs that root starts.
    let named = env::split_paths(&path).filter(|folder| folder.is_absolute());
    let folders = named.chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let mut command = Command::new(program);
    command.env_remove("LD_LIBRARY_PATH");
    if let Ok(path) = env::join_paths(folders) {
        command.env("PATH", path);
    }
    command
}

fn run(command: &mut Command) -> Result<Output> {
    // Without the environment, which says nothing of what failed.
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let shown = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed: {}: {}", output.status, said.trim());
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_ours_have_an_owner() {
        assert_eq!(owner("ndpi-lab-4711-router"), Some((4711, None)));
        assert_eq!(owner("ndpi-bench-4711_99-rx-1"), Some((4711, Some(99))));
        for other in ["ndpi-lab-x-router", "ndpi-lab-4711_x-router", "ndpi-xdp-4711-maps", "blue"] {
            assert_eq!(owner(other), None, "{other}");
        }
    }

    #[test]
    fn what_belongs_to_the_living_is_not_stale() {
        let ours = named("lab", "client");
        assert!(!is_stale(&ours));
        assert!(!is_stale("someone-elses"));
        assert!(is_stale(&format!("ndpi-test-{}-0", u32::MAX)));
    }

    #[test]
    fn a_number_that_is_used_again_is_another_process() {
        let pid = std::process::id();
        assert!(is_stale(&format!("ndpi-lab-{pid}_1-client")), "it was started before us");
        assert!(!is_stale(&format!("ndpi-lab-{pid}-client")), "which cannot be known");
    }
}
