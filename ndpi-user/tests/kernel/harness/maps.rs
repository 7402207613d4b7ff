//! What tests write to the maps, and read from them.

use aya::Pod;
use aya::maps::{Array, HashMap, MapData};
use ndpi_common::names::map;
use ndpi_common::{
    Action, Bucket, FragmentKey, FragmentPorts, Key, KeyV4, KeyV6, Live, Server, ServerKey,
    Switches, Track, Verdict,
};

use super::{BUCKET, Kernel, NOW};

impl Kernel {
    /// Writes a verdict, last seen now.
    pub(crate) fn decide(&mut self, key: Key, action: Action) {
        self.set_verdict(
            key,
            Verdict {
                action: action as u8,
                last_seen: NOW,
                rule: 7,
                app: 91,
                bucket: BUCKET,
                ..Verdict::default()
            },
        );
    }

    pub(crate) fn set_verdict(&mut self, key: Key, verdict: Verdict) {
        match key {
            Key::V4(key) => {
                self.hash::<KeyV4, Verdict>(map::VERDICTS_V4).insert(key, verdict, 0).unwrap();
            }
            Key::V6(key) => {
                self.hash::<KeyV6, Verdict>(map::VERDICTS_V6).insert(key, verdict, 0).unwrap();
            }
        }
    }

    pub(crate) fn verdict(&mut self, key: Key) -> Verdict {
        match key {
            Key::V4(key) => self.hash::<KeyV4, Verdict>(map::VERDICTS_V4).get(&key, 0).unwrap(),
            Key::V6(key) => self.hash::<KeyV6, Verdict>(map::VERDICTS_V6).get(&key, 0).unwrap(),
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
        self.track_in([map::TRACK_V4, map::TRACK_V6], key)
    }

    /// The track of a flow that nobody has answered, or what is left of it.
    pub(crate) fn unanswered(&mut self, key: Key) -> Option<Track> {
        self.track_in([map::UNANSWERED_V4, map::UNANSWERED_V6], key)
    }

    fn track_in(&mut self, [v4, v6]: [&str; 2], key: Key) -> Option<Track> {
        match key {
            Key::V4(key) => self.hash::<KeyV4, Track>(v4).get(&key, 0).ok(),
            Key::V6(key) => self.hash::<KeyV6, Track>(v6).get(&key, 0).ok(),
        }
    }

    /// Gives the verdicts of `decide` a bucket.
    pub(crate) fn set_bucket(&mut self, bucket: Bucket) {
        self.hash::<u32, Bucket>(map::LIMITS).insert(BUCKET, bucket, 0).unwrap();
    }

    pub(crate) fn bucket(&mut self) -> Bucket {
        self.hash::<u32, Bucket>(map::LIMITS).get(&BUCKET, 0).unwrap()
    }

    /// Writes a blocked server, and has the programs look for it.
    pub(crate) fn set_server(&mut self, key: ServerKey, server: Server) {
        self.hash::<ServerKey, Server>(map::SERVERS).insert(key, server, 0).unwrap();
        self.set_servers(1);
    }

    /// Says how many servers are blocked.
    pub(crate) fn set_servers(&mut self, servers: u32) {
        self.set_live(|live| live.servers = servers);
    }

    pub(crate) fn add_interface(&mut self, ifindex: u32) {
        self.hash::<u32, u32>(map::INTERFACES).insert(ifindex, 1, 0).unwrap();
    }

    /// Writes what a first fragment is to have told.
    pub(crate) fn set_fragment(&mut self, key: FragmentKey, ports: FragmentPorts) {
        self.hash::<FragmentKey, FragmentPorts>(map::FRAGMENTS).insert(key, ports, 0).unwrap();
    }

    pub(crate) fn set_tick(&mut self, tick: u32) {
        self.set_live(|live| live.tick = tick);
    }

    /// Forgets all flows and fragments.
    pub(crate) fn forget(&mut self) {
        self.clear::<KeyV4, Verdict>(map::VERDICTS_V4);
        self.clear::<KeyV6, Verdict>(map::VERDICTS_V6);
        self.clear::<KeyV4, Track>(map::TRACK_V4);
        self.clear::<KeyV6, Track>(map::TRACK_V6);
        self.clear::<KeyV4, Track>(map::UNANSWERED_V4);
        self.clear::<KeyV6, Track>(map::UNANSWERED_V6);
        self.clear::<FragmentKey, FragmentPorts>(map::FRAGMENTS);
        self.shown();
    }

    fn clear<K: Pod, V: Pod>(&mut self, name: &str) {
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

    fn set_live(&mut self, change: impl FnOnce(&mut Live)) {
        let map = self.ebpf.map_mut(map::LIVE).expect("the writable data");
        let mut map: Array<_, Live> = map.try_into().expect("an array of one");
        let mut live = map.get(&0, 0).unwrap();
        change(&mut live);
        map.set(0, live, 0).unwrap();
    }

    fn hash<K: Pod, V: Pod>(&mut self, name: &str) -> HashMap<&mut MapData, K, V> {
        self.ebpf.map_mut(name).expect("the map").try_into().expect("a hash map")
    }
}
