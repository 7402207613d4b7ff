//! `ndpi-xdp run` under way.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{schema, wait_for};

/// Much longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running instance that writes JSON; dropping it ends it.
pub struct Instance {
    child: Child,
    lines: Receiver<String>,
    stderr: PathBuf,
}

impl Instance {
    /// Starts the command and waits for its `status` record that says it is running.
    pub fn start(command: &mut Command, folder: &Path) -> Self {
        let stderr = folder.join(format!("stderr-{:?}", Instant::now()).replace(' ', ""));
        let mut child =
            command.stdout(Stdio::piped()).stderr(File::create(&stderr).unwrap()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let instance = Self { child, lines, stderr };
        instance.wait_for(|record| record["type"] == "status" && record["state"] == "running");
        instance
    }

    /// Starts the command with this standard output, which is the test's to read, and waits until it
    /// has attached.
    pub fn start_unread(command: &mut Command, folder: &Path, stdout: Stdio) -> Self {
        let stderr = folder.join(format!("stderr-{:?}", Instant::now()).replace(' ', ""));
        let child = command.stdout(stdout).stderr(File::create(&stderr).unwrap()).spawn().unwrap();
        let instance = Self { child, lines: mpsc::channel().1, stderr };
        instance.wait_to_say("attached to");
        instance
    }

    /// The next record that fits; those before it are passed over.
    #[track_caller]
    pub fn wait_for(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("the record did not come; standard error:\n{}", self.stderr());
            };
            let record = schema::record(&line);
            if fits(&record) {
                return record;
            }
        }
    }

    /// The next record whose line has `word` in it. Lines before it are passed over unread: there may
    /// be very many.
    #[track_caller]
    pub fn wait_for_word(&self, word: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no {word}; standard error:\n{}", self.stderr());
            };
            if line.contains(word) {
                return schema::record(&line);
            }
        }
    }

    /// Every record that is still to come, until it has ended.
    pub fn rest(&self) -> Vec<Value> {
        self.lines.iter().map(|line| schema::record(&line)).collect()
    }

    /// Waits until it has said this on standard error; all that it has said by then. A record does not tell
    /// that the line of the same event is there: each is written by a thread of its own.
    #[track_caller]
    pub fn wait_to_say(&self, text: &str) -> String {
        self.wait_to_say_times(text, 1)
    }

    /// The same, until it has said it so many times.
    #[track_caller]
    pub fn wait_to_say_times(&self, text: &str, times: usize) -> String {
        wait_for(|| {
            let said = self.stderr();
            let instead = format!("it does not say {text:?}; standard error:\n{said}");
            if said.matches(text).count() >= times { Ok(said) } else { Err(instead) }
        })
    }

    /// What it has said on standard error so far.
    pub fn stderr(&self) -> String {
        fs::read_to_string(&self.stderr).unwrap()
    }

    /// Whether it has not ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Asks it to end with `signal` and waits until it has.
    pub fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.ended()
    }

    /// Waits until it has ended.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end; standard error:\n{}", self.stderr());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // Already over, or to be over at once.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
