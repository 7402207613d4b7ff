//! Flows that were decided by an instance which was killed.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::pair::{NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::wait_until;

use crate::ready;
use crate::status::status;
use crate::talk::{PATIENCE, SILENCE, Talk};

const BY_APP: &str = "www.facebook.com";
const BY_HOST: &str = "www.bad.example";
const ALLOWED: &str = "www.example.com";

const RULES: &str = "[[rule]]
name = \"no social\"
app = \"Facebook\"
action = \"drop\"

[[rule]]
name = \"no bad\"
host = \".bad.example\"
action = \"drop\"
";

/// Connections that an instance has decided on before it was killed.
struct Scene {
    pair: Pair,
    listener: TcpListener,
    by_app: Talk,
    by_host: Talk,
    allowed: Talk,
}

impl Scene {
    fn new() -> Self {
        let pair = Pair::new();
        let listener = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
        let mut first = start(&pair, RULES);
        let talk = |host, action: Value| {
            let mut talk = Talk::new(&pair, &listener);
            assert!(talk.ask(host, 0, PATIENCE) > 0, "it is what nDPI decides by");
            let port = talk.port();
            let verdict = first.wait_for(|it| it["type"] == "verdict" && it["sport"] == port);
            assert_eq!((&verdict["action"], &verdict["adopted"]), (&action, &Value::Null));
            talk
        };
        let by_app = talk(BY_APP, "drop".into());
        let by_host = talk(BY_HOST, "drop".into());
        let allowed = talk(ALLOWED, "count".into());
        first.end(Signal::KILL);
        Self { pair, listener, by_app, by_host, allowed }
    }
}

fn start(pair: &Pair, policy: &str) -> Instance {
    let policy = pair.sandbox.file("policy.toml", policy);
    pair.sandbox
        .start(&format!("run --iface left --json --workers 2 --policy {}", policy.display()))
}

/// The first record about the flow of `talk` that an instance writes.
fn first_record(instance: &Instance, talk: &Talk) -> Value {
    instance.wait_for(|it| it["sport"] == talk.port())
}

/// Whether something arrives at the client within some time.
fn hears(talk: &mut Talk, patience: Duration) -> bool {
    talk.client.set_read_timeout(Some(patience)).unwrap();
    talk.client.read(&mut [0; 16]).is_ok_and(|length| length > 0)
}

/// Whether what the client sends arrives within some time.
fn is_heard(talk: &mut Talk, patience: Duration) -> bool {
    talk.client.write_all(b"more").unwrap();
    talk.server.set_read_timeout(Some(patience)).unwrap();
    talk.server.read(&mut [0; 16]).is_ok_and(|length| length > 0)
}

/// Nothing is left at the near end.
fn assert_clean(Pair { sandbox, .. }: &Pair) {
    assert_eq!(sandbox.attached("left"), [""; 0]);
    assert_eq!((sandbox.pinned(), sandbox.locks()), (vec![], vec![]));
}

fn entry(pair: &Pair, talk: &Talk) -> Value {
    let run = pair.sandbox.run("verdicts --json");
    let is_it = |it: &&Value| it["upper_port"] == talk.port();
    run.records("entry").iter().find(is_it).unwrap_or_else(|| panic!("{run:#?}")).clone()
}

