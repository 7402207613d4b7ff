//! `flows`, and host names of verdicts: what lives now, decided and not.

use std::fs::{self, File};
use std::net::UdpSocket;

use rustix::process::Signal;
use serde_json::Value;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::{PROGRAMS, Run, binary};
use testkit::schema;
use testkit::wait_until;

use crate::ready;
use crate::status::wait_for_status;

/// A DNS query for `www.example.org`, type A.
const QUERY: &[u8] = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x03www\x07example\x03org\0\0\x01\0\x01";

fn lines(run: &Run) -> Vec<Value> {
    assert_eq!(run.code, Some(0), "{run:#?}");
    run.stdout.lines().map(schema::record).collect()
}

#[test]
fn living_flows_are_listed_with_names_where_they_are_decided() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance = sandbox.start("run --iface left --json --sweep 1");
    // It asks for names before there are any.
    let screen = sandbox.folder().join("screen");
    let mut watching = sandbox.command(&binary().display().to_string());
    watching.args(["verdicts", "--watch", "1"]).stdout(File::create(&screen).unwrap());
    let mut watching = watching.spawn().unwrap();
    wait_until(|| fs::metadata(&screen).unwrap().len() > 0);
    let client = pair.near(|| UdpSocket::bind((NEAR, 40_001)).unwrap());
    let server = pair.far(|| UdpSocket::bind((FAR, 53)).unwrap());
    let silent = pair.far(|| UdpSocket::bind((FAR, 4000)).unwrap());
    client.send_to(QUERY, (FAR, 53)).unwrap();
    let mut buffer = [0; 256];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    // The same with the bits of a response, and one address.
    let mut answer = buffer[..length].to_vec();
    (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
    answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc6\x12\x07\x02");
    server.send_to(&answer, from).unwrap();
    client.recv(&mut buffer).unwrap();
    instance.wait_for(|record| record["type"] == "verdict");
    let watched = || fs::read_to_string(&screen).unwrap();
    wait_until(|| watched().contains("www.example.org"));
    watching.kill().unwrap();
    watching.wait().unwrap();
    assert!(watched().starts_with("no flow has a verdict\n"), "{}", watched());
    client.send_to(&[7; 64], (FAR, 4000)).unwrap();
    silent.recv(&mut buffer).unwrap();

    let verdicts = || lines(&sandbox.run("verdicts --json --host example.org"));
    wait_until(|| verdicts().len() == 1);
    let entry = &verdicts()[0];
    assert_eq!(
        (&entry["hostname"], &entry["client"]),
        (&"www.example.org".into(), &"lower".into())
    );
    assert!(lines(&sandbox.run("verdicts --json --host example.com")).is_empty());
    // It was found by a sweep, which takes its time.
    let now = wait_for_status(sandbox, |now, _| now["sweeps"]["count"].as_u64() >= Some(2));
    let [last, longest] = ["last_us", "longest_us"].map(|it| now["sweeps"][it].as_u64().unwrap());
    assert!(0 < last && last <= longest && longest < 10_000_000, "{now}");

    let flows = lines(&sandbox.run("flows --json"));
    let [decided, undecided] = &flows[..] else { panic!("{flows:#?}") };
    assert_eq!((&decided["type"], &decided["app"]), (&"entry".into(), &"DNS".into()));
    assert_eq!((&undecided["type"], &undecided["src"]), (&"undecided".into(), &NEAR.into()));
    assert_eq!((&undecided["packets_to_server"], &undecided["shown"]), (&1.into(), &1.into()));
    assert_eq!(lines(&sandbox.run("flows --json --undecided --port 4000")).len(), 1);
    assert!(lines(&sandbox.run("flows --json --undecided --port 53")).is_empty());
    let table = sandbox.run("flows").stdout;
    for said in ["198.18.7.1:40001 → 198.18.7.2:53", "www.example.org", "undecided"] {
        assert!(table.contains(said), "{said}: {table}");
    }
    instance.signal(Signal::KILL);
    instance.ended();
    let dead = sandbox.run("verdicts --host example.org");
    dead.assert_failed(1, &["that knew its hosts is gone"]);
    let flows = sandbox.run("flows");
    assert!(flows.stdout.contains("198.18.7.1:40001 → 198.18.7.2:53"), "{flows:#?}");
    // As `status` has it.
    let left = "whose programs are on left (pid ";
    assert!(flows.stderr.contains(left) && flows.stderr.contains("is enforced there all the same"));
    assert!(sandbox.run("status").stdout.contains(left));
    assert_eq!(sandbox.run("detach").code, Some(0));
}
