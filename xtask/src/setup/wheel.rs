//! nDPI's code out of a wheel of the Python package index, pinned by version and hash.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};

use crate::process;

/// The file in the wheel that holds nDPI.
pub(super) const ENGINE: &str = "_lib_engine.abi3.so";

const PROJECT: &str = "nfstream==6.6.0";

/// The wheels known to hold nDPI 5.0.0, by machine: all for `CPython` 3.11, since the engine does
/// not depend on it and one wheel a machine is enough.
const HASHES: [(&str, &str); 2] = [
    ("x86_64", "eb92ea053d79a7c5d1e3e577df5073f31fe7b06ec9dfa552525f8e13fa447caa"),
    ("aarch64", "daa96177249d5d3d5ac28320750fa81941219ba917806ff2bc6233e130ac01f9"),
];

/// Downloads the wheel with pip (which knows the user's mirrors and proxies), checks it, and
/// leaves the engine in `folder`.
pub(super) fn fetch_engine(folder: &Path) -> Result<()> {
    let machine = std::env::consts::ARCH;
    let hash = hash_for(machine)?;
    let scratch = folder.join("wheel");
    if scratch.exists() {
        fs::remove_dir_all(&scratch)?;
    }
    fs::create_dir_all(&scratch)?;
    let python = python_with_pip()?;
    let wheel = download(&python, machine, &scratch)?;
    verify(&wheel, hash)?;
    process::output(
        process::command(&python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&scratch),
    )?;
    fs::rename(scratch.join(ENGINE), folder.join(ENGINE))
        .with_context(|| format!("{} has no {ENGINE}", wheel.display()))?;
    fs::remove_dir_all(&scratch).context("cannot remove the unpacked wheel")
}

fn hash_for(machine: &str) -> Result<&'static str> {
    let known = HASHES.iter().find(|(name, _)| *name == machine);
    known.map(|(_, hash)| *hash).with_context(|| {
        format!("no ready nDPI 5.0 is known for {machine}; build nDPI 5.0 and `make install` it")
    })
}

/// The first Python that has pip: a version manager's may lack what the system's has.
pub(super) fn python_with_pip() -> Result<PathBuf> {
    ["python3", "/usr/bin/python3"]
        .map(PathBuf::from)
        .into_iter()
        .find(|python| {
            process::output(process::command(python).args(["-m", "pip", "--version"])).is_ok()
        })
        .context("no python3 with pip, on Debian and Ubuntu: sudo apt-get install python3-pip")
}

fn download(python: &Path, machine: &str, folder: &Path) -> Result<PathBuf> {
    let mut pip = process::command(python);
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--implementation=cp", "--python-version=311"])
        .args(["manylinux_2_17", "manylinux2014"].map(|tag| format!("--platform={tag}_{machine}")))
        .arg("--dest")
        .arg(folder)
        .arg(PROJECT);
    process::quietly(&mut pip)?;
    let files = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let wheel = files.into_iter().map(|file| file.path()).find(|path| path.is_file());
    wheel.with_context(|| format!("pip left no wheel in {}", folder.display()))
}

fn verify(wheel: &Path, expected: &str) -> Result<()> {
    let content = fs::read(wheel).with_context(|| format!("cannot read {}", wheel.display()))?;
    let found = format!("{:x}", Sha256::digest(&content));
    if found != expected {
        bail!("{} is not the pinned one: sha256 {found}, expected {expected}", wheel.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_file_is_refused_with_both_hashes() {
        let folder = std::env::temp_dir().join(format!("xtask-wheel-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.whl");
        fs::write(&file, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        verify(&file, abc).unwrap();
        let error = verify(&file, HASHES[0].1).unwrap_err().to_string();
        assert!(error.contains(abc) && error.contains(HASHES[0].1), "{error}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_machine_without_a_wheel_is_told_what_to_do() {
        assert_eq!(hash_for("aarch64").unwrap(), HASHES[1].1);
        assert!(hash_for("riscv64").unwrap_err().to_string().contains("make install"));
    }
}
