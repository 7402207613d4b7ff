//! Waiting for conditions, never for time.

use std::thread;
use std::time::{Duration, Instant};

/// Waits until something holds that is to come about soon.
#[track_caller]
pub fn wait_until(holds: impl Fn() -> bool) {
    wait_for(|| holds().then_some(()).ok_or("it does not come about"));
}

/// Waits until there is what is to be there soon, and gives it; says in the end what there is instead.
#[track_caller]
pub fn wait_for<T, E: std::fmt::Display>(look: impl Fn() -> Result<T, E>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match look() {
            Ok(found) => return found,
            Err(instead) => assert!(Instant::now() < deadline, "{instead}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}
