//! Readers that take nothing: what they cost whoever publishes, and of memory.

use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::{Duration, Instant};

use ndpi_events::{BusBuilder, Time};
use ndpi_export::{Couriers, Output, RecordSink, Reopen, prepare};

use crate::Outcome;
use crate::event::{finished, usual};
use crate::usage::resident_kib;

/// How long a stalled reader may take to be connected.
const WAIT: Duration = Duration::from_secs(10);

/// Publishes so many records to a file, and to the same beside a reader of each kind that takes nothing, and says what
/// each record took of the thread that publishes and how much more memory there was than before.
pub(crate) fn beside_a_file(records: u64) -> Outcome<()> {
    let usual = usual();
    for kind in ["none", "unix", "tcp", "tcp-listen"] {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("records");
        let (socket, listener) = (folder.path().join("socket"), TcpListener::bind("127.0.0.1:0")?);
        let unix = UnixListener::bind(&socket)?;
        let address = listener.local_addr()?;
        let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let stalled = match kind {
            "unix" => Some(format!("json:unix:{}", socket.display())),
            "tcp" => Some(format!("json:tcp:{address}")),
            "tcp-listen" => Some(format!("json:tcp-listen:{free}")),
            _ => None,
        };
        let all = [Some(format!("json:{}", file.display())), stalled.clone()];
        let all: Vec<Output> =
            all.into_iter().flatten().map(|it| it.parse()).collect::<Result<_, _>>()?;
        let mut bus = BusBuilder::default();
        let prepared = prepare(&all, Couriers::default())?.into_iter();
        let sinks: Vec<RecordSink> = prepared
            .map(|output| output.start(&mut bus, &Reopen::default()))
            .collect::<Result<_, _>>()?;
        let reader = (kind == "tcp-listen").then(|| TcpStream::connect(free)).transpose()?;
        let mut source = bus.build(Time::now()).source("bench");
        // The queues are as full as they become, and their memory is there, before it is measured.
        (0..records).for_each(|number| source.publish(Time::default(), finished(&usual, number)));
        let stuck = sinks.last().filter(|_| stalled.is_some());
        let until = Instant::now() + WAIT;
        while stuck.is_some_and(|it| it.losses().lost() == 0) && Instant::now() < until {
            source.publish(Time::default(), finished(&usual, 0));
        }
        if let Some(sink) = stuck {
            assert!(sink.losses().lost() > 0, "{kind} takes what it is given");
        }
        let (before, began) = (resident_kib(), Instant::now());
        (0..records).for_each(|number| source.publish(Time::default(), finished(&usual, number)));
        let took = began.elapsed();
        let after = resident_kib();
        println!(
            "stalled {kind:<10} {:>6.0} ns for each record that is published, {:>6} KiB more, {after} in all",
            took.as_secs_f64() * 1e9 / records as f64,
            after.saturating_sub(before),
        );
        drop((reader, unix, listener));
        drop(source);
        let ends = sinks.into_iter().map(|mut sink| {
            sink.end(None);
            thread::spawn(move || sink.finished())
        });
        let ends: Vec<_> = ends.collect();
        for end in ends {
            drop(end.join());
        }
    }
    Ok(())
}
