//! `ndpi-xdp status` of an instance that runs, does not answer, is gone, or never was.

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ndpi_user::control::{Answer, Command, ask};
use rustix::process::Signal;
use serde_json::Value;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::{PROGRAMS, Run, run};
use testkit::sandbox::Sandbox;
use testkit::{wait_for, wait_until};

use crate::ready;

/// The status as JSON, with the exit code.
pub(crate) fn status(sandbox: &Sandbox) -> (Value, Option<i32>) {
    let run = sandbox.run("status --json");
    let record = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:#?}"));
    (record, run.code)
}

/// The words for its problems.
pub(crate) fn problems(status: &Value) -> Vec<&str> {
    let all = status["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|it| it["what"].as_str().unwrap()).collect()
}

/// The state, once it is as it should be: what a record says may be in it a moment later, and on a busy
/// machine a worker is behind for a while.
#[track_caller]
pub(crate) fn wait_for_status(
    sandbox: &Sandbox,
    fits: impl Fn(&Value, Option<i32>) -> bool,
) -> Value {
    wait_for(|| {
        let (now, code) = status(sandbox);
        let instead = format!("still, with exit status {code:?}: {now:#}");
        if fits(&now, code) { Ok(now) } else { Err(instead) }
    })
}

/// Waits until these are its problems, and no others.
#[track_caller]
pub(crate) fn wait_for_problems(sandbox: &Sandbox, expected: &[&str], exit: i32) {
    wait_for_status(sandbox, |now, code| problems(now) == expected && code == Some(exit));
}

/// The state, once there are no problems.
fn whole(sandbox: &Sandbox) -> Value {
    wait_for_status(sandbox, |now, code| problems(now).is_empty() && code == Some(0))
}

fn text(run: &Run, code: i32) -> &str {
    assert_eq!(run.code, Some(code), "{run:#?}");
    &run.stdout
}

/// Packets that were seen at both hooks.
fn seen(status: &Value) -> u64 {
    let all = status["packets"].as_array().unwrap();
    all.iter().map(|it| it["packets"].as_u64().unwrap()).sum()
}

/// Sends a packet to each of these ports at the far end.
fn send(pair: &Pair, ports: std::ops::Range<u16>) {
    pair.near(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        for port in ports {
            let _ = socket.send_to(&[0; 64], (FAR, port));
        }
    });
}

#[test]
fn a_running_instance_says_where_it_is_by_which_policy_and_what_it_saw() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let policy = sandbox.file("policy.toml", "default = \"count\"\n");
    let command =
        format!("run --iface left --json --workers 2 --sweep 1 --policy {}", policy.display());
    let mut instance = sandbox.start(&command);
    let first = whole(sandbox);
    assert_eq!((&first["state"], &first["whole"]), (&"running".into(), &true.into()));
    assert_eq!(first["type"], "snapshot");
    let attached = &first["attached"][0];
    assert_eq!((&attached["iface"], &attached["egress"]), (&"left".into(), &"tcx".into()));
    assert!(attached["ingress"].as_str().unwrap().starts_with("xdp-"), "{first}");
    assert_eq!(first["policy"]["revision"], 1);
    assert!(first["policy"].get("last_reload").is_none(), "{first}");

    send(&pair, 2000..2040);
    wait_until(|| {
        let (now, _) = status(sandbox);
        let taken = |worker: &Value| worker["taken"].as_u64().unwrap();
        let workers = now["workers"].as_array().unwrap();
        workers.iter().map(taken).sum::<u64>() >= 40 && now["rates"]["packets"].as_u64() > Some(0)
    });
    whole(sandbox);
    let run = sandbox.run("status");
    let said = text(&run, 0);
    assert!(said.lines().next().unwrap().ends_with("all is enforced"), "{said}");
    for line in ["attached  left: XDP (", "policy    ", "now       ", "losses    none"] {
        assert!(said.contains(&format!("\n{line}")), "{line}: {said}");
    }
    assert!((6..=11).contains(&said.lines().count()), "{said}");

    fs::write(&policy, "default = \"drop\"\n[[rule]]\napp = \"DNS\"\naction = \"count\"\n")
        .unwrap();
    assert_eq!(sandbox.run("policy reload").code, Some(0));
    let taken = wait_for_status(sandbox, |now, _| now["policy"]["last_reload"].is_object());
    assert_eq!(
        (&taken["policy"]["rules"], taken["policy"]["revision"].as_u64() > Some(1)),
        (&1.into(), true)
    );
    assert_eq!(taken["policy"]["last_reload"]["taken"], true);
    fs::write(&policy, "default = \"drap\"\n").unwrap();
    assert_eq!(sandbox.run("policy reload").code, Some(1));
    // The old one is enforced.
    wait_for_status(sandbox, |now, code| {
        let refused = now["policy"]["last_reload"]["taken"] == false;
        refused && problems(now).contains(&"policy-refused") && code == Some(0)
    });

    // A flow is decided when nothing more of it is shown, and in the tables by the next sweep.
    let socket = pair.near(|| UdpSocket::bind("0.0.0.0:0").unwrap());
    wait_until(|| {
        (0..40).for_each(|_| drop(socket.send_to(&[7; 64], (FAR, 4000))));
        let (now, _) = status(sandbox);
        let fill = |it: &Value| (it["table"] == "verdicts-v4") && it["used"].as_u64() > Some(0);
        let apps = now["apps"].as_array().unwrap();
        now["tables"].as_array().unwrap().iter().any(fill)
            && apps.iter().any(|app| app["packets"].as_u64() > Some(0))
    });
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn what_is_not_enforced_is_exit_status_1() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --iface right --json");
    wait_until(|| status(&sandbox).1 == Some(0));
    sandbox.ip("link del left");
    instance.wait_for(|record| record["state"] == "detached");
    wait_for_status(&sandbox, |now, _| {
        ["nothing-attached", "not-enforced"].iter().all(|it| problems(now).contains(it))
    });
    let run = sandbox.run("status");
    let said = text(&run, 1);
    assert!(said.lines().next().unwrap().ends_with("NOT ALL IS ENFORCED"), "{said}");
    assert!(said.contains("left") && said.contains("gone"), "{said}");
    sandbox.ip("link add left type veth peer name right");
    wait_until(|| status(&sandbox).1 == Some(0));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn without_an_instance_status_says_what_to_do() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (none, code) = status(&sandbox);
    assert_eq!((code, &none["state"], &none["whole"]), (Some(1), &"absent".into(), &false.into()));
    let run = sandbox.run("status");
    assert!(text(&run, 1).contains("start one with: ndpi-xdp run"), "{run:#?}");
    // A folder on another file system is no place for pins: that is an error of whoever asks.
    let elsewhere = sandbox.folder().display().to_string();
    sandbox.run(&format!("status --pin-dir {elsewhere}")).assert_failed(1, &["BPF file system"]);
    assert_eq!(sandbox.pinned(), [""; 0], "nothing was made by looking");
}

