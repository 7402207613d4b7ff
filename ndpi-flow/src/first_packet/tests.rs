//! Tests of what is remembered of servers, for how long, and which of them are blocked.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndpi::{AppId, BreedId, CategoryId, Classification, Confidence, DnsAddress, State};
use ndpi_common::{Direction, Key, KeyV4, KeyV6, ServerKey};
use ndpi_labels::{Finding, Findings};
use ndpi_policy::{Policy, Support, Vocabulary};

use super::lesson::server_of;
use super::server_cache::address;
use super::{
    Basis, Blocked, Blocklist, Known, LONGEST, Lesson, ServerCache, Servers, UNANNOUNCED, lesson,
};
use crate::classify::DnsAnswer;
use crate::flow::{Decided, DecidedBy, Details, FlowEntry, Stage};
use crate::sample::{Sample, tcp};
use crate::verdict::{Action, Verdict};

const SECOND: u64 = 1_000_000_000;
const NOW: u64 = 1_700_000_000 * SECOND;
const NAME: &str = "www.facebook.com";

fn server(last: u8, port: u16) -> ServerKey {
    let (key, client) = KeyV4::new(([198, 18, 0, 1], 40_000), ([198, 19, 0, last], port), 0, 6);
    assert_eq!(client, Direction::FromLower);
    key.server(client)
}

fn facebook(name: Option<&str>) -> Known {
    Known {
        app: AppId { master: 91, app: 119 },
        category: CategoryId(6),
        breed: BreedId(3),
        name: name.map(Into::into),
        basis: Basis::Flow,
    }
}

/// Clients in different networks.
const CLIENTS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1)), IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2))];

/// An answer to a question, about a name that nDPI does not know.
fn dns(name: &str, addresses: &[DnsAddress]) -> DnsAnswer {
    DnsAnswer { name: name.to_owned(), addresses: addresses.to_vec(), known_as: None }
}

/// One client's word.
fn said(server: ServerKey, known: Known, client: IpAddr) -> Lesson {
    Lesson { server, known, client }
}

/// Two clients find the same of a server. Returns the servers of which something else is known.
fn teach(cache: &mut ServerCache, key: ServerKey, known: &Known, now: u64) -> Vec<ServerKey> {
    let say = |client| cache.remember(said(key, known.clone(), client), now);
    let mut changed: Vec<_> = CLIENTS.into_iter().flat_map(say).collect();
    changed.dedup();
    changed
}

/// The same, of what all workers remember.
fn teach_all(servers: &Servers, key: ServerKey, known: &Known, now: u64) {
    for client in CLIENTS {
        servers.remember(said(key, known.clone(), client), now);
    }
}

fn answer(last: u8, ttl: u32) -> DnsAddress {
    DnsAddress { address: IpAddr::from([198, 19, 0, last]), ttl }
}

/// Who a hint of the server comes from, and which name it has.
fn hint(cache: &mut ServerCache, key: &ServerKey, now: u64) -> Option<(DecidedBy, Option<String>)> {
    let hint = cache.hint(key, None, now)?;
    Some((hint.by, hint.details.hostname().map(Into::into)))
}

/// Whether it is remembered itself, not by its name alone.
fn is_known_server(cache: &mut ServerCache, key: &ServerKey) -> bool {
    hint(cache, key, NOW).is_some_and(|(by, _)| by == DecidedBy::Server)
}

fn is_known(cache: &mut ServerCache, key: &ServerKey, now: u64) -> bool {
    hint(cache, key, now).is_some()
}

#[test]
fn one_client_alone_makes_no_server_known() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    let minute = u64::try_from(UNANNOUNCED.as_nanos()).unwrap();
    let mut say = |client: IpAddr, now| {
        cache.remember(said(key, facebook(Some(NAME)), client), now);
        is_known(&mut cache, &key, now)
    };
    let [first, second] = CLIENTS;
    assert!(!say(first, NOW) && !say(first, NOW + 1), "as often as it likes");
    assert!(!say(second, NOW + 1 + minute), "the first one's word is over");
    assert!(say(first, NOW + 2 + minute));

    let (mut cache, six) =
        (ServerCache::default(), |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]));
    for host in 1..100 {
        cache.remember(said(key, facebook(None), six(host)), NOW);
        assert!(!is_known(&mut cache, &key, NOW), "addresses of one network are one client's");
    }
    let other = Known { app: AppId { master: 0, app: 133 }, ..facebook(None) };
    cache.remember(said(key, other, first), NOW);
    assert!(!is_known(&mut cache, &key, NOW), "they do not agree");
}

