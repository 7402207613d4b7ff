//! Access to the maps for tests.

use aya::maps::{Array, HashMap, MapData};
use ndpi_common::names::map;
use ndpi_common::{
    Action, Bucket, FragmentKey, FragmentPorts, Key, KeyV4, KeyV6, Live, Pod, RequestWatch, Server,
    ServerKey, Switches, TenantKey, Track, VerdictEntry,
};
use ndpi_kernel::Element;

use super::{BUCKET, Kernel, NOW};

impl Kernel {
    /// Writes a verdict, last seen now.
    pub(crate) fn decide(&mut self, key: Key, action: Action) {
        self.set_verdict(
            key,
            VerdictEntry {
                action: action as u8,
                last_seen: NOW,
                rule: 7,
                app: 91,
                bucket: BUCKET,
                ..VerdictEntry::default()
            },
        );
    }

    pub(crate) fn set_verdict(&mut self, key: Key, verdict: VerdictEntry) {
        match key {
            Key::V4(key) => {
                self.put::<KeyV4, VerdictEntry>(map::VERDICTS_V4, key, verdict);
            }
            Key::V6(key) => {
                self.put::<KeyV6, VerdictEntry>(map::VERDICTS_V6, key, verdict);
            }
            Key::Tenant(key) => {
                self.put::<TenantKey, VerdictEntry>(map::VERDICTS_TENANT, key, verdict);
            }
        }
    }

    pub(crate) fn verdict(&mut self, key: Key) -> VerdictEntry {
        match key {
            Key::V4(key) => {
                self.get::<KeyV4, VerdictEntry>(map::VERDICTS_V4, key).expect("an entry")
            }
            Key::V6(key) => {
                self.get::<KeyV6, VerdictEntry>(map::VERDICTS_V6, key).expect("an entry")
            }
            Key::Tenant(key) => {
                self.get::<TenantKey, VerdictEntry>(map::VERDICTS_TENANT, key).expect("an entry")
            }
        }
    }

    /// What is known of an undecided flow.
    pub(crate) fn track(&mut self, key: Key) -> Option<Track> {
        match (self.answered(key), self.unanswered(key)) {
            (Some(track), Some(rest)) => Some(track.plus(&rest)),
            (answered, unanswered) => answered.or(unanswered),
        }
    }

    /// The track of a flow whose client was answered.
    pub(crate) fn answered(&mut self, key: Key) -> Option<Track> {
        self.track_in([map::TRACK_V4, map::TRACK_V6, map::TRACK_TENANT], key)
    }

    /// The track of a flow that nobody has answered, or what is left of it.
    pub(crate) fn unanswered(&mut self, key: Key) -> Option<Track> {
        self.track_in([map::UNANSWERED_V4, map::UNANSWERED_V6, map::UNANSWERED_TENANT], key)
    }

    fn track_in(&mut self, [v4, v6, tenant]: [&str; 3], key: Key) -> Option<Track> {
        match key {
            Key::V4(key) => self.get::<KeyV4, Track>(v4, key),
            Key::V6(key) => self.get::<KeyV6, Track>(v6, key),
            Key::Tenant(key) => self.get::<TenantKey, Track>(tenant, key),
        }
    }

    /// Gives the verdicts of `decide` a bucket.
    pub(crate) fn set_bucket(&mut self, bucket: Bucket) {
        self.put::<u32, Bucket>(map::LIMITS, BUCKET, bucket);
    }

    pub(crate) fn bucket(&mut self) -> Bucket {
        self.get::<u32, Bucket>(map::LIMITS, BUCKET).expect("an entry")
    }

    /// Writes which packets of decided flows are shown.
    pub(crate) fn set_watch(&mut self, number: u32, watch: RequestWatch) {
        self.put::<u32, RequestWatch>(map::REQUESTS, number, watch);
    }

    pub(crate) fn watch(&mut self, number: u32) -> RequestWatch {
        self.get::<u32, RequestWatch>(map::REQUESTS, number).expect("an entry")
    }

