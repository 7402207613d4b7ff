//! The programs' own messages, by way of the `log` crate.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use log::{LevelFilter, Log, Metadata, Record};
use ndpi_kernel::{Kernel, LoadOptions};
use testkit::frame::udp4;
use testkit::thread_namespace::run;

use crate::loader::setup::{can_load, options};

/// Keeps what the programs say.
struct Kept(Mutex<Vec<String>>);

static KEPT: Kept = Kept(Mutex::new(Vec::new()));

impl Log for Kept {
    fn enabled(&self, _: &Metadata) -> bool {
        true
    }

    fn log(&self, record: &Record) {
        let message = record.args().to_string();
        if message.contains("has no ring") {
            self.0.lock().unwrap().push(message);
        }
    }

    fn flush(&self) {}
}

#[test]
fn the_programs_speak_when_they_are_asked_to() {
    if !can_load() {
        return;
    }
    log::set_logger(&KEPT).unwrap();
    log::set_max_level(LevelFilter::Trace);
    for (log_level, speaks) in [(LevelFilter::Off, false), (LevelFilter::Debug, true)] {
        let mut kernel = Kernel::load(&LoadOptions { log_level, ..options() }).unwrap();
        kernel.pass_messages_on().unwrap();
        let rings = kernel.pin_directory().unwrap().join("RINGS");
        for ring in 0..2_u32 {
            let key = ring.to_ne_bytes().map(|byte| byte.to_string()).join(" ");
            run("bpftool", &format!("map delete pinned {} key {key}", rings.display()));
        }
        // A worker without a ring is what the programs find odd.
        kernel.test_run().xdp(&udp4(1, 2, b"odd"), None, 1).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while speaks && KEPT.0.lock().unwrap().is_empty() {
            assert!(Instant::now() < deadline, "no message came");
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(kernel);
        assert_eq!(KEPT.0.lock().unwrap().is_empty(), !speaks, "at {log_level}");
    }
}