#[test]
fn a_dns_answer_bears_out_the_name_that_a_client_gives() {
    let (mut cache, key, [client, _]) = (ServerCache::default(), server(2, 443), CLIENTS);
    cache.learn(&dns(NAME, &[answer(2, 30)]), NOW);
    cache.remember(said(key, facebook(None), client), NOW);
    assert!(!is_known_server(&mut cache, &key), "it gives none");
    cache.remember(said(key, facebook(Some(NAME)), client), NOW);
    assert!(is_known_server(&mut cache, &key));

    cache.learn(&dns("shop.example.com", &[answer(3, 30)]), NOW);
    let elsewhere = server(3, 443);
    for client in CLIENTS {
        cache.remember(said(elsewhere, facebook(Some(NAME)), client), NOW);
    }
    assert!(!is_known_server(&mut cache, &elsewhere), "curl --connect-to, of however many");
}

#[test]
fn what_ndpi_concludes_from_any_dns_answer_is_no_claim() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    let app = AppId { master: 0, app: 119 };
    let concluded =
        Classification { app, confidence: Confidence::DpiCache, ..Classification::default() };
    assert_eq!(cache.hint(&key, Some(concluded), NOW), None, "nobody asked for that answer");
    cache.learn(&dns("shop.example.com", &[answer(2, 30)]), NOW);
    assert_eq!(cache.hint(&key, Some(concluded), NOW), None, "it was about another name");

    let known_as =
        Known::named(&Classification { app: AppId { master: 91, app: 119 }, ..concluded });
    let announced = DnsAnswer { known_as, ..dns(NAME, &[answer(2, 30)]) };
    cache.learn(&announced, NOW);
    let claimed = cache.hint(&key, None, NOW).expect("by the name alone");
    assert_eq!((claimed.by, claimed.classification.app), (DecidedBy::FirstPacket, app));
    assert_eq!(claimed.details.hostname(), Some(NAME));
    assert_eq!(cache.hint(&key, Some(concluded), NOW + 30 * SECOND), None, "it is over");
}

#[test]
fn a_name_that_ndpi_does_not_know_is_known_as_nothing() {
    let said = |app, guessed| Classification {
        app: AppId { master: 91, app },
        guessed,
        ..Classification::default()
    };
    assert!(Known::named(&said(119, false)).is_some());
    for (app, guessed) in [(0, false), (91, false), (119, true)] {
        assert_eq!(Known::named(&said(app, guessed)), None);
    }
}

#[test]
fn a_server_is_remembered_as_long_as_its_dns_answer_holds() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    cache.learn(&dns(NAME, &[answer(2, 30)]), NOW);
    teach(&mut cache, key, &facebook(Some(NAME)), NOW + 20 * SECOND);
    let claimed = cache.hint(&key, None, NOW + 30 * SECOND - 1).unwrap();
    assert_eq!((claimed.by, claimed.details.hostname()), (DecidedBy::Server, Some(NAME)));
    let said = claimed.classification;
    assert_eq!((said.state, said.app), (State::Inspecting, AppId { master: 91, app: 119 }));
    assert_eq!((said.category, said.breed), (CategoryId(6), BreedId(3)));
    assert_eq!((said.confidence, said.guessed), (Confidence::DpiCache, false));
    assert!(!is_known(&mut cache, &key, NOW + 30 * SECOND));
    assert_eq!(cache.expire(NOW + 30 * SECOND), [key]);
    assert_eq!(cache.servers().count(), 0);
}

