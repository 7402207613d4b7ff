//! `run --policy-from` and `ndpi-xdp fleet`: a site of three routers and a real NATS server, each in a namespace of its own.

use std::fs;
use std::path::PathBuf;

use ndpi_nats::Login;
use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::needs::{nats_server, needs};
use testkit::program::{PROGRAMS, Run};
use testkit::sandbox::Sandbox;
use testkit::{schema, wait_for, wait_until};

use crate::nats::{NatsServer, assert_has_no_rights, with_the_network};
use crate::ready;
use crate::status::wait_for_problems;

/// A policy with so many rules.
fn policy(rules: usize) -> String {
    let rule = |number| {
        format!(
            "[[rule]]\nname = \"r{number}\"\napp = \"SSH\"\nport = {}\naction = \"drop\"\n",
            2000 + number
        )
    };
    (1..=rules).map(rule).collect()
}

/// A router, whose only link leads to the server.
struct Router {
    sandbox: Sandbox,
    number: usize,
}

impl Router {
    fn new(number: usize, hub: &Sandbox) -> Self {
        let sandbox = Sandbox::new();
        let (name, net) = (format!("r{number}"), format!("198.18.{number}"));
        sandbox.ip(&format!("link set right netns {} name {name}", hub.name()));
        sandbox.ip(&format!("address add {net}.2/30 dev left"));
        hub.ip(&format!("address add {net}.1/30 dev {name}"));
        hub.ip(&format!("link set {name} up"));
        Self { sandbox, number }
    }

    fn copy(&self) -> PathBuf {
        self.sandbox.folder().join("policy.toml")
    }

    /// Starts an instance that follows the policies of its site.
    fn start(&self) -> Instance {
        let password = self.sandbox.file("password", "hush\n");
        let Self { sandbox, number } = self;
        let folder = sandbox.folder().display();
        sandbox.start(&format!(
            "run --iface left --json --instance r{number} --policy {folder}/policy.toml \
             --policy-from nats:198.18.{number}.1,site=north,user=me,password-file={} \
             --output json:{folder}/reloads.json,types=reload",
            password.display()
        ))
    }

    /// What was reported of its policies.
    fn reloads(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.sandbox.folder().join("reloads.json")).unwrap();
        text.lines().map(schema::record).collect()
    }
}

/// Whoever runs the fleet, beside the server.
struct Owner<'a> {
    hub: &'a Sandbox,
    bucket: String,
}

