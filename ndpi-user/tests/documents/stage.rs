//! Where the commands of a page are run: a folder with the files that the page names, and for root's
//! commands a network of its own.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use testkit::needs::{self, needs};
use testkit::places::ndpi_library;
use testkit::program::binary;

use crate::capture;
use crate::network::Network;

pub(crate) struct Stage {
    network: Option<Network>,
    folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        symlink(binary(), folder.path().join("bin/ndpi-xdp")).unwrap();
        let stage = Self { network: None, folder };
        stage.file("office.pcap", &capture::pcap(&capture::office()));
        stage
    }

    /// Puts a file there.
    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// What a command prints that anybody may give.
    pub(crate) fn as_anybody(&self, command: &str) -> String {
        run(self.folder.path(), Command::new("sh"), command)
    }

    /// What a command of root's prints. `ndpi-xdp run` prints nothing yet: it goes on until
    /// [`Self::end`], and has seen the capture on `eth0` when this returns.
    pub(crate) fn as_root(&mut self, command: &str) -> String {
        let folder = self.folder.path();
        let network = self.network.get_or_insert_with(Network::new);
        if command.starts_with("ndpi-xdp run ") {
            let (mut shell, output) = (network.shell(), folder.join("run.txt"));
            surround(&mut shell, folder, &format!("exec {command}"), &appending(&output));
            network.start(shell, output, |shell| run(folder, shell, "ndpi-xdp verdicts\n"));
            return String::new();
        }
        run(folder, network.shell(), command)
    }

    /// Ends the instance that runs, which is to print so many lines before, and gives what it has
    /// printed.
    pub(crate) fn end(&mut self, lines: usize) -> String {
        self.network.as_mut().expect("an instance was started").end(lines)
    }
}

/// Whether nDPI is there; says so if not. In CI it always is.
pub(crate) fn has_ndpi() -> bool {
    needs(needs::ndpi()).is_some()
}

/// What a command prints, which must succeed.
fn run(folder: &Path, mut shell: Command, command: &str) -> String {
    let output = folder.join("output.txt");
    let _ = fs::remove_file(&output);
    surround(&mut shell, folder, command, &appending(&output));
    let status = shell.status().unwrap();
    let said = fs::read_to_string(output).unwrap();
    assert!(status.success(), "{command}{status}\n{said}");
    said
}

/// The surroundings of a command. Both outputs go to one file, as to a terminal.
fn surround(shell: &mut Command, folder: &Path, command: &str, output: &File) {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [folder.join("bin")].into_iter().chain(env::split_paths(&path));
    let both = || Stdio::from(output.try_clone().unwrap());
    // Entering a mount namespace leaves the folder that a process is in.
    shell.args(["-c", &format!("cd {} && {command}", folder.display())]);
    shell.env("PATH", env::join_paths(folders).unwrap());
    shell.env("NDPI_LIBRARY", ndpi_library()).env("COLUMNS", "80").env("TZ", "UTC");
    shell.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(both()).stderr(both());
}

fn appending(path: &PathBuf) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}
