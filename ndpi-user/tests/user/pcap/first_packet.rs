//! Rules that a flow's first packet may decide by, on captures.

use serde_json::Value;
use testkit::packets::{capture, resolved};
use testkit::program::{file, pcap, subcommand};

use crate::ndpi_is_there;

const NAME: &str = "www.facebook.com";
const RULE: &str = "[[rule]]\nname = \"no social networks\"\ncategory = \"SocialNetwork\"\n\
                    action = \"drop\"\n";

/// Two flows while the answer holds, and one after it.
fn flows_of(test: &str) -> String {
    let packets = resolved(1_700_000_000, 20, NAME, &[(1, 5000), (3, 5001), (30, 5002)]);
    file(test, "flows.pcap", &capture(&packets))
}

/// What is said of each flow to port 80: by what it was decided, and packets leaked and dropped.
fn decisions(flows: &[Value]) -> Vec<[Value; 3]> {
    let web = flows.iter().filter(|flow| flow["dport"] == 80);
    web.map(|flow| ["decided_by", "leaked", "dropped"].map(|field| flow[field].clone())).collect()
}

#[test]
fn a_dns_answer_decides_and_the_server_is_remembered() {
    if !ndpi_is_there() {
        return;
    }
    let policy =
        file("first-packet", "policy.toml", (RULE.to_owned() + "first_packet = true\n").as_bytes());
    let flows = pcap(&["--json", "--policy", &policy, &flows_of("first-packet")]).flows();
    let decided = |by: &str| -> [Value; 3] { [by.into(), 1.into(), 1.into()] };
    let expected =
        [decided("first-packet"), decided("server"), [Value::Null, Value::Null, Value::Null]];
    assert_eq!(decisions(&flows), expected, "{flows:#?}");
    let web = flows.iter().find(|flow| flow["sport"] == 5001).unwrap();
    assert_eq!((&web["app"], &web["hostname"]), (&"Facebook".into(), &NAME.into()));
    assert_eq!((&web["state"], &web["confidence"]), (&"INSPECTING".into(), &"DPI (cache)".into()));
}

#[test]
fn an_answer_that_nobody_asked_for_decides_nothing() {
    if !ndpi_is_there() {
        return;
    }
    let test = "first-packet-forged";
    let rule = RULE.to_owned() + "first_packet = true\n";
    let policy = file(test, "policy.toml", rule.as_bytes());
    let asked = resolved(1_700_000_000, 20, NAME, &[(1, 5000), (3, 5001)]);
    let (query, answer) = (&asked[0].1, &asked[1].1);
    let with = |place: usize, byte: u8| {
        let mut answer = answer.clone();
        answer[place] ^= byte;
        answer
    };
    // Byte 28 begins the transaction's number, 41 the name; 23 is the client's port.
    for (what, messages) in [
        ("without a question", vec![answer.clone()]),
        ("another number", vec![query.clone(), with(28, 1)]),
        ("a question about another name", vec![with_name(query, b'x'), answer.clone()]),
        ("from another resolver", vec![query.clone(), with(15, 4)]),
        ("to another port", vec![query.clone(), with(23, 1)]),
    ] {
        let messages = messages.into_iter().map(|message| (1_700_000_000, message));
        let packets: Vec<_> = messages.chain(asked[2..].iter().cloned()).collect();
        let flows = file(test, "flows.pcap", &capture(&packets));
        let flows = pcap(&["--json", "--policy", &policy, &flows]).flows();
        let decided: Vec<_> = decisions(&flows).into_iter().map(|[by, ..]| by).collect();
        assert_eq!(decided, [Value::Null, Value::Null], "{what}: {flows:#?}");
    }
}

/// The query, for a name that begins with another letter.
fn with_name(query: &[u8], letter: u8) -> Vec<u8> {
    let mut query = query.to_vec();
    query[41] = letter;
    query
}

#[test]
fn nothing_is_decided_so_where_no_rule_says_it() {
    if !ndpi_is_there() {
        return;
    }
    let policy = file("first-packet-off", "policy.toml", RULE.as_bytes());
    let flows = pcap(&["--json", "--policy", &policy, &flows_of("first-packet-off")]).flows();
    assert_eq!(decisions(&flows).len(), 3);
    assert!(flows.iter().all(|flow| flow.get("decided_by").is_none()), "{flows:#?}");
}

#[test]
fn an_explanation_says_what_was_claimed() {
    if !ndpi_is_there() {
        return;
    }
    let policy = file(
        "first-packet-explained",
        "policy.toml",
        (RULE.to_owned() + "first_packet = true\n").as_bytes(),
    );
    let flows = flows_of("first-packet-explained");
    let explained = subcommand("policy", &["explain", &policy, "--capture", &flows], &[]).stdout;
    let claimed = "flow: Facebook, category SocialNetwork, host www.facebook.com, 198.18.0.2:5001 to \
                   198.18.0.1:80, tcp, INSPECTING";
    assert!(explained.contains(claimed), "{explained}");
    assert_eq!(explained.matches("verdict: drop").count(), 2, "{explained}");
}