#[test]
fn of_a_killed_instance_its_maps_say_what_there_was() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = sandbox.start("run --iface left --json");
    let (alive, _) = status(sandbox);
    send(&pair, 2000..2010);
    wait_until(|| seen(&status(sandbox).0) >= 10);
    instance.end(Signal::KILL);
    let (dead, code) = status(sandbox);
    assert_eq!((code, &dead["state"], &dead["pid"]), (Some(1), &"dead".into(), &alive["pid"]));
    assert!(seen(&dead) >= 10, "{dead}");
    assert_eq!((&dead["left_on"][0], dead["gone_since"].is_string()), (&"left".into(), true));
    let run = sandbox.run("status");
    assert!(text(&run, 1).contains("detach"), "{run:#?}");
    assert_eq!(sandbox.run("detach").code, Some(0));
    assert_eq!(status(sandbox).0["state"], "absent");
}

#[test]
fn an_instance_that_was_stopped_is_seen_through_its_maps() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json");
    instance.signal(Signal::STOP);
    let (stopped, code) = status(&sandbox);
    assert_eq!((code, &stopped["state"]), (Some(1), &"silent".into()), "{stopped}");
    assert!(stopped["why"].as_str().unwrap().contains("kill -CONT"), "{stopped}");
    assert!(stopped["tables"].as_array().is_some_and(|it| !it.is_empty()), "{stopped}");
    instance.signal(Signal::CONT);
    wait_until(|| status(&sandbox).1 == Some(0));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
}

#[test]
fn status_is_asked_at_any_moment_of_an_instances_life() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let known = ["absent", "starting-or-ending", "running"];
    std::thread::scope(|scope| {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let sandbox = &sandbox;
        let asking = scope.spawn(move || {
            let mut states = Vec::new();
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let run = sandbox.run("status --json");
                assert!(!run.stderr.contains("panicked"), "{run:#?}");
                // What is removed while it is looked at is an error, in words.
                match serde_json::from_str::<Value>(&run.stdout) {
                    Ok(record) => states.push(record["state"].as_str().unwrap().to_owned()),
                    Err(_) => assert!(run.stderr.starts_with("error: "), "{run:#?}"),
                }
            }
            states
        });
        for _ in 0..3 {
            let mut instance = sandbox.start("run --iface left --json");
            instance.end(Signal::INT);
        }
        drop(stop);
        let states = asking.join().unwrap();
        assert!(states.iter().all(|state| known.contains(&&**state)), "{states:?}");
        assert!(states.len() > 3, "{states:?}");
    });
    sandbox.assert_clean();
}

