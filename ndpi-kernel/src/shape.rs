//! Checks that a map is one of the programs', by the definitions in the object.
//!
//! A pin is a name that leads to whatever was pinned there. Sizes alone do not say that it is safe to
//! read: a look-up in a map for each CPU, of values of the same size, fills in one for each CPU.

use std::collections::HashMap;

use aya::maps::{MapData, MapInfo, MapType};
use ndpi_common::names::map;

use super::maps::MapError;
use super::object::kernel_object;
use super::preflight::PreflightError;
use super::sizes::is_sized_by_options;

/// The kernel adds this flag to maps of devices (`BPF_F_RDONLY_PROG` in `linux/bpf.h`).
const READ_ONLY_FOR_PROGRAMS: u32 = 1 << 7;

/// Type, sizes and flags of a map, by the kernel's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    kind: u32,
    key: u32,
    value: u32,
    flags: u32,
    /// `None` where the options of whoever loaded it say how many.
    entries: Option<u32>,
}

impl Shape {
    /// An array with one value of any size.
    pub(super) fn cell<V>() -> Self {
        let value = u32::try_from(size_of::<V>()).unwrap_or(u32::MAX);
        Self { kind: MapType::Array as u32, key: 4, value, flags: 0, entries: Some(1) }
    }

    /// Compares a map with it.
    pub(super) fn check(&self, name: &'static str, map: &MapData) -> Result<(), MapError> {
        let open = |source| MapError::Open { map: name, source: Box::new(source) };
        let found = Self::of(&map.info().map_err(open)?).map_err(open)?;
        let entries = (self.entries.or(found.entries), found.entries);
        for (what, ours, theirs) in [
            ("type", Some(self.kind), Some(found.kind)),
            ("key size", Some(self.key), Some(found.key)),
            ("value size", Some(self.value), Some(found.value)),
            ("flags", Some(self.flags), Some(found.flags)),
            ("entries", entries.0, entries.1),
        ] {
            if ours != theirs {
                let (ours, theirs) = (ours.unwrap_or_default(), theirs.unwrap_or_default());
                return Err(MapError::Shape { map: name, what, ours, theirs });
            }
        }
        Ok(())
    }

    fn of(info: &MapInfo) -> Result<Self, aya::maps::MapError> {
        let kind = info.map_type()?;
        Ok(Self {
            kind: kind as u32,
            key: info.key_size(),
            value: info.value_size(),
            flags: own_flags(kind as u32, info.map_flags()),
            entries: Some(info.max_entries()),
        })
    }
}

/// The flags that whoever made a map has given it.
fn own_flags(kind: u32, flags: u32) -> u32 {
    let of_devices = [MapType::DevMap as u32, MapType::DevMapHash as u32].contains(&kind);
    if of_devices { flags & !READ_ONLY_FOR_PROGRAMS } else { flags }
}

/// The shapes of all pinned maps, by their names there.
pub(super) struct Shapes(HashMap<String, Shape>);

impl Shapes {
    /// Those of the object in this program.
    pub(super) fn of_object() -> Result<Self, PreflightError> {
        let object = aya_obj::Object::parse(kernel_object()?).map_err(PreflightError::BadObject)?;
        let shapes = object.maps.iter().map(|(name, map)| {
            let entries = (!is_sized_by_options(name)).then(|| map.max_entries());
            let pin = if name == map::LIVE { map::LIVE_PIN } else { name };
            let (kind, key, value) = (map.map_type(), map.key_size(), map.value_size());
            let flags = own_flags(kind, map.map_flags());
            (pin.to_owned(), Shape { kind, key, value, flags, entries })
        });
        Ok(Self(shapes.collect()))
    }

    /// The same, with as many entries as the options of this process say.
    pub(super) fn with_sizes(mut self, sizes: &[(&'static str, u32)]) -> Self {
        for (name, entries) in sizes {
            if let Some(shape) = self.0.get_mut(*name) {
                shape.entries = Some(*entries);
            }
        }
        self
    }

    /// That of a map.
    pub(super) fn of(&self, name: &'static str) -> Result<&Shape, MapError> {
        self.0.get(name).ok_or(MapError::Missing { map: name })
    }
}
