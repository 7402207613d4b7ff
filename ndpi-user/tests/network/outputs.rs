//! `run --output`: the same flows in every format, as real readers read them.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use testkit::instance::Instance;
use testkit::metrics::{self, ADDRESS};
use testkit::pair::{FAR, Pair};
use testkit::program::{PROGRAMS, run};
use testkit::sandbox::Sandbox;
use testkit::schema;
use testkit::wait_until;

use crate::ready;

/// Flows that are begun at a time.
const FLOWS: usize = 200;

/// How long a line of a reader is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The counts of a record, in one order.
pub(crate) const COUNTS: [&str; 4] =
    ["packets_to_server", "bytes_to_server", "packets_to_client", "bytes_to_client"];

pub(crate) fn counts(record: &Value) -> [u64; 4] {
    COUNTS.map(|name| record[name].as_u64().unwrap_or_default())
}

pub(crate) fn sum<'a>(records: impl IntoIterator<Item = &'a Value>) -> [u64; 4] {
    let mut sum = [0; 4];
    for record in records {
        sum.iter_mut().zip(counts(record)).for_each(|(sum, more)| *sum += more);
    }
    sum
}

/// Two ends that send each other packets of one flow.
pub(crate) struct Talk {
    near: UdpSocket,
    far: UdpSocket,
}

impl Talk {
    pub(crate) fn new(pair: &Pair) -> Self {
        let near = pair.near(|| UdpSocket::bind("0.0.0.0:0").unwrap());
        let far = pair.far(|| UdpSocket::bind((FAR, 4000)).unwrap());
        near.connect((FAR, 4000)).unwrap();
        Self { near, far }
    }

    /// So many questions of 64 bytes, and an answer of 200 to each.
    pub(crate) fn exchange(&self, times: usize) {
        let mut buffer = [0; 256];
        for _ in 0..times {
            self.near.send(&[7; 64]).unwrap();
            let (_, client) = self.far.recv_from(&mut buffer).unwrap();
            self.far.send_to(&[8; 200], client).unwrap();
            self.near.recv(&mut buffer).unwrap();
        }
    }
}

/// A process of the distribution, which is ended with the test.
pub(crate) struct Tool(Child);

impl Tool {
    pub(crate) fn start(sandbox: &Sandbox, program: &str, arguments: &str) -> Self {
        let mut command = sandbox.command(program);
        command.args(arguments.split_whitespace()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    pub(crate) fn end(&mut self) {
        let _ = kill_process(Pid::from_raw(self.0.id().cast_signed()).unwrap(), Signal::TERM);
        self.0.wait().unwrap();
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether somebody listens at this UDP port inside.
pub(crate) fn listens(sandbox: &Sandbox, port: u16) -> bool {
    let ports = sandbox.inside(|| fs::read_to_string("/proc/thread-self/net/udp").unwrap());
    ports.contains(&format!(":{port:04X} "))
}

pub(crate) fn records(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(schema::record).collect()
}

/// The rows of a file of comma-separated values without quotes.
fn rows(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let row = |cells: Vec<&str>| {
        assert_eq!(cells.len(), names.len());
        let value = |cell: &str| cell.parse::<u64>().map_or_else(|_| cell.into(), Value::from);
        names.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), value(cell))).collect()
    };
    lines.map(row).collect()
}

/// The flows that nfcapd has received, by nfdump.
pub(crate) fn nfdump(sandbox: &Sandbox, folder: &Path) -> Vec<Value> {
    let folder = folder.display().to_string();
    let dump = run(sandbox.command("nfdump").args(["-R", &folder, "-o", "json"]));
    assert_eq!(dump.code, Some(0), "{dump:#?}");
    let all: Value = serde_json::from_str(&dump.stdout).unwrap_or_else(|_| panic!("{dump:#?}"));
    all.as_array().unwrap().clone()
}

#[test]
fn every_output_has_the_same_flow_to_the_packet() {
    let programs: Vec<_> = PROGRAMS.into_iter().chain(["nfcapd", "nfdump", "tshark"]).collect();
    if !ready(&programs) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    sandbox.ip("link set lo up");
    let file = |name: &str| sandbox.folder().join(name);
    fs::create_dir(file("nf")).unwrap();
    let nf = format!("-w {} -b 127.0.0.1 -p 12055", file("nf").display());
    let mut collector = Tool::start(sandbox, "nfcapd", &nf);
    wait_until(|| listens(sandbox, 12055));
    let listener = UnixListener::bind(file("eve.sock")).unwrap();
    let eve = thread::spawn(move || {
        let lines = BufReader::new(listener.accept().unwrap().0).lines();
        lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()).collect::<Vec<_>>()
    });
    let messages = sandbox.inside(|| UdpSocket::bind("127.0.0.1:12056").unwrap());
    let folder = sandbox.folder().display();
    let mut instance = sandbox.start(&format!(
        "run --iface left --json --sweep 1 --active-timeout 1 --output json:{folder}/flows.json \
         --output csv:{folder}/flows.csv --output eve:unix:{folder}/eve.sock \
         --output ipfix:udp:127.0.0.1:12055 --output ipfix:udp:127.0.0.1:12056"
    ));
    let talk = Talk::new(&pair);
    let is_active = |record: &Value| record["type"] == "flow-active";
    talk.exchange(40);
    let first = instance.wait_for(is_active);
    talk.exchange(3);
    let second = instance.wait_for(is_active);
    talk.exchange(2);
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let rest = instance.rest();
    let last = rest.iter().find(|record| record["type"] == "flow").unwrap();

