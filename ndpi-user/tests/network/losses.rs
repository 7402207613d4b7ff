//! Messages of `ndpi-xdp run` about packets that it could not look at, and records that it could not
//! write.

use std::io::{BufRead as _, BufReader, PipeReader, Read as _, Write as _, pipe};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::cpu::stay_on;
use testkit::instance::Instance;
use testkit::metrics::{self, ADDRESS};
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::{PROGRAMS, binary};
use testkit::sandbox::Sandbox;
use testkit::wait_until;

use crate::ready;
use crate::status::{problems, wait_for_status};

/// Packets, each the first of a flow; far more than a ring of one page holds.
const PACKETS: u16 = 100;

/// Sends packets that come in on `left`, one of each flow.
fn send(sandbox: &Sandbox) {
    send_each(sandbox, 1);
}

/// Sends so many packets of each flow.
fn send_each(sandbox: &Sandbox, packets: usize) {
    sandbox.ip("addr add 198.18.7.1/24 dev right");
    sandbox.ip("neigh add 198.18.7.2 lladdr 02:00:00:00:00:02 dev right");
    sandbox.inside(|| {
        let socket = UdpSocket::bind("198.18.7.1:0").unwrap();
        for port in (0..PACKETS).flat_map(|port| std::iter::repeat_n(port, packets)) {
            socket.send_to(&[0; 200], ("198.18.7.2", 1000 + port)).unwrap();
        }
    });
}

fn number(record: &Value, field: &str) -> u64 {
    record[field].as_u64().unwrap_or_else(|| panic!("no {field} in {record}"))
}

#[test]
fn packets_that_found_a_full_ring_are_reported_by_cpu_and_by_ring() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.ip("link set lo up");
    let mut instance = sandbox.start(&format!(
        "run --iface left --json --workers 1 --ring-size 4096 --sweep 1 --metrics {ADDRESS}"
    ));
    // Nobody reads the rings meanwhile.
    instance.signal(Signal::STOP);
    send(&sandbox);
    instance.signal(Signal::CONT);
    instance.wait_to_say("as rings were full (worker ");
    wait_for_status(&sandbox, |now, code| {
        let where_lost = now["losses"]["ring_full"].as_array().is_some_and(|it| !it.is_empty());
        where_lost && problems(now).contains(&"rings-full") && code == Some(1)
    });
    metrics::wait_for(&sandbox, "ndpi_xdp_ring_full_packets_total");
    metrics::wait_for(&sandbox, "ndpi_xdp_cpu_ring_full_packets_total");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let record = instance.wait_for(|record| record["state"] == "stopped");
    assert!(number(&record, "seen") >= PACKETS.into());
    let left = ["passed", "dropped", "redirected"].map(|field| number(&record, field));
    assert_eq!(number(&record, "seen"), left.iter().sum::<u64>());
    let lossy = record["ring_full"].as_array().unwrap();
    assert!(!lossy.is_empty(), "{record}");
    let sum = |list: &[Value], field| list.iter().map(|it| number(it, field)).sum::<u64>();
    let rings = record["rings"].as_array().unwrap();
    let full = sum(rings, "full");
    assert_eq!((full, sum(rings, "contended")), (sum(lossy, "packets"), 0), "{record}");
    assert!(rings.iter().all(|it| it["worker"] == 0), "{record}");
    let said = instance.stderr();
    assert!(said.contains(&format!("rings were full: worker 0: {full}; try")), "{said}");
}

#[test]
fn nothing_is_said_where_nothing_was_lost() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let mut instance = sandbox.start("run --iface left --json --workers 1");
    send(&sandbox);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let record = instance.wait_for(|record| record["state"] == "stopped");
    assert!(number(&record, "seen") >= PACKETS.into());
    assert_eq!(record.get("ring_full"), None);
    assert!(!instance.stderr().contains("rings were full"));
}

