//! How many records of finished flows a second go into a file, by format, and what each takes of a CPU: publishing
//! included, and nothing lost.
//!
//! `cargo xtask bench records` starts it.

use std::error::Error;
use std::fs::File;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use ndpi_events::{BusBuilder, Content, Ends, Event, FlowEnded, Kind, Label, Time};
use ndpi_export::{Couriers, Reopen, prepare};
use rustix::time::{ClockId, clock_gettime};

/// Records that may wait before the next one is published.
const AHEAD: u64 = 32 * 1024;

/// Measure how fast records are written.
#[derive(Parser)]
struct Options {
    /// Records of each measurement.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

fn event(number: u64) -> Event {
    let ends = Ends {
        capture: None,
        iface: Some("eth0".into()),
        instance: Some("router".into()),
        vlan: 0,
        proto: 6,
        src: [198, 18, 0, 1].into(),
        sport: u16::try_from(number % 60_000).unwrap_or_default(),
        dst: [198, 18, 0, 2].into(),
        dport: 443,
        tunnels: 0,
        tunnel: None,
        src_mac: None,
        dst_mac: None,
    };
    let label = Label {
        state: "CLASSIFIED".into(),
        app: "TLS.Google".into(),
        app_id: 126,
        master_id: 91,
        category: "Web".into(),
        confidence: "DPI".into(),
        hostname: Some("www.example.org".into()),
        ja4: Some("t13d1516h2_8daaf6152771_02713d6af862".into()),
        action: Some("count".into()),
        rule: Some("default".into()),
        breed: Some("Acceptable".into()),
        alpn: Some("h2,http/1.1".into()),
        content: Content { tls_version: Some("TLSv1.3".into()), ..Content::default() },
        revision: Some(1),
        ..Label::default()
    };
    Event::FlowEnded(FlowEnded {
        ends,
        packets: 20,
        bytes: 9000,
        inspected: 6,
        label,
        leaked: None,
        dropped: None,
        first_seen: Time::from_ns(number * 1000),
        last_seen: Time::from_ns(number * 2000),
        end: "idle".into(),
        duration_us: number,
        packets_to_server: 8,
        bytes_to_server: 2000,
        packets_to_client: 12,
        bytes_to_client: 7000,
        part: None,
        delta: None,
    })
}

/// For how long the threads of this process were on CPUs.
fn on_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

fn measure(format: &str, records: u64) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("records");
    let output = format!("{format}:{}", path.display()).parse()?;
    let output = prepare(&[output], Couriers::default())?.remove(0);
    let mut bus = BusBuilder::default();
    let mut sink = output.start(&mut bus, &Reopen::default())?;
    let mut source = bus.build(Time::now()).source("bench");
    assert!(source.wants(Kind::FlowEnded));
    let (began, cpu) = (Instant::now(), on_cpu());
    for number in 0..records {
        source.publish(Time::default(), event(number));
        while sink.losses().waiting() >= AHEAD {
            thread::sleep(Duration::from_micros(200));
        }
    }
    while sink.losses().waiting() > 0 {
        thread::sleep(Duration::from_micros(200));
    }
    let (took, cpu) = (began.elapsed(), on_cpu().saturating_sub(cpu));
    sink.end(None);
    let ending = sink.finished();
    assert_eq!(ending.lost, 0, "{ending}");
    let bytes = File::open(&path)?.metadata()?.len();
    println!(
        "{format:<5} {:>9.0} records/s, {:>5.2} µs of a CPU each ({:>9.0} records/s on one), {:>4} bytes each",
        records as f64 / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / records as f64,
        records as f64 / cpu.as_secs_f64(),
        bytes / records
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let Options { records, bench: _ } = Options::parse();
    ["json", "csv", "eve"].into_iter().try_for_each(|format| measure(format, records))
}
