//! The thread that writes records, and what it does when it cannot.

use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, bounded};
use ndpi_events::{Ender, Losses, Subscription};

use super::destination::{Next, Target, Unit};
use super::encoder::Encoder;
use super::ending::Ending;
use crate::locked::locked;

/// Events that may wait to be written. A reader that is slower for longer loses records, with a count: the
/// classifier never waits for it.
pub(super) const WAITING_EVENTS: usize = 64 * 1024;

/// Records are gathered until there are this many bytes of them, or no event is waiting.
const GATHERED: usize = 64 * 1024;

/// Bytes written at a time: a reader that takes this much is alive.
const AT_A_TIME: usize = 8 * 1024;

/// How long it takes until what could not be written is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How often it is looked whether a target has confirmed what it took: while there are events, and at the end.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const SETTLE_EVERY: Duration = Duration::from_millis(5);

/// How long the end of a session waits for a target that takes nothing.
const STALLED_AFTER: Duration = Duration::from_secs(2);

/// How long it waits for one that takes something now and then.
const LONGEST_END: Duration = Duration::from_secs(30);

/// A sink of records: the thread that writes them, and how far it is.
#[derive(Debug)]
pub struct RecordSink {
    name: String,
    ender: Option<Ender>,
    done: Receiver<()>,
    losses: Losses,
    shared: Arc<Shared>,
    /// Since when it may end.
    ended: Option<Instant>,
}

/// What the thread and the others know together.
#[derive(Debug, Default)]
struct Shared {
    /// When the target last took something.
    moved: Mutex<Option<Instant>>,
    /// What is to be written behind the last event, until it is.
    last: Mutex<Option<String>>,
}

impl RecordSink {
    /// Starts a thread that has `encoder` make records of events, and writes them to `target`.
    pub(super) fn start(
        mut events: Subscription,
        encoder: impl Encoder + 'static,
        target: Box<dyn Target>,
    ) -> Self {
        let (end, done) = bounded(0);
        let (losses, ender) = (events.losses().clone(), events.ender());
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let name = target.name();
        thread::spawn(move || {
            Writer::new(encoder, target, its).write_all(&mut events);
            drop(end);
        });
        Self { name, ender: Some(ender), done, losses, shared, ended: None }
    }

    /// Where it writes to.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What was lost, and whether anybody reads.
    pub fn losses(&self) -> &Losses {
        &self.losses
    }

    /// Lets it end when everything is written that was published; [`finish`](Self::finish) waits for that.
    pub fn end(&mut self, last: Option<String>) {
        *locked(&self.shared.last) = last;
        self.ender = None;
        self.ended = Some(Instant::now());
    }

    /// Waits until everything is written that was published, and then `last`; or until the target takes
    /// nothing any more: a reader that has stalled must not keep a session from ending.
    pub fn finish(mut self, last: Option<String>) -> Ending {
        self.end(last);
        self.finish_within(STALLED_AFTER, LONGEST_END)
    }

    /// The same, once it may [end](Self::end): since then. So those that end together are waited for together.
    pub(super) fn finish_within(self, stalled: Duration, longest: Duration) -> Ending {
        let Self { done, losses, shared, ended, .. } = self;
        let ended = ended.unwrap_or_else(Instant::now);
        let until = || {
            let moved = locked(&shared.moved).map_or(ended, |moved| moved.max(ended));
            (moved + stalled).min(ended + longest)
        };
        // The channel is never sent to: the thread's end of it goes when the thread does.
        while done.recv_deadline(until()) == Err(RecvTimeoutError::Timeout) {
            if Instant::now() >= until() {
                break;
            }
        }
        let unwritten = losses.waiting() + u64::from(locked(&shared.last).is_some());
        Ending {
            name: self.name,
            lost: losses.lost() + unwritten,
            closed: losses.is_closed(),
            cut: unwritten > 0,
            failure: losses.failure().filter(|_| unwritten > 0),
        }
    }

    /// Waits until it has [ended](Self::end), or its target takes nothing any more.
    pub fn finished(self) -> Ending {
        self.finish_within(STALLED_AFTER, LONGEST_END)
    }
}

/// Records in the hand of the thread that writes them.
struct Writer<E> {
    encoder: E,
    target: Box<dyn Target>,
    shared: Arc<Shared>,
    /// Whole records, of which those up to `at` are written. What is left over from a failure goes on
    /// where it stopped, so that no record is torn by another.
    bytes: Vec<u8>,
    /// Where each of them begins.
    starts: Vec<usize>,
    at: usize,
    /// What a file or a connection begins with, of which `preamble_at` bytes are written.
    preamble: Vec<u8>,
    preamble_at: usize,
    /// Whether nothing can be written at present.
    fails: bool,
    /// What the target could not do when that was last said.
    trouble: Option<String>,
}

impl<E: Encoder> Writer<E> {
    fn new(encoder: E, target: Box<dyn Target>, shared: Arc<Shared>) -> Self {
        let (bytes, preamble, starts) = (Vec::new(), Vec::new(), Vec::new());
        let (at, preamble_at, fails, trouble) = (0, 0, false, None);
        Self { encoder, target, shared, bytes, starts, at, preamble, preamble_at, fails, trouble }
    }

