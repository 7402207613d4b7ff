//! The end that has the records.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_events::Losses;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{Shutdown, shutdown};

use super::message::{LONGEST, START_OVER, Told, record, try_receive, try_send};
use super::window::Window;
use crate::destination::{Next, Seldom, Target, Unit};

/// How long a record waits for those before it to be confirmed.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A target whose records stay here until they are confirmed.
pub(crate) struct Deliverer {
    name: String,
    shared: Arc<Shared>,
}

struct Shared {
    socket: OwnedFd,
    state: Mutex<State>,
    changed: Condvar,
    losses: Losses,
}

#[derive(Debug, Default)]
struct State {
    window: Window,
    /// It is to begin again, and was not told so.
    is_start_due: bool,
    /// It has been told to begin.
    is_started: bool,
    /// Why nothing is delivered; until something is.
    failure: Option<String>,
    is_over: bool,
}

impl Deliverer {
    /// Delivers through this socket; records that are refused for good count among `losses`.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub(crate) fn start(name: String, socket: OwnedFd, losses: Losses) -> io::Result<Self> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { socket, state, changed, losses });
        let its = Arc::clone(&shared);
        let listener = thread::Builder::new().name("deliveries".into());
        let its_name = name.clone();
        listener.spawn(move || its.listen(&its_name))?;
        Ok(Self { name, shared })
    }
}

impl Target for Deliverer {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn unit(&self) -> Unit {
        Unit::Record
    }

    fn write(&mut self, bytes: &[u8], _records: usize) -> io::Result<usize> {
        let until = Instant::now() + LONGEST_WAIT;
        let mut state = self.shared.state();
        while !state.takes_more()? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let text = "what was sent is not confirmed";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.window.push(|number| record(number, bytes));
        self.shared.give(&mut state);
        Ok(bytes.len())
    }

    fn unconfirmed(&self) -> u64 {
        let mut state = self.shared.state();
        self.shared.give(&mut state);
        state.window.unconfirmed() as u64
    }

    fn after(&mut self, _error: &io::Error) -> Next {
        if self.shared.state().is_over { Next::Nothing } else { Next::Record }
    }
}

impl Drop for Deliverer {
    fn drop(&mut self) {
        // The thread that listens, and the other process, see that nothing comes any more.
        let _ = shutdown(&self.shared.socket, Shutdown::Both);
    }
}

impl State {
    /// Whether a record can be taken now.
    fn takes_more(&self) -> io::Result<bool> {
        if self.is_over {
            return Err(io::Error::new(
                io::ErrorKind::BrokenPipe,
                "the process that delivers is gone",
            ));
        }
        match &self.failure {
            Some(failure) => Err(io::Error::other(failure.clone())),
            None => Ok(self.is_started && self.window.has_room()),
        }
    }

    /// Whether there is something to give away.
    fn has_more(&mut self) -> bool {
        self.is_start_due || self.is_started && self.window.next().is_some()
    }

