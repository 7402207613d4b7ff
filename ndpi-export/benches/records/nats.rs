//! Records in a stream of a NATS server.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use ndpi_export::{Couriers, read_job, run_courier};
use ndpi_nats::{Connection, Login, Server};
use serde_json::{Value, json};

use crate::Outcome;
use crate::written::Spent;

/// How long the server may take for anything.
const WAIT: Duration = Duration::from_secs(10);

/// The stream that comes with the program, for records of any instance.
const STREAM: &str = include_str!("../../../contrib/nats/stream.json");

/// Brings so many records to a stream of a server that this starts, and says what that took: of the CPU without the
/// server, which is another process. What brings the records, and is a process of its own in `run`, is a thread here.
pub(crate) fn to_a_stream(program: &Path, records: u64) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address = format!("127.0.0.1:{port}");
    let _server = Running::start(program, port, folder.path())?;
    let server: Server = address.parse()?;
    let mut connection = reached(&server)?;
    let mut stream: Value = serde_json::from_str(STREAM)?;
    // A server refuses what its disk has no room for.
    stream["max_bytes"] = json!(1 << 30);
    ask(&mut connection, "$JS.API.STREAM.CREATE.NDPI", &stream)?;

    let output = format!("json:nats:{address}").parse()?;
    let couriers = Couriers::start(std::slice::from_ref(&output), "router", |socket: OwnedFd| {
        let job = read_job(&socket)?;
        thread::spawn(move || run_courier(socket, &job));
        Ok(())
    })?;
    let spent = Spent::on(output, couriers, records)?;
    let info = ask(&mut connection, "$JS.API.STREAM.INFO.NDPI", &json!({}))?;
    assert_eq!(info["state"]["messages"], records, "{info}");
    println!("nats     {spent}, all stored");
    Ok(())
}

/// A server, until this goes.
struct Running(Child);

impl Running {
    fn start(program: &Path, port: u16, folder: &Path) -> Outcome<Self> {
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(folder);
        let log = fs::File::create(folder.join("log"))?;
        Ok(Self(command.stdout(Stdio::null()).stderr(log).spawn()?))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn reached(server: &Server) -> Outcome<Connection> {
    let until = Instant::now() + WAIT;
    loop {
        match Connection::open(server, &Login::default(), WAIT) {
            Ok(connection) => return Ok(connection),
            Err(error) if Instant::now() >= until => return Err(error.into()),
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn ask(connection: &mut Connection, subject: &str, question: &Value) -> Outcome<Value> {
    let payload = question.to_string();
    let until = Instant::now() + WAIT;
    let answer = connection.request(subject, &[], payload.as_bytes(), until)?;
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    if answer.get("error").is_some() {
        return Err(format!("{subject}: {answer}").into());
    }
    Ok(answer)
}