/// The instance answers from what lies ready, whatever its workers are at.
#[test]
fn a_flood_makes_nobody_wait_for_the_status() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = sandbox.start("run --iface left --json --workers 1 --sweep 1");
    let socket = sandbox.locks().into_iter().find(|name| name.contains(".sock")).unwrap();
    let pid = status(sandbox).0["pid"].to_string();
    let socket = PathBuf::from(format!("/proc/{pid}/root/run/ndpi-xdp/{socket}"));
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let mut took = std::thread::scope(|scope| {
        let pair = &pair;
        scope.spawn(move || {
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                send(pair, 1..20_000);
            }
        });
        let ask_once = || {
            let began = Instant::now();
            let answer = ask(&socket, Command::Status).unwrap();
            let took = began.elapsed();
            assert!(matches!(answer, Answer::Status(_)), "{answer:?}");
            took
        };
        let took: Vec<_> = (0..20).map(|_| ask_once()).collect();
        drop(stop);
        took
    });
    took.sort_unstable();
    eprintln!("an answer took {:?} in the median, {:?} at most", took[10], took[19]);
    // 50 ms where the machine has nothing else to do; this is a debug build beside other tests.
    assert!(took[10] < Duration::from_millis(300), "{took:?}");
    instance.end(Signal::INT);
}

/// A note of another version beside no maps, as a program of another day leaves it.
#[test]
fn pins_of_another_version_are_named_with_what_to_do() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let script = "mkdir -m 0700 /sys/fs/bpf/ndpi-xdp && cd /sys/fs/bpf/ndpi-xdp && \
         bpftool map create INSTANCE type array key 4 value 16 entries 1 name INSTANCE && \
         bpftool map update pinned INSTANCE key 0 0 0 0 \
         value 3 0 0 0 7 0 0 0 0 0 0 0 0 0 0 0";
    let made = run(sandbox.command("sh").args(["-c", script]));
    assert_eq!(made.code, Some(0), "{made:#?}");
    let (found, code) = status(&sandbox);
    assert_eq!((code, &found["state"]), (Some(1), &"other-version".into()), "{found}");
    let why = found["why"].as_str().unwrap();
    assert!(why.contains("are of version 3") && why.contains("ndpi-xdp detach"), "{why}");
    assert_eq!(sandbox.run("detach").code, Some(0));
    assert_eq!(status(&sandbox).0["state"], "absent");
}

#[test]
fn counters_begin_again_at_zero_for_a_person_and_for_nobody_else() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = sandbox.start("run --iface left --json --metrics 127.0.0.1:9100");
    pair.sandbox.ip("link set lo up");
    // One flow with a verdict, which goes on.
    let client = pair.near(|| UdpSocket::bind((NEAR, 40_001)).unwrap());
    let server = pair.far(|| UdpSocket::bind((FAR, 123)).unwrap());
    let ask = |count: usize| {
        for _ in 0..count {
            // NTP, version 4, of a client.
            let mut request = [0; 48];
            request[0] = 0x23;
            client.send_to(&request, (FAR, 123)).unwrap();
            server.recv(&mut request).unwrap();
        }
    };
    ask(1);
    instance.wait_for(|it| it["type"] == "verdict" && it["dport"] == 123);
    ask(10);
    let entry = || {
        let entries = sandbox.run("verdicts --json --port 123").records("entry");
        let [entry] = &entries[..] else { panic!("{entries:#?}") };
        let counts = ["packets_lower", "packets_upper"].map(|it| entry[it].as_u64().unwrap());
        (counts.iter().sum::<u64>(), entry.get("counted_since").cloned())
    };
    wait_until(|| entry() == (10, None));
    let before = seen(&whole(sandbox));
    assert!(before >= 11);

    let reset = sandbox.run("reset-counters --json").records("counters-reset").remove(0);
    assert_eq!(entry(), (0, Some(reset["since"].clone())));
    ask(3);
    wait_until(|| entry().0 == 3);
    let state = status(sandbox).0;
    assert!(seen(&state) >= before + 3, "all of them go on");
    let since = &state["since_reset"];
    let of_status = seen(since);
    assert!((3..before).contains(&of_status), "{since:#}");
    assert_eq!(since["since"], reset["since"]);
    let text = sandbox.run("status").stdout;
    assert!(
        text.contains("counts    of the last ") && text.contains("since reset-counters"),
        "{text}"
    );
    let answer = testkit::metrics::get(sandbox, "/metrics").1;
    let counted: f64 = answer
        .lines()
        .filter(|line| line.starts_with("ndpi_xdp_packets_total{"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
        .sum();
    assert!(counted >= (before + 3) as f64, "metrics never go back: {counted}");

    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let stopped = instance.rest().into_iter().find(|it| it["state"] == "stopped").unwrap();
    let count = |field: &str| stopped[field].as_u64().unwrap();
    assert!(count("seen") >= before + 3);
    assert_eq!(count("seen"), count("passed") + count("dropped") + count("redirected"));
    sandbox.run("reset-counters").assert_failed(1, &["no ndpi-xdp", "is running"]);
}
