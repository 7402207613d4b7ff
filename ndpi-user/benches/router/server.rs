//! A web server: an answer a connection, which it then closes.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use testkit::namespace::Namespace;
use testkit::topology::SERVER_V4;

use crate::clients::PORT;

/// How long a connection may stand still.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\n\
Content-Length: 12\r\nConnection: close\r\n\r\nHello there\n";

/// Threads that wait for connections; dropping it ends them.
pub(crate) struct Server {
    listener: TcpListener,
    stops: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Starts one that serves so many connections at the same time.
    pub(crate) fn start(namespace: &Namespace, at_once: usize) -> Result<Self, Box<dyn Error>> {
        let listener = namespace.inside(|| TcpListener::bind((SERVER_V4, PORT)))??;
        let stops = Arc::new(AtomicBool::new(false));
        let serving = || {
            let (listener, stops) = (listener.try_clone()?, Arc::clone(&stops));
            Ok::<_, io::Error>(thread::spawn(move || serve(&listener, &stops)))
        };
        let threads = (0..at_once).map(|_| serving()).collect::<Result<_, _>>()?;
        Ok(Self { listener, stops, threads })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Release);
        // Wakes whoever waits in `accept` (shutdown(2) on a socket that listens).
        let _ = socket2::SockRef::from(&self.listener).shutdown(std::net::Shutdown::Both);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, stops: &AtomicBool) {
    while !stops.load(Ordering::Acquire) {
        // A client that went away is the client's to count.
        if let Ok((client, _)) = listener.accept() {
            let _: Option<SocketAddr> = answer(client).ok();
        }
    }
}

/// Reads a request, which is in one segment, and answers it.
fn answer(mut client: TcpStream) -> io::Result<SocketAddr> {
    client.set_read_timeout(Some(PATIENCE))?;
    let mut request = [0; 1024];
    if client.read(&mut request)? > 0 {
        client.write_all(ANSWER)?;
    }
    client.peer_addr()
}