/// An instance whose standard output is the smallest pipe there is: it is full after a few records.
fn start_into_pipe(sandbox: &Sandbox) -> (Instance, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let mut command = sandbox.command(&binary().display().to_string());
    command.args("run --iface left --json --workers 1 --sweep 1".split_whitespace());
    let instance = Instance::start_unread(&mut command, sandbox.folder(), Stdio::from(writer));
    (instance, reader)
}

#[test]
fn a_reader_that_has_gone_is_reported_and_ends_nothing() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (mut instance, reader) = start_into_pipe(&sandbox);
    let mut first = String::new();
    BufReader::new(reader).read_line(&mut first).unwrap();
    assert!(first.contains("running"), "{first}");
    send(&sandbox);
    wait_for_status(&sandbox, |now, code| {
        problems(now) == ["records-lost"] && now["sinks"][0]["closed"] == true && code == Some(0)
    });
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let said = instance.stderr();
    assert!(said.contains("standard output is closed; enforcement goes on"), "{said}");
    assert!(said.contains("were not written: standard output is closed"), "{said}");
    assert!(said.contains("shown to nDPI: "), "the summary: {said}");
    sandbox.assert_clean();
}

#[test]
fn a_reader_that_has_stalled_keeps_nothing_from_ending() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (mut instance, reader) = start_into_pipe(&sandbox);
    send(&sandbox);
    let start = Instant::now();
    instance.signal(Signal::TERM);
    // What is in the kernel goes first, the records may take their time.
    wait_until(|| sandbox.pinned().is_empty() && sandbox.locks().is_empty());
    assert!(instance.is_running(), "it has not waited for the reader");
    sandbox.assert_clean();
    assert!(instance.ended().success(), "{}", instance.stderr());
    assert!(start.elapsed() < Duration::from_secs(10));
    let said = instance.stderr();
    assert!(
        said.contains("records were not written: standard output takes nothing more"),
        "{said}"
    );
    assert!(said.contains("shown to nDPI: "), "the summary: {said}");
    sandbox.assert_clean();
    drop(reader);
}

#[test]
fn a_second_signal_does_not_wait_for_a_reader_that_has_stalled() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (mut instance, reader) = start_into_pipe(&sandbox);
    send(&sandbox);
    instance.signal(Signal::INT);
    assert_eq!(instance.end(Signal::TERM).code(), Some(128 + Signal::TERM.as_raw()));
    assert!(!instance.stderr().contains("records were not written"), "{}", instance.stderr());
    sandbox.assert_clean();
    assert_eq!(sandbox.locks(), [""; 0]);
    drop(reader);
}

#[test]
fn records_go_on_when_a_full_disk_has_room_again() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let shell = |script: &str| {
        let run = testkit::program::run(sandbox.command("sh").args(["-c", script]));
        assert_eq!(run.code, Some(0), "{run:#?}");
        run.stdout
    };
    // In the mount namespace, which ends with the test. Room for the first record, not for all.
    shell("mkdir /run/disk && mount -t tmpfs -o size=16k test /run/disk");
    shell("head -c 12288 /dev/zero > /run/disk/other");
    let program = binary().display().to_string();
    let script = format!("exec {program} run --iface left --json --sweep 1 > /run/disk/records");
    let mut command = sandbox.command("sh");
    command.args(["-c", &script]);
    let mut instance = Instance::start_unread(&mut command, sandbox.folder(), Stdio::null());
    // As many as are shown: each flow is decided.
    send_each(&sandbox, 32);
    instance.wait_to_say("trying again every second");
    shell("rm /run/disk/other && mount -o remount,size=1m /run/disk");
    let again = "records are written to standard output again; 0 lost so far";
    instance.wait_to_say(again);
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let records = shell("cat /run/disk/records");
    let records: Vec<Value> = records.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let flows = records.iter().filter(|record| record["type"] == "flow");
    assert!(flows.count() >= PACKETS.into());
    assert_eq!(records.last().unwrap()["state"], "stopped");
}

