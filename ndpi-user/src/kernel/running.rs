//! The loaded programs, with all that belongs to them.

mod wires;

use std::path::Path;

use aya::Ebpf;
use aya::programs::ProgramError;
use log::LevelFilter;
use ndpi_common::names::map;
use ndpi_common::parse::{self, Fragment, Packet};
use ndpi_common::{Direction, FragmentKey, FragmentPorts, Key, State};

use super::attach::{
    AttachError, Attachment, EgressLink, Hooks, Mode, Wire, XdpLink, find_interface,
    warn_of_overlap,
};
use super::load::{self, LoadError};
use super::map_set::MapSet;
use super::maps::hash::Hash;
use super::maps::{
    Limits, LiveCell, LostFrames, MapError, Peers, ServerMap, Stats, TrackMaps, VerdictMaps,
};
use super::messages::Messages;
use super::netlink::Interface;
use super::options::LoadOptions;
use super::pins::Pins;
use super::preflight::preflight;
use super::rings::Rings;
use super::sys::Write;
use super::test_run::TestRun;

/// The programs in the kernel, their maps, and what they are attached to. On drop everything is
/// detached, unpinned and unloaded.
// Fields are dropped in this order: what is attached first, the right to the pins last.
#[derive(Debug)]
pub struct Kernel {
    attached: Vec<Attached>,
    _messages: Option<Messages>,
    object: Ebpf,
    rings: Option<Rings>,
    verdicts: VerdictMaps,
    tracks: TrackMaps,
    stats: Stats,
    limits: Limits,
    servers: ServerMap,
    live: LiveCell,
    interfaces: Hash<u32, u32>,
    fragments: Hash<FragmentKey, FragmentPorts>,
    peers: Peers,
    lost: LostFrames,
    wires: Vec<Wire>,
    pins: Option<Pins>,
}

/// What is on one interface.
#[derive(Debug)]
struct Attached {
    index: u32,
    xdp: Option<XdpLink>,
    egress: Option<EgressLink>,
}

impl Kernel {
    /// Checks the machine, loads the programs, makes their maps and rings, and pins the maps. What
    /// a crashed instance left in the pin directory is removed.
    ///
    /// # Errors
    ///
    /// Something is missing, or the kernel refused; nothing is left in the kernel then.
    pub fn load(options: &LoadOptions) -> Result<Self, LoadError> {
        let object = preflight()?;
        let mut pins = options.pin_directory.as_deref().map(Pins::take).transpose()?;
        let cpus = load::possible_cpus()?;
        let mut object = load::load(object, options, cpus)?;
        let messages = match options.log_level {
            LevelFilter::Off => None,
            _ => Messages::start(&mut object).map_err(LoadError::Log)?,
        };
        let maps = MapSet::of_object(&mut object)?;
        let rings = load::make_rings(&maps, options.ring_bytes, cpus)?;
        if let Some(pins) = &mut pins {
            pins.note(&load::program_ids(&mut object)?)?;
            pins.pin(&maps)?;
        }
        let (live, peers) = (LiveCell::open(&maps)?, Peers::open(&maps)?);
        let kernel = Self {
            attached: Vec::new(),
            _messages: messages,
            object,
            rings: Some(rings),
            verdicts: VerdictMaps::open(&maps)?,
            tracks: TrackMaps::open(&maps)?,
            stats: Stats::open(&maps)?,
            limits: Limits::open(&maps)?,
            servers: ServerMap::open(&maps, live.clone())?,
            live,
            interfaces: maps.hash(map::INTERFACES)?,
            fragments: maps.hash(map::FRAGMENTS)?,
            lost: LostFrames::open(&maps, &peers)?,
            peers,
            wires: Vec::new(),
            pins,
        };
        // From the first packet on the programs know the time.
        kernel.live.advance(super::ktime_ns())?;
        kernel.live.set_switches(options.switches)?;
        Ok(kernel)
    }

    /// Attaches the programs to an interface of this thread's network namespace.
    ///
    /// # Errors
    ///
    /// There is no such interface, something else is on it, or the kernel refused; nothing of ours
    /// is on the interface then.
    pub fn attach(
        &mut self,
        interface: &str,
        mode: Mode,
        hooks: Hooks,
    ) -> Result<Attachment, AttachError> {
        let interface = find_interface(interface)?;
        if self.attached.iter().any(|attached| attached.index == interface.index) {
            return Err(AttachError::Twice(interface.name));
        }
        let hooks = hooks_for(&interface, hooks);
        let mut attached = Attached { index: interface.index, xdp: None, egress: None };
        if let Err(error) = self.attach_hooks(&interface, mode, hooks, &mut attached) {
            self.take_off(attached);
            return Err(error);
        }
        let attachment = Attachment {
            index: interface.index,
            ingress: attached.xdp.as_ref().map(|link| link.mode),
            egress: attached.egress.as_ref().map(|link| link.by),
            up: interface.up,
            interface: interface.name.clone(),
        };
        let others: Vec<_> = self.attached.iter().map(|attached| attached.index).collect();
        warn_of_overlap(&interface, &others);
        self.attached.push(attached);
        if !attachment.up {
            log::warn!(
                "{0} is down: attached, but no packet comes before: ip link set {0} up",
                attachment.interface
            );
        }
        Ok(attachment)
    }

