//! The files of an examination, put together once: programs, libraries, captures, policies.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};

use super::archive::Unpacked;
use super::examine::{FOLDER, TOOLS};
use super::initramfs::Initramfs;
use super::{announce, capture, guest, libraries, modules};
use crate::process;
use crate::workspace::{Profile, Workspace};

/// Modules for what is examined; those they depend on come with them.
const MODULES: [&str; 20] = [
    "veth",
    "sch_ingress",
    "cls_bpf",
    "tun",
    "ipip",
    "ip_gre",
    "sit",
    "wireguard",
    "ppp_async",
    "xfrm_interface",
    "xfrm_user",
    "esp4",
    // What the kernel would ask modprobe for: the cipher of ESP, and random numbers for it.
    "sha512_generic",
    "jitterentropy_rng",
    "drbg",
    "aes_generic",
    "ctr",
    "gcm",
    "ghash_generic",
    "seqiv",
];

/// Folders of a machine before anything is mounted.
const FOLDERS: [&str; 6] = ["proc", "sys", "dev", "run", "tmp", "root"];

/// Everything but the kernel and its modules.
pub(super) struct Stage {
    folder: PathBuf,
    library: PathBuf,
}

impl Stage {
    pub(super) fn build(
        workspace: &Workspace,
        profile: Profile,
        captures: &[PathBuf],
    ) -> Result<Self> {
        let folder = workspace.target().join("kernels/stage");
        let _ = fs::remove_dir_all(&folder);
        let inside = folder.join("files");
        fs::create_dir_all(&inside).with_context(|| format!("cannot make {}", inside.display()))?;
        strip(&workspace.binary(profile), &inside.join("ndpi-xdp"))?;
        fs::write(inside.join("policy.toml"), super::examine::POLICY)?;
        fs::write(inside.join("made.pcap"), capture::made())?;
        for capture in captures {
            let name = capture.file_name().context("a capture without a name")?;
            fs::copy(capture, inside.join(name))
                .with_context(|| format!("cannot copy {}", capture.display()))?;
        }
        let library = process::variable("NDPI_LIBRARY").map(PathBuf::from);
        let library = library.unwrap_or_else(|| workspace.ndpi_library());
        fs::write(inside.join("library"), library.display().to_string())?;
        Ok(Self { folder, library })
    }

    /// Where logs and reports go.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    fn inside(&self) -> PathBuf {
        self.folder.join("files")
    }

    /// Examines this machine, as root.
    pub(super) fn here(&self) -> Result<String> {
        let mut command = process::privileged(env::current_exe()?);
        command.arg("kernels-here").arg(self.inside());
        announce(&command);
        let output = command.stderr(Stdio::inherit()).output().context("cannot start it")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        fs::write(self.folder.join("here-report.txt"), &said)?;
        if !output.status.success() {
            bail!("the examination of this machine failed, see above");
        }
        Ok(said)
    }

    /// The first file system for a kernel.
    pub(super) fn initramfs(&self, kernel: &Unpacked) -> Result<PathBuf> {
        let mut archive = Initramfs::default();
        for folder in FOLDERS {
            archive.folder(folder);
        }
        for entry in fs::read_dir(self.inside())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            archive.file(&format!("{FOLDER}/{name}"), &fs::read(&path)?);
        }
        self.programs(&mut archive)?;
        for (number, module) in modules::closure(&kernel.modules, &MODULES)?.iter().enumerate() {
            let path = format!("{}/{number:03}-{}.ko", guest::MODULES, module.name);
            archive.file(&path, &module.content);
        }
        let path = self.folder.join(format!("{}.cpio", kernel.release));
        fs::write(&path, archive.finish())?;
        Ok(path)
    }

    /// This binary as the first process, what it calls, and all libraries.
    fn programs(&self, archive: &mut Initramfs) -> Result<()> {
        let xtask = self.folder.join("xtask");
        strip(&env::current_exe()?, &xtask)?;
        archive.file("init", &fs::read(&xtask)?);
        let mut needed = libraries::of(&xtask)?;
        needed.extend(libraries::of(&self.inside().join("ndpi-xdp"))?);
        needed.push(self.library.clone());
        needed.extend(libraries::of(&self.library)?);
        for tool in TOOLS {
            // What is not there cannot be examined; the guest says so.
            let Some(path) = process::find_program(tool) else { continue };
            needed.extend(libraries::of(&path)?);
            archive.file(&format!("sbin/{tool}"), &fs::read(&path)?);
        }
        needed.sort();
        needed.dedup();
        needed.iter().try_for_each(|path| archive.copy(path))
    }
}

/// Copies a program without its debug information, which is most of it.
fn strip(program: &Path, to: &Path) -> Result<()> {
    let mut strip = process::command("strip");
    process::run(strip.args(["--strip-debug", "-o"]).arg(to).arg(program))
}