impl Owner<'_> {
    fn push(&self, text: &str, whose: &str) -> Run {
        let file = self.hub.file("policy.toml", text);
        self.hub.run(&format!("fleet push {} {} {whose}", self.bucket, file.display()))
    }

    /// What each instance is said to have: its name, its policy's key and revision, and how it stands.
    fn standing(&self) -> (Option<i32>, Vec<(String, String, bool)>) {
        let run = self.hub.run(&format!("fleet status --json {}", self.bucket));
        let each = run.stdout.lines().map(|line| {
            let it: Value = serde_json::from_str(line).unwrap();
            let given = &it["given"];
            let policy = format!(
                "{} {}",
                given["fleet_key"].as_str().unwrap_or("-"),
                given["fleet_revision"]
            );
            (it["instance"].as_str().unwrap().to_owned(), policy, it["current"] == true)
        });
        (run.code, each.collect())
    }

    #[track_caller]
    fn wait_for(&self, code: i32, expected: [(&str, &str, bool); 3]) {
        let expected = expected.map(|(name, policy, is)| (name.to_owned(), policy.to_owned(), is));
        wait_for(|| match self.standing() {
            (found, all) if found == Some(code) && all == expected => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

#[test]
fn three_routers_take_the_policies_of_their_site_though_one_is_offline_for_a_while() {
    let Some(program) = needs(nats_server()) else { return };
    if !ready(&PROGRAMS) {
        return;
    }
    let hub = Sandbox::new();
    hub.ip("link set lo up");
    let routers = [1, 2, 3].map(|number| Router::new(number, &hub));
    let login = Login { user: Some("me".into()), password: Some("hush".into()), token: None };
    let mut server = NatsServer::start_for_all(&hub, program, &hub.folder().join("nats"), login);
    let password = hub.file("password", "hush\n");
    let bucket = format!("nats:127.0.0.1,user=me,password-file={}", password.display());
    let owner = Owner { hub: &hub, bucket };

    owner
        .push(&policy(1), "--site north")
        .assert_failed(1, &["has no bucket ndpi-policies", "--create-bucket"]);
    let pushed = owner.push(&policy(1), "--site north --create-bucket");
    assert_eq!(
        (pushed.code, &*pushed.stdout),
        (Some(0), "site.north is revision 1\n"),
        "{}",
        pushed.stderr
    );
    let mut instances = routers.each_ref().map(Router::start);
    for (router, instance) in routers.iter().zip(&instances) {
        instance.wait_to_say("nothing is blocked until a policy comes from nats:198.18.");
        instance.wait_to_say("reloaded: 1 rules");
        assert_eq!(fs::read_to_string(router.copy()).unwrap(), policy(1));
    }
    owner.wait_for(0, ["r1", "r2", "r3"].map(|it| (it, "site.north 1", true)));

    assert_has_no_rights(wait_for(|| with_the_network(&instances[0], "follower")));

    // What has mistakes is not pushed.
    owner.push("default = \"cuont\"\n", "--site north").assert_failed(1, &["count"]);
    // Revisions 2 to 4 are what the routers said. A policy of its own goes before the site's.
    let own = owner.push(&policy(2), "--host r2");
    assert_eq!(own.stdout, "host.r2 is revision 5\n", "{}", own.stderr);
    instances[1].wait_to_say("reloaded: 2 rules");

    assert!(instances[2].end(Signal::TERM).success(), "{}", instances[2].stderr());
    hub.ip("link set r3 down");
    let next = owner.push(&policy(3), "--site north");
    assert_eq!(next.code, Some(0), "{}", next.stderr);
    let revision: u64 = next.stdout.trim().rsplit(' ').next().unwrap().parse().unwrap();
    let later = format!("site.north {revision}");
    instances[0].wait_to_say("reloaded: 3 rules");
    let behind = [("r1", &*later, true), ("r2", "host.r2 5", true), ("r3", "site.north 1", false)];
    owner.wait_for(1, behind);

    // It begins with what it had last, and goes on with what it has missed.
    instances[2] = routers[2].start();
    instances[2].wait_to_say("cannot be followed: cannot connect: ");
    wait_for_problems(&routers[2].sandbox, &["policy-not-followed"], 0);
    assert_eq!(fs::read_to_string(routers[2].copy()).unwrap(), policy(1));
    hub.ip("link set r3 up");
    instances[2].wait_to_say("are followed again");
    wait_for_problems(&routers[2].sandbox, &[], 0);
    instances[2].wait_to_say("reloaded: 3 rules");
    let whole = [("r1", &*later, true), ("r2", "host.r2 5", true), ("r3", &*later, true)];
    owner.wait_for(0, whole);

    // Whoever pushes has a list that routers do not have: they keep what they have, and say why.
    hub.file("hosts", "example.org\n");
    let listed = "[[rule]]\nname = \"listed\"\nhost = { file = \"hosts\" }\naction = \"drop\"\n";
    let pushed = owner.push(listed, "--host r2");
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    instances[1].wait_to_say("not taken, the one before stays in force");
    wait_until(|| owner.standing().0 == Some(1));
    let shown = hub.run(&format!("fleet status {}", owner.bucket));
    shown.assert_failed(1, &[]);
    let quoted = "host = { file = \"hosts\" }";
    assert!(shown.stdout.contains("refused") && shown.stdout.contains(quoted), "{}", shown.stdout);
    assert!(!instances[1].stderr().contains(quoted), "its copy is not for everybody to read");
    assert_eq!(fs::read_to_string(routers[1].copy()).unwrap(), policy(2));

    server.kill();
    for instance in &instances {
        instance.wait_to_say("cannot be followed: the server has closed the connection");
    }
    server.resume();
    for instance in &instances {
        instance.wait_to_say("are followed again");
    }
    let last = owner.push(&policy(4), "--host r2");
    assert_eq!(last.code, Some(0), "{}", last.stderr);
    instances[1].wait_to_say("reloaded: 4 rules");
    for instance in &mut instances {
        assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    }
    // What is refused is tried again with each connection.
    let (taken, refused): (Vec<_>, Vec<_>) =
        routers[1].reloads().into_iter().partition(|it| it["taken"] == true);
    assert!(taken.len() == 3 && refused.len() >= 2, "{taken:?} {refused:?}");
    let record = &taken[1];
    assert_eq!((&record["fleet_key"], &record["fleet_revision"]), (&"host.r2".into(), &5.into()));
}
