//! The maps of another instance, running or dead, as it pinned them.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use ndpi_common::ABI_VERSION;

use super::attach::interface_of;
use super::folder::{Folder, FolderError, On, Owner};
use super::instance::Instance;
use super::link_pins::LinkPins;
use super::map_set::MapSet;
use super::maps::{MapError, RingLosses, RuleNames, RuntimeConfig, Stats, TrackMaps, VerdictMaps};
use super::preflight::{PreflightError, check_may_read_maps};
use super::shape::Shapes;
use super::sys::link::{self, LinkPlace};
use super::{DEFAULT_PIN_DIRECTORY, lock};

/// The pinned maps could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PinnedError {
    /// Reading maps needs privileges.
    #[error(transparent)]
    Preflight(#[from] PreflightError),
    /// The directory cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Nothing is pinned there.
    #[error(
        "no maps of ndpi-xdp are pinned in {}: none is running (start it with: ndpi-xdp run), or \
         it has another --name or --pin-dir", .0.display()
    )]
    Nothing(PathBuf),
    /// The maps are of another version.
    #[error(
        "the maps pinned in {} are of version {theirs}, this ndpi-xdp uses version {ABI_VERSION}: \
         use the one that made them (pid {pid})", .directory.display()
    )]
    Version {
        /// The pin directory.
        directory: PathBuf,
        /// Their version.
        theirs: u32,
        /// The process that made them.
        pid: u32,
    },
    /// A map could not be read.
    #[error(transparent)]
    Map(#[from] MapError),
}

/// The maps of another instance.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// Who made them.
    pub instance: Instance,
    /// Whether that instance is still running, by its lock.
    pub running: bool,
    /// The verdicts.
    pub verdicts: VerdictMaps,
    /// The names of the rules by which the verdicts were made.
    pub rules: RuleNames,
    /// The undecided flows.
    pub tracks: TrackMaps,
    /// The statistics.
    pub stats: Stats,
    /// What the rings have lost.
    pub ring_losses: RingLosses,
    /// The coarse clock and the switches that can be changed while the programs run.
    pub live: RuntimeConfig,
    /// The programs that links hold on interfaces, whether it runs or not.
    pub links: Vec<PinnedLink>,
}

/// A program that a pinned link holds on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedLink {
    /// The interface's name; of one in another network namespace only its index there, and that it is elsewhere.
    pub interface: String,
    /// Whether it is XDP; else it is TC at tcx.
    pub is_xdp: bool,
}

/// Opens the maps pinned in `directory` ([`DEFAULT_PIN_DIRECTORY`] by default), after a look at
/// their version.
///
/// # Errors
///
/// Nothing is pinned there, it is of another version, or this process may not read it.
pub fn open(directory: Option<&Path>) -> Result<Pinned, PinnedError> {
    let directory = directory.unwrap_or(Path::new(DEFAULT_PIN_DIRECTORY));
    check_may_read_maps()?;
    let nothing = || PinnedError::Nothing(directory.to_owned());
    let folder = Folder::open(directory, Owner::Given, On::Bpf)?.ok_or_else(nothing)?;
    let instance = Instance::pinned(&folder)?.ok_or_else(nothing)?;
    if instance.abi != ABI_VERSION {
        let (theirs, pid) = (instance.abi, instance.pid);
        return Err(PinnedError::Version { directory: directory.to_owned(), theirs, pid });
    }
    let maps = MapSet::pinned(&folder, &Shapes::of_object()?)?;
    Ok(Pinned {
        instance,
        running: lock::is_held(&folder),
        verdicts: VerdictMaps::open(&maps)?,
        rules: RuleNames::open(&maps)?,
        tracks: TrackMaps::open(&maps)?,
        stats: Stats::open(&maps)?,
        ring_losses: RingLosses::open(&maps)?,
        live: RuntimeConfig::open(&maps)?,
        links: links(directory)?,
    })
}

/// The links that are pinned beside the maps in `directory`, and hold something.
fn links(directory: &Path) -> Result<Vec<PinnedLink>, FolderError> {
    let Some(pins) = LinkPins::open(directory)? else { return Ok(Vec::new()) };
    let held = pins.names().into_iter().filter_map(|name| {
        let link = pins.get(&name).ok()?;
        let held = link::held(link.as_fd()).ok()??;
        Some(PinnedLink { interface: interface_of(&held)?, is_xdp: held.place == LinkPlace::Xdp })
    });
    Ok(held.collect())
}

/// Whether an instance holds `directory`: it runs, starts or ends.
///
/// # Errors
///
/// As for [`socket_path`].
pub fn is_held(directory: &Path) -> Result<bool, FolderError> {
    let folder = Folder::open(directory, Owner::Given, On::Bpf)?;
    Ok(folder.is_some_and(|folder| lock::is_held(&folder)))
}

/// Where the instance whose maps are pinned in `directory` takes commands; `None` where there is no
/// such directory, and so no instance.
///
/// # Errors
///
/// The directory is not on a BPF file system, others can exchange what is in it, or this process may
/// not look there.
pub fn socket_path(directory: &Path) -> Result<Option<PathBuf>, FolderError> {
    let folder = Folder::open(directory, Owner::Given, On::Bpf)?;
    Ok(folder.map(|folder| lock::socket_path(&folder)))
}
