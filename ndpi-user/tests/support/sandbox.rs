//! A place of its own for the program: network, BPF file system and files that end with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use super::inside::inside;
use super::instance::Instance;
use super::namespace::{self, Namespace};
use super::{attached, binary, ndpi_library};

/// Where the program pins its maps.
const PINS: &str = "/sys/fs/bpf/ndpi-xdp";

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A network namespace with the veth pair `left` and `right`, both up, and a mount namespace with a
/// BPF file system of its own: tests run side by side, and never touch what is the machine's.
pub(crate) struct Sandbox {
    pub(crate) network: Namespace,
    /// Keeps the mount namespace; ends when its standard input does.
    holder: Child,
    folder: TempDir,
}

/// What a command that ended left behind.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    /// With a BPF file system.
    pub(crate) fn new() -> Self {
        Self::with_mounts("mount -t bpf bpf /sys/fs/bpf")
    }

    /// Without one, as on a machine whose init system does not mount it.
    pub(crate) fn without_bpffs() -> Self {
        Self::with_mounts("while umount /sys/fs/bpf 2>/dev/null; do :; done")
    }

    fn with_mounts(script: &str) -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let network = Namespace::new(&namespace::named("test", &number.to_string())).unwrap();
        network.ip("link add left type veth peer name right").unwrap();
        network.ip("link set left up").unwrap();
        network.ip("link set right up").unwrap();
        // A `/run` of its own, where instances lock their pin directories.
        let script = format!("{script}; mount -t tmpfs test /run; echo ready; read -r end");
        let mut holder = network
            .command("unshare")
            .args(["--mount", "--propagation", "private", "--", "sh", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = holder.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the mount namespace could not be made");
        Self { network, holder, folder: TempDir::new().unwrap() }
    }

    /// `ip ARGUMENTS` inside.
    pub(crate) fn ip(&self, arguments: &str) {
        self.network.ip(arguments).unwrap();
    }

    /// The network namespace's name.
    pub(crate) fn name(&self) -> &str {
        self.network.name()
    }

    /// Another network namespace.
    pub(crate) fn beside(&self) -> Namespace {
        Namespace::new(&format!("{}-beside", self.network.name())).unwrap()
    }

    /// What `task` returns when it runs in the network namespace.
    pub(crate) fn inside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        inside(&self.network, task)
    }

    /// A file with this content, to name on the command line.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A folder for the test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that runs inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.holder.id())).args(["--mount", "--net", "--"]);
        command.arg(program).env("NDPI_LIBRARY", ndpi_library()).stdin(Stdio::null());
        command
    }

    /// Runs `ndpi-xdp ARGUMENTS` to its end, the arguments separated by white space.
    pub(crate) fn run(&self, arguments: &str) -> Run {
        self.run_with(&[], arguments)
    }

    /// The same through a program that starts another one, such as setpriv with its options.
    pub(crate) fn run_with(&self, wrapper: &[&str], arguments: &str) -> Run {
        let program = binary().display().to_string();
        let words = wrapper.iter().copied().chain([program.as_str()]);
        let words: Vec<_> = words.chain(arguments.split_whitespace()).collect();
        run(self.command(words[0]).args(&words[1..]))
    }

    /// Starts `ndpi-xdp ARGUMENTS` and returns when it has attached.
    pub(crate) fn start(&self, arguments: &str) -> Instance {
        let mut command = self.command(&binary().display().to_string());
        Instance::start(command.args(arguments.split_whitespace()), self.folder())
    }

    /// Programs on `interface`, in words.
    pub(crate) fn attached(&self, interface: &str) -> Vec<String> {
        attached::programs(self.network.name(), interface)
    }

    /// What is pinned where the program pins its maps.
    pub(crate) fn pinned(&self) -> Vec<String> {
        let listed = run(self.command("ls").args(["-A", PINS]));
        listed.stdout.lines().map(str::to_owned).collect()
    }

    /// The lock files of instances that run.
    pub(crate) fn locks(&self) -> Vec<String> {
        let listed = run(self.command("ls").arg("/run/ndpi-xdp"));
        listed.stdout.lines().map(str::to_owned).collect()
    }

    /// Fails when a program is on one of the interfaces, or anything is pinned.
    pub(crate) fn assert_clean(&self) {
        for interface in ["left", "right"] {
            assert_eq!(self.attached(interface), [""; 0], "attached to {interface}");
        }
        assert_eq!(self.pinned(), [""; 0], "pinned");
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

impl Run {
    /// Fails unless the program failed with `code` and said each of `words` on standard error.
    #[track_caller]
    pub(crate) fn assert_failed(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in: {self:#?}");
        }
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        self
    }
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}