    pub(crate) fn end_watch(&mut self, number: u32) {
        self.hash::<u32, RequestWatch>(map::REQUESTS).remove(&Element(number)).unwrap();
    }

    /// Writes a blocked server, and has the programs look for it.
    pub(crate) fn set_server(&mut self, key: ServerKey, server: Server) {
        self.put::<ServerKey, Server>(map::SERVERS, key, server);
        self.set_servers(1);
    }

    /// Says how many servers are blocked.
    pub(crate) fn set_servers(&mut self, servers: u32) {
        self.set_live(|live| live.servers = servers);
    }

    pub(crate) fn add_interface(&mut self, ifindex: u32) {
        self.put::<u32, u32>(map::INTERFACES, ifindex, 1);
    }

    /// Writes the ports as if from a first fragment.
    pub(crate) fn set_fragment(&mut self, key: FragmentKey, ports: FragmentPorts) {
        self.put::<FragmentKey, FragmentPorts>(map::FRAGMENTS, key, ports);
    }

    /// Says when user space was last heard of.
    pub(crate) fn set_heartbeat(&mut self, tick: u32) {
        self.set_live(|live| live.heartbeat = tick);
    }

    /// Says after how many ticks of silence user space is gone.
    pub(crate) fn set_gone_after(&mut self, ticks: u32) {
        self.set_live(|live| live.gone_after = ticks);
    }

    pub(crate) fn set_tick(&mut self, tick: u32) {
        self.set_live(|live| *live = live.standing_at(tick));
    }

    /// Forgets all flows and fragments.
    pub(crate) fn forget(&mut self) {
        self.clear::<KeyV4, VerdictEntry>(map::VERDICTS_V4);
        self.clear::<KeyV6, VerdictEntry>(map::VERDICTS_V6);
        self.clear::<KeyV4, Track>(map::TRACK_V4);
        self.clear::<KeyV6, Track>(map::TRACK_V6);
        self.clear::<KeyV4, Track>(map::UNANSWERED_V4);
        self.clear::<KeyV6, Track>(map::UNANSWERED_V6);
        self.clear::<TenantKey, VerdictEntry>(map::VERDICTS_TENANT);
        self.clear::<TenantKey, Track>(map::TRACK_TENANT);
        self.clear::<TenantKey, Track>(map::UNANSWERED_TENANT);
        self.clear::<FragmentKey, FragmentPorts>(map::FRAGMENTS);
        self.shown();
    }

    pub(super) fn clear<K: Pod, V: Pod>(&mut self, name: &str) {
        let mut entries = self.hash::<K, V>(name);
        let keys: Vec<_> = entries.keys().map(Result::unwrap).collect();
        for key in keys {
            entries.remove(&key).unwrap();
        }
    }

    /// The switches that are on.
    pub(crate) fn switches(&self) -> u32 {
        self.switches
    }

    /// Sets the switches that change while the programs run.
    pub(crate) fn switch(&mut self, switches: u32) {
        self.switches = self.switches & !Switches::LIVE | switches;
        self.set_live(|live| live.switches = switches);
    }

    pub(super) fn set_live(&mut self, change: impl FnOnce(&mut Live)) {
        let map = self.ebpf.map_mut(map::LIVE).expect("the writable data");
        let mut map: Array<_, Element<Live>> = map.try_into().expect("an array of one");
        let Element(mut live) = map.get(&0, 0).unwrap();
        change(&mut live);
        map.set(0, Element(live), 0).unwrap();
    }

    fn put<K: Pod, V: Pod>(&mut self, name: &str, key: K, value: V) {
        self.hash::<K, V>(name).insert(Element(key), Element(value), 0).unwrap();
    }

    fn get<K: Pod, V: Pod>(&mut self, name: &str, key: K) -> Option<V> {
        let Element(value) = self.hash::<K, V>(name).get(&Element(key), 0).ok()?;
        Some(value)
    }

    fn hash<K: Pod, V: Pod>(
        &mut self,
        name: &str,
    ) -> HashMap<&mut MapData, Element<K>, Element<V>> {
        self.ebpf.map_mut(name).expect("the map").try_into().expect("a hash map")
    }
}
