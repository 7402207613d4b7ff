//! The programs' maps by name: of programs just loaded, or pinned by somebody else.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;

use aya::Ebpf;
use aya::maps::{Map, MapData};
use ndpi_common::Pod;
use ndpi_common::names::map;

use super::folder::Folder;
use super::maps::MapError;
use super::maps::hash::Hash;
use super::shape::Shapes;

/// The maps under the names of their pins.
#[derive(Debug)]
pub(crate) struct MapSet(HashMap<&'static str, MapData>);

impl MapSet {
    /// Takes the maps out of an object whose programs are loaded.
    pub(crate) fn of_object(object: &mut Ebpf) -> Result<Self, MapError> {
        let mut maps = HashMap::new();
        let live = [(map::LIVE, map::LIVE_PIN)];
        for (name, pin) in map::PINNED.map(|name| (name, name)).into_iter().chain(live) {
            let map = object.take_map(name).and_then(data).ok_or(MapError::Missing { map: pin })?;
            maps.insert(pin, map);
        }
        Ok(Self(maps))
    }

    /// Opens the maps that are pinned in `folder`, each of which must be as the programs define it.
    pub(crate) fn pinned(folder: &Folder, shapes: &Shapes) -> Result<Self, MapError> {
        let mut maps = HashMap::new();
        for name in names() {
            let map = MapData::from_pin(folder.entry(name))
                .map_err(|source| MapError::Open { map: name, source: Box::new(source) })?;
            shapes.of(name)?.check(name, &map)?;
            maps.insert(name, map);
        }
        Ok(Self(maps))
    }

    /// The map pinned under `name`.
    pub(crate) fn data(&self, name: &'static str) -> Result<&MapData, MapError> {
        self.0.get(name).ok_or(MapError::Missing { map: name })
    }

    /// The hash map of that name, after a look at its kind and the sizes of its keys and values.
    pub(crate) fn hash<K: Pod, V: Pod>(&self, name: &'static str) -> Result<Hash<K, V>, MapError> {
        Hash::open(name, self.data(name)?)
    }

    /// A second handle to the map.
    pub(crate) fn duplicate(&self, name: &'static str) -> Result<MapData, MapError> {
        let open = |source| MapError::Open { map: name, source: Box::new(source) };
        let fd = self.data(name)?.fd().as_fd().try_clone_to_owned();
        MapData::from_fd(fd.map_err(|error| open(error.into()))?).map_err(open)
    }

    /// Stages pins of those of the maps that `is_new` fits under their names in `folder`.
    pub(crate) fn stage(
        &self,
        folder: &Folder,
        is_new: impl Fn(&str) -> bool,
    ) -> Result<(), (&'static str, io::Error)> {
        for name in names().filter(|name| is_new(name)) {
            if let Some(map) = self.0.get(name) {
                folder.stage(name, |path| map.pin(path)).map_err(|error| (name, error))?;
            }
        }
        Ok(())
    }
}

/// The names of all pinned maps.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    map::PINNED.into_iter().chain([map::LIVE_PIN])
}

fn data(map: Map) -> Option<MapData> {
    match map {
        Map::Array(map)
        | Map::ArrayOfMaps(map)
        | Map::DevMap(map)
        | Map::DevMapHash(map)
        | Map::HashMap(map)
        | Map::LruHashMap(map)
        | Map::PerCpuArray(map) => Some(map),
        _ => None,
    }
}
