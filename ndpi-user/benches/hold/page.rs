//! A page of a site: asking for it, and how long it takes to arrive.

use std::error::Error;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use testkit::tls::{DATA, answer, hello, record};

use crate::place::{Place, SERVER};

/// Bytes of the page: more than the first window of TCP, as most are.
const PAGE: usize = 50_000;
/// How long is waited for what does not come.
const SILENCE: Duration = Duration::from_millis(1500);
/// Longer than any page takes.
const PATIENCE: Duration = Duration::from_secs(20);
const PORT: u16 = 443;

/// What came of it.
pub(crate) struct Fetched {
    /// Bytes of the page that arrived.
    pub(crate) arrived: usize,
    /// From the first packet to the last byte.
    pub(crate) took: Duration,
}

/// All that the server sends.
fn page() -> Vec<u8> {
    let records = vec![7; PAGE];
    let records = records.chunks(8_000).flat_map(|part| record(DATA, part));
    answer().into_iter().chain(records).collect()
}

/// A server of every site; it ends with the process.
pub(crate) fn serve(place: &Place) -> Result<(), Box<dyn Error>> {
    let listener = place.server.inside(|| TcpListener::bind((SERVER, PORT)))??;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || answer_to(client));
        }
    });
    Ok(())
}

/// Sends the page to a client when it has said anything, and waits until that hangs up.
fn answer_to(mut client: TcpStream) {
    let mut buffer = [0; 2048];
    let _ = client.set_read_timeout(Some(PATIENCE));
    if matches!(client.read(&mut buffer), Ok(length) if length > 0) {
        let _ = client.write_all(&page());
        while matches!(client.read(&mut buffer), Ok(length) if length > 0) {}
    }
}

/// Asks for a site, which is blocked or not.
pub(crate) fn fetch(place: &Place, site: &str, blocked: bool) -> Result<Fetched, Box<dyn Error>> {
    let fetched = place.client.inside(|| -> std::io::Result<Fetched> {
        let start = Instant::now();
        let mut server = TcpStream::connect((SERVER, PORT))?;
        server.set_read_timeout(Some(if blocked { SILENCE } else { PATIENCE }))?;
        server.write_all(&hello(site))?;
        let (mut arrived, mut buffer) = (0, vec![0; 1 << 16]);
        while arrived < page().len() {
            match server.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => arrived += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(Fetched { arrived, took: start.elapsed() })
    })??;
    if !blocked && fetched.arrived < page().len() {
        return Err(format!("{site} is not blocked, and {} bytes arrived", fetched.arrived).into());
    }
    Ok(fetched)
}