    let expected = [45, 45 * 92, 45, 45 * 228];
    assert_eq!(counts(last), expected, "{last:#}");
    assert_eq!([&first, &second, last].map(|it| it["part"].as_u64()), [Some(1), Some(2), Some(3)]);
    assert_eq!(sum([&first, &second, last].map(|it| &it["delta"])), expected);
    assert_eq!(counts(&second), sum([&first["delta"], &second["delta"]]));

    let flows = |all: Vec<Value>| {
        let is_flow = |it: &Value| it["type"].as_str().is_some_and(|it| it.starts_with("flow"));
        all.into_iter().filter(is_flow).collect::<Vec<_>>()
    };
    assert_eq!(flows(records(&file("flows.json"))), [first, second, last.clone()]);
    let rows = rows(&file("flows.csv"));
    assert_eq!(
        rows.iter().map(|row| row["type"].as_str().unwrap()).collect::<Vec<_>>(),
        ["flow-active", "flow-active", "flow"]
    );
    assert_eq!(counts(&rows[2]), expected);

    let eve = eve.join().unwrap();
    let of_eve = |event: &Value| {
        ["pkts_toserver", "bytes_toserver", "pkts_toclient", "bytes_toclient"]
            .map(|name| event["flow"][name].as_u64().unwrap())
    };
    let types = eve.iter().map(|event| event["event_type"].as_str().unwrap());
    assert_eq!(types.collect::<Vec<_>>(), ["netflow", "netflow", "flow"]);
    assert_eq!(of_eve(&eve[2]), expected);

    collector.end();
    let flows = nfdump(sandbox, &file("nf"));
    assert_eq!(flows.len(), 3, "{flows:#?}");
    let of_nfdump = |flow: &Value| {
        ["in_packets", "in_bytes", "out_packets", "out_bytes"]
            .map(|name| flow[name].as_u64().unwrap_or_default())
    };
    let mut all = [0; 4];
    for flow in &flows {
        all.iter_mut().zip(of_nfdump(flow)).for_each(|(sum, more)| *sum += more);
    }
    assert_eq!(all, expected, "{flows:#?}");

    let read = tshark(sandbox, &messages);
    for said in [
        "Flow End Reason: Active timeout",
        "Flow End Reason: Forced end",
        "Firewall Event: Flow deleted",
        "ApplicationName: NoMachine",
    ] {
        assert!(read.contains(said), "{said}: {read}");
    }
    assert!(!read.contains("Malformed") && !read.contains("template not found"), "{read}");
}

/// What tshark makes of the messages that have come to this socket.
fn tshark(sandbox: &Sandbox, messages: &UdpSocket) -> String {
    messages.set_nonblocking(true).unwrap();
    let mut capture = Vec::new();
    // A header of libpcap, for packets that begin with IPv4 (LINKTYPE_IPV4).
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, 228u32] {
        capture.extend(word.to_le_bytes());
    }
    let mut buffer = [0; 2048];
    while let Ok(length) = messages.recv(&mut buffer) {
        let packet =
            etherparse::PacketBuilder::ipv4([127, 0, 0, 1], [127, 0, 0, 1], 9).udp(9, 12056);
        let mut bytes = Vec::new();
        packet.write(&mut bytes, &buffer[..length]).unwrap();
        let size = u32::try_from(bytes.len()).unwrap();
        for word in [0, 0, size, size] {
            capture.extend(word.to_le_bytes());
        }
        capture.extend(bytes);
    }
    let path = sandbox.folder().join("ipfix.pcap");
    fs::write(&path, capture).unwrap();
    let path = path.display().to_string();
    let read =
        run(sandbox.command("tshark").args(["-r", &path, "-d", "udp.port==12056,cflow", "-V"]));
    assert_eq!(read.code, Some(0), "{read:#?}");
    read.stdout
}

