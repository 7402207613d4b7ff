//! The servers that all workers remember together, and which of them the kernel blocks.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ndpi::Classification;
use ndpi_common::ServerKey;
use ndpi_labels::Findings;
use ndpi_policy::{Facts, Policy};

use super::blocklist::{Blocked, Blocklist};
use super::hint::Hint;
use super::lesson::Lesson;
use super::server_cache::{Remembered, ServerCache, address};
use crate::classify::DnsAnswer;
use crate::verdict::Verdict;

/// What all workers remember of servers. What is remembered, what the policy makes of it and what
/// the kernel does change together.
#[derive(Debug)]
pub struct Servers(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    cache: ServerCache,
    policy: Arc<Policy>,
    blocklist: Box<dyn Blocklist>,
}

impl Servers {
    /// Remembers nothing yet, judges by `policy` and blocks by `blocklist`.
    pub fn new(policy: Arc<Policy>, blocklist: Box<dyn Blocklist>) -> Self {
        let cache = ServerCache::default();
        Self(Mutex::new(Inner { cache, policy, blocklist }))
    }

    /// As [`ServerCache::learn`].
    pub fn learn(&self, dns_answer: &DnsAnswer, now_ns: u64) {
        let mut inner = self.lock();
        let changed = inner.cache.learn(dns_answer, now_ns);
        inner.settle(&changed, now_ns);
    }

    /// As [`ServerCache::remember`].
    pub fn remember(&self, lesson: Lesson, now_ns: u64) {
        let mut inner = self.lock();
        let changed = inner.cache.remember(lesson, now_ns);
        inner.settle(&changed, now_ns);
    }

    /// As [`ServerCache::hint`].
    pub fn hint(&self, key: &ServerKey, said: Option<Classification>, now_ns: u64) -> Option<Hint> {
        self.lock().cache.hint(key, said, now_ns)
    }

    /// From now on `policy` says which servers are blocked. A server that the policy before blocks
    /// and this one too is blocked all the while.
    pub fn set_policy(&self, policy: &Arc<Policy>, now_ns: u64) {
        let mut inner = self.lock();
        inner.policy = Arc::clone(policy);
        let all: Vec<_> = inner.cache.servers().map(|server| server.key).collect();
        inner.settle(&all, now_ns);
    }

    /// Forgets what does not hold any more.
    pub fn sweep(&self, now_ns: u64) {
        let mut inner = self.lock();
        let gone = inner.cache.expire(now_ns);
        inner.settle(&gone, now_ns);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Blocks those of `keys` that are to be blocked, and no others of them.
    fn settle(&mut self, keys: &[ServerKey], now_ns: u64) {
        for key in keys {
            let server = self.cache.server(key).filter(|server| server.holds(now_ns));
            let blocked = server.and_then(|server| blocked(&self.policy, server, now_ns));
            match &blocked {
                Some(blocked) => self.blocklist.block(key, blocked),
                None => self.blocklist.unblock(key),
            }
        }
    }
}

/// What the policy does to every flow of a server, if it blocks them.
fn blocked(policy: &Policy, server: &Remembered, now_ns: u64) -> Option<Blocked> {
    let key = &server.key;
    let Hint { classification, details, .. } = server.known.hint();
    let facts = Facts {
        classification: &classification,
        hostname: details.hostname(),
        ja4: None,
        alpn: None,
        // Whoever it is: rules that ask for the client do not decide here.
        client: (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        server: (address(key), key.port),
        proto: key.proto,
        vlan: key.vlan,
        iface: None,
        findings: Findings::NONE,
        incomplete: false,
        time: Facts::time_of(now_ns),
    };
    let rule = policy.rule_for_server(&facts)?;
    let action = policy.rule(rule).action.kind();
    action.drops().then(|| Blocked {
        verdict: Verdict { action, rule: Some(rule.0) },
        app: classification.app,
        category: classification.category,
        left: Duration::from_nanos(server.until_ns.saturating_sub(now_ns)),
    })
}
