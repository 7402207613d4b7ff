//! A network namespace with one interface, `eth0`, on which the capture of the documents comes in.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testkit::sandbox::Sandbox;
use testkit::tun::Tun;
use testkit::wait_until;

use crate::capture;

pub(crate) struct Network {
    running: Option<Running>,
    eth0: Tun,
    sandbox: Sandbox,
}

/// `ndpi-xdp run` under way; it does not outlive this.
struct Running {
    child: Child,
    output: PathBuf,
}

impl Network {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let eth0 = Tun::tap(&sandbox, "eth0");
        Self { running: None, eth0, sandbox }
    }

    /// A shell inside.
    pub(crate) fn shell(&self) -> Command {
        self.sandbox.command("sh")
    }

    /// Starts an instance, whose both outputs go to the file `output`, and has the capture come in;
    /// `verdicts` lists the verdicts that stand, with a shell inside.
    pub(crate) fn start(
        &mut self,
        mut command: Command,
        output: PathBuf,
        verdicts: impl Fn(Command) -> String,
    ) {
        let running = Running { child: command.spawn().unwrap(), output };
        wait_until(|| running.said().contains("attached to eth0"));
        let frames = capture::office();
        let mut sent = 0;
        for (count, application) in capture::DECIDED {
            self.come_in(&frames[sent..count]);
            sent = count;
            wait_until(|| verdicts(self.shell()).contains(application));
        }
        self.come_in(&frames[sent..]);
        self.running = Some(running);
    }

    fn come_in(&self, frames: &[(u64, Vec<u8>)]) {
        for (_, frame) in frames {
            self.eth0.send(frame);
        }
    }

    /// Ends the instance, and gives what it has printed. It is interrupted when it has printed so many
    /// lines; fewer show in the comparison with the page.
    pub(crate) fn end(&mut self, lines: usize) -> String {
        let mut running = self.running.take().expect("an instance was started");
        let deadline = Instant::now() + Duration::from_secs(5);
        while without_busy(&running.said()).lines().count() < lines && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        // As a terminal shows it.
        OpenOptions::new().append(true).open(&running.output).unwrap().write_all(b"^C\n").unwrap();
        let pid = Pid::from_raw(running.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        let status = running.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", running.said());
        without_busy(&running.said())
    }
}

fn without_busy(said: &str) -> String {
    said.split_inclusive('\n').filter(|line| !is_about_a_busy_machine(line)).collect()
}

/// Whether a line is there only because the machine has more to do than this test.
fn is_about_a_busy_machine(line: &str) -> bool {
    let warning = line.strip_prefix("warning: ").unwrap_or_default();
    ["more new flows come", "new flows are looked at"].iter().any(|it| warning.starts_with(it))
}

impl Running {
    fn said(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already over, or to be over at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
