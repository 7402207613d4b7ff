//! Other programs that do the same: nfstream in a Python environment of its own, ndpiReader from
//! the system or from Debian's package, unpacked below `target/bench/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

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

/// Downloads Debian's package and what it needs with apt, which checks them, and unpacks them
/// without installing.
fn fetch(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let plan = process::output(process::command("apt-get").args([
        "install",
        "--simulate",
        "--no-install-recommends",
        "libndpi-bin",
    ]))?;
    process::output(
        process::command("apt-get").arg("download").args(to_install(&plan)).current_dir(folder),
    )?;
    for entry in fs::read_dir(folder)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            process::output(process::command("dpkg-deb").arg("-x").arg(&package).arg(folder))?;
        }
    }
    Ok(())
}

/// The packages that apt would install, by what it says of a simulation.
fn to_install(plan: &str) -> impl Iterator<Item = &str> {
    plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
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

#[cfg(test)]
mod tests {
    use super::to_install;

    #[test]
    fn packages_are_read_off_a_simulation() {
        let plan = "Reading package lists...\nInst libpcap0.8 (1.10 Debian:12 [amd64])\n\
            Inst libndpi-bin (4.2-2 Debian:12 [amd64])\nConf libpcap0.8 (1.10 Debian:12)\n";
        assert_eq!(to_install(plan).collect::<Vec<_>>(), ["libpcap0.8", "libndpi-bin"]);
    }
}
