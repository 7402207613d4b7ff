//! sshd, with a host key of its own: a service that is not the web.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use testkit::topology::{SERVER_V4, SERVER_V6};

use super::setting::Setting;
use crate::lab::daemon::Daemon;
use crate::process;

/// The server's host key, as ssh wants to know it, in the lab's folder.
pub(in crate::lab) const KNOWN_HOSTS: &str = "known_hosts";

/// Nobody can log in: the client is answered, with the host key and a refusal.
const CONFIGURATION: &str = "PidFile none
UsePAM no
AuthenticationMethods publickey
AuthorizedKeysFile none
LogLevel ERROR
";

pub(super) fn start(setting: &Setting) -> Result<Daemon> {
    let folder = setting.folder;
    let key = folder.join("host_key");
    process::output(
        process::command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key),
    )?;
    trust(folder, &key.with_extension("pub"))?;
    let file = folder.join("sshd_config");
    fs::write(&file, format!("HostKey {}\n{CONFIGURATION}", key.display()))?;
    // sshd calls itself by its full path, and wants a folder in /run which its service would make:
    // it gets one in a mount namespace of its own, so that nothing stays behind.
    let sshd = process::find_program("sshd").context("sshd is missing")?;
    let script = "mount -t tmpfs -o mode=755 lab /run && mkdir -m 755 /run/sshd && exec \"$@\"";
    let (sshd, file) = (sshd.display().to_string(), file.display().to_string());
    let mounts = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", script, "sh"];
    let program = [&mounts[..], &[&sshd, "-D", "-e", "-f", &file]].concat();
    Daemon::start("sshd", setting.server, &program, folder, Stdio::null())
}

fn trust(folder: &Path, public_key: &Path) -> Result<()> {
    let key = fs::read_to_string(public_key)?;
    let line = format!("{SERVER_V4},{SERVER_V6} {key}");
    fs::write(folder.join(KNOWN_HOSTS), line).context("cannot write the known hosts")
}
