//! Two networks with the same addresses, carried by VXLAN between the same hosts: real tunnels of the kernel.

use std::net::UdpSocket;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::instance::Instance;
use testkit::namespace::{Namespace, inside};
use testkit::packets::dns;
use testkit::pair::{FAR, NEAR, Pair};
use testkit::program::PROGRAMS;

use crate::ready;
use crate::status::status;

const SERVER: &str = "198.19.0.1";
const CLIENT: &str = "198.19.0.2";
const PORTS: [u16; 2] = [4000, 53];
/// How long something is waited for that comes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long something is waited for that does not.
const SILENCE: Duration = Duration::from_millis(100);

const RULES: &str = "[[rule]]
name = \"no bad\"
host = \"bad.example\"
action = \"drop\"
";

/// A network in a tunnel, with a client and a server of its own: sockets between the same addresses and ports as in any
/// other.
struct Tenant {
    client: UdpSocket,
    server: UdpSocket,
    _ends: [Namespace; 2],
}

impl Tenant {
    fn new(pair: &Pair, vni: u32) -> Self {
        let end = |what, to_namespace: &dyn Fn(&str), address| {
            let namespace =
                Namespace::new(&format!("{}-{what}{vni}", pair.sandbox.name())).unwrap();
            to_namespace(namespace.name());
            // Or the kernel says things of its own.
            namespace.set("ipv6/conf/all/disable_ipv6", "1").unwrap();
            namespace.ip(&format!("address add {address}/24 dev tenant{vni}")).unwrap();
            namespace.ip(&format!("link set tenant{vni} up")).unwrap();
            namespace
        };
        let link = |local, remote, device| {
            format!(
                "link add tenant{vni} type vxlan id {vni} dstport 4789 dev {device} local {local} remote {remote}"
            )
        };
        let near = |name: &str| {
            pair.sandbox.ip(&link(NEAR, FAR, "left"));
            pair.sandbox.ip(&format!("link set tenant{vni} netns {name}"));
        };
        let far = |name: &str| {
            pair.far_ip(&link(FAR, NEAR, "right"));
            pair.far_ip(&format!("link set tenant{vni} netns {name}"));
        };
        let ends = [end("near", &near, SERVER), end("far", &far, CLIENT)];
        let socket = |end: &Namespace, from: (&str, u16), to: (&str, u16)| {
            inside(end, || {
                let socket = UdpSocket::bind(from).unwrap();
                socket.connect(to).unwrap();
                socket
            })
        };
        let [client_port, server_port] = PORTS;
        let (server, client) = ((SERVER, server_port), (CLIENT, client_port));
        Self {
            server: socket(&ends[0], server, client),
            client: socket(&ends[1], client, server),
            _ends: ends,
        }
    }

    /// Whether a question for this name arrives.
    fn asks(&self, name: &str, patience: Duration) -> bool {
        let question = &dns(0, name, false)[28..];
        self.server.set_read_timeout(Some(patience)).unwrap();
        self.client.send(question).unwrap();
        self.server.recv(&mut [0; 512]).is_ok_and(|length| length == question.len())
    }
}

fn start(pair: &Pair) -> Instance {
    let policy = pair.sandbox.file("policy.toml", RULES);
    let policy = policy.display();
    // The question alone decides.
    let config = "--ndpi-config dns,process_response=0";
    pair.sandbox
        .start(&format!("run --iface left --tunnels --json --workers 2 {config} --policy {policy}"))
}

/// The verdicts on the flows of both tenants, in the order of their numbers.
fn verdicts_of_both(instance: &Instance) -> [Value; 2] {
    let mut both = [(); 2]
        .map(|()| instance.wait_for(|it| it["type"] == "verdict" && it["tunnel"].is_object()));
    both.sort_by_key(|it| it["tunnel"]["tenant"].as_u64());
    both
}

/// The entries of tenants' flows that `verdicts` lists: whose they are, and what is done.
fn entries(pair: &Pair) -> Vec<(Value, Value)> {
    let listed = pair.sandbox.run("verdicts --json").records("entry");
    let of_tenants = listed.iter().filter(|it| it["tenant"].is_number());
    let mut all: Vec<_> =
        of_tenants.map(|it| (it["tenant"].clone(), it["action"].clone())).collect();
    all.sort_by_key(|(tenant, _)| tenant.as_u64());
    all
}

#[test]
fn the_same_addresses_in_two_networks_are_two_flows_with_two_verdicts() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let [seven, eight] = [7, 8].map(|vni| Tenant::new(&pair, vni));
    let mut first = start(&pair);
    assert!(seven.asks("bad.example", PATIENCE), "it is what nDPI decides by");
    assert!(eight.asks("good.example", PATIENCE));
    let wanted = [(7, "drop", "bad.example"), (8, "count", "good.example")];
    for (verdict, (tenant, action, name)) in verdicts_of_both(&first).iter().zip(wanted) {
        assert_eq!(verdict["tunnel"], json!({"kind": "vxlan", "tenant": tenant}));
        assert_eq!((&verdict["action"], &verdict["hostname"]), (&action.into(), &name.into()));
        let ends = [&verdict["src"], &verdict["sport"], &verdict["dst"], &verdict["dport"]];
        assert_eq!(json!(ends), json!([CLIENT, 4000, SERVER, 53]));
    }
    assert!(!seven.asks("bad.example", SILENCE) && eight.asks("good.example", PATIENCE));
    let both = [(7.into(), "drop".into()), (8.into(), "count".into())];
    assert_eq!(entries(&pair), both);
    // One that was killed is followed by one that finds both.
    first.end(Signal::KILL);
    let mut second = start(&pair);
    assert!(!seven.asks("bad.example", SILENCE) && eight.asks("good.example", PATIENCE));
    assert_eq!(entries(&pair), both);
    let tables = status(&pair.sandbox).0["tables"].clone();
    let of_tenants = |it: &Value| it["table"] == "verdicts-tenant";
    assert!(tables.as_array().unwrap().iter().any(of_tenants), "{tables}");
    assert!(second.end(Signal::INT).success());
    let mut ended = second.rest();
    ended.retain(|it| it["type"] == "flow" && it["tunnel"]["kind"] == "vxlan");
    ended.sort_by_key(|it| it["tunnel"]["tenant"].as_u64());
    let said: Vec<_> = ended.iter().map(|it| (&it["tunnel"]["tenant"], &it["action"])).collect();
    assert_eq!(json!(said), json!([[7, "drop"], [8, "count"]]));
    assert!(ended[0]["dropped"].as_u64().unwrap() > 0, "{ended:#?}");
}
