//! All who count the packets of a run say the same of it, to the packet: those who know nothing of ndpi-xdp (nftables, the
//! interface, nginx's log), bpftool, and everything that it writes itself.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;
use testkit::metrics::{self, ADDRESS};
use testkit::needs::{needs, python};
use testkit::program::{PROGRAMS, run};
use testkit::wait_until;

use super::site::{ALLOWED, BLOCKED, PAGE, SERVER, Site};
use crate::outputs::{COUNTS, Tool, counts, listens, nfdump, records, sum};
use crate::parquet::printed;
use crate::ready;

const POLICY: &str = "[[rule]]\nname = \"the rule\"\napp = \"Facebook\"\naction = \"drop\"\n";

/// Requests for the page that is allowed, by scheme and port: each on a connection of its own.
const ASKED: [(&str, u16); 4] = [("http", 80), ("https", 443), ("http", 80), ("https", 443)];

/// Packets and bytes (from the IP header on) to the server, and the same to the client.
type Counted = [u64; 4];

/// Counters of nftables, independent of ndpi-xdp.
struct Witness {
    nft: fn(&Site) -> Command,
}

impl Witness {
    /// Begins to count: what goes to the server at one hook, and what goes to the client at another.
    fn new(site: &Site, nft: fn(&Site) -> Command, hooks: [(&str, &str); 2]) -> Self {
        let chain = |(name, (hook, which))| {
            format!(
                "counter {name} {{ }}\n\
                 chain {hook} {{\n type filter hook {hook} priority 0\n {which} meta l4proto tcp counter name {name}\n}}\n"
            )
        };
        let chains: String = ["to_server", "to_client"].into_iter().zip(hooks).map(chain).collect();
        let witness = Self { nft };
        witness.load(site, &format!("table inet witness {{\n{chains}}}\n"));
        witness
    }

