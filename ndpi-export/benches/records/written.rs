//! Records that are all written.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use ndpi_events::{BusBuilder, Kind, Time};
use ndpi_export::{Couriers, Output, Reopen, prepare};

use crate::Outcome;
use crate::event::{finished, usual};
use crate::usage::on_cpu;

/// Records that may wait before the next one is published.
const AHEAD: u64 = 32 * 1024;

/// How long it is waited for room.
const MOMENT: Duration = Duration::from_micros(200);

/// Writes so many records to a file, and says what that took.
pub(crate) fn to_a_file(format: &str, records: u64) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let output: Output = format!("{format}:{}", folder.path().join("records").display()).parse()?;
    let spent = Spent::on(output, Couriers::default(), records)?;
    let each = fs::read_dir(folder.path())?;
    let sizes: Vec<_> = each.map(|file| Ok(file?.metadata()?.len())).collect::<Outcome<_>>()?;
    println!("{format:<8} {spent}, {:>4} bytes each", sizes.iter().sum::<u64>() / records);
    Ok(())
}

/// What records took.
pub(crate) struct Spent {
    records: u64,
    took: Duration,
    cpu: Duration,
}

impl Spent {
    /// Publishes so many, as fast as they are written, until all are.
    pub(crate) fn on(output: Output, couriers: Couriers, records: u64) -> Outcome<Self> {
        let output = prepare(&[output], couriers)?.remove(0);
        let mut bus = BusBuilder::default();
        let mut sink = output.start(&mut bus, &Reopen::default())?;
        let mut source = bus.build(Time::now()).source("bench");
        assert!(source.wants(Kind::FlowEnded));
        let usual = usual();
        let (began, cpu) = (Instant::now(), on_cpu());
        for number in 0..records {
            source.publish(Time::default(), finished(&usual, number));
            while sink.losses().waiting() >= AHEAD {
                thread::sleep(MOMENT);
            }
        }
        while sink.losses().waiting() > 0 {
            thread::sleep(MOMENT);
        }
        let (took, cpu) = (began.elapsed(), on_cpu().saturating_sub(cpu));
        sink.end(None);
        let ending = sink.finished();
        assert_eq!(ending.lost, 0, "{ending}");
        Ok(Self { records, took, cpu })
    }
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (records, cpu) = (self.records as f64, self.cpu.as_secs_f64());
        write!(
            f,
            "{:>9.0} records/s, {:>5.2} µs of a CPU each ({:>9.0} records/s on one)",
            records / self.took.as_secs_f64(),
            cpu * 1e6 / records,
            records / cpu,
        )
    }
}
