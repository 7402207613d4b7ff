//! Waiting for conditions, never for time.

use std::thread;
use std::time::{Duration, Instant};

/// Waits until something holds that is to come about soon.
#[track_caller]
pub fn wait_until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "it does not come about");
        thread::sleep(Duration::from_millis(20));
    }
}
