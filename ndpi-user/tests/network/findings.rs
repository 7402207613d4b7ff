//! Findings on an interface: seen by whoever operates it, and by rules that ask for them.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::net::SendFlags;
use rustix::process::Signal;
use serde_json::json;
use testkit::metrics::{self, ADDRESS};
use testkit::packets::dns;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;
use testkit::wait_until;

use crate::ready;
use crate::status::status;

const POLICY: &str = "[[rule]]\nname = \"forged\"\nevasion = \"any\"\naction = \"drop\"\n";

/// Length of the headers of IPv4 and UDP.
const HEADERS: usize = 28;

#[test]
fn an_answer_that_nobody_asked_for_is_warned_of_counted_and_acted_on() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", POLICY);
    pair.sandbox.ip("link set lo up");
    let run = format!(
        "run --iface left --policy {} --json --sweep 1 --metrics {ADDRESS}",
        policy.display()
    );
    let mut instance = pair.sandbox.start(&run);
    let server = pair.near(|| UdpSocket::bind((NEAR, 53)).unwrap());
    // Else its host answers that nobody is there.
    let _client = pair.far(|| UdpSocket::bind((FAR, 4001)).unwrap());
    let answer = &dns(1, "www.example.org", true)[HEADERS..];
    let send = || assert!(server.send_to(answer, (FAR, 4001)).is_ok());
    send();
    let decided = instance.wait_for(|it| it["type"] == "verdict");
    assert_eq!(decided["findings"], json!(["dns-unsolicited"]), "{decided:#}");
    assert_eq!((&decided["action"], &decided["rule"]), (&"drop".into(), &"forged".into()));
    instance.wait_to_say("signs of getting round the filter in a flow: dns-unsolicited");
    wait_until(|| status(&pair.sandbox).0["findings"] == json!({ "dns-unsolicited": 1 }));
    let found = "ndpi_xdp_findings_total{finding=\"dns-unsolicited\"}";
    assert_eq!(metrics::metric(&pair.sandbox, found).to_string(), "1");
    (0..3).for_each(|_| send());
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let over = instance.wait_for(|it| it["type"] == "flow");
    assert_eq!((&over["leaked"], &over["dropped"]), (&json!(1), &json!(3)), "{over:#}");
    assert_eq!(over["findings"], json!(["dns-unsolicited"]));
    let stopped = instance.wait_for(|it| it["state"] == "stopped");
    assert_eq!(stopped["findings"], json!({ "dns-unsolicited": 1 }), "{stopped:#}");
    let report = instance.stderr();
    assert!(report.contains("\nfound in flows: dns-unsolicited in 1\n"), "{report}");
}

#[test]
fn a_connection_with_two_readings_is_cut_where_a_rule_asks_for_it() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let policy = pair.sandbox.file("policy.toml", &POLICY.replace("any", "ambiguous"));
    let run = format!("run --iface left --policy {} --json", policy.display());
    let mut instance = pair.sandbox.start(&run);
    let listener = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
    let mut client = pair.far(|| TcpStream::connect((NEAR, 80)).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    // Some servers read urgent bytes as others, some do not.
    client.write_all(b"G").unwrap();
    rustix::net::send(&client, b"!", SendFlags::OOB).unwrap();
    let decided = instance.wait_for(|it| it["type"] == "verdict");
    assert_eq!((&decided["action"], &decided["decided_by"]), (&"drop".into(), &"finding".into()));
    assert_eq!(decided["findings"], json!(["ambiguous"]), "{decided:#}");
    assert_eq!(server.read(&mut [0; 9]).unwrap(), 1, "what came before");
    client.write_all(b"ET / HTTP/1.1\r\nHost: www.example.org\r\n\r\n").unwrap();
    server.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(server.read(&mut [0; 9]).is_err());
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let over = instance.wait_for(|it| it["type"] == "flow");
    assert!(over["dropped"].as_u64() > Some(0), "{over:#}");
    let warned = "signs of getting round the filter in a flow: ambiguous";
    assert!(instance.stderr().contains(warned), "{}", instance.stderr());
}

#[test]
fn what_is_found_in_a_later_request_is_counted_while_the_connection_goes_on() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let rule = "[[rule]]\nname = \"a site\"\nhost = \"www.example.org\"\naction = \"drop\"\n";
    let policy = pair.sandbox.file("policy.toml", rule);
    let run = format!("run --iface left --policy {} --json --sweep 1", policy.display());
    let mut instance = pair.sandbox.start(&run);
    let listener = pair.near(|| TcpListener::bind((NEAR, 80)).unwrap());
    let mut client = pair.far(|| TcpStream::connect((NEAR, 80)).unwrap());
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: www.example.net\r\n\r\n").unwrap();
    assert!(server.read(&mut [0; 99]).unwrap() > 0);
    server.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    let decided = instance.wait_for(|it| it["type"] == "verdict");
    assert_eq!((&decided["action"], &decided["findings"]), (&json!("count"), &json!(null)));
    // Servers differ in where this one ends.
    let lengths = "Content-Length: 5\r\nContent-Length: 7";
    let later = format!("POST / HTTP/1.1\r\nHost: www.example.net\r\n{lengths}\r\n\r\n");
    client.write_all(later.as_bytes()).unwrap();
    wait_until(|| status(&pair.sandbox).0["findings"] == json!({ "ambiguous": 1 }));
    let warned = "signs of getting round the filter in a flow: ambiguous";
    instance.wait_to_say(warned);
    drop(client);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let stopped = instance.wait_for(|it| it["state"] == "stopped");
    assert_eq!(stopped["findings"], json!({ "ambiguous": 1 }), "{stopped:#}");
}
