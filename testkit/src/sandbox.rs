//! A place of its own for the program: network, BPF file system and files that end with it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::attached;
use crate::instance::Instance;
use crate::namespace::{self, Namespace, inside};
use crate::places::ndpi_library;
use crate::program::{Run, binary, run};

/// Where the program pins its maps.
const PINS: &str = "/sys/fs/bpf/ndpi-xdp";

/// A network namespace with the veth pair `left` and `right`, both up, and a mount namespace with a
/// BPF file system of its own: tests run side by side, and never touch what is the machine's.
pub struct Sandbox {
    /// Its network.
    pub network: Namespace,
    /// Keeps the mount namespace; ends when its standard input does.
    holder: Child,
    folder: TempDir,
}

impl Sandbox {
    /// With a BPF file system.
    pub fn new() -> Self {
        Self::with_mounts("mount -t bpf bpf /sys/fs/bpf")
    }

    /// Without one, as on a machine whose init system does not mount it.
    pub fn without_bpffs() -> Self {
        Self::with_mounts("while umount /sys/fs/bpf 2>/dev/null; do :; done")
    }

    fn with_mounts(script: &str) -> Self {
        let network = Namespace::new(&namespace::unique("sandbox")).unwrap();
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
    pub fn ip(&self, arguments: &str) {
        self.network.ip(arguments).unwrap();
    }

    /// The network namespace's name.
    pub fn name(&self) -> &str {
        self.network.name()
    }

    /// Another network namespace.
    pub fn beside(&self) -> Namespace {
        Namespace::new(&format!("{}-beside", self.network.name())).unwrap()
    }

    /// What `task` returns when it runs in the network namespace.
    pub fn inside<T: Send>(&self, task: impl FnOnce() -> T + Send) -> T {
        inside(&self.network, task)
    }

    /// A file with this content, to name on the command line.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that runs inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.holder.id())).args(["--mount", "--net", "--"]);
        command.arg(program).env("NDPI_LIBRARY", ndpi_library()).stdin(Stdio::null());
        command
    }

    /// Its `/run`, as it is seen from outside.
    pub fn run_folder(&self) -> PathBuf {
        format!("/proc/{}/root/run", self.holder.id()).into()
    }

    /// Runs `ndpi-xdp ARGUMENTS` to its end, the arguments separated by white space.
    pub fn run(&self, arguments: &str) -> Run {
        self.run_with(&[], arguments)
    }

    /// The same through a program that starts another one, such as setpriv with its options.
    pub fn run_with(&self, wrapper: &[&str], arguments: &str) -> Run {
        let program = binary().display().to_string();
        let words = wrapper.iter().copied().chain([program.as_str()]);
        let words: Vec<_> = words.chain(arguments.split_whitespace()).collect();
        run(self.command(words[0]).args(&words[1..]))
    }

    /// Starts `ndpi-xdp ARGUMENTS` and returns when it has attached.
    pub fn start(&self, arguments: &str) -> Instance {
        let mut command = self.command(&binary().display().to_string());
        Instance::start(command.args(arguments.split_whitespace()), self.folder())
    }

    /// Programs on `interface`, in words.
    pub fn attached(&self, interface: &str) -> Vec<String> {
        attached::programs(self.network.name(), interface)
    }

    /// What is pinned where the program pins its maps.
    pub fn pinned(&self) -> Vec<String> {
        let listed = run(self.command("ls").args(["-A", PINS]));
        listed.stdout.lines().map(str::to_owned).collect()
    }

    /// The lock files of instances that run.
    pub fn locks(&self) -> Vec<String> {
        let listed = run(self.command("ls").arg("/run/ndpi-xdp"));
        listed.stdout.lines().map(str::to_owned).collect()
    }

    /// Fails when a program is on one of the interfaces, or anything is pinned.
    pub fn assert_clean(&self) {
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
        let removed = self.network.remove();
        // What a test leaves behind fails it, unless it fails already.
        assert!(removed.is_ok() || std::thread::panicking(), "{:#}", removed.unwrap_err());
    }
}