    fn attach_hooks(
        &mut self,
        interface: &Interface,
        mode: Mode,
        hooks: Hooks,
        attached: &mut Attached,
    ) -> Result<(), AttachError> {
        if hooks.ingress {
            let program = load::xdp(&mut self.object).map_err(|e| missing(interface, e))?;
            attached.xdp = Some(XdpLink::attach(program, interface, mode)?);
            // From here on its packets are counted here, not where they go out.
            let seen = self.interfaces.write(&interface.index, &1, Write::Any);
            seen.map_err(|source| self.interfaces.failed("write to", source))?;
        }
        if let Some(by) = hooks.egress {
            let program = load::tc(&mut self.object).map_err(|e| missing(interface, e))?;
            attached.egress = Some(EgressLink::attach(program, interface, by)?);
        }
        Ok(())
    }

    /// Takes the programs off an interface; false when they were not on it.
    pub fn detach(&mut self, index: u32) -> bool {
        let Some(at) = self.attached.iter().position(|attached| attached.index == index) else {
            return false;
        };
        let attached = self.attached.swap_remove(at);
        self.take_off(attached);
        true
    }

    fn take_off(&mut self, attached: Attached) {
        let index = attached.index;
        if let Err(error) = self.interfaces.remove(&index) {
            log::debug!("interface {index}: {error}");
        }
        let xdp = attached
            .xdp
            .map(|link| load::xdp(&mut self.object).and_then(|program| link.detach(program)));
        let tc = attached
            .egress
            .map(|link| load::tc(&mut self.object).and_then(|program| link.detach(program, index)));
        for error in [xdp, tc].into_iter().flatten().filter_map(Result::err) {
            // The interface may be gone, and the program with it.
            log::debug!("detaching from interface {index}: {error}");
        }
    }

    /// Makes the kernel side forget all flows: verdicts, tracks, blocked servers,
    /// fragments. Samples that are in the
    /// rings and statistics stay.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn forget_flows(&self) -> Result<(), MapError> {
        self.verdicts.clear()?;
        self.tracks.clear()?;
        self.servers.clear()?;
        self.fragments.clear()
    }

    /// The flow that the programs would count a packet of `frame` to, and which way it goes: a later
    /// fragment belongs to the flow of its datagram's first, and to none where that was not seen;
    /// an ICMP error to the flow that it quotes, if that has a verdict.
    ///
    /// # Errors
    ///
    /// What the kernel said.
    pub fn flow_of(
        &self,
        frame: &[u8],
        packet: &Packet,
    ) -> Result<Option<(Key, Direction)>, MapError> {
        if let Some(quoted) = parse::quoted(frame, packet)
            && let Some((key, direction)) = self.whole(quoted)?
            && self.verdicts.get(&key)?.is_some_and(|verdict| verdict.state & State::REOPENED == 0)
        {
            return Ok(Some((key, direction.opposite())));
        }
        self.whole(*packet)
    }

    /// Key and direction of a packet, with the ports of its first fragment if it is a later one.
    fn whole(&self, mut packet: Packet) -> Result<Option<(Key, Direction)>, MapError> {
        if let Fragment::Later { id } = packet.fragment {
            let first = FragmentKey::new(&packet.key, packet.direction, id);
            let Some(ports) = self.fragments.get(&first)? else { return Ok(None) };
            packet.join(ports);
        }
        Ok(Some((packet.key, packet.direction)))
    }

    /// The reader of the samples; `None` when it was taken before.
    pub fn take_rings(&mut self) -> Option<Rings> {
        self.rings.take()
    }

    /// The verdicts; handles are cheap to clone, here and below.
    pub fn verdicts(&self) -> &VerdictMaps {
        &self.verdicts
    }

    /// The undecided flows.
    pub fn tracks(&self) -> &TrackMaps {
        &self.tracks
    }

    /// The statistics.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The token buckets.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The servers whose new flows are dropped.
    pub fn servers(&self) -> &ServerMap {
        &self.servers
    }

    /// The coarse clock, which somebody must advance, and the switches that can be changed now.
    pub fn live(&self) -> &LiveCell {
        &self.live
    }

    /// Where the maps are pinned.
    pub fn pin_directory(&self) -> Option<&Path> {
        self.pins.as_ref().map(Pins::directory)
    }

    /// Runs the programs on packets of the caller's making.
    pub fn test_run(&mut self) -> TestRun<'_> {
        TestRun::new(&mut self.object)
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        for attached in std::mem::take(&mut self.attached) {
            self.take_off(attached);
        }
    }
}

/// What goes out of the loopback comes in there: it would be seen twice. Egress sees it before large
/// packets are copied, and lets answers to rejected flows through.
fn hooks_for(interface: &Interface, hooks: Hooks) -> Hooks {
    let ingress = hooks.ingress && !(interface.loopback && hooks.egress.is_some());
    Hooks { ingress, ..hooks }
}

fn missing(interface: &Interface, source: ProgramError) -> AttachError {
    AttachError::Refused { what: "the programs", interface: interface.name.clone(), source }
}
