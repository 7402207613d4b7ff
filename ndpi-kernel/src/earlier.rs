//! The maps that an instance which is gone has pinned, and which of them can be used again.
//!
//! A name among the pins leads to whatever was pinned there, and nobody else compares it with what the
//! programs expect.

use aya::maps::MapData;
use ndpi_common::ABI_VERSION;
use ndpi_common::names::map;

use super::folder::Folder;
use super::instance::Instance;
use super::lasting::{has_our_verdicts, lasts};
use super::map_set::names;
use super::maps::MapError;
use super::shape::Shapes;

/// Maps that belong to one instance alone: where its threads read, and what its programs are set to.
const OWN: [&str; 3] = [map::RINGS, map::RING_LOSSES, map::LIVE_PIN];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Earlier {
    instance: Option<Instance>,
    /// Those that are as ours would be.
    same: Vec<&'static str>,
    /// Those that differ, in size most likely, or are of an earlier version whose entries last: what is in them is
    /// carried over.
    different: Vec<(&'static str, MapData)>,
}

impl Earlier {
    /// Looks at what is pinned in `folder`, beside what the maps are to be like.
    pub(super) fn open(folder: &Folder, shapes: &Shapes) -> Result<Self, MapError> {
        let instance = Instance::pinned(folder)?;
        let mut earlier = Self { instance, ..Self::default() };
        let Some(version) = instance.map(|it| it.abi) else { return Ok(earlier) };
        let is_ours = earlier.is_of_our_version();
        if !has_our_verdicts(version) {
            log::warn!(
                "the maps of the earlier instance are of version {version}, of which this ndpi-xdp ({ABI_VERSION}) \
                 reads nothing: all flows are decided again"
            );
            return Ok(earlier);
        }
        if !is_ours {
            log::info!("verdicts are carried over from maps of version {version} to {ABI_VERSION}");
        }
        let is_of_use = |name: &&str| !OWN.contains(name) && (is_ours || lasts(name));
        for name in names().filter(|name| is_of_use(name) && folder.has(name)) {
            let map = MapData::from_pin(folder.entry(name));
            let map =
                map.map_err(|source| MapError::Open { map: name, source: Box::new(source) })?;
            match shapes.of(name)?.check(name, &map) {
                Ok(()) if is_ours => earlier.same.push(name),
                Ok(()) => earlier.different.push((name, map)),
                Err(MapError::Shape { what, ours, theirs, .. }) => {
                    log::info!("map {name}: {theirs} {what} before, {ours} now");
                    earlier.different.push((name, map));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(earlier)
    }

    /// The instance, as it noted.
    pub(super) fn instance(&self) -> Option<&Instance> {
        self.instance.as_ref()
    }

    /// Whether its maps are of the version of this process. Those that nobody has noted are of none.
    pub(super) fn is_of_our_version(&self) -> bool {
        self.instance.is_some_and(|it| it.abi == ABI_VERSION)
    }

    /// Whether the map of this name is used again.
    pub(super) fn is_same(&self, name: &str) -> bool {
        self.same.contains(&name)
    }

    /// The maps that are used again.
    pub(super) fn same(&self) -> impl Iterator<Item = &'static str> {
        self.same.iter().copied()
    }

    /// A map whose entries are to be carried over.
    pub(super) fn different(&self, name: &str) -> Option<&MapData> {
        self.different.iter().find(|(other, _)| *other == name).map(|(_, map)| map)
    }
}
