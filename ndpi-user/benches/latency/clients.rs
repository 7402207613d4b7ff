//! TLS clients and their server: as much of them as decides a flow.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use crate::hello::client_hello;
use crate::place::NEAR;

/// Names of servers, one of which is blocked.
pub(crate) const ALLOWED: &str = "www.allowed.example";
pub(crate) const BLOCKED: &str = "www.blocked.example";

/// The port of the server.
const PORT: u16 = 443;
/// How long the server takes for each answer: the round trip to a near one.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(5);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(400);
/// Bytes of an answer, and of what a client sends after its hello.
const ANSWER: usize = 2000;
const REQUEST: usize = 300;

type Failure = Box<dyn Error + Send + Sync>;

/// A flow of a client of ours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    /// The client's port.
    pub(crate) port: u16,
    pub(crate) is_blocked: bool,
    /// The exchange came to its end: two answers were received.
    pub(crate) is_complete: bool,
    /// Answers that came whole.
    pub(crate) answers: u8,
    /// From the connection's beginning until then.
    pub(crate) took: Duration,
}

/// What clients do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clients {
    pub(crate) count: u32,
    /// One begins each time that this has passed.
    pub(crate) every: Duration,
    /// They wait for answers; else they say hello and leave.
    pub(crate) exchange: bool,
}

impl Clients {
    /// Has them talk, every other one to the server that is blocked, from the namespace that this thread
    /// is in; returns what came of them.
    pub(crate) fn talk(&self) -> Result<Vec<Talk>, Failure> {
        let talks = Mutex::new(Vec::new());
        let failed = thread::scope(|scope| {
            let began = Instant::now();
            let mut clients = Vec::new();
            for number in 0..self.count {
                thread::sleep((self.every * number).saturating_sub(began.elapsed()));
                let is_blocked = number % 2 == 1;
                if self.exchange {
                    let talks = &talks;
                    clients.push(scope.spawn(move || note(talks, exchange(is_blocked)?)));
                } else {
                    note(&talks, greet(is_blocked)?)?;
                }
            }
            for client in clients {
                client.join().map_err(|_| "a client panicked")??;
            }
            Ok::<_, Failure>(())
        });
        failed?;
        talks.into_inner().map_err(|_| "a client panicked".into())
    }
}

fn note(talks: &Mutex<Vec<Talk>>, talk: Talk) -> Result<(), Failure> {
    talks.lock().map_err(|_| "a client panicked")?.push(talk);
    Ok(())
}

/// Connects and says hello.
fn hello(is_blocked: bool) -> Result<(TcpStream, Talk), Failure> {
    let began = Instant::now();
    let mut client = TcpStream::connect_timeout(&SocketAddr::from((NEAR, PORT)), 10 * PATIENCE)?;
    client.set_nodelay(true)?;
    client.write_all(&client_hello(if is_blocked { BLOCKED } else { ALLOWED }))?;
    let port = client.local_addr()?.port();
    let took = began.elapsed();
    Ok((client, Talk { port, is_blocked, is_complete: false, answers: 0, took }))
}

/// Says hello and leaves, without a connection that lingers.
fn greet(is_blocked: bool) -> Result<Talk, Failure> {
    let (client, talk) = hello(is_blocked)?;
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    // What the server has not read yet would be lost with the reset.
    thread::sleep(Duration::from_micros(100));
    Ok(talk)
}

/// A handshake of one round trip, a request and its answer.
fn exchange(is_blocked: bool) -> Result<Talk, Failure> {
    let (mut client, mut talk) = hello(is_blocked)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let (mut answer, said) = ([0; ANSWER], Instant::now());
    talk.answers = u8::from(client.read_exact(&mut answer).is_ok());
    if talk.answers == 1 && client.write_all(&[23; REQUEST]).is_ok() {
        talk.answers += u8::from(client.read_exact(&mut answer).is_ok());
    }
    talk.is_complete = talk.answers == 2;
    talk.took += said.elapsed();
    socket2::SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    Ok(talk)
}

/// A server in the namespace that this thread is in, until `stop` says so.
pub(crate) fn serve<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    stop: &'env AtomicBool,
) -> Result<(), Failure> {
    let listener = TcpListener::bind((NEAR, PORT))?;
    listener.set_nonblocking(true)?;
    scope.spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((client, _)) => drop(scope.spawn(move || answer(client))),
                Err(_) => thread::sleep(Duration::from_micros(200)),
            }
        }
    });
    Ok(())
}

/// Answers a hello and a request, after a while each.
fn answer(mut client: TcpStream) -> io::Result<()> {
    client.set_nonblocking(false)?;
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(PATIENCE))?;
    let mut received = [0; 1024];
    for _ in 0..2 {
        if client.read(&mut received)? == 0 {
            return Ok(());
        }
        thread::sleep(ROUND_TRIP);
        client.write_all(&[22; ANSWER])?;
    }
    Ok(())
}
