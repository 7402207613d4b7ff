//! How fast flows are: as the kernel counts at `ndpi-xdp`'s hooks, and as the client sees it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::scenario::Scene;
use crate::lab::download::Download;
use crate::lab::flow::FlowId;
use crate::lab::{interrupt, kernel};
use crate::process;

/// What has gone by of some flows, and when.
pub(super) struct Reading {
    at: Instant,
    /// For each flow, bytes that passed the hooks in both directions, and bytes that came to the
    /// client; both from the IP header on.
    bytes: Vec<(u64, u64)>,
}

/// Bits a second of a flow, at the hooks and at the client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Speed {
    pub(super) passed: f64,
    pub(super) arrived: f64,
}

impl Reading {
    /// Reads the counters of `downloads`, whose verdicts must stand.
    fn take(scene: &Scene, downloads: &[Download]) -> Result<Self> {
        let start = Instant::now();
        let entries = entries(scene)?;
        let read = |one: &Download| Ok((passed(&entries, &one.flow)?, one.arrived()?));
        let bytes = downloads.iter().map(read).collect::<Result<_>>()?;
        // Reading takes its time; the counters are those of its middle, near enough.
        Ok(Self { at: start + start.elapsed() / 2, bytes })
    }
}

/// The speed of each download over `time`.
pub(super) fn speeds(scene: &Scene, downloads: &[Download], time: Duration) -> Result<Vec<Speed>> {
    let before = Reading::take(scene, downloads)?;
    let end = before.at + time;
    let over = interrupt::until(2 * time, || Ok(Instant::now() >= end))?;
    ensure!(over, "the clock stands still");
    let after = Reading::take(scene, downloads)?;
    let seconds = (after.at - before.at).as_secs_f64();
    let rate = |before: u64, after: u64| (after - before) as f64 * 8.0 / seconds;
    let pairs = before.bytes.iter().zip(&after.bytes);
    Ok(pairs
        .map(|(old, new)| Speed { passed: rate(old.0, new.0), arrived: rate(old.1, new.1) })
        .collect())
}

/// What stands in the kernel, as `ndpi-xdp verdicts` says.
fn entries(scene: &Scene) -> Result<Vec<Value>> {
    let mut command = process::command(scene.stage.binary);
    let text =
        process::output(command.args(["verdicts", "--json", "--pin-dir"]).arg(kernel::pins()))?;
    let line = |line| serde_json::from_str(line).with_context(|| format!("no record: {line}"));
    text.lines().map(line).collect()
}

/// Bytes of a flow that met its verdict and passed.
fn passed(entries: &[Value], flow: &FlowId) -> Result<u64> {
    let entry = entries.iter().find(|entry| flow.has_entry(entry));
    let entry = entry.with_context(|| format!("no verdict stands on {flow:?}"))?;
    let number = |field: &str| entry[field].as_u64().context("a counter is missing");
    let met = number("bytes_lower")? + number("bytes_upper")?;
    Ok(met - number("dropped_bytes")?)
}
