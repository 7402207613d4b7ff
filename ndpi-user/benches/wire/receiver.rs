//! The receiving end of the wire.

use std::error::Error;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use ndpi_kernel::pinned::{self, Pinned};
use rustix::process::{Pid, Signal, kill_process};
use testkit::bpf::{call, code};
use testkit::{cpu, namespace};

use crate::generator::APP;
use crate::link::Pair;

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// What processor time is counted in.
const TICK: Duration = Duration::from_millis(10);
/// How long nothing arrives, on a busy machine too, before nothing will.
const STILL: Duration = Duration::from_secs(10);

/// What stands at the receiving end of a pair.
pub(crate) enum Receiver {
    /// No program: frames go to the stack.
    Nothing,
    /// A program that says the same of every frame; the link that holds it.
    Answer(#[expect(dead_code, reason = "dropping it detaches")] OwnedFd),
    /// `ndpi-xdp run`.
    Ours(Box<Ours>),
}

impl Receiver {
    pub(crate) fn nothing(pair: &Pair) -> Result<Self, Box<dyn Error>> {
        pair.batch()?;
        Ok(Self::Nothing)
    }

    /// A program whose answer (`enum xdp_action`) is always the same.
    pub(crate) fn answer(pair: &Pair, answer: i32) -> Result<Self, Box<dyn Error>> {
        let program = call::load(&code::answer(answer))?;
        Ok(Self::Answer(call::attach(&program, pair.rx_index()?)?))
    }
}

/// A running `ndpi-xdp`; dropping it ends it.
pub(crate) struct Ours {
    child: Child,
    log: PathBuf,
    report: PathBuf,
    pub(crate) maps: Pinned,
}

impl Ours {
    /// Starts `program` on an interface, with XDP in this mode.
    pub(crate) fn start(
        program: &Path,
        library: &Path,
        (interface, mode): (&str, &str),
        folder: &Path,
    ) -> Result<Self, Box<dyn Error>> {
        let named = |what: &str| folder.join(format!("{interface}-{what}"));
        let (policy, log, report) = (named("policy"), named("log"), named("report"));
        fs::write(&policy, format!("[[rule]]\napp = \"{APP}\"\naction = \"drop\"\n"))?;
        let pins = Path::new("/sys/fs/bpf").join(namespace::named("bench", interface));
        let child = Command::new(program)
            .args(["run", "--mode", mode, "--workers", "1", "--iface", interface, "--policy"])
            .arg(&policy)
            .arg("--pin-dir")
            .arg(&pins)
            .env("NDPI_LIBRARY", library)
            .stdin(Stdio::null())
            .stdout(File::create(&report)?)
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut starting = Starting(Some(child));
        let said = || fs::read_to_string(&log).unwrap_or_default();
        wait_for("ndpi-xdp has attached", || {
            Ok(said().contains("attached to") || starting.has_ended()?)
        })?;
        let maps = pinned::open(Some(&pins)).map_err(|error| format!("{error}\n{}", said()))?;
        let child = starting.0.take().ok_or("ndpi-xdp has started twice")?;
        Ok(Self { child, log, report, maps })
    }

    /// Waits until the program has nothing to do any more: it has taken all samples in. One that gets no
    /// CPU uses none either, but one of its threads wants to run.
    pub(crate) fn wait_until_idle(&mut self) -> Result<(), Box<dyn Error>> {
        let mut before = None;
        wait_for("ndpi-xdp has taken all samples in", || {
            self.check()?;
            thread::sleep(Duration::from_millis(60));
            let (now, sleeping) = (cpu::time_of(&self.child)?, self.is_sleeping()?);
            Ok(before.replace(now).is_some_and(|before| now.saturating_sub(before) <= TICK)
                && sleeping)
        })
    }

    /// Fails, with what it said, when it has ended.
    pub(crate) fn check(&mut self) -> Result<(), Box<dyn Error>> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let said = fs::read_to_string(&self.log)?;
                Err(format!("ndpi-xdp has ended ({status}): {said}").into())
            }
        }
    }

    /// Whether all its threads wait for something (proc(5), `state`).
    fn is_sleeping(&self) -> Result<bool, Box<dyn Error>> {
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may end meanwhile.
            let stat = fs::read_to_string(thread?.path().join("stat")).unwrap_or_default();
            if stat.rsplit_once(')').is_some_and(|(_, fields)| fields.starts_with(" R")) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ends it and returns how many samples it says that it gave to nDPI, and how many it left out or lost.
    pub(crate) fn end(mut self) -> Result<(u64, u64), Box<dyn Error>> {
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        let status = self.child.wait()?;
        if !status.success() {
            return Err(fs::read_to_string(&self.log)?.into());
        }
        let report = fs::read_to_string(&self.report)?;
        let number = |before: &str| {
            let rest = report.lines().find_map(|line| line.strip_prefix(before))?;
            rest.split_whitespace().next()?.replace(',', "").parse::<u64>().ok()
        };
        let shown = number("shown to nDPI: ").ok_or("ndpi-xdp does not say what it was shown")?;
        let left_out = number("left out, as more came than could be looked at: ");
        Ok((shown, left_out.unwrap_or(0)))
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// A process that is not ready yet; dropping it ends it.
struct Starting(Option<Child>);

impl Starting {
    fn has_ended(&mut self) -> io::Result<bool> {
        self.0.as_mut().map_or(Ok(true), |child| Ok(child.try_wait()?.is_some()))
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            end(child);
        }
    }
}

/// Asks a process to end, and waits until it has. One that was waited for is nobody's any more: its
/// number may be another's.
fn end(child: &mut Child) {
    if let Ok(None) = child.try_wait() {
        let _ = kill_process(Pid::from_child(child), Signal::INT);
        let _ = child.wait();
    }
}

/// Waits for a condition, not for ever.
pub(crate) fn wait_for(
    what: &str,
    mut condition: impl FnMut() -> Result<bool, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now() + PATIENCE;
    while !condition()? {
        if Instant::now() > deadline {
            return Err(format!("waited in vain until {what}").into());
        }
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Waits until a number has reached `wanted`, for as long as it grows; where it has ended up, and when it
/// grew last.
pub(crate) fn wait_while_growing(
    wanted: u64,
    mut number: impl FnMut() -> Result<u64, Box<dyn Error>>,
) -> Result<(u64, Instant), Box<dyn Error>> {
    let mut last = (number()?, Instant::now());
    while last.0 < wanted && last.1.elapsed() < STILL {
        thread::sleep(Duration::from_millis(1));
        let now = number()?;
        if now > last.0 {
            last = (now, Instant::now());
        }
    }
    Ok(last)
}