#[test]
fn what_is_inside_a_tunnel_says_nothing_of_what_is_outside() {
    let (mut cache, plain) = (ServerCache::with_room(8), server(2, 443));
    let inside = ServerKey { tunnel: 1, ..plain };
    assert_eq!(teach(&mut cache, inside, &facebook(Some(NAME)), NOW), [inside]);
    assert!(is_known(&mut cache, &inside, NOW) && !is_known(&mut cache, &plain, NOW));
    // Nor does it push anything out at the same address.
    teach(&mut cache, plain, &facebook(Some(NAME)), NOW);
    for port in 1..=8 {
        let inside = ServerKey { tunnel: 1, ..server(2, port) };
        assert!(!teach(&mut cache, inside, &facebook(Some(NAME)), NOW).contains(&plain));
    }
    assert!(is_known(&mut cache, &plain, NOW));
    // A name of the address outside is none inside.
    assert_eq!(cache.learn(&dns("other.example", &[answer(2, 30)]), NOW), [plain]);
}

#[test]
fn a_new_answer_for_the_same_name_makes_it_last() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    cache.learn(&dns(NAME, &[answer(2, 30)]), NOW);
    teach(&mut cache, key, &facebook(Some(NAME)), NOW);
    let changed =
        cache.learn(&dns("WWW.Facebook.com.", &[answer(3, 9), answer(2, 30)]), NOW + 29 * SECOND);
    assert_eq!(changed, [key]);
    assert!(is_known(&mut cache, &key, NOW + 58 * SECOND));
    assert!(!is_known(&mut cache, &key, NOW + 59 * SECOND));
}

#[test]
fn without_a_dns_answer_it_is_a_minute() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    teach(&mut cache, key, &facebook(Some(NAME)), NOW);
    let end = NOW + u64::try_from(UNANNOUNCED.as_nanos()).unwrap();
    assert!(is_known(&mut cache, &key, end - 1) && !is_known(&mut cache, &key, end));
    // The same after an answer that has run out.
    cache.learn(&dns(NAME, &[answer(2, 0)]), end);
    teach(&mut cache, key, &facebook(Some(NAME)), end);
    assert!(is_known(&mut cache, &key, end + 59 * SECOND));
}

#[test]
fn what_is_only_concluded_from_an_answer_is_over_with_it() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    let by_name = Known { basis: Basis::Name, ..facebook(Some(NAME)) };
    cache.learn(&dns(NAME, &[answer(2, 30)]), NOW);
    teach(&mut cache, key, &by_name, NOW + 29 * SECOND);
    assert!(is_known(&mut cache, &key, NOW + 30 * SECOND - 1));
    teach(&mut cache, key, &by_name, NOW + 30 * SECOND);
    assert!(!is_known(&mut cache, &key, NOW + 30 * SECOND));
}

#[test]
fn no_answer_is_believed_for_longer_than_a_day() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    cache.learn(&dns(NAME, &[answer(2, u32::MAX)]), NOW);
    teach(&mut cache, key, &facebook(None), NOW);
    let end = NOW + u64::try_from(LONGEST.as_nanos()).unwrap();
    let known = Some((DecidedBy::Server, Some(NAME.to_owned())));
    assert_eq!(hint(&mut cache, &key, end - 1), known, "the answer gives it the name, too");
    assert!(!is_known(&mut cache, &key, end));
}

#[test]
fn an_address_of_two_names_says_nothing() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    cache.learn(&dns(NAME, &[answer(2, 300)]), NOW);
    teach(&mut cache, key, &facebook(Some(NAME)), NOW);
    assert_eq!(cache.learn(&dns("shop.example.com", &[answer(2, 300)]), NOW + SECOND), [key]);
    assert!(!is_known(&mut cache, &key, NOW + SECOND));
    assert_eq!(teach(&mut cache, key, &facebook(Some(NAME)), NOW + SECOND), [key]);
    assert!(!is_known(&mut cache, &key, NOW + SECOND), "the other name still holds");
    teach(&mut cache, key, &facebook(Some(NAME)), NOW + 301 * SECOND);
    assert!(is_known(&mut cache, &key, NOW + 301 * SECOND));
}