#[test]
fn nobody_who_reads_messages_keeps_it_from_ending_either() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let (reader, writer) = pipe().unwrap();
    rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    let mut command = sandbox.command(&binary().display().to_string());
    command.args("run --iface left --json --workers 1 -v".split_whitespace());
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    wait_until(|| !sandbox.pinned().is_empty() && sandbox.attached("left").len() > 1);
    send_each(&sandbox, 32);
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(15), "it does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    sandbox.assert_clean();
    drop(reader);
}

/// A record of TLS 1.3 that carries data.
const DATA: &[u8] = b"\x17\x03\x03\x00\x10................";

/// A connection between the two ends: client and server.
fn connect(pair: &Pair, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let to = listener.local_addr().unwrap();
    let client = pair.far(|| TcpStream::connect_timeout(&to, Duration::from_secs(10))).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server)
}

/// Says something there and something else back; false where the answer to either did not come in time.
fn says((client, server): &mut (TcpStream, TcpStream), there: &[u8], back: &[u8]) -> bool {
    let mut buffer = [0; 256];
    client.write_all(there).unwrap();
    let came = server.read_exact(&mut buffer[..there.len()]).is_ok();
    came && server.write_all(back).is_ok() && client.read_exact(&mut buffer[..back.len()]).is_ok()
}

/// Does so as often as a flow's budget takes.
fn talk(connection: &mut (TcpStream, TcpStream), there: &[u8], back: &[u8]) {
    assert!((0..20).all(|_| says(connection, there, back)));
}

/// The port of a connection's client.
fn port(connection: &(TcpStream, TcpStream)) -> u16 {
    connection.0.local_addr().unwrap().port()
}

/// The verdict on the flow of this client's port.
fn verdict(instance: &Instance, port: u16) -> Value {
    instance.wait_for(|it| {
        it["type"] == "verdict" && [&it["sport"], &it["dport"]].contains(&&port.into())
    })
}

/// Sends packets of many flows from each CPU.
fn fill_rings() {
    let socket = UdpSocket::bind((FAR, 0)).unwrap();
    let cpus = std::thread::available_parallelism().unwrap().get();
    for cpu in 0..cpus {
        stay_on(cpu).unwrap();
        for port in 0..PACKETS {
            socket.send_to(&[0; 200], (NEAR, 1000 + port)).unwrap();
        }
    }
}

#[test]
fn flows_whose_hello_was_lost_are_incomplete_and_undecided() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", "default = \"count\"\nundecided = \"drop\"\n");
    let mut instance = pair.sandbox.start(&format!(
        "run --iface left --policy {} --json --workers 1 --ring-size 4096 --sweep 1",
        policy.display()
    ));
    let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
    // Nobody reads the rings meanwhile.
    instance.signal(Signal::STOP);
    pair.far(fill_rings);
    // What carries payload has a ring of its own.
    let mut filling = connect(&pair, &listener);
    (0..20).for_each(|_| assert!(says(&mut filling, DATA, DATA)));
    let mut lost = connect(&pair, &listener);
    assert!(says(&mut lost, DATA, DATA));
    instance.signal(Signal::CONT);
    instance.wait_to_say("as rings were full (worker ");
    let end = Instant::now() + Duration::from_secs(10);
    for side in [&lost.0, &lost.1] {
        side.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    }
    while Instant::now() < end && says(&mut lost, DATA, DATA) {}
    let record = verdict(&instance, port(&lost));
    assert_eq!(record["incomplete"], true, "{record}");
    assert_eq!((&record["action"], &record["rule"]), (&"drop".into(), &"undecided".into()));
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert!(instance.stderr().contains("incomplete: "), "{}", instance.stderr());
}

