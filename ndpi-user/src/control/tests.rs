//! Both ends of the socket, and ends that do not play by the rules.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ndpi_events::ReloadResult;
use rustix::event::{PollFd, PollFlags};
use serde_json::json;
use tempfile::TempDir;

use super::{Answer, AskError, Command, Reload, Server, ask};

fn outcome() -> Answer {
    let result = ReloadResult {
        taken: true,
        policy: "/etc/policy.toml".into(),
        rules: Some(3),
        flows: Some(7),
        changed: Some(2),
        ..ReloadResult::default()
    };
    Answer::PolicyReload(Reload { result, problems: json!([]), ..Reload::default() })
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("instance.sock");
    (folder, path)
}

/// What comes back for these bytes.
fn said(path: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(request).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn a_command_is_carried_out_and_answered() {
    let (_folder, path) = folder();
    // What a crashed instance left.
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(ask(&path, Command::PolicyReload), Err(AskError::Nobody(_))));
    let (send, asked) = mpsc::channel();
    let server = Server::start(&path, move |command| {
        send.send(command).unwrap();
        outcome().into()
    });
    let server = server.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for _ in 0..2 {
        assert_eq!(ask(&path, Command::PolicyReload).unwrap(), outcome());
        assert_eq!(asked.recv(), Ok(Command::PolicyReload));
    }
    drop(server);
    assert!(!path.exists());
    let error = ask(&path, Command::PolicyReload).unwrap_err().to_string();
    assert!(error.contains("ndpi-xdp run") && error.contains("--pin-dir"), "{error}");
}

/// Who connected before an instance closed its socket, and was not heard any more.
#[test]
fn an_instance_that_ends_before_it_answers_is_none() {
    let (_folder, path) = folder();
    for heard in [false, true] {
        let listener = UnixListener::bind(&path).unwrap();
        let asking = {
            let path = path.clone();
            thread::spawn(move || ask(&path, Command::Status))
        };
        let mut waiting = [PollFd::new(&listener, PollFlags::IN)];
        assert_eq!(rustix::event::poll(&mut waiting, None), Ok(1));
        fs::remove_file(&path).unwrap();
        if heard {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 10]).unwrap();
        }
        drop(listener);
        let answer = asking.join().unwrap();
        assert!(matches!(answer, Err(AskError::Nobody(_))), "{answer:?}");
    }
}

#[test]
fn what_is_no_command_is_refused_and_the_next_one_heard() {
    let (_folder, path) = folder();
    let _server = Server::start(&path, |_| outcome().into()).unwrap();
    for (request, words) in [
        (&b"{\"protocol\":9,\"command\":\"dance\"}\n"[..], "version 9"),
        (b"{\"protocol\":1,\"command\":\"dance\"}\n", "policy-reload"),
        (b"reload, please\n", "not understood"),
        (b"\n", "not understood"),
        (b"{\"protocol\":1,\"command\":\"policy-reload\"}\n", "\"rules\":3"),
    ] {
        let reply = said(&path, request);
        assert!(reply.contains(words) && reply.ends_with('\n'), "{reply}");
    }
    // Nothing but an end, and more than a request can be.
    drop(UnixStream::connect(&path).unwrap());
    let mut endless = UnixStream::connect(&path).unwrap();
    // The server may have hung up before the last of it.
    let _ = endless.write_all(&vec![b'x'; 100_000]);
    let mut reply = Vec::new();
    let _ = endless.read_to_end(&mut reply);
    assert_eq!(reply, b"");
    assert_eq!(ask(&path, Command::PolicyReload).unwrap(), outcome());
}

#[test]
fn who_says_nothing_keeps_nobody_waiting() {
    let (_folder, path) = folder();
    let _server = Server::start(&path, |_| outcome().into()).unwrap();
    let silent: Vec<_> = (0..5).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let start = Instant::now();
    assert_eq!(ask(&path, Command::PolicyReload).unwrap(), outcome());
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    drop(silent);
}

#[test]
fn a_command_that_takes_long_keeps_neither_another_nor_the_end() {
    let (_folder, path) = folder();
    let (release, held) = crossbeam::channel::bounded::<()>(0);
    let (began, begun) = mpsc::channel();
    let server = Server::start(&path, move |_| {
        began.send(()).unwrap();
        let _ = held.recv();
        outcome().into()
    });
    let server = server.unwrap();
    let ask_it = |path: PathBuf| thread::spawn(move || ask(&path, Command::PolicyReload));
    let asking = [ask_it(path.clone()), ask_it(path.clone())];
    begun.recv().unwrap();
    begun.recv().unwrap();
    let start = Instant::now();
    drop(server);
    assert!(start.elapsed() < Duration::from_secs(10));
    drop(release);
    for asking in asking {
        assert_eq!(asking.join().unwrap().unwrap(), outcome());
    }
}
