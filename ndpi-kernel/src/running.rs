//! The loaded programs, with all that belongs to them.

mod attached;
mod attaching;
mod takeover;
mod taking_over;
mod wires;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use aya::Ebpf;
use log::LevelFilter;
use ndpi_common::names::{map, program};
use ndpi_common::parse::{self, Fragment, Packet};
use ndpi_common::{Direction, FragmentKey, FragmentPorts, Key};

use super::attach::{Layer, LinkStore, Wire};
use super::load::{self, LoadError};
use super::map_set::MapSet;
use super::maps::hash::Hash;
use super::maps::{
    Limits, LostFrames, MapError, Peers, RequestWatches, RingLosses, RuleNames, RuntimeConfig,
    ServerMap, Stats, TrackMaps, VerdictMaps,
};
use super::messages::Messages;
use super::options::LoadOptions;
use super::pins::Pins;
use super::preflight::preflight;
use super::programs;
use super::rings::Rings;
use super::shape::Shapes;
use super::sizes::sizes;
use super::test_run::TestRun;
use attached::Attached;
pub use attached::{Health, Links};
use takeover::Takeover;

/// The programs in the kernel, their maps, and what they are attached to. On drop everything is
/// detached, unpinned and unloaded.
// Fields are dropped in this order: what is attached first, the right to the pins last.
#[derive(Debug)]
pub struct Kernel {
    attached: Vec<Attached>,
    messages: Option<Messages>,
    object: Ebpf,
    /// Programs that are loaded later name the maps by these descriptors.
    maps: MapSet,
    rings: VecDeque<Rings>,
    verdicts: VerdictMaps,
    tracks: TrackMaps,
    stats: Stats,
    ring_losses: RingLosses,
    limits: Limits,
    requests: RequestWatches,
    rules: RuleNames,
    servers: ServerMap,
    live: RuntimeConfig,
    interfaces: Hash<u32, u32>,
    fragments: Hash<FragmentKey, FragmentPorts>,
    peers: Peers,
    lost: LostFrames,
    wires: Vec<Wire>,
    links: LinkStore,
    /// What an instance that is gone has left, until its place is taken.
    takeover: Option<Takeover>,
    /// Whether the program that counts lost frames runs.
    counts_lost: bool,
    pins: Option<Pins>,
}

impl Kernel {
    /// Checks the machine, loads the programs, makes their maps and rings, and pins the maps. What an
    /// instance that is gone has left in the pin directory is to be used again: its maps, where they are as ours
    /// are to be, else what stands in them ([`Kernel::carry_over`]). Until its place is taken
    /// ([`Kernel::release_earlier`]) it can be read as it was, and when this is dropped before, all of it is as it
    /// was.
    ///
    /// # Errors
    ///
    /// Something is missing, or the kernel refused; nothing is left in the kernel then but what was there.
    pub fn load(options: &LoadOptions) -> Result<Self, LoadError> {
        let object = preflight()?;
        let mut pins = options.pin_directory.as_deref().map(Pins::take).transpose()?;
        let workers = options.division.parts;
        let sizes = sizes(options);
        let shapes = Shapes::of_object()?.with_sizes(&sizes);
        let earlier =
            pins.as_ref().map(|pins| pins.earlier(&shapes)).transpose()?.unwrap_or_default();
        let reused = pins.iter().flat_map(|pins| earlier.same().map(|name| (name, pins.map(name))));
        let mut object = load::load(object, options, &sizes, reused)?;
        let messages = match options.log_level {
            LevelFilter::Off => None,
            _ => Messages::of(&mut object).map_err(LoadError::Log)?,
        };
        let reading =
            load::read_clocks(&mut object).map_err(|error| load::refused(program::CLOCK, error))?;
        let maps = MapSet::of_object(&mut object)?;
        let rings = load::make_rings(&maps, options.ring_bytes, workers)?;
        let mut links = LinkStore::default();
        if let Some(pins) = &mut pins {
            let ids = programs::program_ids(&mut object, Layer::Link);
            pins.note(&ids.map_err(|error| load::refused(program::XDP, error))?)?;
            pins.stage(&maps, &earlier)?;
            if earlier.instance().is_none() {
                pins.exchange(&earlier)?;
            }
            links = LinkStore::open(pins.links()?, pins.programs_of_others());
        }
        let (live, peers) = (RuntimeConfig::open(&maps)?, Peers::open(&maps)?);
        let mut kernel = Self {
            attached: Vec::new(),
            messages,
            object,
            rings,
            verdicts: VerdictMaps::open(&maps)?,
            tracks: TrackMaps::open(&maps)?,
            stats: Stats::open(&maps)?,
            ring_losses: RingLosses::open(&maps)?,
            limits: Limits::open(&maps)?,
            requests: RequestWatches::open(&maps)?,
            rules: RuleNames::open(&maps)?,
            servers: ServerMap::open(&maps, live.clone())?,
            live,
            interfaces: maps.hash(map::INTERFACES)?,
            fragments: maps.hash(map::FRAGMENTS)?,
            lost: LostFrames::open(&maps, &peers)?,
            peers,
            wires: Vec::new(),
            links,
            takeover: None,
            counts_lost: false,
            maps,
            pins,
        };
        // From the first packet on the programs know the time.
        kernel.live.start_clock(reading, crate::clock::jiffy_ns())?;
        kernel.live.set_fixed(options.switches, options.gone_after)?;
        kernel.live.set_switches(options.switches)?;
        if earlier.instance().is_some() {
            kernel.takeover = Some(Takeover::begin(earlier, &kernel.interfaces, &kernel.peers)?);
        }
        Ok(kernel)
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
        self.requests.clear()?;
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
            && self.verdicts.get(&key)?.is_some_and(|verdict| !verdict.is_over())
        {
            return Ok(Some((key, direction.opposite())));
        }
        self.whole(*packet)
    }

