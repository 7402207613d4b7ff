//! A server that says what clients ask it to say: a service that no one knows.

use std::io::ErrorKind;
use std::net::{Ipv6Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use testkit::namespace::Namespace;

use super::inside::inside;

/// The server, under way on a UDP port over both internet protocols; dropping it ends it.
pub(super) struct Echo {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    pub(super) fn start(namespace: &Namespace, port: u16) -> Result<Self> {
        let socket = inside(namespace, || {
            let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port))?;
            socket.set_read_timeout(Some(Duration::from_millis(20)))?;
            Ok(socket)
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = Some(thread::spawn(move || serve(&socket, &stopped)));
        Ok(Self { stop, thread })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("lab: the server that says what it is told panicked");
        }
    }
}

fn serve(socket: &UdpSocket, stop: &AtomicBool) {
    let mut buffer = [0; 8192];
    while !stop.load(Ordering::Relaxed) {
        let heard = socket.recv_from(&mut buffer);
        match heard.and_then(|(length, from)| socket.send_to(&buffer[..length], from)) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            // A client that is gone, or may not be told.
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}
