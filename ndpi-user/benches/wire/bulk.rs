//! Bulk TCP over a veth: how much of it each mode of XDP at the receiving end lets through.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::namespace::{self, Namespace};

use crate::link::BenchNamespace;
use crate::receiver::Ours;

/// Bytes of a write.
const PIECE: usize = 128 << 10;

/// How long a connection may stand still: TCP waits seconds before it sends a lost segment once more.
const STALL: Duration = Duration::from_secs(30);

/// One way of receiving.
pub(crate) struct Bulk {
    pub(crate) name: &'static str,
    /// Bytes a second, of each round.
    rates: Vec<f64>,
    sender: TcpStream,
    receiver: TcpStream,
    ours: Option<Ours>,
}

/// All ways, and the namespace that is sent from.
pub(crate) struct Bulks {
    pub(crate) all: Vec<Bulk>,
    _far: Namespace,
}

impl Bulks {
    pub(crate) fn new(
        namespace: &BenchNamespace,
        (program, library, folder): (&Path, &Path, &Path),
    ) -> Result<Self, Box<dyn Error>> {
        let far = Namespace::new(&namespace::named("bench", "far"))?;
        let mut all = Vec::new();
        for (name, mode) in [
            ("nothing attached", None),
            ("ours, native", Some("native")),
            ("ours, generic", Some("generic")),
        ] {
            let number = all.len() + 1;
            let interface = format!("bulk{number}");
            namespace.bulk_pair(&interface, number, &far)?;
            let ours = mode.map(|mode| Ours::start(program, library, (&interface, mode), folder));
            let ours = ours.transpose()?;
            let (sender, receiver) = connect(number, &far)?;
            all.push(Bulk { name, rates: Vec::new(), sender, receiver, ours });
        }
        Ok(Self { all, _far: far })
    }
}

impl Bulk {
    /// Sends as much as goes over in this time.
    pub(crate) fn round(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        let (sender, receiver, sent) = (&mut self.sender, &mut self.receiver, AtomicUsize::new(0));
        let start = Instant::now();
        let received = thread::scope(|scope| {
            let sending = scope.spawn(|| {
                let piece = vec![0; PIECE];
                while start.elapsed() < time {
                    sender.write_all(&piece)?;
                    sent.fetch_add(PIECE, Ordering::Relaxed);
                }
                Ok::<_, io::Error>(())
            });
            let all = || sending.is_finished().then(|| sent.load(Ordering::Relaxed));
            let received = take(receiver, all)?;
            sending.join().map_err(|_| io::Error::other("the sender panicked"))??;
            Ok::<_, io::Error>(received)
        });
        let received = received.map_err(|error| format!("bulk TCP, {}: {error}", self.name))?;
        self.rates.push(received as f64 / start.elapsed().as_secs_f64());
        Ok(())
    }

    pub(crate) fn forget(&mut self) {
        self.rates.clear();
    }

    /// The middle round's bytes a second.
    pub(crate) fn rate(&self) -> f64 {
        let mut rates = self.rates.clone();
        rates.sort_by(f64::total_cmp);
        rates[rates.len() / 2]
    }

    pub(crate) fn end(&mut self) -> Result<(), Box<dyn Error>> {
        self.ours.take().map_or(Ok(()), |ours| ours.end().map(drop))
    }
}

/// Takes what comes, until it is known how much that is and all of it has come; returns how much.
fn take(receiver: &mut TcpStream, all: impl Fn() -> Option<usize>) -> io::Result<usize> {
    let (mut piece, mut received, mut progress) = (vec![0; PIECE], 0, Instant::now());
    while all().is_none_or(|all| received < all) {
        match receiver.read(&mut piece) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => (received, progress) = (received + more, Instant::now()),
            Err(error) if is_pause(&error) && progress.elapsed() < STALL => {}
            Err(error) => return Err(error),
        }
    }
    Ok(received)
}

/// Whether nothing came for the time that reads wait.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Prints the results.
pub(crate) fn print(bulks: &[Bulk], json: bool) {
    let nothing = bulks[0].rate();
    if !json {
        println!("\n{:<20} {:>11} {:>11}", "bulk TCP", "Gbit/s", "of nothing");
    }
    for bulk in bulks {
        let (rate, share) = (bulk.rate(), bulk.rate() / nothing);
        if json {
            println!(
                "{}",
                serde_json::json!({
                    "lane": format!("bulk TCP, {}", bulk.name),
                    "bits_per_second": (8.0 * rate).round(),
                    "of_nothing_attached": share,
                })
            );
        } else {
            println!("{:<20} {:>11.2} {share:>10.2}x", bulk.name, 8.0 * rate / 1e9);
        }
    }
}

/// A connection from the far end.
fn connect(number: usize, far: &Namespace) -> Result<(TcpStream, TcpStream), Box<dyn Error>> {
    let listener = TcpListener::bind((format!("198.18.{}.1", 100 + number).as_str(), 0))?;
    let to = listener.local_addr()?;
    let sender = far.inside(|| TcpStream::connect_timeout(&to, Duration::from_secs(10)))??;
    let receiver = listener.accept()?.0;
    // The reader looks up now and then whether all was sent.
    receiver.set_read_timeout(Some(Duration::from_millis(5)))?;
    sender.set_write_timeout(Some(STALL))?;
    Ok((sender, receiver))
}