#[test]
fn a_reader_of_eve_takes_the_events() {
    let programs: Vec<_> = PROGRAMS.into_iter().chain(["fever"]).collect();
    if !ready(&programs) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let (input, output) = (sandbox.folder().join("in"), sandbox.folder().join("out"));
    let forwarded = UnixListener::bind(&output).unwrap();
    let arguments = format!(
        "run --dummy -T -f 1s -i {} -o {} --logfile {}",
        input.display(),
        output.display(),
        sandbox.folder().join("fever.log").display()
    );
    let _fever = Tool::start(sandbox, "fever", &arguments);
    wait_until(|| input.exists());
    // nDPI has no name for these datagrams.
    let policy = sandbox.file("policy.toml", "default = \"drop\"\nundecided = \"drop\"\n");
    let mut instance = sandbox.start(&format!(
        "run --iface left --json --sweep 1 --policy {} --output eve:unix:{}",
        policy.display(),
        input.display()
    ));
    let talk = Talk::new(&pair);
    (0..40).for_each(|_| drop(talk.near.send(&[7; 64])));
    let forwarded = forwarded.accept().unwrap().0;
    forwarded.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(forwarded).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    // Of two events that it reads at once, fever 1.3 forwards the first alone.
    let alert = next();
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let flow = next();
    assert_eq!(
        (&alert["event_type"], &alert["alert"]["action"]),
        (&"alert".into(), &"blocked".into())
    );
    assert_eq!((&flow["event_type"], &flow["flow"]["pkts_toserver"]), (&"flow".into(), &40.into()));
}

#[test]
fn readers_that_stall_harm_nobody_else() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    sandbox.ip("link set lo up");
    let folder = sandbox.folder().display();
    // It takes connections, and reads nothing; the other disk is full.
    let listener = UnixListener::bind(sandbox.folder().join("stalled.sock")).unwrap();
    let disk = "mkdir /run/disk && mount -t tmpfs -o size=4k test /run/disk";
    assert_eq!(run(sandbox.command("sh").args(["-c", disk])).code, Some(0));
    let mut instance = sandbox.start(&format!(
        "run --iface left --json --workers 1 --sweep 1 --max-flows 4096 --output json:{folder}/whole.json \
         --output json:unix:{folder}/stalled.sock,queue=1 --output json:/run/disk/flows.json,queue=1 \
         --output csv:unix:{folder}/nobody.sock,queue=1 --output csv:tcp-listen:127.0.0.1:9101,queue=1 \
         --metrics {ADDRESS}"
    ));
    let _stalled = (
        listener.accept().unwrap(),
        sandbox.inside(|| TcpStream::connect("127.0.0.1:9101").unwrap()),
    );
    let status =
        || -> Value { serde_json::from_str(&sandbox.run("status --json").stdout).unwrap() };
    let bind = || UdpSocket::bind("0.0.0.0:0").unwrap();
    let sockets = || pair.near(|| (0..FLOWS).map(|_| bind()).collect::<Vec<_>>());
    let lost = || -> Vec<u64> {
        let status = status();
        let sinks = status["sinks"].as_array().unwrap();
        // The others have names without a destination.
        let outputs = sinks.iter().filter(|sink| sink["sink"].as_str().unwrap().contains(':'));
        outputs.map(|sink| sink["lost"].as_u64().unwrap()).collect()
    };
    wait_until(|| {
        for socket in sockets() {
            // Unknown to nDPI, and decided with the last packet that is shown.
            (0..33).for_each(|_| drop(socket.send_to(&[9; 200], (FAR, 4001))));
        }
        let lost = lost();
        assert_eq!(lost[0], 0, "{lost:?}");
        lost[1..4].iter().all(|lost| *lost > 0)
    });
    let begun = |name: &str| format!("{name}: records are being lost (");
    instance.wait_to_say_times(": records are being lost (", 3);
    metrics::wait_for(sandbox, "ndpi_xdp_sink_lost_events_total");
    metrics::wait_for(sandbox, "ndpi_xdp_sink_waiting_events");
    let problems = status()["problems"].to_string();
    for failing in ["csv:unix:{folder}/nobody.sock: No such", "json:/run/disk/flows.json: No space"]
    {
        let failing = failing.replace("{folder}", &folder.to_string());
        assert!(problems.contains("output-failing") && problems.contains(&failing), "{problems}");
    }
    let start = Instant::now();
    let ended = instance.end(Signal::TERM);
    assert!(!ended.success(), "what a full disk kept is an error");
    // Two seconds each, for the last event and for the last records, and not for each output.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    let stderr = instance.stderr();
    for said in [
        "stalled.sock takes nothing more",
        "could not be written to /run/disk/flows.json: No space",
        &begun("json:/run/disk/flows.json"),
        &begun(&format!("csv:unix:{folder}/nobody.sock")),
    ] {
        assert_eq!(stderr.matches(said).count(), 1, "{said}: {stderr}");
    }
    let whole = records(&sandbox.folder().join("whole.json"));
    assert!(whole.iter().filter(|record| record["type"] == "flow").count() >= FLOWS);
}