    /// Takes what the other end says; the record that is lost by it, and why.
    fn hear(&mut self, told: Told) -> Option<String> {
        match told {
            Told::Ready => {
                self.window.start_over();
                (self.is_started, self.is_start_due) = (true, true);
                if self.window.unconfirmed() == 0 {
                    self.failure = None;
                }
                None
            }
            Told::Stored(numbers) => {
                for number in numbers {
                    self.window.confirm(number);
                }
                self.failure = None;
                None
            }
            Told::Refused(number, why) => self.window.confirm(number).then_some(why),
            Told::Failed(why) => {
                self.is_started = false;
                self.failure = Some(why);
                None
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what the other end says, until it is gone.
    fn listen(&self, name: &str) {
        let (mut buffer, mut refused) = (vec![0; LONGEST], Seldom::default());
        while self.wait() {
            match try_receive(&self.socket, &mut buffer) {
                Ok(None) => self.give(&mut self.state()),
                Ok(Some([])) | Err(_) => break,
                Ok(Some(bytes)) => {
                    let Some(told) = Told::read(bytes) else { break };
                    let mut state = self.state();
                    if let Some(why) = state.hear(told) {
                        self.lose(name, &why, &mut refused);
                    }
                    self.give(&mut state);
                    self.changed.notify_all();
                }
            }
        }
        self.state().is_over = true;
        self.changed.notify_all();
    }

    /// Waits until the other end says something, or has room for what it is to be given; false where that cannot be.
    fn wait(&self) -> bool {
        let wanted =
            if self.state().has_more() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut sockets = [PollFd::new(&self.socket, wanted)];
        matches!(poll(&mut sockets, None), Ok(_) | Err(rustix::io::Errno::INTR))
    }

    /// Gives away what there is room for. What there is none for is tried again when there is, or whoever writes looks
    /// whether it is confirmed.
    fn give(&self, state: &mut State) {
        if state.is_start_due {
            state.is_start_due = !matches!(try_send(&self.socket, START_OVER), Ok(true));
        }
        if state.is_start_due || !state.is_started {
            return;
        }
        while let Some((number, datagram)) = state.window.next() {
            match try_send(&self.socket, datagram) {
                Ok(true) => state.window.give(),
                Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                    state.window.confirm(number);
                    self.losses.lose_many(1);
                }
                // There is no room, or the other end is gone: whoever listens sees that.
                Ok(false) | Err(_) => return,
            }
        }
    }

    fn lose(&self, name: &str, why: &str, refused: &mut Seldom) {
        self.losses.lose_many(1);
        if let Some(times) = refused.happened(Instant::now()) {
            log::warn!("{times} records are lost, as {name} refuses them: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::message::{Given, pair};

    const LONG: Duration = Duration::from_secs(20);

    fn tell(socket: &OwnedFd, told: &Told) {
        assert!(try_send(socket, &told.bytes()).unwrap());
    }

    /// The numbers of records that come, until there are so many; `Start` is no number.
    fn given(socket: &OwnedFd, count: usize) -> Vec<Option<u64>> {
        let (mut numbers, start) = (Vec::new(), Instant::now());
        let mut buffer = vec![0; LONGEST];
        while numbers.len() < count {
            assert!(start.elapsed() < LONG, "{numbers:?}");
            match try_receive(socket, &mut buffer).unwrap().map(|bytes| Given::read(bytes).unwrap())
            {
                Some(Given::Start) => numbers.push(None),
                Some(Given::Record(number, _)) => numbers.push(Some(number)),
                None => thread::yield_now(),
            }
        }
        numbers
    }

    fn wait_until(what: impl Fn() -> bool) {
        let start = Instant::now();
        while !what() {
            assert!(start.elapsed() < LONG);
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_not_confirmed_is_given_again_and_to_whoever_comes_next() {
        let (own, other) = pair().unwrap();
        let losses = Losses::default();
        let mut target = Deliverer::start("there".into(), own, losses.clone()).unwrap();
        tell(&other, &Told::Ready);
        for _ in 0..3 {
            assert_eq!(target.write(b"flow 1\n{}", 1).unwrap(), 9);
        }
        assert_eq!(given(&other, 4), [None, Some(0), Some(1), Some(2)]);
        tell(&other, &Told::Stored(vec![1]));
        tell(&other, &Told::Failed("it is gone".into()));
        wait_until(|| target.unconfirmed() == 2 && target.shared.state().failure.is_some());
        let error = target.write(b"flow 2\n{}", 1).unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), target.after(&error)),
            ("it is gone", Next::Record)
        );
        tell(&other, &Told::Ready);
        assert_eq!(given(&other, 3), [None, Some(0), Some(2)]);
        // That it is there again is not that it takes something: it might say so all the time.
        assert!(target.write(b"flow 2\n{}", 1).is_err());
        tell(&other, &Told::Refused(0, "too long".into()));
        tell(&other, &Told::Stored(vec![2]));
        wait_until(|| target.unconfirmed() == 0);
        assert_eq!(losses.lost(), 1);
        assert!(target.write(b"flow 2\n{}", 1).is_ok());
        assert_eq!(given(&other, 1), [Some(3)]);
    }

    #[test]
    fn a_full_socket_keeps_the_order_and_loses_nothing() {
        let (own, other) = pair().unwrap();
        let mut target = Deliverer::start("there".into(), own, Losses::default()).unwrap();
        tell(&other, &Told::Ready);
        let frame = vec![b'x'; 4000];
        for _ in 0..1000 {
            target.write(&frame, 1).unwrap();
        }
        let mut numbers = given(&other, 1);
        for _ in 0..100 {
            // Whoever writes looks now and then.
            assert_eq!(target.unconfirmed(), 1000);
            numbers.extend(given(&other, 10));
        }
        assert_eq!(numbers[0], None);
        assert!(numbers[1..].iter().zip(0..).all(|(number, expected)| *number == Some(expected)));
        drop(target);
        assert_eq!(try_receive(&other, &mut [0; 8]).unwrap(), Some(&[][..]), "the end");
    }

    #[test]
    fn one_that_is_too_long_for_the_socket_is_lost_and_holds_nothing_up() {
        let (own, other) = pair().unwrap();
        let losses = Losses::default();
        let mut target = Deliverer::start("there".into(), own, losses.clone()).unwrap();
        tell(&other, &Told::Ready);
        target.write(&vec![b'x'; 4 << 20], 1).unwrap();
        target.write(b"flow 1\n{}", 1).unwrap();
        assert_eq!(given(&other, 2), [None, Some(1)]);
        assert_eq!((losses.lost(), target.unconfirmed()), (1, 1));
        drop(other);
        wait_until(|| target.shared.state().is_over);
        let error = target.write(b"flow 1\n{}", 1).unwrap_err();
        assert_eq!(target.after(&error), Next::Nothing);
    }
}
