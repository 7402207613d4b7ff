//! `ndpi-xdp status --json` while first packets of flows come from everywhere.

use std::error::Error;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::namespace;

use crate::Options;
use crate::flood::{Flood, Kind};
use crate::place::{NEAR_LINK, Place};
use crate::program::{Parts, Program};

/// How long the flood lasts before the first question.
const BEFORE: Duration = Duration::from_secs(2);
/// Between two questions: as many as a person or a monitor asks.
const BETWEEN: Duration = Duration::from_millis(20);
/// How long it lasts at most.
const LONGEST: Duration = Duration::from_mins(1);

/// How long each command took from its start to its end, in their order by that.
pub(crate) fn ask(options: &Options) -> Result<Vec<Duration>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let place = Place::new()?;
    let parts = Parts {
        program: &options.common.program,
        library: &options.common.library,
        folder: folder.path(),
        keeps: false,
    };
    let program = Program::start(parts, &place, &[])?;
    let flood = Flood { kind: Kind::Udp, rate: options.rate, longest: LONGEST };
    let stop = AtomicBool::new(false);
    let took = thread::scope(|scope| {
        let (far, stop) = (&place.far, &stop);
        let flooding = scope.spawn(move || namespace::inside(far, || flood.send(stop)));
        thread::sleep(BEFORE);
        let took = (0..options.times).map(|_| ask_once(options, &place)).collect::<Result<_, _>>();
        stop.store(true, Ordering::Relaxed);
        match flooding.join() {
            Ok(Ok(sent)) if sent.packets > 0 => took,
            Ok(Err(error)) => Err(error.to_string().into()),
            _ => Err("nothing was sent".into()),
        }
    });
    let mut took: Vec<_> = took?;
    program.end()?;
    took.sort_unstable();
    Ok(took)
}

/// How long one takes; the instance runs, and is whole or not.
fn ask_once(options: &Options, place: &Place) -> Result<Duration, Box<dyn Error>> {
    thread::sleep(BETWEEN);
    let pins = Path::new("/sys/fs/bpf").join(namespace::named("bench", NEAR_LINK));
    let mut command = place.near.command(&options.common.program);
    command.args(["status", "--json", "--pin-dir"]).arg(pins).stderr(Stdio::inherit());
    let began = Instant::now();
    let said = command.output()?;
    let took = began.elapsed();
    let said = String::from_utf8_lossy(&said.stdout);
    if !said.contains("\"state\":\"running\"") {
        return Err(format!("the instance did not answer: {said}").into());
    }
    Ok(took)
}