#[test]
fn an_output_that_cannot_be_is_refused_before_anything_is_attached() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    for (outputs, why) in [
        ("--output json:/missing/flows.json", "/missing/flows.json: No such file or directory"),
        ("--output json:/run/a --output csv:/run/a", "two outputs go to /run/a"),
        ("--output csv:-", "standard output is for --json or for an output, not for both"),
        ("--output csv:/run/a,app=Fasebook", "knows no app \"Fasebook\"; did you mean Facebook?"),
    ] {
        let refused = sandbox.run(&format!("run --iface left --json {outputs}"));
        assert_eq!((refused.code, &*refused.stdout), (Some(1), ""), "{refused:#?}");
        assert!(refused.stderr.contains(why), "{refused:#?}");
        assert!(!refused.stderr.contains("attached"), "{refused:#?}");
    }
    sandbox.assert_clean();
}

#[test]
fn standard_output_has_what_an_output_is_asked_for_and_nothing_else() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    let mut instance =
        sandbox.start("run --iface left --sweep 1 --output json:-,types=status+flow");
    let talk = Talk::new(&pair);
    talk.exchange(40);
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let rest = instance.rest();
    assert!(rest.iter().all(|it| it["type"] == "flow" || it["type"] == "status"), "{rest:#?}");
    let flow = rest.iter().find(|it| it["dport"] == 4000).unwrap();
    assert_eq!(counts(flow), [40, 40 * 92, 40, 40 * 228]);
    assert!(instance.stderr().contains("\nshown to nDPI: "), "{}", instance.stderr());
}

#[test]
fn files_are_opened_again_after_sighup_and_readers_of_a_port_begin_with_the_header() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    let sandbox = &pair.sandbox;
    sandbox.ip("link set lo up");
    let path = sandbox.folder().join("flows.csv");
    let config = format!(
        "[[output]]\nformat = \"csv\"\nto = \"{}\"\ntypes = [\"verdict\"]\n\n[[output]]\nformat = \"csv\"\nto = \"tcp-listen:127.0.0.1:9102\"\n",
        path.display()
    );
    let config = sandbox.file("outputs.toml", &config);
    let mut instance: Instance =
        sandbox.start(&format!("run --iface left --json --config {}", config.display()));
    let mut reader = sandbox.inside(|| TcpStream::connect("127.0.0.1:9102").unwrap());
    // Or what cannot be delivered has flows of its own.
    let _far = pair.far(|| UdpSocket::bind((FAR, 4000)).unwrap());
    let send = || {
        let socket = pair.near(|| UdpSocket::bind("0.0.0.0:0").unwrap());
        (0..40).for_each(|_| drop(socket.send_to(&[7; 64], (FAR, 4000))));
    };
    let lines = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count();
    send();
    instance.wait_for(|record| record["type"] == "verdict");
    wait_until(|| lines(&path) == 2);
    let moved = path.with_extension("moved");
    fs::rename(&path, &moved).unwrap();
    instance.signal(Signal::HUP);
    instance.wait_to_say("opened again");
    send();
    wait_until(|| lines(&path) == 2);
    assert_eq!(lines(&moved), 2);
    assert!(instance.end(Signal::TERM).success(), "{}", instance.stderr());
    let mut read = String::new();
    reader.read_to_string(&mut read).unwrap();
    assert!(read.starts_with("capture,vlan,") && read.lines().count() == 3, "{read}");
}