    /// Writes what comes, and holds nothing back when no more is waiting.
    fn write_all(mut self, events: &mut Subscription) {
        let mut taken = 0;
        loop {
            let first = match events.recv_until(self.due()) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            for envelope in first.into_iter().chain(events.waiting()) {
                self.append(|encoder, bytes| encoder.encode_envelope(&envelope, bytes));
                taken += 1;
                if self.bytes.len() >= GATHERED {
                    break;
                }
            }
            self.append(Encoder::flush);
            if !self.write_gathered(events.losses()) {
                return;
            }
            let held = self.held().min(taken);
            events.losses().handle(taken - held);
            taken = held;
        }
        self.append(Encoder::finish);
        if self.write_gathered(events.losses()) {
            self.settle(taken, events.losses());
            self.write_last(events.losses());
        }
    }

    /// Events that are not done with, though no other is waiting.
    fn held(&self) -> u64 {
        self.encoder.held() + self.target.unconfirmed()
    }

    /// When it is to be looked again though no event has come.
    fn due(&self) -> Option<Instant> {
        let look = (self.target.unconfirmed() > 0).then(|| Instant::now() + LOOK_EVERY);
        [self.encoder.due(), look].into_iter().flatten().min()
    }

    /// Waits until the target has confirmed all that it took, of events of which so many are not done with.
    fn settle(&self, mut taken: u64, losses: &Losses) {
        loop {
            let held = self.target.unconfirmed().min(taken);
            if held < taken {
                losses.handle(taken - held);
                *locked(&self.shared.moved) = Some(Instant::now());
                taken = held;
            }
            if taken == 0 {
                return;
            }
            thread::sleep(SETTLE_EVERY);
        }
    }

    /// Has the encoder append records, and notes where each begins.
    fn append(&mut self, write: impl FnOnce(&mut E, &mut Vec<u8>)) {
        let mut start = self.bytes.len();
        write(&mut self.encoder, &mut self.bytes);
        while start < self.bytes.len() {
            self.starts.push(start);
            start += self.encoder.length(&self.bytes[start..]).max(1);
        }
    }

    fn write_last(&mut self, losses: &Losses) {
        let Some(last) = locked(&self.shared.last).clone() else { return };
        self.starts.push(self.bytes.len());
        self.bytes.extend_from_slice(last.trim_end_matches('\n').as_bytes());
        self.bytes.push(b'\n');
        if self.write_gathered(losses) {
            *locked(&self.shared.last) = None;
        }
    }

    /// Writes what was gathered, however long it takes; false when nobody can read it any more.
    fn write_gathered(&mut self, losses: &Losses) -> bool {
        while self.at < self.bytes.len() {
            match self.write_some() {
                Ok(()) => self.note(losses),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => match self.target.after(&error) {
                    Next::Nothing => {
                        losses.close();
                        let name = self.target.name();
                        log::warn!("{name} is closed; enforcement goes on without records there");
                        return false;
                    }
                    next => {
                        if next == Next::Record {
                            self.at = self.starts[self.record()];
                        }
                        self.fail(&error, losses);
                        thread::sleep(RETRY_AFTER);
                    }
                },
            }
        }
        self.bytes.clear();
        self.starts.clear();
        self.at = 0;
        true
    }

    /// The record that is being written.
    fn record(&self) -> usize {
        self.starts.partition_point(|start| *start <= self.at).saturating_sub(1)
    }

    fn write_some(&mut self) -> io::Result<()> {
        let record = self.record();
        if self.starts[record] == self.at && self.target.ready()? {
            self.preamble.clear();
            self.preamble_at = 0;
            self.encoder.preamble(&mut self.preamble);
        }
        if self.preamble_at < self.preamble.len() {
            let taken = taken(self.target.begin(&self.preamble[self.preamble_at..]))?;
            self.preamble_at += taken;
            return Ok(());
        }
        let (end, records) = self.piece(record);
        let taken = taken(self.target.write(&self.bytes[self.at..end], records))?;
        self.at += taken;
        *locked(&self.shared.moved) = Some(Instant::now());
        Ok(())
    }

    /// Where the piece ends that the target is given next, and how many records begin in it.
    fn piece(&self, record: usize) -> (usize, usize) {
        let whole = self.bytes.len();
        match self.target.unit() {
            Unit::Bytes => (whole.min(self.at + AT_A_TIME), 0),
            Unit::Record => (self.starts.get(record + 1).copied().unwrap_or(whole), 1),
            Unit::All => (whole, self.starts.len() - record),
        }
    }

    /// Says that writing fails, once for as long as it does.
    fn fail(&mut self, error: &io::Error, losses: &Losses) {
        losses.set_failure(Some(error.to_string()));
        if !std::mem::replace(&mut self.fails, true) {
            log::warn!(
                "cannot write records to {}: {error}; trying again every second, enforcement goes on",
                self.target.name()
            );
        }
    }

    /// Says that writing works again, and what else the target cannot do, once for as long as it cannot.
    fn note(&mut self, losses: &Losses) {
        let trouble = self.target.trouble();
        if !self.fails && trouble == self.trouble.as_deref() {
            return;
        }
        let name = self.target.name();
        losses.set_failure(trouble.map(str::to_owned));
        if std::mem::take(&mut self.fails) {
            log::warn!("records are written to {name} again; {} lost so far", losses.lost());
        }
        if trouble != self.trouble.as_deref() {
            match trouble {
                Some(trouble) => log::warn!("{name}: {trouble}"),
                None => log::warn!("{name}: goes on in the next file"),
            }
            self.trouble = trouble.map(str::to_owned);
        }
    }
}

/// Bytes that were taken, of which there are some.
fn taken(written: io::Result<usize>) -> io::Result<usize> {
    match written? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        taken => Ok(taken),
    }
}