#[test]
fn what_ndpi_says_counts_where_nothing_is_remembered() {
    let (mut cache, key) = (ServerCache::default(), server(2, 443));
    let said = Classification { app: AppId { master: 0, app: 133 }, ..Classification::default() };
    cache.learn(&dns(NAME, &[answer(2, 300)]), NOW);
    let claimed = cache.hint(&key, Some(said), NOW).unwrap();
    assert_eq!((claimed.by, claimed.classification), (DecidedBy::FirstPacket, said));
    assert_eq!(claimed.details.hostname(), Some(NAME));
    teach(&mut cache, key, &facebook(None), NOW);
    assert_eq!(cache.hint(&key, Some(said), NOW).unwrap().by, DecidedBy::Server);
    let elsewhere = cache.hint(&server(2, 80), Some(said), NOW).unwrap();
    assert_eq!(elsewhere.by, DecidedBy::FirstPacket, "another port is another server");
}

#[test]
fn memory_is_bounded_by_addresses_and_by_servers_at_each() {
    let mut cache = ServerCache::with_room(10);
    for last in 0..100 {
        for port in 0..100 {
            teach(&mut cache, server(last, port), &facebook(None), NOW + u64::from(port));
        }
    }
    assert_eq!(cache.servers().count(), 10 * 4);
    assert!(cache.servers().all(|it| it.key.address[3] >= 90 && it.key.port >= 96));
    let gone = cache.learn(&dns(NAME, &[answer(200, 5)]), NOW);
    assert_eq!(gone.len(), 4, "{gone:?}");
    assert!(gone.iter().all(|key| key.address[3] == 90), "the oldest: {gone:?}");
}

#[test]
fn addresses_of_both_families_come_back() {
    let (six, client) = KeyV6::new(([9; 16], 40_000), ([0x20; 16], 443), 7, 17);
    assert_eq!(address(&six.server(client)), IpAddr::from([0x20; 16]));
    assert_eq!(address(&server(7, 1)), IpAddr::from([198, 19, 0, 7]));
}

/// What is blocked, and which servers were let go of, in their order.
#[derive(Clone, Debug, Default)]
struct Table {
    blocked: Arc<Mutex<BTreeMap<Vec<u8>, Blocked>>>,
    let_go: Arc<Mutex<Vec<ServerKey>>>,
}

impl Table {
    fn rule(&self, key: &ServerKey) -> Option<u16> {
        self.blocked.lock().unwrap().get(&place(key)).and_then(|blocked| blocked.verdict.rule)
    }
}

fn place(key: &ServerKey) -> Vec<u8> {
    let ServerKey { address, port, vlan, proto, family, .. } = *key;
    let numbers = [port.to_be_bytes(), vlan.to_be_bytes(), [proto, family]].concat();
    [&address[..], &numbers].concat()
}

impl Blocklist for Table {
    fn block(&mut self, server: &ServerKey, blocked: &Blocked) {
        self.blocked.lock().unwrap().insert(place(server), *blocked);
    }

    fn unblock(&mut self, server: &ServerKey) {
        if self.blocked.lock().unwrap().remove(&place(server)).is_some() {
            self.let_go.lock().unwrap().push(*server);
        }
    }
}

const HURRY: &str = "first_packet = true\n";

fn rules(text: &str) -> Arc<Policy> {
    let vocabulary = Vocabulary {
        apps: [(91, "TLS"), (119, "Facebook")].into_iter().collect(),
        categories: [(6, "SocialNetwork"), (26, "Video")].into_iter().collect(),
        breeds: std::iter::empty::<(u16, &str)>().collect(),
        risks: std::iter::empty::<(u16, &str)>().collect(),
        ..Vocabulary::default()
    };
    let policy =
        ndpi_policy::parse(Path::new("p"), text, &vocabulary, Support::ALL, &|_| unreachable!());
    Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")))
}

fn rule(action: &str, matcher: &str) -> String {
    format!("[[rule]]\naction = \"{action}\"\n{matcher}\n{HURRY}")
}

fn servers(policy: &str) -> (Servers, Table) {
    let table = Table::default();
    (Servers::new(rules(policy), Box::new(table.clone())), table)
}