    /// Key and direction of a packet, with the ports of its first fragment if it is a later one.
    fn whole(&self, mut packet: Packet) -> Result<Option<(Key, Direction)>, MapError> {
        if let Fragment::Later { id } = packet.fragment {
            let first = FragmentKey::of(&packet, id);
            match self.fragments.get(&first)? {
                Some(ports) if ports.is_of(&first) => packet.join(ports),
                _ => return Ok(None),
            }
        }
        Ok(Some((packet.flow_key(), packet.direction)))
    }

    /// Starts a thread that passes on what the programs say themselves, where they were loaded with messages
    /// ([`LoadOptions::log_level`]). A second time it does nothing.
    ///
    /// # Errors
    ///
    /// There can be no thread.
    pub fn pass_messages_on(&mut self) -> Result<(), LoadError> {
        let messages = self.messages.iter_mut().try_for_each(Messages::start);
        messages.map_err(LoadError::Log)
    }

    /// The reader of the samples of the next worker, from the first on; `None` when all were taken before.
    pub fn take_rings(&mut self) -> Option<Rings> {
        self.rings.pop_front()
    }

    /// The verdicts; handles are cheap to clone, here and below.
    pub fn verdicts(&self) -> &VerdictMaps {
        &self.verdicts
    }

    /// The undecided flows.
    pub fn tracks(&self) -> &TrackMaps {
        &self.tracks
    }

    /// What the rings have lost.
    pub fn ring_losses(&self) -> &RingLosses {
        &self.ring_losses
    }

    /// The statistics.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The token buckets.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Which packets of decided flows are shown.
    pub fn requests(&self) -> &RequestWatches {
        &self.requests
    }

    /// The names of rules.
    pub fn rules(&self) -> &RuleNames {
        &self.rules
    }

    /// The servers whose new flows are dropped.
    pub fn servers(&self) -> &ServerMap {
        &self.servers
    }

    /// The coarse clock, the heartbeat, and the switches that can be changed now.
    pub fn live(&self) -> &RuntimeConfig {
        &self.live
    }

    /// Where this instance takes commands, if its maps are pinned.
    pub fn socket_path(&self) -> Option<PathBuf> {
        self.pins.as_ref().map(Pins::socket_path)
    }

    /// Where what the next instance with these pins is to know can be kept under a name, if the maps are pinned: in
    /// the folder of the socket, which nobody but root and this process's user can write to. Unlike the socket's it
    /// stays the same when the pins are removed and made again.
    pub fn kept_path(&self, name: &str) -> Option<PathBuf> {
        self.pins.as_ref().map(|pins| pins.kept_path(name))
    }

    /// Where the maps are pinned.
    pub fn pin_directory(&self) -> Option<&Path> {
        self.pins.as_ref().map(Pins::directory)
    }

    /// Takes the programs off everything and gives the pin directory up: what is counted can still be
    /// read here, and another instance may begin.
    pub fn retire(&mut self) {
        self.detach_all();
        self.pins = None;
    }

    /// Leaves the programs where they are, with all that is pinned, and gives the pin directory up: what
    /// is decided stays enforced, and another instance may go on from there.
    pub fn leave(&mut self) {
        self.leave_all();
        self.pins = None;
    }

    /// Runs the programs on packets of the caller's making.
    pub fn test_run(&mut self) -> TestRun<'_> {
        TestRun::new(&self.object)
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        match self.takeover.take() {
            // It did not come to take the place of the earlier one, whose verdicts stand.
            Some(takeover) => self.roll_back(&takeover),
            None => self.detach_all(),
        }
    }
}
