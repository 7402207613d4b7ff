//! A NATS server of a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ndpi_nats::{Connection, Login, Message};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::sandbox::Sandbox;
use testkit::{places, wait_for};

const WAIT: Duration = Duration::from_secs(10);

/// The name of the stream.
const STREAM: &str = "NDPI";

/// Where it listens, in the sandbox.
pub(crate) const ADDRESS: &str = "127.0.0.1:4222";

/// A server with `JetStream`, which is ended with the test.
pub(crate) struct NatsServer<'a> {
    sandbox: &'a Sandbox,
    program: PathBuf,
    folder: PathBuf,
    child: Option<Child>,
    login: Login,
    /// The address that it listens at.
    at: &'static str,
}

impl<'a> NatsServer<'a> {
    /// Starts one, which keeps what it has in `folder`, and knows this user.
    pub(crate) fn start(
        sandbox: &'a Sandbox,
        program: PathBuf,
        folder: &Path,
        login: Login,
    ) -> Self {
        Self::start_at("127.0.0.1", sandbox, program, (folder, login))
    }

    /// The same for whoever has a link to the sandbox.
    pub(crate) fn start_for_all(
        sandbox: &'a Sandbox,
        program: PathBuf,
        folder: &Path,
        login: Login,
    ) -> Self {
        Self::start_at("0.0.0.0", sandbox, program, (folder, login))
    }

    fn start_at(
        at: &'static str,
        sandbox: &'a Sandbox,
        program: PathBuf,
        (folder, login): (&Path, Login),
    ) -> Self {
        let folder = folder.to_owned();
        let mut server = Self { sandbox, program, folder, child: None, login, at };
        server.resume();
        server
    }

    /// Starts it again.
    pub(crate) fn resume(&mut self) {
        let mut command: Command = self.sandbox.command(&self.program.display().to_string());
        command.args(["-a", self.at, "-p", "4222", "-js", "-sd"]).arg(&self.folder);
        if let Login { user: Some(user), password: Some(password), .. } = &self.login {
            command.args(["--user", user, "--pass", password]);
        }
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().unwrap());
        wait_for(|| self.try_connect().map(drop));
    }

    /// Has it go, at once.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), Signal::KILL);
        child.wait().unwrap();
    }

    fn try_connect(&self) -> Result<Connection, String> {
        let connect = || Connection::open(&ADDRESS.parse().unwrap(), &self.login, WAIT);
        self.sandbox.inside(connect).map_err(|error| error.to_string())
    }

    /// A connection of its own.
    pub(crate) fn connect(&self) -> Connection {
        self.try_connect().unwrap()
    }

    /// Makes the stream and the consumer whose configuration comes with the program.
    pub(crate) fn make_stream(&self) {
        let (mut connection, file) = (self.connect(), |name| {
            let path = places::checkout().join("contrib/nats").join(name);
            serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap()
        });
        let consumer = json!({ "stream_name": STREAM, "config": file("consumer.json") });
        let mut stream = file("stream.json");
        // A server refuses what its disk has no room for.
        stream["max_bytes"] = json!(8 << 20);
        for (subject, what) in [
            (format!("$JS.API.STREAM.CREATE.{STREAM}"), stream),
            (format!("$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.clickhouse"), consumer),
        ] {
            let made = ask(&mut connection, &subject, &what);
            let made: Value = serde_json::from_slice(&made.payload).unwrap();
            assert!(made.get("error").is_none(), "{made}");
        }
    }

    /// How many messages the stream has had.
    pub(crate) fn last(&self) -> u64 {
        let info = ask(&mut self.connect(), &format!("$JS.API.STREAM.INFO.{STREAM}"), &json!({}));
        let info: Value = serde_json::from_slice(&info.payload).unwrap();
        info["state"]["last_seq"].as_u64().unwrap_or_else(|| panic!("{info}"))
    }

    /// All messages of the stream.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let (mut connection, subject) = (self.connect(), format!("$JS.API.DIRECT.GET.{STREAM}"));
        let message = |number| ask(&mut connection, &subject, &json!({ "seq": number }));
        (1..=self.last()).map(message).collect()
    }
}

fn ask(connection: &mut Connection, subject: &str, question: &Value) -> Message {
    let payload = question.to_string();
    connection.request(subject, &[], payload.as_bytes(), Instant::now() + WAIT).unwrap()
}

impl Drop for NatsServer<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}
