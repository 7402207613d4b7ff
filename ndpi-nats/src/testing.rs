//! A server that says what a test has it say.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use crate::Server;

/// What a server says first that takes a thousand bytes.
pub(crate) const INFO: &str = "INFO {\"max_payload\":1000,\"headers\":true}\r\n";

/// A server for one connection.
pub(crate) struct Scripted {
    address: String,
    thread: JoinHandle<()>,
}

/// Its end of the connection.
pub(crate) struct End {
    stream: BufReader<TcpStream>,
}

impl Scripted {
    pub(crate) fn start(script: impl FnOnce(&mut End) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let thread = thread::spawn(move || {
            script(&mut End { stream: BufReader::new(listener.accept().unwrap().0) });
        });
        Self { address, thread }
    }

    pub(crate) fn address(&self) -> Server {
        self.address.parse().unwrap()
    }

    /// Returns when the script is over, and fails with it.
    pub(crate) fn end(self) {
        self.thread.join().unwrap();
    }
}

impl End {
    pub(crate) fn say(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
    }

    /// The next line of the client.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Takes the client as it is.
    pub(crate) fn greet(&mut self) {
        self.say(INFO);
        assert!(self.line().starts_with("CONNECT "));
        assert_eq!(self.line(), "PING");
        self.say("PONG\r\n");
    }

    /// Returns when the client has closed the connection.
    pub(crate) fn wait_for_its_end(&mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new());
    }
}
