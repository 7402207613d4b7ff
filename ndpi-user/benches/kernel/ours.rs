//! Our program, loaded with maps of the size that is measured.

use std::cell::RefCell;
use std::error::Error;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use aya::maps::{Array, ArrayOfMaps, HashMap, Map, MapData, RingBuf};
use aya::programs::Xdp;
use aya::{Ebpf, EbpfLoader};
use ndpi_common::names::{global, map, program};
use ndpi_common::{Action, Bucket, Key, KeyV4, KeyV6, Live, Pod, TenantKey, VerdictEntry};
use ndpi_kernel::Element;
use ndpi_kernel::object::kernel_object;

/// Where the coarse clock stands.
const NOW: u32 = 10_000;
/// Room for the samples of one measurement.
pub(crate) const RING_BYTES: u32 = 64 << 20;

pub(crate) struct Ours {
    ebpf: Ebpf,
    rings: Rc<RefCell<Vec<RingBuf<MapData>>>>,
    _outer: ArrayOfMaps<MapData, MapData>,
}

impl Ours {
    pub(crate) fn load(budget: u32, flows: u32) -> Result<Self, Box<dyn Error>> {
        let quiet = 0u8;
        let mut loader = EbpfLoader::new();
        loader.override_global(global::BUDGET, &budget, true).override_global(
            "AYA_LOG_LEVEL",
            &quiet,
            true,
        );
        let tracks = [map::TRACK_V4, map::TRACK_V6, map::UNANSWERED_V4, map::UNANSWERED_V6];
        for name in [map::VERDICTS_V4, map::VERDICTS_V6].into_iter().chain(tracks) {
            loader.map_max_entries(name, flows + flows / 8 + 1024);
        }
        let mut ebpf = loader.load(kernel_object()?)?;
        let mut outer = ArrayOfMaps::try_from(ebpf.take_map(map::RINGS).ok_or("no RINGS")?)?;
        let rings = (0..2).map(|place| ring(&mut outer, place)).collect::<Result<Vec<_>, _>>()?;
        let mut live: Array<_, Element<Live>> =
            ebpf.map_mut(map::LIVE).ok_or("no data")?.try_into()?;
        live.set(0, Element(Live::default().standing_at(NOW)), 0)?;
        let xdp: &mut Xdp = ebpf.program_mut(program::XDP).ok_or("no program")?.try_into()?;
        xdp.load()?;
        Ok(Self { ebpf, rings: Rc::new(RefCell::new(rings)), _outer: outer })
    }

    pub(crate) fn program(&self) -> Result<OwnedFd, Box<dyn Error>> {
        let xdp: &Xdp = self.ebpf.program(program::XDP).ok_or("no program")?.try_into()?;
        Ok(std::os::fd::AsFd::as_fd(xdp.fd()?).try_clone_to_owned()?)
    }

    /// Something that empties the rings.
    pub(crate) fn drain(&self) -> impl Fn() -> Result<(), Box<dyn Error>> + use<> {
        let rings = Rc::clone(&self.rings);
        move || {
            for ring in rings.borrow_mut().iter_mut() {
                while ring.next().is_some() {}
            }
            Ok(())
        }
    }

    pub(crate) fn decide(
        &mut self,
        keys: impl Iterator<Item = Key>,
        action: Action,
    ) -> Result<(), Box<dyn Error>> {
        let verdict =
            VerdictEntry { action: action as u8, last_seen: NOW, ..VerdictEntry::default() };
        for key in keys {
            match key {
                Key::V4(key) => self.insert::<KeyV4, _>(map::VERDICTS_V4, key, verdict)?,
                Key::V6(key) => self.insert::<KeyV6, _>(map::VERDICTS_V6, key, verdict)?,
                Key::Tenant(key) => {
                    self.insert::<TenantKey, _>(map::VERDICTS_TENANT, key, verdict)?;
                }
            }
        }
        Ok(())
    }

    /// A bucket for the rule of every verdict that never runs dry.
    pub(crate) fn set_wide_bucket(&mut self) -> Result<(), Box<dyn Error>> {
        let bucket =
            Bucket { bytes_per_second: 1 << 33, burst: 1 << 40, tokens: 1 << 40, refilled_ns: 0 };
        self.insert(map::LIMITS, 0u32, bucket)
    }

    fn insert<K: Pod, V: Pod>(
        &mut self,
        name: &str,
        key: K,
        value: V,
    ) -> Result<(), Box<dyn Error>> {
        let map = self.ebpf.map_mut(name).ok_or("a map is missing")?;
        let mut map: HashMap<_, Element<K>, Element<V>> = map.try_into()?;
        Ok(map.insert(Element(key), Element(value), 0)?)
    }
}

fn ring(
    outer: &mut ArrayOfMaps<MapData, MapData>,
    cpu: u32,
) -> Result<RingBuf<MapData>, Box<dyn Error>> {
    let kind = aya_obj::generated::bpf_map_type::BPF_MAP_TYPE_RINGBUF as u32;
    let definition = aya_obj::Map::new_from_params(kind, 0, 0, RING_BYTES, 0);
    let data = MapData::create(definition, "ring", None)?;
    outer.set(cpu, &data, 0)?;
    Ok(RingBuf::try_from(Map::RingBuf(data))?)
}
