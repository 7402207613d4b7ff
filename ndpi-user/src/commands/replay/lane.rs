//! One packet after the other: the kernel sees it, nDPI sees what the kernel shows of it, and a
//! verdict stands before the next one comes.

use anyhow::{Result, ensure};
use ndpi_common::parse::{self, Options, Tunnel};
use ndpi_common::{Direction, Key, SampleFlags, SampleHeader};

use super::buckets::Buckets;
use super::flows::Flows;
use super::machine::{Action, Machine};
use crate::capture::Packet;
use crate::link::{self, Frame};
use crate::live::Unpacker;
use crate::sample::Sample;
use crate::verdict;

/// The kernel and the flows of one capture.
pub(super) struct Lane<'a, 'e> {
    pub(super) machine: &'a mut Machine,
    pub(super) flows: Flows<'a, 'e>,
    buckets: Buckets,
    unpacker: Unpacker,
    /// How the kernel parses.
    options: Options,
    /// Whether records tell of tunnels.
    shows_tunnels: bool,
    /// Packets that were run.
    pub(super) run: u64,
    /// Those of them that were dropped.
    pub(super) dropped: u64,
}

/// What was seen of a packet.
pub(super) struct Seen {
    /// The flow that the kernel took it for, and which way it went.
    pub(super) flow: Option<(Key, Direction)>,
    pub(super) action: Action,
    /// Whether user space was shown it.
    pub(super) shown: bool,
}

impl<'a, 'e> Lane<'a, 'e> {
    pub(super) fn new(
        machine: &'a mut Machine,
        flows: Flows<'a, 'e>,
        tunnels: bool,
        shows_tunnels: bool,
    ) -> Self {
        let options = Options { tunnels, ..Options::LENIENT };
        let (buckets, unpacker) = (machine.buckets(), Unpacker::new(machine.budget));
        Self { machine, flows, buckets, unpacker, options, shows_tunnels, run: 0, dropped: 0 }
    }

    /// Runs the program on `frame`, which was made of `packet`.
    pub(super) fn run(&mut self, packet: &Packet<'_>, frame: Frame<'_>) -> Result<Seen> {
        let parsed = parse::frame(&frame.bytes, self.options).ok();
        let flow = match &parsed {
            Some(parsed) => self.flow_of(frame.bytes, parsed, packet.time_ns)?,
            None => None,
        };
        if let Some((key, _)) = flow
            && self.flows.sink.limits()
        {
            self.refill(&key)?;
        }
        let captured = parsed
            .map_or(frame.captured, |parsed| frame.captured.saturating_sub(parsed.l3 as usize));
        let (mut shown, mut agreed) = (false, true);
        let Self { machine, flows, unpacker, .. } = self;
        let action = machine.run(frame.bytes, |header, l3| {
            let (header, l3) = cut(header, l3, captured);
            if let Some(sample) = unpacker.sample(&header, packet.time_ns, l3) {
                agreed = flow == Some((sample.key, sample.direction));
                flows.sample(&Sample { ifindex: 0, ..sample });
                shown = true;
            }
        })?;
        ensure!(
            agreed,
            "the kernel takes the packet for one of another flow than its own parser does here: \
             please report it with the capture"
        );
        self.run += 1;
        self.dropped += u64::from(action == Action::Drop);
        if let Some((key, _)) = flow {
            self.flows.saw(&key, packet.time_ns);
            self.note_tunnel(key, packet, parsed);
        }
        self.flows.sink.check()?;
        Ok(Seen { flow, action, shown })
    }

    /// Refills the bucket that a packet of this flow takes from, if there is one.
    fn refill(&mut self, key: &Key) -> Result<()> {
        match self.machine.verdict(key)? {
            Some(entry) if entry.action == verdict::Action::Limit as u8 => {
                self.buckets.refill(entry.bucket, self.machine.ktime_ns())
            }
            _ => Ok(()),
        }
    }

    /// The flow of a packet, after one that was over before it came has ended.
    fn flow_of(
        &mut self,
        frame: &[u8],
        parsed: &parse::Packet,
        now_ns: u64,
    ) -> Result<Option<(Key, Direction)>> {
        loop {
            let flow = self.machine.flow_of(frame, parsed)?;
            let Some((key, _)) = flow else { return Ok(None) };
            // An ICMP error about a flow that has just ended is a packet of another.
            if !self.flows.end_if_over(&key, now_ns, self.machine)? {
                return Ok(flow);
            }
        }
    }

    /// Ends flows that are over at `now_ns` (since the Unix epoch), see [`Flows::sweep`].
    pub(super) fn sweep(&mut self, now_ns: u64, steps: usize) -> Result<()> {
        self.flows.sweep(now_ns, steps, self.machine)
    }

    fn note_tunnel(&mut self, key: Key, packet: &Packet<'_>, parsed: Option<parse::Packet>) {
        if self.shows_tunnels
            && parsed.is_some_and(|parsed| parsed.tunnel != Tunnel::None)
            && let Some(outer) = link::outer(packet)
        {
            self.flows.sink.recorder.tunnelled(key, outer);
        }
    }
}

/// Takes the zeros off a sample that stand for what was not captured: nDPI is to see the same bytes
/// as from the capture itself. That is not the kernel's cutting, and the lengths stay.
fn cut<'l>(header: &SampleHeader, l3: &'l [u8], captured: usize) -> (SampleHeader, &'l [u8]) {
    match l3.get(..captured) {
        Some(captured) if captured.len() < l3.len() => {
            (SampleHeader { flags: header.flags & !SampleFlags::CUT, ..*header }, captured)
        }
        _ => (*header, l3),
    }
}
