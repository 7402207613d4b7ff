//! One packet after the other: the kernel sees it, nDPI sees what the kernel shows of it, and a
//! verdict stands before the next one comes.

use anyhow::{Result, ensure};
use ndpi_capture::Packet;
use ndpi_capture::link::{self, Frame, Layers, Tunnels};
use ndpi_common::parse::{self, Tunnel};
use ndpi_common::{Direction, Key, SampleFlags, SampleHeader};
use ndpi_flow::{Sample, Tenant, Unpacker};

use super::buckets::Buckets;
use super::flows::Flows;
use super::test_run_kernel::{TestRunKernel, XdpAction};

/// The kernel and the flows of one capture.
pub(super) struct Pipeline<'a, 'e> {
    pub(super) kernel: &'a mut TestRunKernel,
    pub(super) flows: Flows<'a, 'e>,
    buckets: Buckets,
    unpacker: Unpacker,
    /// Which tunnels the kernel looks into.
    tunnels: &'a Tunnels,
    /// Whether records tell of tunnels.
    shows_tunnels: bool,
    /// Packets that were run.
    pub(super) run: u64,
    /// Those of them that were dropped.
    pub(super) dropped: u64,
}

/// What was seen of a packet.
pub(super) struct RunResult {
    /// The flow that the kernel took it for, and which way it went.
    pub(super) flow: Option<(Key, Direction)>,
    pub(super) action: XdpAction,
    /// Whether user space was shown it.
    pub(super) shown: bool,
}

/// A layer of a packet, before the program is run on it.
struct Before {
    /// The flow that the kernel takes it for, and which way it goes.
    flow: (Key, Direction),
    /// Where its IP header starts.
    l3: usize,
    /// Packets of the flow that were dropped.
    dropped: u64,
}

/// The layer that a sample shows.
fn of_sample<'b>(
    header: &SampleHeader,
    mut layers: impl Iterator<Item = &'b Before>,
) -> Option<&'b Before> {
    layers.find(|layer| Some(layer.flow.0) == header.key() && layer.flow.1 == header.direction())
}

impl<'a, 'e> Pipeline<'a, 'e> {
    pub(super) fn new(
        kernel: &'a mut TestRunKernel,
        flows: Flows<'a, 'e>,
        tunnels: &'a Tunnels,
        shows_tunnels: bool,
    ) -> Self {
        let (buckets, unpacker) = (kernel.buckets(), Unpacker::new(kernel.budget));
        Self { kernel, flows, buckets, unpacker, tunnels, shows_tunnels, run: 0, dropped: 0 }
    }

    /// Runs the program on `frame`, which was made of `packet`.
    pub(super) fn run(&mut self, packet: &Packet<'_>, frame: Frame<'_>) -> Result<RunResult> {
        let layers = Layers::of(frame.bytes, self.tunnels);
        let (outer, innermost) = layers.split();
        let innermost_at = innermost.map_or(0, |packet| packet.l3 as usize);
        let outer = self.before(frame.bytes, outer)?;
        let inside = self.before(frame.bytes, innermost)?;
        let (mut shown, mut agreed) = (false, true);
        let Self { kernel, flows, unpacker, .. } = self;
        let clock_ns = kernel.ktime_ns();
        let action = kernel.run(frame.bytes, |header, l3| {
            let layer = of_sample(header, outer.iter().chain(&inside));
            // One without ports has no flow, and is the innermost that there is.
            let is_stray = header.flags & SampleFlags::STRAY != 0;
            agreed &= layer.is_some() || is_stray;
            let at = layer.map_or(if is_stray { innermost_at } else { 0 }, |layer| layer.l3);
            let (header, l3) = cut(header, l3, frame.captured.saturating_sub(at));
            if let Some(sample) = unpacker.sample(&header, packet.time_ns, l3) {
                flows.sample(&Sample { ifindex: 0, clock_ns, ..sample });
                shown = true;
            }
        })?;
        ensure!(
            agreed,
            "the kernel takes the packet for one of another flow than its own parser does here: \
             please report it with the capture"
        );
        self.run += 1;
        self.dropped += u64::from(action == XdpAction::Drop);
        let mut stopped = None;
        for layer in &outer {
            self.flows.saw(&layer.flow.0, packet.time_ns, self.kernel);
            if action == XdpAction::Drop && self.dropped_of(&layer.flow.0)? > layer.dropped {
                stopped = Some(layer.flow);
                break;
            }
        }
        let inside = inside.first().filter(|_| stopped.is_none());
        if let Some(layer) = inside {
            self.flows.saw(&layer.flow.0, packet.time_ns, self.kernel);
            self.note_tunnel(layer.flow.0, packet, innermost);
        }
        self.flows.sink.check()?;
        Ok(RunResult { flow: stopped.or(inside.map(|layer| layer.flow)), action, shown })
    }

    /// What is known of the flows of these layers before the program is run.
    fn before<'p>(
        &mut self,
        frame: &[u8],
        packets: impl IntoIterator<Item = &'p parse::Packet>,
    ) -> Result<Vec<Before>> {
        let mut all = Vec::new();
        for packet in packets {
            let Some(flow) = self.flow_of(frame, packet)? else { continue };
            if self.flows.sink.limits() {
                self.refill(&flow.0)?;
            }
            let dropped = if self.tunnels.are_open() { self.dropped_of(&flow.0)? } else { 0 };
            all.push(Before { flow, l3: packet.l3 as usize, dropped });
        }
        Ok(all)
    }

    /// How many packets of a flow the kernel has dropped.
    fn dropped_of(&self, key: &Key) -> Result<u64> {
        let verdict = self.kernel.verdict(key)?.map_or(0, |verdict| verdict.dropped().packets);
        let track = self.kernel.track(key)?.map_or(0, |track| track.dropped.packets);
        Ok(verdict + track)
    }

    /// Refills the bucket that a packet of this flow takes from, if there is one.
    fn refill(&mut self, key: &Key) -> Result<()> {
        match self.kernel.verdict(key)? {
            Some(entry) if entry.action == ndpi_flow::Action::Limit as u8 => {
                self.buckets.refill(entry.bucket, self.kernel.ktime_ns())
            }
            _ => Ok(()),
        }
    }

    /// The flow of a packet, after one that was over before it came has ended.
    fn flow_of(
        &mut self,
        frame: &[u8],
        parsed: &parse::Packet,
    ) -> Result<Option<(Key, Direction)>> {
        loop {
            let flow = self.kernel.flow_of(frame, parsed)?;
            let Some((key, _)) = flow else { return Ok(None) };
            // An ICMP error about a flow that has just ended is a packet of another.
            if !self.flows.end_if_over(&key, self.kernel)? {
                return Ok(flow);
            }
        }
    }

    /// Ends flows that are over, see [`Flows::sweep`].
    pub(super) fn sweep(&mut self, steps: usize) -> Result<()> {
        self.flows.sweep(steps, self.kernel)
    }

    /// Ends all flows, see [`Flows::end_all`].
    pub(super) fn end_all(&mut self) -> Result<()> {
        self.flows.end_all(self.kernel)
    }

    fn note_tunnel(&mut self, key: Key, packet: &Packet<'_>, parsed: Option<&parse::Packet>) {
        if self.shows_tunnels
            && parsed.is_some_and(|parsed| parsed.tunnel != Tunnel::None)
            && let Some(outer) =
                link::decode(packet, self.tunnels).ok().and_then(|decoded| decoded.outer())
        {
            self.flows.sink.recorder.tunnelled(key, Tenant::default(), outer);
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
