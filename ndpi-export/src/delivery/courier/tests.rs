//! Both ends and a server that stores what it is given, goes away, forgets to answer, or refuses.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use ndpi_events::Losses;
use ndpi_nats::Login;

use super::*;
use crate::delivery::Deliverer;
use crate::delivery::job::{To, subjects};
use crate::delivery::message::pair;
use crate::destination::Target as _;

const LONG: Duration = Duration::from_secs(20);

/// A stream: each id once, with how often it came.
type Stored = Arc<Mutex<BTreeMap<String, (String, usize)>>>;

/// What a server does with the messages of its next connection.
#[derive(Clone, Copy)]
enum Does {
    /// Stores and answers all.
    Answer,
    /// Stores so many, of which it answers all but the last, and hangs up.
    Hang(usize),
    /// Answers with an error that goes away.
    Full,
}

/// Serves one connection after the other, and then no more.
fn serve(does: Vec<Does>, stored: &Stored) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let stored = Arc::clone(stored);
    thread::spawn(move || {
        for does in does {
            let (stream, _) = listener.accept().unwrap();
            // The client may hang up whenever it likes.
            let _ = connection(stream, does, &stored);
        }
    });
    address
}

fn connection(stream: TcpStream, does: Does, stored: &Stored) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(b"INFO {\"headers\":true,\"max_payload\":100}\r\n")?;
    let mut taken = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line.starts_with("PING") {
            stream.get_mut().write_all(b"PONG\r\n")?;
        }
        let words: Vec<_> = line.split_whitespace().collect();
        let ["HPUB", subject, reply, head, total] = words[..] else { continue };
        let (head, total): (usize, usize) = (head.parse().unwrap(), total.parse().unwrap());
        let mut body = vec![0; total + 2];
        stream.read_exact(&mut body)?;
        let id = String::from_utf8(body[..head].into()).unwrap();
        let id = id.split("Nats-Msg-Id: ").nth(1).unwrap().trim_end().to_owned();
        taken += 1;
        let text = match does {
            Does::Full => "{\"error\":{\"err_code\":10077,\"description\":\"it is full\"}}",
            Does::Answer | Does::Hang(_) => {
                let payload = String::from_utf8_lossy(&body[head..total]);
                let entry = format!("{subject} {payload}");
                stored.lock().unwrap().entry(id).or_insert((entry, 0)).1 += 1;
                "{\"stream\":\"S\",\"seq\":1}"
            }
        };
        if matches!(does, Does::Hang(most) if taken == most) {
            return Ok(());
        }
        write!(stream.get_mut(), "MSG {reply} 1 {}\r\n{text}\r\n", text.len())?;
    }
}

/// A target whose courier is a thread.
fn target(address: &str) -> (Deliverer, Losses) {
    let (own, other) = pair().unwrap();
    let server = address.parse().unwrap();
    let to = To::Nats { server, login: Login::default() };
    let job = CourierJob::new(to, subjects("north", "r"));
    thread::spawn(move || run_courier(other, &job));
    let losses = Losses::default();
    (Deliverer::start("nats".into(), own, losses.clone()).unwrap(), losses)
}

/// Writes so many, each until it is taken, and waits until all are confirmed; what was in the way.
fn write(target: &mut Deliverer, count: usize) -> Vec<String> {
    let (mut errors, start) = (Vec::new(), Instant::now());
    for number in 0..count {
        while let Err(error) = target.write(format!("flow {number}\n{number}").as_bytes(), 1) {
            errors.push(error.to_string());
            assert!(start.elapsed() < LONG, "{errors:?}");
            thread::sleep(Duration::from_millis(20));
        }
    }
    while target.unconfirmed() > 0 {
        assert!(start.elapsed() < LONG, "{} are left", target.unconfirmed());
        thread::sleep(Duration::from_millis(5));
    }
    errors
}

#[test]
fn a_server_that_goes_and_comes_back_has_each_record_once() {
    let stored = Stored::default();
    let address = serve(vec![Does::Hang(40), Does::Full, Does::Answer], &stored);
    let (mut target, losses) = target(&address);
    write(&mut target, 300);
    let stored = stored.lock().unwrap();
    assert_eq!(stored.len(), 300);
    assert_eq!(stored["ndpi.v1.north.r.7"].0, "ndpi.v1.north.r.flow 7");
    // Those it had when it went have no answer, and came once more: with the same id.
    assert!(stored.values().any(|(_, times)| *times == 2));
    assert_eq!(losses.lost(), 0);
}

#[test]
fn what_is_too_long_for_the_server_is_lost_and_the_rest_goes_on() {
    let stored = Stored::default();
    let (mut target, losses) = target(&serve(vec![Does::Answer], &stored));
    target.write(&[b"flow long\n", &[b'x'; 200][..]].concat(), 1).unwrap();
    write(&mut target, 3);
    assert_eq!((stored.lock().unwrap().len(), losses.lost()), (3, 1));
}

#[test]
fn a_server_that_is_not_there_is_said_to_be_so() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (mut target, losses) = target(&port.to_string());
    let error = target.write(b"flow 1\n1", 1).unwrap_err();
    assert!(error.to_string().starts_with("cannot connect: Connection refused"), "{error}");
    assert_eq!((losses.lost(), target.unconfirmed()), (0, 0), "whoever writes keeps it");
}