#[test]
fn the_next_instance_has_them_as_flows_with_their_rules_and_counts() {
    if !ready(&PROGRAMS) {
        return;
    }
    let mut scene = Scene::new();
    for blocked in [&mut scene.by_app, &mut scene.by_host] {
        assert_eq!(blocked.answer(SILENCE), 0, "nobody lives, and it is enforced");
    }
    assert!(scene.allowed.answer(PATIENCE) > 0);
    let dropped = entry(&scene.pair, &scene.by_host)["dropped"].as_u64().unwrap();
    let mut next = start(&scene.pair, RULES);
    let mut talks = [&scene.by_app, &scene.by_host, &scene.allowed];
    // In whatever order.
    let records: Vec<Value> = talks
        .iter()
        .map(|_| {
            next.wait_for(|it| {
                it["type"] == "verdict" && talks.iter().any(|talk| it["sport"] == talk.port())
            })
        })
        .collect();
    talks.sort_by_key(|talk| talk.port());
    for (talk, rule) in
        [(&scene.by_app, "no social"), (&scene.by_host, "no bad"), (&scene.allowed, "default")]
    {
        let record = records.iter().find(|it| it["sport"] == talk.port()).unwrap();
        assert_eq!((&record["rule"], &record["adopted"]), (&rule.into(), &true.into()), "{record}");
        assert_eq!((&record["dport"], &record["iface"]), (&80.into(), &"left".into()), "{record}");
        let entry = entry(&scene.pair, talk);
        assert_eq!(
            (&entry["adopted"], &entry["client"]),
            (&true.into(), &"upper".into()),
            "{entry}"
        );
    }
    wait_until(|| status(&scene.pair.sandbox).0["adopted"] == 3);
    assert!(!hears(&mut scene.by_app, SILENCE) && !hears(&mut scene.by_host, SILENCE));
    assert!(scene.allowed.ask(ALLOWED, 0, PATIENCE) > 0);
    // A new one is nobody's.
    let mut fresh = Talk::new(&scene.pair, &scene.listener);
    fresh.ask(BY_HOST, 0, SILENCE);
    assert_eq!(first_record(&next, &fresh)["adopted"], Value::Null);

    assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    let rest = next.rest();
    let ended = |talk: &Talk| {
        let is_it = |it: &&Value| it["type"] == "flow" && it["sport"] == talk.port();
        rest.iter().find(is_it).unwrap_or_else(|| panic!("{rest:#?}"))
    };
    let blocked = ended(&scene.by_host);
    assert_eq!((&blocked["adopted"], &blocked["rule"]), (&true.into(), &"no bad".into()));
    assert!(blocked["dropped"].as_u64().unwrap() >= dropped.max(1), "{blocked}");
    assert_eq!((&blocked["dropped"], &blocked["leaked"]), (&blocked["packets"], &0.into()));
    assert!(ended(&scene.allowed)["packets"].as_u64().unwrap() >= 3);
    let stopped = rest.iter().find(|it| it["state"] == "stopped").unwrap();
    let count = |field: &str| stopped[field].as_u64().unwrap();
    assert_eq!(count("seen"), count("passed") + count("dropped") + count("redirected"));
    assert_clean(&scene.pair);
}

#[test]
fn a_policy_without_the_rules_frees_what_an_application_blocked_and_keeps_what_a_host_did() {
    if !ready(&PROGRAMS) {
        return;
    }
    let mut scene = Scene::new();
    let mut next = start(&scene.pair, "default = \"count\"\n");
    let (by_app, by_host) = (scene.by_app.port(), scene.by_host.port());
    let mut records: Vec<Value> = (0..2)
        .map(|_| next.wait_for(|it| it["sport"] == by_app || it["sport"] == by_host))
        .collect();
    records.sort_by_key(|it| it["sport"] != by_app);
    let [freed, kept] = &records[..] else { unreachable!() };
    assert_eq!((&freed["type"], &freed["action"]), (&"verdict".into(), &"count".into()), "{freed}");
    assert_eq!((&freed["rule"], &freed["adopted"]), (&"default".into(), &true.into()));
    assert_eq!((&kept["type"], &kept["action"]), (&"verdict".into(), &"drop".into()), "{kept}");
    assert_eq!((&kept["rule"], &kept["adopted"]), (&"no bad".into(), &true.into()));
    assert!(is_heard(&mut scene.by_app, PATIENCE));
    assert!(!is_heard(&mut scene.by_host, SILENCE));
    assert_eq!(entry(&scene.pair, &scene.by_host)["rule_name"], "no bad");

    // A reload decides as well, by what is known.
    scene.pair.sandbox.file("policy.toml", "default = \"count\"\nundecided = \"drop\"\n");
    assert_eq!(scene.pair.sandbox.run("policy reload").code, Some(0));
    assert_eq!(entry(&scene.pair, &scene.by_host)["rule_name"], "no bad", "nothing says otherwise");
    let address = "[[rule]]\nname = \"this one may\"\nsrc = \"198.18.7.2\"\naction = \"count\"\n";
    scene.pair.sandbox.file("policy.toml", address);
    assert_eq!(scene.pair.sandbox.run("policy reload").code, Some(0));
    assert_eq!(entry(&scene.pair, &scene.by_host)["rule_name"], "this one may");
    // What was sent in vain is sent again.
    assert!(is_heard(&mut scene.by_host, 3 * PATIENCE));

    assert!(next.end(Signal::TERM).success(), "{}", next.stderr());
    assert_clean(&scene.pair);
}
