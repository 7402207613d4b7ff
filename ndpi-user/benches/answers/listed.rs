//! `ndpi-xdp verdicts` of very many, in the maps of an instance that is gone.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_kernel::{Kernel, LoadOptions};
use testkit::{blocked, memory, namespace};

use crate::Options;

/// What is asked for, in words and as arguments.
pub(crate) const WAYS: [(&str, &[&str]); 3] = [
    ("--json", &["--json"]),
    ("--json --sort dropped --top 20", &["--json", "--sort", "dropped", "--top", "20"]),
    ("--sort dropped --top 20", &["--sort", "dropped", "--top", "20"]),
];

/// How often it is looked how much memory a command has.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Maps with verdicts in them.
pub(crate) struct Tables(Kernel);

/// What a command took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    pub(crate) verdicts: u32,
    pub(crate) lines: usize,
    pub(crate) time: Duration,
    /// The most memory that it had (KiB).
    pub(crate) kib: u64,
}

impl Tables {
    /// With so many verdicts of flows between different ends.
    pub(crate) fn filled(verdicts: u32) -> Result<Self, Box<dyn Error>> {
        let pins = Path::new("/sys/fs/bpf").join(namespace::named("bench", "verdicts"));
        let options = LoadOptions {
            verdicts: verdicts + 1,
            tracks: 1024,
            ring_bytes: 1 << 16,
            pin_directory: Some(pins),
            ..LoadOptions::default()
        };
        let kernel = Kernel::load(&options)?;
        for number in 0..verdicts {
            kernel.verdicts().insert(&blocked::key(number), &blocked::verdict())?;
        }
        Ok(Self(kernel))
    }

    /// Lists them as asked for.
    pub(crate) fn list(&self, options: &Options, asked: &[&str]) -> Result<Took, Box<dyn Error>> {
        let pins = self.0.pin_directory().ok_or("the maps are not pinned")?;
        let listed = tempfile::NamedTempFile::new()?;
        let mut command = Command::new(&options.common.program);
        // Quiet, as this process holds the maps and answers no questions about hosts.
        command.args(["--quiet", "verdicts"]).args(asked).arg("--pin-dir").arg(pins);
        command.env("NDPI_LIBRARY", &options.common.library).stdout(listed.reopen()?);
        let began = Instant::now();
        let mut child = command.spawn()?;
        let kib = watched(&mut child)?;
        let time = began.elapsed();
        let lines = BufReader::new(File::open(listed.path())?).lines();
        let lines = lines.filter(|line| line.as_ref().is_ok_and(|it| !it.is_empty())).count();
        Ok(Took { verdicts: options.verdicts, lines, time, kib })
    }
}

/// The most memory that it had until its end (KiB).
fn watched(child: &mut Child) -> Result<u64, Box<dyn Error>> {
    let mut kib = 0;
    loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(kib),
            Some(status) => return Err(format!("`verdicts` ended with {status}").into()),
            None => {}
        }
        kib = kib.max(memory::most_kib(child.id()).unwrap_or_default());
        thread::sleep(LOOK_EVERY);
    }
}