#[test]
fn a_blocked_server_stands_in_the_kernel_until_it_is_forgotten() {
    let (servers, table) = servers(&rule("drop", "category = \"SocialNetwork\""));
    let key = server(2, 443);
    servers.learn(&dns(NAME, &[answer(2, 30)]), NOW);
    teach_all(&servers, key, &facebook(Some(NAME)), NOW + 10 * SECOND);
    let blocked = *table.blocked.lock().unwrap().values().next().expect("it stands");
    assert_eq!((blocked.verdict.action, blocked.verdict.rule), (Action::Drop, Some(0)));
    assert_eq!((blocked.app.app, blocked.category), (119, CategoryId(6)));
    assert_eq!(blocked.left, Duration::from_secs(20));

    servers.learn(&dns(NAME, &[answer(2, 30)]), NOW + 20 * SECOND);
    let left = table.blocked.lock().unwrap().values().next().map(|blocked| blocked.left);
    assert_eq!(left, Some(Duration::from_secs(30)));
    servers.learn(&dns("other.example", &[answer(2, 30)]), NOW + 21 * SECOND);
    assert_eq!(table.rule(&key), None, "the address is shared");

    teach_all(&servers, server(3, 443), &facebook(None), NOW);
    servers.sweep(NOW + 59 * SECOND);
    assert_eq!(table.rule(&server(3, 443)), Some(0));
    servers.sweep(NOW + 60 * SECOND);
    assert_eq!(table.rule(&server(3, 443)), None);
}

#[test]
fn only_servers_that_are_blocked_for_all_stand_there() {
    for (policy, stands) in [
        (rule("reject", "app = \"Facebook\""), true),
        (rule("drop", "host = \"*.facebook.com\""), true),
        (rule("count", "app = \"Facebook\""), false),
        (rule("drop", "category = \"Video\""), false),
        (rule("drop", "app = \"Facebook\"\nsrc = \"198.18.0.1\""), false),
        (rule("drop", "app = \"Facebook\"\niface = \"eth0\""), false),
        (rule("drop", "app = \"Facebook\"\nport = 80"), false),
        (rule("drop", "app = \"Facebook\"").replace(HURRY, ""), false),
    ] {
        let (servers, table) = servers(&policy);
        teach_all(&servers, server(2, 443), &facebook(Some(NAME)), NOW);
        assert_eq!(table.rule(&server(2, 443)).is_some(), stands, "{policy}");
        assert!(servers.hint(&server(2, 443), None, NOW).is_some(), "remembered all the same");
    }
}

#[test]
fn a_new_policy_blocks_what_it_blocks_and_nothing_else() {
    let (servers, table) = servers(&rule("drop", "app = \"Facebook\""));
    let (https, http) = (server(2, 443), server(2, 80));
    for key in [https, http] {
        teach_all(&servers, key, &facebook(None), NOW);
    }
    assert_eq!((table.rule(&https), table.rule(&http)), (Some(0), Some(0)));
    let other =
        rule("drop", "category = \"Video\"") + &rule("drop", "app = \"Facebook\"\nport = 443");
    servers.set_policy(&rules(&other), NOW + SECOND);
    assert_eq!((table.rule(&https), table.rule(&http)), (Some(1), None));
    assert_eq!(*table.let_go.lock().unwrap(), [http], "what both block is blocked all the while");
    servers.set_policy(&rules(""), NOW + SECOND);
    assert!(table.blocked.lock().unwrap().is_empty());
}

fn flow(proto: u8, ports: (u16, u16), packets: &[(Direction, u8)]) -> FlowEntry<()> {
    let (key, client) =
        KeyV4::new(([198, 18, 0, 1], ports.0), ([198, 19, 0, 2], ports.1), 0, proto);
    assert_eq!(client, Direction::FromLower);
    let packet = |(direction, tcp_flags)| Sample {
        bytes: 100,
        tcp_flags,
        ..Sample::new(Key::V4(key), direction, NOW, &[])
    };
    let mut flow = FlowEntry::new(&packet(packets[0]), ());
    for it in packets {
        flow.count(&packet(*it));
    }
    flow
}

