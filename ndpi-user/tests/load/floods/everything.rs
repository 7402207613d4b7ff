//! All that one machine can send: flows at random, and one flow alone. What is decided stays decided, what comes
//! afterwards is decided within seconds, and every packet is counted.

use std::net::UdpSocket;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use testkit::instance::Instance;
use testkit::pair::{FAR, NEAR, NEAR_V6, Pair};
use testkit::random_flows;
use testkit::wait_until;

use super::{DNS, NTP, PROGRAMS, QUERY, Raise, Talk, arriving, decided, request, server};
use crate::try_flood;

/// Neither end could find the other where all is dropped that nDPI knows nothing of.
const POLICY: &str = "[[rule]]\nname = \"no NTP\"\napp = \"NTP\"\naction = \"drop\"\n";

/// Within which a new flow is decided after a flood.
const SECONDS: Duration = Duration::from_secs(10);

/// Flows of a pair, one that passes and one that is blocked, and what was counted when they were decided.
struct Scene {
    pair: Pair,
    servers: [UdpSocket; 2],
    instance: Instance,
    allowed: Talk,
    blocked: Talk,
    /// Packets that the far end had sent before the programs saw any.
    unseen: i64,
}

impl Scene {
    fn new(options: &str) -> Self {
        let pair = Pair::new();
        pair.add_v6();
        for (network, via) in random_flows::TO.into_iter().zip([NEAR, NEAR_V6]) {
            pair.far_ip(&format!("route add {network} via {via}"));
        }
        let servers = [server(&pair, DNS), server(&pair, NTP)];
        let policy = pair.sandbox.file("policy.toml", POLICY);
        let options = format!("run --iface left --json {options} --policy {}", policy.display());
        let instance = pair.sandbox.start(&options);
        let allowed = Talk::new(&pair, 40_001, DNS, &servers[0]);
        let blocked = Talk::new(&pair, 40_002, NTP, &servers[1]);
        assert!(allowed.arrives(QUERY) && blocked.arrives(&request()));
        decided(&instance, 40_002);
        let mut scene = Self { pair, servers, instance, allowed, blocked, unseen: 0 };
        scene.unseen = scene.difference();
        scene
    }

    /// Packets that the far end has sent and the programs have not counted, once nothing is on its way.
    fn difference(&self) -> i64 {
        let before = self.seen();
        let difference = self.sent() - before;
        if self.seen() == before { difference } else { self.difference() }
    }

    /// Packets that the near end has taken of those that the far end has sent.
    fn sent(&self) -> i64 {
        let output =
            self.pair.far_command("ip").args(["-s", "-j", "link", "show", "right"]).output();
        let links: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
        links[0]["stats64"]["tx"]["packets"].as_i64().unwrap()
    }

    /// Packets that came in, under whichever reason.
    fn seen(&self) -> i64 {
        let status = self.pair.sandbox.run("status --json").stdout;
        let status: Value = serde_json::from_str(&status).unwrap();
        let all = status["packets"].as_array().unwrap().iter();
        all.filter(|it| it["hook"] == "ingress").map(|it| it["packets"].as_i64().unwrap()).sum()
    }

    /// What is decided stays so.
    fn stands(&self, when: &str) {
        assert!(arriving(&self.allowed, QUERY, 5) == 5 && self.allowed.is_answered(), "{when}");
        assert_eq!(arriving(&self.blocked, &request(), 5), 0, "{when}");
    }

    /// What comes now is decided, and all that came was counted.
    fn recovers(mut self) {
        let began = Instant::now();
        let [dns, ntp] = &self.servers;
        let (new, old) =
            (Talk::new(&self.pair, 41_001, DNS, dns), Talk::new(&self.pair, 41_002, NTP, ntp));
        wait_until(|| !old.arrives(&request()));
        assert!(arriving(&new, QUERY, 5) == 5 && new.is_answered());
        assert!(began.elapsed() < SECONDS, "decided after {:?}", began.elapsed());
        self.stands("afterwards");
        wait_until(|| self.difference() == self.unseen);
        assert!(self.instance.end(Signal::INT).success(), "{}", self.instance.stderr());
    }
}

#[test]
fn flows_at_random_displace_nothing_that_is_decided_and_are_all_counted() {
    try_flood(&PROGRAMS, || {
        let scene = Scene::new("--workers 2 --sweep 1 --max-flows 4096 --max-undecided 2048");
        for part in 0..5 {
            let sent = scene.pair.far(|| random_flows::send(part * 20_000..(part + 1) * 20_000));
            assert!(sent > 10_000, "{sent}");
            scene.stands(&format!("after part {part}"));
        }
        scene.instance.wait_for(|it| it["state"] == "crowded" && it["table"] == "flows");
        scene.recovers();
    });
}

#[test]
fn one_flow_that_takes_all_it_can_delays_no_other_and_is_counted() {
    try_flood(&PROGRAMS, || {
        let scene = Scene::new("--workers 2 --sweep 1");
        let giant = scene.pair.far(|| UdpSocket::bind((FAR, 50_000)).unwrap());
        giant.connect((NEAR, 9999)).unwrap();
        let stop = AtomicBool::new(false);
        let sent = thread::scope(|scope| {
            let _end = Raise(&stop);
            let sending = scope.spawn(|| {
                let mut sent = 0;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    // Nobody listens there, which the kernel says on the next call.
                    sent += u64::from(giant.send(&[0xa5; 1400]).is_ok());
                }
                sent
            });
            for turn in 0..5 {
                scene.stands(&format!("in turn {turn}"));
                let port = 42_000 + turn;
                let new = Talk::new(&scene.pair, port, NTP, &scene.servers[1]);
                wait_until(|| !new.arrives(&request()));
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            sending.join().unwrap()
        });
        assert!(sent > 10_000, "{sent}");
        scene.recovers();
    });
}
