//! `ndpi-xdp release`: something passes for a time, whatever the policy says.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::metrics::{self, ADDRESS};
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::{PROGRAMS, Run};
use testkit::schema;

use crate::ready;
use crate::status::status;
use crate::talk::{PATIENCE, SILENCE, Talk};

const HOST: &str = "www.bad.example";
const POLICY: &str = "[[rule]]\nname = \"no bad\"\nhost = \".bad.example\"\naction = \"drop\"\n";

struct Scene {
    pair: Pair,
    listener: TcpListener,
}

impl Scene {
    fn new() -> Self {
        let pair = Pair::new();
        let listener = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
        pair.sandbox.file("policy.toml", POLICY);
        Self { pair, listener }
    }

    fn start(&self) -> Instance {
        let policy = self.pair.sandbox.folder().join("policy.toml");
        self.pair.sandbox.ip("link set lo up");
        let command = format!(
            "run --iface left --json --workers 2 --metrics {ADDRESS} --policy {}",
            policy.display()
        );
        self.pair.sandbox.start(&command)
    }

    fn run(&self, command: &str) -> Run {
        self.pair.sandbox.run(command)
    }

    /// Runs a command that ends well, and gives the records that it prints.
    fn records(&self, command: &str) -> Vec<Value> {
        let run = self.run(&format!("{command} --json"));
        assert_eq!(run.code, Some(0), "{run:#?}");
        run.stdout.lines().map(schema::record).collect()
    }

    /// A client that asked for the blocked host, and the rule by which its flow was decided.
    fn ask(&self, instance: &Instance) -> (Talk, String) {
        let mut talk = Talk::new(&self.pair, &self.listener);
        talk.ask(HOST, 0, SILENCE);
        let port = talk.port();
        let verdict = instance.wait_for(|it| it["type"] == "verdict" && it["sport"] == port);
        (talk, verdict["rule"].as_str().unwrap().to_owned())
    }

    /// The rule of the verdict that stands on a flow.
    fn standing(&self, talk: &Talk) -> String {
        let entries = self.records("verdicts");
        let entry = entries.iter().find(|it| it["upper_port"] == talk.port()).unwrap();
        entry["rule_name"].as_str().unwrap().to_owned()
    }
}

/// Whether what the client sends arrives within some time.
fn is_heard(talk: &mut Talk, patience: Duration) -> bool {
    talk.client.write_all(b"more").unwrap();
    talk.server.set_read_timeout(Some(patience)).unwrap();
    talk.server.read(&mut [0; 16]).is_ok_and(|length| length > 0)
}

#[test]
fn what_is_blocked_passes_for_its_time_and_is_blocked_again() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let mut instance = scene.start();
    let (mut client, rule) = scene.ask(&instance);
    assert_eq!(rule, "no bad");
    assert!(!is_heard(&mut client, SILENCE));

    let made = &scene.records("release --host bad.example --for 1h")[0];
    assert_eq!((&made["release"], &made["host"]), (&1.into(), &"bad.example".into()));
    assert_eq!(made["changed"], 1, "{made}");
    let told = instance.wait_for(|it| it["state"] == "released");
    metrics::wait_for(&scene.pair.sandbox, "ndpi_xdp_releases");
    assert_eq!((&told["release"], &told["until"]), (&1.into(), &made["until"]));
    assert_eq!(scene.standing(&client), "release 1");
    // What was sent in vain is sent again.
    assert!(is_heard(&mut client, 3 * PATIENCE));
    let (_another, rule) = scene.ask(&instance);
    assert_eq!(rule, "release 1");

    // A policy that is loaded meanwhile blocks it as little.
    scene.pair.sandbox.file("policy.toml", &format!("{POLICY}# once more\n"));
    assert_eq!(scene.run("policy reload").code, Some(0));
    assert_eq!(scene.standing(&client), "release 1");
    let state = status(&scene.pair.sandbox).0;
    assert_eq!(
        (&state["releases"][0]["release"], &state["policy"]["rules"]),
        (&1.into(), &1.into())
    );
    assert!(
        scene.run("status").stdout.contains("released  release 1: host bad.example passes for")
    );

    // The same once more: it ends sooner, and by itself.
    let sooner = &scene.records("release --host bad.example --for 1s")[0];
    assert_eq!((&sooner["release"], &sooner["since"]), (&1.into(), &made["since"]));
    let ended = instance.wait_for(|it| it["state"] == "release-ended");
    assert_eq!((&ended["release"], &ended["why"]), (&1.into(), &"time".into()));
    assert_eq!(scene.standing(&client), "no bad");
    assert!(!is_heard(&mut client, SILENCE));
    assert!(scene.records("release --list").is_empty());

    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let rest = instance.rest();
    let stopped = rest.iter().find(|it| it["state"] == "stopped").unwrap();
    let count = |field: &str| stopped[field].as_u64().unwrap();
    assert_eq!(count("seen"), count("passed") + count("dropped") + count("redirected"));
    assert_eq!((scene.pair.sandbox.pinned(), scene.pair.sandbox.locks()), (vec![], vec![]));
}

#[test]
fn it_outlives_the_instance_however_that_goes() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    let mut first = scene.start();
    let (client, _) = scene.ask(&first);
    let flow = format!("{FAR}:{},{NEAR}:80", client.port());
    scene.records(&format!("release {flow} --for 1h"));
    assert_eq!(scene.standing(&client), "release 1");
    first.end(Signal::KILL);

    let mut second = scene.start();
    let told = second.wait_for(|it| it["state"] == "released");
    assert_eq!((&told["flow"], told.get("changed")), (&flow.clone().into(), None));
    assert_eq!(scene.standing(&client), "release 1");
    assert_eq!(scene.ask(&second).1, "release 1", "the client's next flow passes as well");
    assert!(second.end(Signal::TERM).success(), "{}", second.stderr());

    let third = scene.start();
    third.wait_for(|it| it["state"] == "released");
    let listed = scene.run("release --list");
    assert!(
        listed.stdout.starts_with("release 1: flow ")
            && listed.stdout.contains("passes for 59 min")
    );
    let ended = scene.run("release --end 1");
    assert!(
        ended.stdout.starts_with("release 1 has ended: the policy holds for flow"),
        "{ended:#?}"
    );
    let told = third.wait_for(|it| it["state"] == "release-ended");
    assert_eq!(told["why"], "command");
    assert_eq!(scene.ask(&third).1, "no bad");
    assert_eq!(
        scene.run("release --list").stdout,
        "nothing is released: the policy holds for all\n"
    );
}

#[test]
fn what_cannot_be_released_is_refused_in_words() {
    if !ready(&PROGRAMS) {
        return;
    }
    let scene = Scene::new();
    scene.run("release --app TLS").assert_failed(1, &["no ndpi-xdp", "is running"]);
    let mut instance = scene.start();
    for (command, words) in [
        ("--app Facebok", "did you mean Facebook"),
        ("--host https://bad.example/x", "write the name alone"),
        ("--host bad.example --for 90d", "from 1s to 30d"),
        ("198.18.7.2", "write a flow as `flows` shows it"),
        ("--end 7", "there is no release 7"),
    ] {
        scene.run(&format!("release {command}")).assert_failed(1, &[words]);
    }
    for command in ["", "--app TLS --host a.example", "--list --for 1h", "--app TLS --for 10"] {
        assert_eq!(scene.run(&format!("release {command}")).code, Some(2), "{command}");
    }
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let _counting = scene.pair.sandbox.start("run --iface left --json");
    scene.run("release --app TLS").assert_failed(1, &["started without --policy"]);
}
