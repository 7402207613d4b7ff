//! Other programs that do the same: nfstream in a Python environment of its own, ndpiReader from
//! the system or from Debian's package, unpacked below `target/bench/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::contender::Contender;
use crate::process::{self, find_program};
use crate::workspace::Workspace;

pub(super) const NFSTREAM: &str = "nfstream 6.6.0";
pub(super) const NDPI_READER: &str = "ndpiReader -q";

/// One meter and no statistics: the least that nfstream does.
const SCRIPT: &str = "import sys\n\
    from nfstream import NFStreamer\n\
    print(sum(1 for _ in NFStreamer(source=sys.argv[1], n_meters=1, statistical_analysis=False)))";

/// Those that are there, or can be fetched.
pub(super) fn find(workspace: &Workspace, capture: &Path) -> Vec<Contender> {
    let folder = workspace.target().join("bench");
    let found = [
        (NFSTREAM, nfstream(&folder.join("venv"), capture)),
        (NDPI_READER, ndpi_reader(&folder.join("ndpireader"), capture)),
    ];
    let mut contenders = Vec::new();
    for (name, contender) in found {
        match contender {
            Ok(contender) => contenders.push(contender),
            Err(error) => eprintln!("{name} is left out: {error:#}"),
        }
    }
    contenders
}

fn nfstream(environment: &Path, capture: &Path) -> Result<Contender> {
    let python = environment.join("bin/python");
    if !environment.join("ready").is_file() {
        process::output(process::command("python3").args(["-m", "venv"]).arg(environment))?;
        process::output(process::command(&python).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "nfstream==6.6.0",
        ]))?;
        fs::write(environment.join("ready"), "")?;
    }
    let mut command = process::command(&python);
    command.args(["-c", SCRIPT]).arg(capture);
    Ok(Contender::new(NFSTREAM, command))
}

fn ndpi_reader(folder: &Path, capture: &Path) -> Result<Contender> {
    let unpacked = folder.join("usr/bin/ndpiReader");
    let program = match find_program("ndpiReader") {
        Some(program) => program,
        None if unpacked.is_file() => unpacked,
        None => {
            fetch(folder)?;
            unpacked
        }
    };
    let mut command = process::command(program);
    command.env("LD_LIBRARY_PATH", libraries(folder)?);
    command.args(["-q", "-i"]).arg(capture);
    Ok(Contender::new(NDPI_READER, command))
}

/// Downloads Debian's packages with apt, which checks them, and unpacks them without installing.
fn fetch(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let depends = process::output(process::command("apt-cache").args(["depends", "libndpi-bin"]))?;
    let mut names = depends.split_whitespace().filter(|word| word.starts_with("libndpi"));
    let library = names.find(|name| *name != "libndpi-bin");
    let library = library.context("libndpi-bin depends on no libndpi")?;
    process::output(
        process::command("apt-get").args(["download", "libndpi-bin", library]).current_dir(folder),
    )?;
    for entry in fs::read_dir(folder)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            process::output(process::command("dpkg-deb").arg("-x").arg(&package).arg(folder))?;
        }
    }
    Ok(())
}

/// The folder of unpacked libraries, whatever the machine's name for it.
fn libraries(folder: &Path) -> Result<PathBuf> {
    let lib = folder.join("usr/lib");
    if !lib.is_dir() {
        return Ok(PathBuf::new());
    }
    let entries = fs::read_dir(&lib)?.collect::<Result<Vec<_>, _>>()?;
    let folders = entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir());
    Ok(folders.max().unwrap_or(lib))
}