#[test]
fn a_port_of_the_moment_is_no_server() {
    const OUT: Direction = Direction::FromLower;
    const BACK: Direction = Direction::FromUpper;
    let there = Some(server(2, 443));
    let of_tcp = |packets: &[(Direction, u8)]| server_of(&flow(6, (40_000, 443), packets));
    assert_eq!(of_tcp(&[(OUT, tcp::SYN), (BACK, tcp::SYN | tcp::ACK)]), there);
    assert_eq!(of_tcp(&[(BACK, tcp::SYN | tcp::ACK), (OUT, tcp::ACK)]), there);
    assert_eq!(of_tcp(&[(BACK, tcp::ACK), (OUT, tcp::ACK)]), None, "its beginning was missed");
    assert_eq!(of_tcp(&[(OUT, tcp::ACK)]), None);

    let of_udp = |first, ports| server_of(&flow(17, ports, &[(first, 0)])).map(|key| key.port);
    assert_eq!(of_udp(OUT, (40_000, 443)), Some(443));
    assert_eq!(of_udp(OUT, (123, 123)), Some(123));
    assert_eq!(of_udp(BACK, (40_000, 443)), None);
    assert_eq!(server_of(&flow(47, (0, 0), &[(OUT, 0)])), None);
}

#[test]
fn a_lesson_is_what_an_early_rule_found_out() {
    let policy =
        rules(&(rule("drop", "app = \"Facebook\"") + &rule("drop", "").replace(HURRY, "")));
    let client_alone: &[_] = &[(Direction::FromLower, tcp::SYN)];
    let both = [client_alone, &[(Direction::FromUpper, tcp::SYN | tcp::ACK)]].concat();
    let learned_with = |findings, packets: &[_], rule, by, confidence| {
        let guessed = confidence == Confidence::MatchByPort;
        let classification = Classification { confidence, guessed, ..facebook_said() };
        let mut flow = flow(6, (40_000, 443), packets);
        flow.findings = findings;
        flow.stage = Stage::Decided(Decided {
            classification,
            details: Details::new(NAME, "", ""),
            verdict: Some(Verdict { action: Action::Drop, rule }),
            given_up: false,
            by,
        });
        lesson(&flow, &policy)
    };
    let learned_of = |packets: &[_], rule, by, confidence| {
        learned_with(Findings::NONE, packets, rule, by, confidence)
    };
    let learned = |rule, by, confidence| learned_of(&both, rule, by, confidence);
    let known = |basis| {
        let known = Known { basis, ..facebook(Some(NAME)) };
        Some(said(server(2, 443), known, CLIENTS[0]))
    };
    assert_eq!(learned(Some(0), DecidedBy::Content, Confidence::Dpi), known(Basis::Flow));
    let found = |finding: Finding| {
        learned_with(finding.into(), &both, Some(0), DecidedBy::Content, Confidence::Dpi)
    };
    assert_eq!(found(Finding::SplitRecords), known(Basis::Flow));
    assert_eq!(found(Finding::Ambiguous), None, "its name may be that of a forged segment");
    let unanswered = |by, confidence| learned_of(client_alone, Some(0), by, confidence);
    assert_eq!(unanswered(DecidedBy::Content, Confidence::Dpi), None, "anybody may have sent it");
    let by_list = unanswered(DecidedBy::FirstPacket, Confidence::MatchByIp);
    assert_eq!(by_list, known(Basis::Address));
    let by_rule = unanswered(DecidedBy::FirstPacket, Confidence::CustomRule);
    assert_eq!(by_rule, known(Basis::Address));
    assert_eq!(unanswered(DecidedBy::FirstPacket, Confidence::Dpi), None, "by what is in it");
    assert_eq!(learned(Some(0), DecidedBy::FirstPacket, Confidence::Dpi), known(Basis::Flow));
    let by_dns = unanswered(DecidedBy::FirstPacket, Confidence::DpiCache);
    assert_eq!(by_dns, known(Basis::Name));
    assert_eq!(learned(Some(0), DecidedBy::Content, Confidence::MatchByPort), None);
    assert_eq!(learned(Some(0), DecidedBy::Server, Confidence::DpiCache), None);
    assert_eq!(learned(Some(1), DecidedBy::Content, Confidence::Dpi), None);
    assert_eq!(learned(None, DecidedBy::Content, Confidence::Dpi), None);
}

fn facebook_said() -> Classification {
    let Known { app, category, breed, .. } = facebook(None);
    Classification { app, category, breed, state: State::Classified, ..Classification::default() }
}
