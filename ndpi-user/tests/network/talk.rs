//! Both ends of a connection over which HTTP is spoken.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use testkit::pair::{NEAR, Pair};

/// How long something may take that nobody blocks.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not come.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

/// Both ends of a connection through an instance.
pub(crate) struct Talk {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
}

impl Talk {
    /// The far end connects to the near one, which listens at `listener`.
    pub(crate) fn new(pair: &Pair, listener: &TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        let client = pair.far(|| TcpStream::connect((NEAR, port)).unwrap());
        let (server, _) = listener.accept().unwrap();
        client.set_nodelay(true).unwrap();
        server.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { client, server }
    }

    /// The client's port.
    pub(crate) fn port(&self) -> u16 {
        self.client.local_addr().unwrap().port()
    }

    /// A request with a body of so many bytes, which arrives, and as many bytes of the answer as arrive
    /// within some time.
    pub(crate) fn ask(&mut self, host: &str, body: usize, patience: Duration) -> usize {
        self.request(host, body);
        self.answer(patience)
    }

    /// A request with a body of so many bytes, which arrives.
    fn request(&mut self, host: &str, body: usize) {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nContent-Length: {body}\r\n\r\n"
        );
        let request = [head.as_bytes(), &vec![b'x'; body]].concat();
        // In two parts, in no way that a request has to be.
        let (one, two) = request.split_at(30);
        self.client.write_all(one).unwrap();
        self.client.write_all(two).unwrap();
        self.server.read_exact(&mut vec![0; request.len()]).unwrap();
    }

    /// An answer, and as many bytes of it as arrive within some time.
    pub(crate) fn answer(&mut self, patience: Duration) -> usize {
        let answer =
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
        self.server.write_all(answer).unwrap();
        self.client.set_read_timeout(Some(patience)).unwrap();
        let mut arrived = vec![0; answer.len()];
        match self.client.read_exact(&mut arrived) {
            Ok(()) => arrived.len(),
            Err(_) => 0,
        }
    }
}
