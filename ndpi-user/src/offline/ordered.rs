//! Output of sets that are classified at the same time, written in the order of the sets.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::locked::locked;

/// Bytes that may wait for their turn, of all sets together. A capture set that is not next waits when
/// there are more: memory stays bounded, and the one that is next never waits.
const MOST_WAITING: usize = 64 << 20;

/// A writer with an order.
#[derive(Debug)]
pub(super) struct Ordered<W> {
    state: Mutex<State<W>>,
    moved: Condvar,
}

#[derive(Debug)]
struct State<W> {
    writer: W,
    /// The place whose output is written as it comes.
    next: usize,
    /// What the places after it have so far.
    waiting: BTreeMap<usize, Waiting>,
    bytes_waiting: usize,
    /// Nobody waits any more, see [`Ordered::release`].
    released: bool,
    /// What the writer refused something with: nobody needs to wait for anything any more.
    broken: Option<io::ErrorKind>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    finished: bool,
}

/// The output of one place.
#[derive(Debug)]
pub(super) struct Placed<'a, W> {
    ordered: &'a Ordered<W>,
    place: usize,
}

impl<W: Write> Ordered<W> {
    pub(super) fn new(writer: W) -> Self {
        let state = State {
            writer,
            next: 0,
            waiting: BTreeMap::new(),
            bytes_waiting: 0,
            released: false,
            broken: None,
        };
        Self { state: Mutex::new(state), moved: Condvar::new() }
    }

    /// Lets no place wait for another any more: some will not be finished before all have ended.
    pub(super) fn release(&self) {
        self.lock().released = true;
        self.moved.notify_all();
    }

    /// The output of `place`; each place must be finished for the next one to be written.
    pub(super) fn place(&self, place: usize) -> Placed<'_, W> {
        Placed { ordered: self, place }
    }

    fn lock(&self) -> MutexGuard<'_, State<W>> {
        locked(&self.state)
    }
}

impl<W: Write> Placed<'_, W> {
    /// Writes all of `bytes`, now or when it is this place's turn, and empties it.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let mut state = self.ordered.lock();
        while state.next != self.place
            && state.bytes_waiting > MOST_WAITING
            && state.broken.is_none()
            && !state.released
        {
            state = self.ordered.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(error) = state.broken {
            return Err(error.into());
        }
        let result = state.accept(self.place, bytes);
        if let Err(error) = &result {
            state.broken = Some(error.kind());
            self.ordered.moved.notify_all();
        }
        result
    }

    /// Ends this place's output.
    pub(super) fn finish(self) -> io::Result<()> {
        let mut state = self.ordered.lock();
        let result = state.finish(self.place);
        state.broken = state.broken.or(result.as_ref().err().map(io::Error::kind));
        self.ordered.moved.notify_all();
        result
    }
}

impl<W: Write> State<W> {
    fn accept(&mut self, place: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        if place == self.next {
            self.writer.write_all(bytes)?;
        } else {
            self.bytes_waiting += bytes.len();
            self.waiting.entry(place).or_default().bytes.append(bytes);
        }
        bytes.clear();
        Ok(())
    }

    /// Moves on over all places that are finished, and writes what the one after them has.
    fn finish(&mut self, place: usize) -> io::Result<()> {
        self.waiting.entry(place).or_default().finished = true;
        while let Some(waiting) = self.waiting.remove(&self.next) {
            self.bytes_waiting -= waiting.bytes.len();
            self.writer.write_all(&waiting.bytes)?;
            if !waiting.finished {
                break;
            }
            self.next += 1;
        }
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread;

    use super::{MOST_WAITING, Ordered};

    #[test]
    fn places_come_out_in_order_however_they_are_written() {
        let out = Mutex::new(Vec::new());
        let ordered = Ordered::new(Shared(&out));
        let write = |place: usize, text: &str| {
            ordered.place(place).write(&mut text.as_bytes().to_vec()).unwrap();
        };
        write(2, "c1 ");
        write(0, "a1 ");
        write(1, "b1 ");
        ordered.place(2).finish().unwrap();
        write(0, "a2 ");
        assert_eq!(*out.lock().unwrap(), b"a1 a2 ");
        ordered.place(0).finish().unwrap();
        write(1, "b2 ");
        ordered.place(1).finish().unwrap();
        write(3, "d");
        assert_eq!(*out.lock().unwrap(), b"a1 a2 b1 b2 c1 d");
    }

    #[test]
    fn who_is_far_ahead_waits_and_who_is_next_does_not() {
        let ordered = Ordered::new(std::io::sink());
        ordered.place(1).write(&mut vec![0; MOST_WAITING + 1]).unwrap();
        thread::scope(|scope| {
            let ahead = scope.spawn(|| ordered.place(2).write(&mut vec![1]));
            ordered.place(0).write(&mut vec![2]).unwrap();
            ordered.place(0).finish().unwrap();
            ordered.place(1).finish().unwrap();
            ahead.join().unwrap().unwrap();
        });
    }

    #[test]
    fn a_reader_that_went_away_wakes_everybody() {
        struct Closed;
        impl std::io::Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let ordered = Ordered::new(Closed);
        ordered.place(1).write(&mut vec![0; MOST_WAITING + 1]).unwrap();
        thread::scope(|scope| {
            let ahead = scope.spawn(|| ordered.place(2).write(&mut vec![1]));
            assert!(ordered.place(0).write(&mut vec![2]).is_err());
            assert!(ahead.join().unwrap().is_err());
        });
    }

    struct Shared<'a>(&'a Mutex<Vec<u8>>);

    impl std::io::Write for Shared<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
}
