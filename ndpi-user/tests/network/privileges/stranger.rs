//! Traps that a user without rights can set: files of his own, libraries, and a program with
//! capabilities that somebody has set.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{XattrFlags, setxattr};
use rustix::thread::CapabilitySet;
use testkit::program::binary;
use testkit::sandbox::Sandbox;

/// `nobody`, and his group.
pub(crate) const NOBODY: u32 = 65534;

/// Makes a folder that everybody may enter, with those above it inside the sandbox's own.
pub(crate) fn folder(sandbox: &Sandbox, path: &str) -> PathBuf {
    let mut at = sandbox.folder().to_owned();
    set_mode(&at, 0o755);
    for part in Path::new(path) {
        at.push(part);
        if !at.exists() {
            fs::create_dir(&at).unwrap();
            set_mode(&at, 0o755);
        }
    }
    at
}

/// Copies the program under test to `path` inside the sandbox's folder.
pub(crate) fn program(sandbox: &Sandbox, path: &str) -> PathBuf {
    let path = Path::new(path);
    let folder = folder(sandbox, path.parent().unwrap().to_str().unwrap());
    let program = folder.join(path.file_name().unwrap());
    copy(sandbox, &binary(), &program);
    set_mode(&program, 0o755);
    program
}

/// Copies a file, by another process: were it open for writing here, a child that another test
/// starts meanwhile would keep it so, and it could not be run.
pub(crate) fn copy(sandbox: &Sandbox, from: &Path, to: &Path) {
    assert!(sandbox.command("cp").arg("-L").arg(from).arg(to).status().unwrap().success());
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn give_to_nobody(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
}

/// The command, started by nobody.
pub(crate) fn as_nobody(sandbox: &Sandbox, program: &Path) -> Command {
    let mut command = sandbox.command("setpriv");
    let user = [format!("--reuid={NOBODY}"), format!("--regid={NOBODY}")];
    command.args(user).arg("--clear-groups").arg("--").arg(program);
    command
}

/// A library that, wherever it is loaded, leaves the file `mark` as a mark.
pub(crate) fn hostile_library(library: &Path, mark: &Path) {
    let source = library.with_extension("c");
    let code = format!(
        "#include <fcntl.h>\n__attribute__((constructor)) static void run(void) {{\
         open(\"{}\", O_CREAT | O_WRONLY, 0666); }}\n",
        mark.display()
    );
    fs::write(&source, code).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([library, &source])
        .status()
        .unwrap();
    assert!(compiled.success());
}

/// As `setcap CAPABILITIES+ep FILE` does: revision 2 of `vfs_cap_data` in `linux/capability.h`.
pub(crate) fn set_capabilities_of(file: &Path, capabilities: CapabilitySet) {
    let bits = capabilities.bits();
    let halves = [bits & 0xffff_ffff, bits >> 32].map(|half| u32::try_from(half).unwrap());
    let words = [0x0200_0001, halves[0], 0, halves[1], 0];
    let value: Vec<u8> = words.iter().copied().flat_map(u32::to_le_bytes).collect();
    setxattr(file, "security.capability", &value, XattrFlags::empty()).unwrap();
}
