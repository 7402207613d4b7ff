//! Readers that stall, go, or are out of space for a while.

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use ndpi_events::{Bus, BusBuilder, Event, Kinds, Source, Time, Warning};

use super::destination::Plain;
use super::lines::WAITING_EVENTS;
use super::{Ending, RecordSink};

const MOMENT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(20);

/// Takes nothing until the test lets go of the other end.
struct Gate(mpsc::Receiver<()>);

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Takes nothing until the test lets go of the other end; there are many, of which all but one wait for the lock.
struct Stalled(Arc<Mutex<mpsc::Receiver<()>>>);
impl Write for Stalled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.lock().unwrap().recv();
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails a few times, then takes what comes, a few bytes at a time.
#[derive(Clone)]
struct Full {
    failures: Arc<AtomicUsize>,
    error: io::ErrorKind,
    text: Arc<Mutex<Vec<u8>>>,
}

impl Full {
    fn new(failures: usize, error: io::ErrorKind) -> Self {
        Self { failures: Arc::new(failures.into()), error, text: Arc::default() }
    }
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.text.lock().unwrap();
        // A full disk takes the beginning of a line before it refuses the rest.
        let left = self.failures.load(Ordering::Relaxed);
        if left > 0 && text.len() >= 3 {
            self.failures.store(left - 1, Ordering::Relaxed);
            return Err(self.error.into());
        }
        let taken = bytes.len().min(3);
        text.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A source, and a sink that writes the texts of its warnings to `target`.
fn start(target: impl Write + Send + 'static) -> (Source, RecordSink) {
    let mut bus = BusBuilder::default();
    let events = bus.subscribe(Kinds::ALL, |_| true, WAITING_EVENTS);
    let write = |event: &Event, out: &mut Vec<u8>| {
        if let Event::Warning(warning) = event {
            out.extend_from_slice(warning.text.as_bytes());
            out.push(b'\n');
        }
    };
    let sink = RecordSink::start(events, write, Box::new(Plain::new("standard output", target)));
    let bus: Bus = bus.build(Time::default());
    (bus.source("test"), sink)
}

fn finish_within(mut sink: RecordSink, last: Option<&str>, longest: Duration) -> Ending {
    sink.end(last.map(str::to_owned));
    let stalled = if longest == LONG && last == Some("\nreport\n") { LONG } else { MOMENT };
    sink.finish_within(stalled, longest)
}

/// Of the target of these tests.
fn none() -> Ending {
    Ending { name: "standard output".into(), ..Ending::default() }
}

fn say(source: &mut Source, text: &str) {
    let (time, about) = (Time::default(), "test".into());
    source.publish(time, Event::Warning(Warning::new(time, about, 1, text)));
}

#[test]
fn a_stalled_reader_costs_lines_with_a_count_and_never_blocks() {
    let (open, gate) = mpsc::channel();
    let (mut source, sink) = start(Gate(gate));
    let sent = 3 * WAITING_EVENTS;
    (0..sent).for_each(|_| say(&mut source, "a line"));
    let lost = usize::try_from(sink.losses().lost()).unwrap();
    assert!(lost > 0 && lost < sent, "{lost} of {sent} were lost");
    drop(open);
    let ending = sink.finish(None);
    assert_eq!(ending, Ending { lost: lost as u64, ..none() });
    assert!(ending.to_string().contains("too slow"), "{ending}");
}

#[test]
fn a_session_ends_beside_a_reader_that_takes_nothing() {
    let (open, gate) = mpsc::channel();
    let (mut source, sink) = start(Gate(gate));
    (0..7).for_each(|_| say(&mut source, "x"));
    let start = Instant::now();
    let ending = finish_within(sink, Some("report"), MOMENT);
    assert!(start.elapsed() < LONG);
    assert_eq!(ending, Ending { lost: 8, cut: true, ..none() });
    assert!(ending.to_string().contains("takes nothing more"), "{ending}");
    drop(open);
}

#[test]
fn many_that_take_nothing_are_waited_for_as_long_as_one() {
    let (open, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let stalled = || start(Stalled(Arc::clone(&gate)));
    let (mut sources, mut sinks): (Vec<_>, Vec<_>) = (0..12).map(|_| stalled()).unzip();
    for source in &mut sources {
        say(source, "x");
    }
    let start = Instant::now();
    for sink in &mut sinks {
        sink.end(None);
    }
    let long = Duration::from_secs(1);
    assert!(sinks.into_iter().map(|sink| sink.finish_within(long, LONG)).all(|it| it.cut));
    assert!(start.elapsed() < 6 * long, "{:?}", start.elapsed());
    drop(open);
}

#[test]
fn a_reader_that_takes_a_little_is_not_waited_for_for_ever() {
    struct Slow;
    impl Write for Slow {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            std::thread::sleep(MOMENT / 10);
            Ok(1)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (mut source, sink) = start(Slow);
    say(&mut source, &"x".repeat(1 << 20));
    assert!(finish_within(sink, None, 3 * MOMENT).cut);
}

#[test]
fn what_a_full_disk_refused_is_written_when_there_is_room() {
    let target = Full::new(1, io::ErrorKind::StorageFull);
    let text = Arc::clone(&target.text);
    let (mut source, sink) = start(target);
    say(&mut source, "first line");
    say(&mut source, "second line");
    // Somebody may hold a source for longer than the session.
    assert_eq!(finish_within(sink, Some("\nreport\n"), LONG), none());
    let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    assert_eq!(text, "first line\nsecond line\n\nreport\n", "no line is torn");
}

#[test]
fn a_disk_that_stays_full_is_the_reason_for_what_is_missing() {
    let target = Full::new(usize::MAX, io::ErrorKind::StorageFull);
    let (mut source, sink) = start(target);
    say(&mut source, "a line");
    let ending = finish_within(sink, None, LONG);
    assert!(ending.cut && ending.failure.is_some() && ending.lost == 1, "{ending:?}");
    assert!(ending.to_string().contains("could not be written"), "{ending}");
}

#[test]
fn a_closed_reader_ends_the_writing_and_nothing_else() {
    let (mut source, sink) = start(Full::new(1, io::ErrorKind::BrokenPipe));
    say(&mut source, "a line");
    let start = Instant::now();
    while !sink.losses().is_closed() {
        assert!(start.elapsed() < LONG);
    }
    say(&mut source, "another");
    say(&mut source, "a third");
    let ending = sink.finish(None);
    assert!(ending.closed && ending.failure.is_none(), "{ending:?}");
    assert_eq!(ending.lost, 3);
    assert!(ending.to_string().contains("standard output is closed"), "{ending}");
}
