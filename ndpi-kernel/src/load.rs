//! Loading the programs and making their maps.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use aya::maps::{ArrayOfMaps, LpmTrie, Map, MapData, lpm_trie};
use aya::programs::ProgramError;
use aya::{Ebpf, EbpfError, EbpfLoader, TestRun as _, TestRunOptions};
use ipnet::Ipv6Net;
use ndpi_common::names::{global, map, program};
use ndpi_common::{ABI_VERSION, ClockReading, MAX_SNAP};

use super::abi;
use super::map_set::MapSet;
use super::maps::MapError;
use super::options::{LoadOptions, log_number, ring_size};
use super::pins::PinError;
use super::preflight::PreflightError;
use super::programs;
use super::rings::{Ring, Rings, RingsError};
use super::sys;

/// The programs could not be loaded; nothing of them is left in the kernel.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Something that must be there is not.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The pin directory cannot be used.
    #[error(transparent)]
    Pins(#[from] PinError),
    /// The object is of another version.
    #[error(
        "the BPF object in this binary is of version {}, the binary of version {ABI_VERSION}: \
         build both again with: cargo xtask build",
        .theirs.map_or_else(|| "unknown".into(), |version| version.to_string())
    )]
    Version {
        /// The object's version.
        theirs: Option<u32>,
    },
    /// The object or its maps were refused.
    #[error(
        "cannot create the maps of the BPF object; if memory is short, try a smaller --max-flows or \
         --max-undecided"
    )]
    Object(#[source] Box<EbpfError>),
    /// A program is missing in the object, or the kernel refused it.
    #[error("cannot load the program {name} into the kernel{}", verifier_end(.source))]
    Program {
        /// The program.
        name: &'static str,
        /// What the kernel said.
        source: Box<ProgramError>,
    },
    /// A map is not as it should be.
    #[error(transparent)]
    Map(#[from] MapError),
    /// A ring could not be made.
    #[error("cannot make a ring of {bytes} bytes for worker {worker}; try a smaller --ring-size")]
    Ring {
        /// The worker.
        worker: u32,
        /// The ring's size.
        bytes: u32,
        /// What the kernel said.
        source: io::Error,
    },
    /// The rings could not be read.
    #[error(transparent)]
    Rings(#[from] RingsError),
    /// The messages of the programs could not be read.
    #[error("cannot read the messages of the kernel programs")]
    Log(#[source] io::Error),
}

/// Creates the maps with the sizes of `options`, but for those that are pinned at the paths of `reused`, and
/// has the kernel verify and take the programs.
pub(super) fn load(
    object: &[u8],
    options: &LoadOptions,
    sizes: &[(&'static str, u32)],
    reused: impl IntoIterator<Item = (&'static str, PathBuf)>,
) -> Result<Ebpf, LoadError> {
    let theirs = abi::of_object(object);
    if theirs != Some(ABI_VERSION) {
        return Err(LoadError::Version { theirs });
    }
    let snap = options.snap.clamp(1, MAX_SNAP);
    let log_level = log_number(options.log_level);
    let mut loader = EbpfLoader::new();
    for (name, entries) in sizes {
        loader.map_max_entries(name, *entries);
    }
    // It opens them without a look: whoever calls has compared them.
    for (name, path) in reused {
        loader.map_pin_path(name, path);
    }
    loader
        .override_global(global::BUDGET, &options.budget, true)
        .override_global(global::SNAP, &snap, true)
        .override_global(global::SWITCHES, &options.switches, true)
        .override_global(global::IDLE_TICKS, &options.idle_ticks, true)
        .override_global(global::WORKERS, &options.division.parts, true)
        .override_global(global::DIVISION_SEED, &options.division.seed, true)
        // Where no message is left in the programs, neither is the level.
        .override_global(aya_log::LEVEL, &log_level, false);
    let mut object = loader.load(object).map_err(|error| LoadError::Object(Box::new(error)))?;
    open_tunnels(&mut object, &options.tunnel_ends)?;
    programs::load_first(&mut object, options).map_err(|(name, error)| refused(name, error))?;
    Ok(object)
}

/// Writes down between which networks tunnels are opened.
fn open_tunnels(object: &mut Ebpf, ends: &[Ipv6Net]) -> Result<(), LoadError> {
    let failed = |source| MapError::Open { map: map::TUNNEL_ENDS, source: Box::new(source) };
    let Some(trie) = object.map_mut(map::TUNNEL_ENDS) else {
        return Err(LoadError::Version { theirs: None });
    };
    let mut trie = LpmTrie::<_, [u8; 16], u32>::try_from(trie).map_err(failed)?;
    for net in ends {
        let key = lpm_trie::Key::new(net.prefix_len().into(), net.addr().octets());
        trie.insert(&key, 1, 0).map_err(failed)?;
    }
    Ok(())
}

/// What the kernel's clocks show.
pub(super) fn read_clocks(object: &mut Ebpf) -> Result<ClockReading, ProgramError> {
    // The shortest frame that the kernel takes.
    let (frame, mut out) = ([0; 64], [0; 64]);
    let program = programs::classifier(object, program::CLOCK)?;
    program.test_run(TestRunOptions {
        data_in: Some(&frame),
        data_out: Some(&mut out),
        ..TestRunOptions::new()
    })?;
    let word = |at: usize| out[at..at + 8].try_into().map_or(0, u64::from_ne_bytes);
    Ok(ClockReading { jiffies: word(0), ktime_ns: word(8) })
}

/// Makes the rings of each worker and puts them where the programs look for them.
pub(super) fn make_rings(
    maps: &MapSet,
    bytes: u32,
    workers: u32,
) -> Result<VecDeque<Rings>, LoadError> {
    let page = u32::try_from(rustix::param::page_size()).unwrap_or(1 << 16);
    let bytes = ring_size(bytes, page);
    let open = |source| MapError::Open { map: map::RINGS, source: Box::new(source) };
    let outer = maps.duplicate(map::RINGS)?;
    let mut outer: ArrayOfMaps<_> =
        Map::from_map_data(outer).and_then(TryFrom::try_from).map_err(open)?;
    let mut make = |name: String, place: u32, worker: u32| {
        let failed = |source| LoadError::Ring { worker, bytes, source };
        let fd = sys::create_ring(&name, bytes).map_err(failed)?;
        let inner = MapData::from_fd(fd.try_clone().map_err(failed)?).map_err(open)?;
        outer.set(place, &inner, 0).map_err(open)?;
        Ring::open(fd, bytes).map_err(failed)
    };
    let mut of_worker = |worker: u32| {
        let common = make(format!("ring_{worker}"), worker, worker)?;
        let urgent = make(format!("urgent_{worker}"), workers + worker, worker)?;
        Ok(Rings::new(common, urgent)?)
    };
    (0..workers).map(&mut of_worker).collect()
}

pub(super) fn refused(name: &'static str, source: ProgramError) -> LoadError {
    if let ProgramError::LoadError { verifier_log, .. } = &source {
        log::debug!("the verifier's log of {name}:\n{verifier_log}");
    }
    LoadError::Program { name, source: Box::new(source) }
}

/// Lines of the verifier's log that an error shows.
const SHOWN: usize = 6;

/// The end of the verifier's log, where it says what it did not like.
fn verifier_end(error: &ProgramError) -> String {
    let ProgramError::LoadError { verifier_log, .. } = error else { return String::new() };
    let log = verifier_log.to_string();
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = &lines[lines.len().saturating_sub(SHOWN)..];
    if shown.is_empty() {
        return String::new();
    }
    format!("; the verifier's last words (all of them with -v):\n  {}\n", shown.join("\n  "))
}
