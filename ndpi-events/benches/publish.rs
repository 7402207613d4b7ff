//! The cost to the thread that publishes: nanoseconds for the event of a finished flow, by subscribers that
//! keep up, and by one whose queue is full.

use std::hint::{self, black_box};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ndpi_events::{BusBuilder, Ends, Event, FlowEnded, Kinds, Label, Source, Subscription, Time};

const EVENTS: u32 = 50_000;
const ROUNDS: usize = 9;

fn event() -> Event {
    let end = IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1));
    let ends = Ends {
        capture: None,
        iface: None,
        instance: None,
        vlan: 0,
        proto: 6,
        src: end,
        sport: 40_000,
        dst: end,
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
        first_seen: Time::default(),
        last_seen: Time::default(),
        end: "idle".into(),
        duration_us: 0,
        packets_to_server: 8,
        bytes_to_server: 2000,
        packets_to_client: 12,
        bytes_to_client: 7000,
        part: None,
        delta: None,
    })
}

fn drain(subscription: &mut Subscription) {
    while let Some(envelope) = subscription.recv() {
        black_box(&envelope.event);
        subscription.losses().handle(1);
    }
}

/// For how long this thread was on a CPU (`proc_pid_schedstat(5)`): others may need the machine meanwhile.
fn on_cpu_ns() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("a kernel with schedstat");
    let first = text.split_whitespace().next().expect("the time on a CPU");
    first.parse().expect("nanoseconds")
}

/// Nanoseconds an event, the median of some rounds.
fn measure(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = on_cpu_ns();
            (0..EVENTS).for_each(|_| work());
            (on_cpu_ns() - begin) / f64::from(EVENTS)
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[ROUNDS / 2]
}

fn publish(source: &mut Source) -> f64 {
    measure(|| source.publish(Time::default(), event()))
}

/// The same with 20 microseconds before each event, in which subscribers take what there is.
fn publish_now_and_then(source: &mut Source) -> f64 {
    let mut took = Duration::ZERO;
    for _ in 0..EVENTS {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_micros(20) {
            hint::spin_loop();
        }
        let (event, begin) = (event(), Instant::now());
        source.publish(Time::default(), event);
        took += begin.elapsed();
    }
    took.as_nanos() as f64 / f64::from(EVENTS)
}

fn main() {
    println!("making an event and dropping it: {:.0} ns", measure(|| drop(black_box(event()))));
    println!("writing it as JSON: {:.0} ns", measure(|| drop(serde_json::to_string(&event()))));
    for subscribers in 0..=2 {
        let mut bus = BusBuilder::default();
        let mut all: Vec<_> =
            (0..subscribers).map(|_| bus.subscribe(Kinds::ALL, |_| true, 1 << 20)).collect();
        thread::scope(|scope| {
            for subscription in &mut all {
                scope.spawn(move || drain(subscription));
            }
            let mut source = bus.build(Time::default()).source("bench");
            println!(
                "publishing to {subscribers} subscribers: {:.0} ns; now and then: {:.0} ns",
                publish(&mut source),
                publish_now_and_then(&mut source)
            );
        });
    }
    let mut bus = BusBuilder::default();
    let _stalled = bus.subscribe(Kinds::ALL, |_| true, 1);
    let mut source = bus.build(Time::default()).source("bench");
    println!("publishing to one that is full: {:.0} ns", publish(&mut source));
}
