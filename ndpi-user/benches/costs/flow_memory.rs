//! The memory of many flows in one stage. Prints bytes per flow as a line of JSON. A process measures one
//! stage: what nDPI freed stays with the allocator, and would hide later growth.

use std::fs;

use anyhow::{Context, Result};
use ndpi::{Classification, Engine, Library};
use ndpi_flow::{
    Accounting, Classifier, End, FlowEntry, FlowKey, Judge, Moment, RuleTexts, Sample, Settings,
    Sink, Verdict,
};

/// UDP from port 4000 with four bytes that nDPI does not know at once.
const UNKNOWN: [u8; 32] = [
    0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 2, 198, 18, 0, 1, 0x0f, 0xa0, 0x30, 0x39,
    0, 12, 0, 0, 1, 2, 3, 4,
];

/// What a flow is in.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Stage {
    /// nDPI alone.
    Ndpi,
    /// Our table, before a verdict.
    Undecided,
    /// Our table, after it.
    Decided,
}

pub(crate) fn run(flows: u32, stage: Stage) -> Result<()> {
    let library = Library::load(None)?;
    let engine = library.engine().config(None, "packets_limit_per_flow", "2")?.build()?;
    let bytes = match stage {
        Stage::Ndpi => ndpi_alone(&engine, flows)?,
        Stage::Undecided => ours(&engine, flows, 1)?,
        Stage::Decided => ours(&engine, flows, 2)?,
    };
    let each = bytes as f64 / f64::from(flows);
    println!(r#"{{"flows":{flows},"bytes_per_flow":{each:.1}}}"#);
    Ok(())
}

/// nDPI's flows, each after one packet.
fn ndpi_alone(engine: &Engine, count: u32) -> Result<u64> {
    let mut flows = Vec::with_capacity(count as usize);
    let before = resident()?;
    for _ in 0..count {
        let mut flow = engine.flow();
        flow.process(&UNKNOWN, 0);
        flows.push(flow);
    }
    Ok(resident()? - before - size_of_val(&flows[..]) as u64)
}

/// Our flows, each after so many packets; the second one decides.
fn ours(engine: &Engine, count: u32, packets: u32) -> Result<u64> {
    let settings = Settings {
        timeouts: None,
        accounting: Accounting::Classifier,
        max_flows: usize::MAX,
        normalise: true,
    };
    let mut classifier = Classifier::new(engine, settings);
    let before = resident()?;
    for flow in 0..count {
        for _ in 0..packets {
            classifier.sample(&sample(flow), &mut Nobody(NoRules));
        }
    }
    let grown = resident()? - before;
    let decided = classifier
        .table()
        .slots()
        .filter(|&slot| classifier.table().get(slot).is_some_and(|flow| flow.decided().is_some()));
    let expected = if packets > 1 { count as usize } else { 0 };
    anyhow::ensure!(decided.count() == expected, "flows are not in the stage they should be in");
    Ok(grown)
}

fn sample(flow: u32) -> Sample<'static> {
    let [a, b, c, d] = flow.to_be_bytes();
    let ends = (([198, 18, b, c], u16::from_be_bytes([a, d])), ([198, 19, 0, 1], 12345));
    let (key, direction) = ndpi_common::KeyV4::new(ends.0, ends.1, 0, 17);
    Sample { bytes: 32, ..Sample::new(FlowKey::V4(key), direction, 0, &UNKNOWN) }
}

struct NoRules;

struct Nobody(NoRules);

impl<F> Judge<F> for NoRules {
    fn judge(
        &mut self,
        _flow: &FlowEntry<F>,
        _classification: &Classification,
        _texts: &RuleTexts<'_>,
        _moment: Moment,
    ) -> Option<Verdict> {
        None
    }
}

impl<F> Sink<F> for Nobody {
    fn rules(&mut self) -> &mut impl Judge<F> {
        &mut self.0
    }

    fn decided(&mut self, _flow: &mut FlowEntry<F>, _sample: &Sample) {}

    fn finished(&mut self, _flow: FlowEntry<F>, _end: End) {}
}

/// Bytes of this process that are in memory.
fn resident() -> Result<u64> {
    const PAGE: u64 = 4096;
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).context("/proc/self/statm has no second field")?;
    Ok(pages.parse::<u64>()? * PAGE)
}