    fn load(&self, site: &Site, rules: &str) {
        let mut nft = (self.nft)(site).args(["-f", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        nft.stdin.take().unwrap().write_all(rules.as_bytes()).unwrap();
        assert!(nft.wait().unwrap().success(), "{rules}");
    }

    fn counted(&self, site: &Site) -> Counted {
        let listed = run((self.nft)(site).args(["-j", "list", "counters"]));
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        let counters = listed["nftables"].as_array().unwrap().iter().map(|it| &it["counter"]);
        let counters: BTreeMap<_, _> = counters.map(|it| (it["name"].as_str(), it)).collect();
        let of = |name, what: &str| counters[&Some(name)][what].as_u64().unwrap();
        ["to_server", "to_client"]
            .map(|name| ["packets", "bytes"].map(|it| of(name, it)))
            .concat()
            .try_into()
            .unwrap()
    }
}

fn far_nft(site: &Site) -> Command {
    site.pair.far_command("nft")
}

fn near_nft(site: &Site) -> Command {
    site.pair.sandbox.command("nft")
}

fn server_nft(site: &Site) -> Command {
    site.server_command("nft")
}

/// What the interface of the client has sent and received: all of it is TCP, but for ARP, and has an Ethernet header.
fn interface(site: &Site) -> Counted {
    let shown = run(site.pair.far_command("ip").args(["-s", "-j", "link", "show", "right"]));
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let of = |way: &str, what: &str| shown[0]["stats64"][way][what].as_u64().unwrap();
    [of("tx", "packets"), of("tx", "bytes"), of("rx", "packets"), of("rx", "bytes")]
}

/// One request by curl, from the client; how many bytes arrived.
fn ask(site: &Site, (scheme, port): (&str, u16), name: &str) -> usize {
    let to = format!("::{SERVER}:{port}");
    let arguments = ["--silent", "--insecure", "--noproxy", "*", "--max-time", "2"];
    let mut curl = site.pair.far_command("curl");
    curl.args(arguments).args(["--connect-to", &to, &format!("{scheme}://{name}/")]);
    curl.stdin(Stdio::null()).output().unwrap().stdout.len()
}

/// No more packets, from either end.
fn silence(site: &Site) {
    for nft in [far_nft as fn(&Site) -> Command, server_nft] {
        let stop = "table inet silence {
chain out {
 type filter hook output priority -300
 policy drop
}
}
";
        Witness { nft }.load(site, stop);
    }
}

/// What the metrics say of a hook and an outcome, whatever the reason.
fn of_metrics(text: &str, hook: &str, outcome: &str) -> [u64; 2] {
    ["packets", "bytes"].map(|what| {
        let start = format!("ndpi_xdp_{what}_total{{hook=\"{hook}\",outcome=\"{outcome}\",");
        let values =
            text.lines().filter(|it| it.starts_with(&start) && !it.contains("reason=\"not_ip\""));
        values.map(|it| it.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()).sum()
    })
}

/// Packets that the kernel dropped for verdicts, by its own entries.
fn of_bpftool(site: &Site) -> u64 {
    let mut bpftool = site.pair.sandbox.command("bpftool");
    let dump =
        run(bpftool.args(["-j", "map", "dump", "pinned", "/sys/fs/bpf/ndpi-xdp/VERDICTS_V4"]));
    let entries: Value = serde_json::from_str(&dump.stdout).unwrap();
    let entries = entries.as_array().unwrap().iter().map(|it| &it["formatted"]["value"]);
    let drops = entries.filter(|it| it["action"] == ndpi_common::Action::Drop as u64);
    let ways = ["from_lower", "from_upper"];
    drops.flat_map(|it| ways.map(|way| it[way]["packets"].as_u64().unwrap())).sum()
}

/// What nfcapd has received.
fn of_nfdump(site: &Site, folder: &Path) -> Counted {
    nfdump(&site.pair.sandbox, folder).iter().fold([0; 4], |all, flow| {
        let fields = ["in_packets", "in_bytes", "out_packets", "out_bytes"];
        let of = fields.map(|name| flow[name].as_u64().unwrap_or_default());
        std::array::from_fn(|at| all[at] + of[at])
    })
}

const BY_DUCKDB: &str = "
import duckdb, json, sys
ways = ['packets_to_server', 'bytes_to_server', 'packets_to_client', 'bytes_to_client']
sums = ', '.join(f'sum({way})::ubigint' for way in ways)
rows = duckdb.sql(f\"select {sums} from '{sys.argv[1]}/*.parquet' where type = 'flow'\")
print(json.dumps(rows.fetchall()[0]))
";

fn numbers(value: &Value) -> Vec<u64> {
    value.as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect()
}

/// nginx's lines of the page that is allowed.
fn logged(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("access.log")).unwrap();
    text.lines().filter(|it| it.starts_with(ALLOWED)).map(str::to_owned).collect()
}

#[test]
fn all_who_count_agree_to_the_packet() {
    let tools = ["curl", "nft", "nfcapd", "nfdump", "nginx", "openssl"];
    let Some(python) = needs(python(&["duckdb"])) else { return };
    if !ready(&[&PROGRAMS[..], &tools].concat()) {
        return;
    }
    let site = Site::new(false);
    let sandbox = &site.pair.sandbox;
    sandbox.ip("link set lo up");
    let folder = sandbox.folder();
    let (nf, parquet) = (folder.join("nf"), folder.join("parquet"));
    for made in [&nf, &parquet] {
        fs::create_dir(made).unwrap();
    }
    let mut collector =
        Tool::start(sandbox, "nfcapd", &format!("-w {} -b 127.0.0.1 -p 12055", nf.display()));
    wait_until(|| listens(sandbox, 12055));
    let policy = sandbox.file("policy.toml", POLICY);
    let here = folder.display();
    let mut instance = sandbox.start(&format!(
        "run --iface left --mode native --json --sweep 1 --active-timeout 1 --metrics {ADDRESS} --policy {} \
         --output json:{here}/flows.json --output ipfix:udp:127.0.0.1:12055 \
         --output parquet:{here}/parquet/flows.parquet",
        policy.display()
    ));
    wait_until(|| site.is_quiet());
    let client = Witness::new(&site, far_nft, [("output", ""), ("input", "")]);
    let router = Witness::new(
        &site,
        near_nft,
        [("prerouting", "iifname left"), ("postrouting", "oifname left")],
    );
    let (wire, said) = (interface(&site), metrics::get(sandbox, "/metrics").1);

    for request in ASKED {
        assert_eq!(ask(&site, request, ALLOWED), PAGE);
    }
    for request in [("http", 80), ("https", 443)] {
        assert!(ask(&site, request, BLOCKED) < PAGE, "{request:?}");
    }
    silence(&site);

    // The last acknowledgements are on their way.
    let all = |site: &Site| (client.counted(site), router.counted(site), interface(site));
    let before = Cell::new(all(&site));
    wait_until(|| {
        let now = all(&site);
        before.replace(now) == now
    });
    let (sent, arrived) = (client.counted(&site), router.counted(&site));
    // The client's end says what went in; the router's end of each way what the programs passed or were given.
    let to_server = [sent[0], sent[1]];
    let to_client = [arrived[2], arrived[3]];
    let dropped = [sent[0] - arrived[0], arrived[2] - sent[2]];
    assert!(dropped.iter().sum::<u64>() > 0, "{sent:?} {arrived:?}");

    let text = metrics::get(sandbox, "/metrics").1;
    let since = |hook: &str, outcome: &str| -> [u64; 2] {
        let (now, then) = (of_metrics(&text, hook, outcome), of_metrics(&said, hook, outcome));
        [now[0] - then[0], now[1] - then[1]]
    };
    assert_eq!(since("ingress", "passed"), [arrived[0], arrived[1]], "nftables on the router");
    assert_eq!(since("egress", "passed"), [sent[2], sent[3]], "nftables at the client");
    let all_dropped = ["ingress", "egress"].map(|hook| since(hook, "dropped")[0]);
    assert_eq!(all_dropped, dropped);
    assert_eq!(of_bpftool(&site), dropped.iter().sum::<u64>(), "bpftool");

    let frames = interface(&site);
    let crossed = [0, 2].map(|at| frames[at] - wire[at]);
    let octets = [1, 3].map(|at| frames[at] - wire[at]);
    let arp = [crossed[0] - sent[0], crossed[1] - sent[2]];
    assert!(arp.iter().all(|it| *it <= 4), "besides TCP: {arp:?}");
    // What native XDP of its peer takes from it, a veth counts without the header (`veth_xdp_rcv`).
    let headers = [0, 14 * crossed[1]];
    let with = |at: usize, bytes: u64| bytes + headers[at] + 28 * arp[at];
    assert_eq!(octets, [with(0, sent[1]), with(1, sent[3])], "the interface");

    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let expected = [to_server, to_client].concat();
    let rest: Vec<_> = records(&folder.join("flows.json"));
    let of = |kind: &str| rest.iter().filter(|it| it["type"] == kind).collect::<Vec<_>>();
    let flows = of("flow");
    assert_eq!(flows.len(), ASKED.len() + 2, "{flows:#?}");
    assert_eq!(sum(flows.iter().copied()).to_vec(), expected, "records");
    let dropped_of =
        |all: &[&Value]| all.iter().filter_map(|it| it["dropped"].as_u64()).sum::<u64>();
    assert_eq!(dropped_of(&flows), dropped.iter().sum::<u64>(), "records: dropped");
    let active = of("flow-active");
    assert!(!active.is_empty(), "a page takes longer than a second");
    agree_in_parts(&flows, &active);

    collector.end();
    assert_eq!(of_nfdump(&site, &nf).to_vec(), expected, "IPFIX in nfdump");
    assert_eq!(numbers(&printed(python(), BY_DUCKDB, &parquet)), expected, "Parquet in DuckDB");
    assert_eq!(logged(folder), vec![format!("{ALLOWED} 200 {PAGE}"); ASKED.len()], "nginx");
}

/// The parts of each flow add up to its last record.
fn agree_in_parts(flows: &[&Value], active: &[&Value]) {
    for flow in flows {
        let of_it = active.iter().filter(|it| it["sport"] == flow["sport"]).copied();
        let parts: Vec<_> = of_it.chain([*flow]).collect();
        let deltas = parts.iter().filter_map(|it| it.get("delta"));
        let sum = sum(deltas);
        // A flow in one part has no deltas.
        assert!(parts.len() == 1 || sum == counts(flow), "{COUNTS:?}: {sum:?}: {parts:#?}");
    }
}