#[test]
fn flows_that_were_open_before_are_incomplete_until_they_have_a_name() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let listener = pair.near(|| TcpListener::bind((NEAR, 443)).unwrap());
    let web = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
    let (mut old, mut asking) = (connect(&pair, &listener), connect(&pair, &web));
    let mut instance = pair.sandbox.start("run --iface left --json --workers 1");
    talk(&mut old, DATA, DATA);
    let request = b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n";
    talk(&mut asking, request, b"HTTP/1.1 204 No Content\r\n\r\n");
    let mut fresh = connect(&pair, &web);
    talk(&mut fresh, request, b"HTTP/1.1 204 No Content\r\n\r\n");
    let of_old = verdict(&instance, port(&old));
    assert_eq!((&of_old["incomplete"], &of_old["rule"]), (&true.into(), &"undecided".into()));
    for named in [&asking, &fresh] {
        let record = verdict(&instance, port(named));
        assert_eq!(record["hostname"], "www.example.org", "{record}");
        assert_eq!(record.get("incomplete"), None, "{record}");
    }
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    assert!(instance.stderr().contains("incomplete: 1 flows"), "{}", instance.stderr());
    let times = &instance.wait_for(|it| it["state"] == "stopped")["time_to_verdict"];
    for stage in ["ring", "queue", "inspect", "policy", "write", "all"] {
        let us =
            ["p50_us", "p90_us", "p99_us", "max_us"].map(|it| times[stage][it].as_f64().unwrap());
        assert!(us.is_sorted() && us[3] <= times["all"]["max_us"].as_f64().unwrap(), "{times:#}");
        assert!(number(&times[stage], "count") >= 3, "{times:#}");
    }
    assert!(instance.stderr().contains("time to verdict, by packets with payload: "));
}

#[test]
fn an_incomplete_flow_is_looked_at_again_and_named() {
    if !ready(&PROGRAMS) {
        return;
    }
    let blocked = "[[rule]]\nname = \"blocked\"\nhost = \"www.example.org\"\naction = \"drop\"\n";
    // What passes by a rule passes while it is looked at, also where other flows are dropped beyond their budget.
    let passing = "[[rule]]\nname = \"passing\"\nincomplete = true\naction = \"count\"\n";
    for (policy, rule) in [
        (blocked.to_owned(), "undecided"),
        (format!("undecided = \"drop\"\n{blocked}{passing}"), "passing"),
    ] {
        is_looked_at_again_and_named(&policy, rule);
    }
}

/// A flow that is incomplete at first, and passes by `rule`.
fn is_looked_at_again_and_named(policy: &str, rule: &str) {
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", policy);
    let web = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
    let mut open = connect(&pair, &web);
    let mut instance = pair
        .sandbox
        .start(&format!("run --iface left --policy {} --json --workers 1", policy.display()));
    talk(&mut open, b"\0\x01\x02", b"\x03\x02\x01");
    let first = verdict(&instance, port(&open));
    assert_eq!((&first["incomplete"], &first["rule"]), (&true.into(), &rule.into()));
    let (ask, answer) =
        (b"GET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n", b"HTTP/1.1 204 N\r\n\r\n");
    for side in [&open.0, &open.1] {
        side.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    }
    let (mut rounds, end) = (0u64, Instant::now() + Duration::from_secs(20));
    while Instant::now() < end && says(&mut open, ask, answer) {
        rounds += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    let second = verdict(&instance, port(&open));
    assert_eq!(
        (&second["rule"], &second["hostname"]),
        (&"blocked".into(), &"www.example.org".into())
    );
    assert_eq!(second.get("incomplete"), None, "{second}");
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let flow = instance.wait_for(|it| it["type"] == "flow" && it["rule"] == "blocked");
    // Each round is two packets with content; those before, and acknowledgements, come on top.
    assert!(number(&flow, "leaked") >= 2 * (rounds + 20), "{rounds} rounds: {flow}");
    let stopped = instance.wait_for(|it| it["state"] == "stopped");
    let others = number(&stopped, "seen") - number(&flow, "packets");
    assert!(others <= 8, "beside it there is only ARP: {flow} {stopped}");
}
