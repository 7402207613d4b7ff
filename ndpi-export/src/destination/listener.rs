//! A TCP port at which readers connect: each receives what is written from then on.

use std::io::{self, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use ndpi_events::Losses;

use super::interface::{Next, Target, Unit};
use super::other_end::{is_over, keep_alive};
use super::seldom::Seldom;
use crate::locked::locked;

/// Readers at a time. One that comes beyond is hung up on.
const MOST_READERS: usize = 16;

/// Batches that may wait for a reader: some four megabytes. One that is slower for longer misses whole records.
const WAITING: usize = 64;

/// How long the end waits for readers to receive what was written.
const LAST_READERS: Duration = Duration::from_secs(1);

/// Pause after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Readers of a port.
pub(crate) struct Listener {
    address: SocketAddr,
    readers: Arc<Mutex<Vec<Reader>>>,
    losses: Losses,
}

struct Reader {
    stream: TcpStream,
    batches: Sender<Arc<[u8]>>,
    /// Disconnects when it has received all.
    done: Receiver<()>,
}

impl Listener {
    /// Takes readers at `listener`, of which each receives `preamble` first. What a reader is too slow for counts
    /// among `losses`.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub(crate) fn start(
        listener: TcpListener,
        preamble: Vec<u8>,
        losses: Losses,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let readers = Arc::new(Mutex::new(Vec::new()));
        let its = Arc::clone(&readers);
        thread::Builder::new()
            .name("output-port".into())
            .spawn(move || accept(&listener, &its, &preamble.into()))?;
        Ok(Self { address, readers, losses })
    }

    /// Where it listens.
    #[cfg(test)]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes connections for as long as the process runs.
fn accept(listener: &TcpListener, readers: &Mutex<Vec<Reader>>, preamble: &Arc<[u8]>) {
    let mut refused = Seldom::default();
    loop {
        let admitted = match listener.accept() {
            Ok((stream, _)) => admit(stream, &mut locked(readers), preamble),
            Err(error) => {
                log::debug!("a reader could not connect: {error}");
                thread::sleep(ACCEPT_PAUSE);
                continue;
            }
        };
        if let Err(why) = admitted
            && let Some(times) = refused.happened(Instant::now())
        {
            log::warn!("{times} readers of records were hung up on: {why}");
        }
    }
}

/// Takes a reader in, or says why not.
fn admit(stream: TcpStream, readers: &mut Vec<Reader>, preamble: &Arc<[u8]>) -> Result<(), String> {
    make_room(readers);
    if readers.len() >= MOST_READERS {
        return Err(format!("{MOST_READERS} are connected"));
    }
    readers.push(Reader::start(stream, preamble).map_err(|error| error.to_string())?);
    Ok(())
}

/// Forgets readers that are gone. Where there is no room, those too that send nothing any more: most of them have
/// closed, though one that has only ended its own side would read on.
fn make_room(readers: &mut Vec<Reader>) {
    readers.retain(|reader| !reader.is_gone());
    if readers.len() >= MOST_READERS {
        readers.retain(|reader| !is_over(&reader.stream) || reader.hang_up());
    }
}

/// Writes what comes until the reader goes, or no more will come.
fn write_all(mut stream: TcpStream, batches: &Receiver<Arc<[u8]>>) {
    for batch in batches {
        if let Err(error) = stream.write_all(&batch) {
            return log::debug!("a reader of records is gone: {error}");
        }
    }
}

impl Reader {
    /// Starts a thread that writes to it.
    fn start(stream: TcpStream, preamble: &Arc<[u8]>) -> io::Result<Self> {
        keep_alive(&stream)?;
        let its = stream.try_clone()?;
        let (batches, received) = bounded(WAITING);
        let (end, done) = bounded(0);
        let _ = batches.try_send(Arc::clone(preamble));
        let write = move || {
            write_all(its, &received);
            drop(end);
        };
        thread::Builder::new().name("output-reader".into()).spawn(write)?;
        Ok(Self { stream, batches, done })
    }

    /// Ends the connection, and its thread; not kept.
    fn hang_up(&self) -> bool {
        let _ = self.stream.shutdown(Shutdown::Both);
        false
    }

    fn is_gone(&self) -> bool {
        use crossbeam::channel::TryRecvError::Disconnected;
        self.done.try_recv() == Err(Disconnected)
    }
}

impl Target for Listener {
    fn name(&self) -> String {
        self.address.to_string()
    }

    fn unit(&self) -> Unit {
        Unit::All
    }

    fn write(&mut self, bytes: &[u8], records: usize) -> io::Result<usize> {
        let batch: Arc<[u8]> = bytes.into();
        locked(&self.readers).retain(|reader| match reader.batches.try_send(Arc::clone(&batch)) {
            Ok(()) => true,
            Err(TrySendError::Full(_)) => {
                self.losses.lose_many(records as u64);
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
        Ok(bytes.len())
    }

    fn after(&mut self, _error: &io::Error) -> Next {
        Next::Rest
    }
}

impl Drop for Listener {
    /// Waits a moment for readers that are still receiving.
    fn drop(&mut self) {
        let deadline = Instant::now() + LAST_READERS;
        for Reader { batches, done, .. } in std::mem::take(&mut *locked(&self.readers)) {
            drop(batches);
            let _ = done.recv_deadline(deadline);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _};

    use super::*;

    #[test]
    fn readers_that_have_closed_keep_no_place_and_those_that_are_there_do() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Listener::start(port, b"head\n".to_vec(), Losses::default()).unwrap();
        let connect = || {
            let mut reader = TcpStream::connect(target.address()).unwrap();
            let mut head = [0; 5];
            reader.read_exact(&mut head).map(|()| reader)
        };
        let all: Vec<_> = (0..MOST_READERS).map(|_| connect().unwrap()).collect();
        assert!(connect().is_err(), "there is no place");
        drop(all);
        // No record comes by which it would be found that they are gone.
        let start = Instant::now();
        while connect().is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "closed readers keep their places");
        }
    }

    #[test]
    fn a_reader_that_stalls_misses_whole_records_and_keeps_nobody_waiting() {
        let losses = Losses::default();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut target = Listener::start(port, b"head\n".to_vec(), losses.clone()).unwrap();
        let stalled = TcpStream::connect(target.address()).unwrap();
        let reader = TcpStream::connect(target.address()).unwrap();
        while locked(&target.readers).len() < 2 {
            thread::yield_now();
        }
        let lines = thread::spawn(move || {
            BufReader::new(reader).lines().map(Result::unwrap).collect::<Vec<_>>()
        });
        let batch = format!("{}\n", "x".repeat(65_535));
        let mut sent = 0;
        while losses.lost() == 0 {
            target.write(batch.as_bytes(), 1).unwrap();
            sent += 1;
            assert!(sent < 10_000, "a stalled reader has no bound");
            // The other reader keeps up.
            thread::sleep(Duration::from_micros(200));
        }
        drop(target);
        let lines = lines.join().unwrap();
        assert_eq!(lines[0], "head");
        assert!(lines[1..].iter().all(|line| line.len() == 65_535));
        drop(stalled);
    }
}
