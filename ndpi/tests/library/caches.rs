//! Caches of engines, alone and shared; and that engines forget flows.

use ndpi::{CacheStatistics, Engine, FirstPacketConfidence, SharedCaches};
use ndpi_sys::packets;
use testkit::{alone, needs};

use crate::common::{Ends, START_MS, ends, library};

fn shared_engine(caches: &SharedCaches) -> Engine {
    caches.engine().unwrap().build().unwrap()
}

/// Lets an engine see that `www.youtube.com` is at 198.18.7.7.
fn tell(engine: &Engine) {
    let mut answer = packets::dns_query("www.youtube.com");
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[7] = 1;
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 7, 7]);
    let ends = ends(53);
    let mut flow = engine.flow();
    flow.process(&ends.datagram(&packets::dns_query("www.youtube.com")), START_MS);
    flow.process(&ends.reply(&answer), START_MS);
}

/// How an engine recognizes the first packet to 198.18.7.7, and as what.
fn recognize(engine: &Engine) -> (FirstPacketConfidence, String) {
    let ends = Ends { server: "198.18.7.7:443".parse().unwrap(), ..ends(443) };
    let mut flow = engine.flow();
    flow.process(&ends.handshake()[0], START_MS + 1);
    (flow.fpc().confidence, engine.app_name(flow.fpc().app))
}

fn of(statistics: Vec<CacheStatistics>, cache: &str) -> CacheStatistics {
    statistics.into_iter().find(|one| one.cache == cache).expect("a cache of nDPI's")
}

#[test]
fn engines_with_shared_caches_learn_from_each_other() {
    let Some(library) = library() else { return };
    let caches = library.shared_caches().unwrap();
    let (one, other) = (shared_engine(&caches), shared_engine(&caches));
    let alone = library.engine().build().unwrap();
    tell(&one);
    let by_dns = (FirstPacketConfidence::Dns, "YouTube".to_owned());
    assert_eq!(recognize(&one), by_dns);
    assert_eq!(recognize(&other), by_dns);
    assert_eq!(recognize(&alone).0, FirstPacketConfidence::Unknown);

    let (mine, theirs) = (one.cache_statistics(), other.cache_statistics());
    assert_eq!(mine, theirs, "they are the same caches");
    let dns = of(mine, "fpc_dns");
    assert_eq!((dns.inserted, dns.found), (1, 2));
    assert!(dns.searched >= dns.found);
    assert_eq!(of(alone.cache_statistics(), "fpc_dns").inserted, 0);
}

#[test]
fn shared_caches_live_as_long_as_anything_needs_them() {
    let Some(library) = library() else { return };
    let caches = library.shared_caches().unwrap();
    let (one, other) = (shared_engine(&caches), shared_engine(&caches));
    drop(caches);
    drop(library);
    tell(&one);
    drop(one);
    assert_eq!(recognize(&other).0, FirstPacketConfidence::Dns);
}

#[test]
fn engines_on_several_threads_share_their_caches() {
    let Some(library) = library() else { return };
    let caches = library.shared_caches().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            // Made here or there, then used on its own thread.
            let (caches, engine) = (caches.clone(), shared_engine(&caches));
            scope.spawn(move || {
                let other = shared_engine(&caches);
                for _ in 0..200 {
                    tell(&engine);
                    assert_eq!(recognize(&other).1, "YouTube");
                }
            });
        }
    });
    let dns = of(shared_engine(&caches).cache_statistics(), "fpc_dns");
    assert_eq!((dns.inserted, dns.found), (800, 800));
}

/// Bytes of this process in memory.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// In a process of its own, without the engines of other tests, which come and go.
#[test]
fn flows_leave_nothing_behind() {
    let Some(library) = library() else { return };
    if alone::word().is_none() {
        alone::run(module_path!(), "flows_leave_nothing_behind", "");
        return;
    }
    let engine = library.engine().build().unwrap();
    let flows = if needs::in_ci() { 200_000 } else { 1_000_000 };
    let request = ends(80).request(&packets::http_get("www.example.org", "/a/path", "agent/1"));
    let hello = ends(443).request(&packets::tls_client_hello("www.example.org", &["h2"]));
    let round = |count: usize| {
        for index in 0..count {
            let packet = if index % 2 == 0 { &request } else { &hello };
            let mut flow = engine.flow();
            flow.process(packet, START_MS);
            assert!(flow.hostname().is_some());
        }
    };
    round(1_000);
    let before = resident();
    round(flows);
    let growth = resident().saturating_sub(before);
    assert!(growth < 100 << 20, "{growth} bytes more after {flows} flows");
}
