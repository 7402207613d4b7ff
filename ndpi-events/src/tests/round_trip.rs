//! Every event comes out of JSON as it went in, and the envelope is what it is documented as.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use crate::{
    Attached, Content, Crossed, Crowding, Decided, Directions, EgressOrder, Ends, Envelope, Event,
    FlowActive, FlowEnded, FlowUpdated, Interface, Label, Load, Mac, Offered, Release,
    ReleaseChange, Released, ReloadResult, Reloaded, Ring, RingFull, Running, SCHEMA, SourceId,
    Status, Stopped, StuckWorker, Time, Times, Tunnel, Warning, Word,
};

fn text() -> impl Strategy<Value = String> {
    // With what JSON escapes.
    "[a-z\"\\\\ é\u{1}/]{0,12}"
}

fn shared() -> impl Strategy<Value = Arc<str>> {
    text().prop_map(Into::into)
}

fn word() -> impl Strategy<Value = Word> {
    text().prop_map(Into::into)
}

fn boxed() -> impl Strategy<Value = Box<str>> {
    text().prop_map(String::into_boxed_str)
}

fn time() -> impl Strategy<Value = Time> {
    any::<u64>().prop_map(Time::from_ns)
}

prop_compose! {
    fn ends()(
        (capture, iface, instance) in (option::of(shared()), option::of(shared()), option::of(shared())),
        (vlan, proto, sport, dport, tunnels) in any::<(u16, u8, u16, u16, u8)>(),
        (src, dst) in any::<(IpAddr, IpAddr)>(),
        tunnel in option::of(tunnel().prop_map(Box::new)),
        macs in any::<(Option<[u8; 6]>, Option<[u8; 6]>)>(),
    ) -> Ends {
        let (src_mac, dst_mac) = (macs.0.map(Mac), macs.1.map(Mac));
        Ends {
            capture, iface, instance, vlan, proto, src, sport, dst, dport, tunnels, tunnel, src_mac, dst_mac,
        }
    }
}

prop_compose! {
    fn label()(
        (state, app, category, confidence) in (word(), shared(), shared(), word()),
        (app_id, master_id, incomplete) in any::<(u16, u16, bool)>(),
        (hostname, ja4) in (option::of(boxed()), option::of(boxed())),
        (risks, findings) in (vec(shared(), 0..3), vec(word(), 0..3)),
        (action, rule, decided_by) in (option::of(word()), option::of(shared()), option::of(word())),
        (breed, alpn) in (option::of(shared()), option::of(boxed())),
        (guessed, dry_run, adopted) in any::<(bool, bool, bool)>(),
        (risk_score, revision) in any::<(Option<u16>, Option<u32>)>(),
        content in content().boxed(),
    ) -> Label {
        Label {
            state, app, app_id, master_id, category, confidence, hostname, ja4, risks, action, rule,
            decided_by, incomplete, findings, breed, guessed, risk_score, alpn, content, revision, dry_run,
            adopted,
        }
    }
}

prop_compose! {
    fn content()(
        texts in vec(option::of(boxed()), 10),
        (tls_names, dns_answers) in (vec(boxed(), 0..3), vec(any::<IpAddr>(), 0..3)),
        (http_status, dns_type, dns_code) in any::<(Option<u16>, Option<u16>, Option<u16>)>(),
    ) -> Content {
        let mut texts = texts.into_iter().flatten();
        Content {
            tcp_fingerprint: texts.next(), tcp_os: texts.next(), tls_version: texts.next(),
            tls_cipher: texts.next(), tls_subject: texts.next(), tls_issuer: texts.next(), tls_names,
            http_method: texts.next(), http_url: texts.next(), http_user_agent: texts.next(), http_status,
            dns_query: texts.next(), dns_type, dns_code, dns_answers,
        }
    }
}

prop_compose! {
    fn crossed()(counts in any::<[u64; 5]>()) -> Crossed {
        let [packets_to_server, bytes_to_server, packets_to_client, bytes_to_client, dropped] = counts;
        Crossed { packets_to_server, bytes_to_server, packets_to_client, bytes_to_client, dropped }
    }
}

prop_compose! {
    fn tunnel()(
        kind in option::of(word()),
        (tenant, outer_tenant) in any::<(Option<u32>, Option<u32>)>(),
        (src, dst) in any::<(Option<IpAddr>, Option<IpAddr>)>(),
    ) -> Tunnel {
        Tunnel { kind, tenant, outer_tenant, src, dst }
    }
}

fn flow() -> BoxedStrategy<Event> {
    let decided = (time(), ends().boxed(), label().boxed(), any::<(u16, Option<u8>, u64)>())
        .prop_map(|(time, ends, label, (inspected, partial_at, latency_us))| {
            Event::Decided(Decided { time, ends, inspected, partial_at, label, latency_us })
        });
    let updated =
        (time(), ends().boxed(), any::<u16>(), label().boxed(), word(), option::of(word()))
            .prop_map(|(time, ends, inspected, label, why, previous_action)| {
                Event::FlowUpdated(FlowUpdated {
                    time,
                    ends,
                    inspected,
                    label,
                    why,
                    previous_action,
                })
            });
    let counts = any::<(u64, u64, u16, Option<u64>, Option<u64>, u64)>();
    let parts = option::of((any::<u32>(), crossed()));
    let whole = (word(), any::<[u64; 4]>(), parts);
    let ended = (ends().boxed(), label().boxed(), [time(), time()], whole, counts).prop_map(
        |(ends, label, [first_seen, last_seen], (end, by_direction, parts), counts)| {
            let [packets_to_server, bytes_to_server, packets_to_client, bytes_to_client] =
                by_direction;
            let (packets, bytes, inspected, leaked, dropped, duration_us) = counts;
            Event::FlowEnded(FlowEnded {
                ends,
                packets,
                bytes,
                inspected,
                label,
                leaked,
                dropped,
                first_seen,
                last_seen,
                end,
                duration_us,
                packets_to_server,
                bytes_to_server,
                packets_to_client,
                bytes_to_client,
                part: parts.map(|(part, _)| part),
                delta: parts.map(|(_, delta)| delta),
            })
        },
    );
    // One on the stack after the other, not all at once.
    prop_oneof![decided.boxed(), updated.boxed(), active(), ended.boxed()].boxed()
}

fn active() -> BoxedStrategy<Event> {
    let counts = any::<([u64; 6], u16, Option<u64>, u64, u32)>();
    (ends().boxed(), label().boxed(), [time(), time(), time()], crossed(), counts)
        .prop_map(|(ends, label, [time, first_seen, last_seen], delta, counts)| {
            let (sums, inspected, dropped, duration_us, part) = counts;
            let [
                packets,
                bytes,
                packets_to_server,
                bytes_to_server,
                packets_to_client,
                bytes_to_client,
            ] = sums;
            Event::FlowActive(FlowActive {
                time,
                ends,
                packets,
                bytes,
                packets_to_server,
                bytes_to_server,
                packets_to_client,
                bytes_to_client,
                inspected,
                label,
                dropped,
                first_seen,
                last_seen,
                duration_us,
                part,
                delta,
            })
        })
        .boxed()
}

prop_compose! {
    fn attached()(
        (iface, ifindex, egress) in (text(), any::<u32>(), word()),
        (ingress, peer) in (option::of(word()), option::of(text())),
    ) -> Attached {
        Attached { iface, ifindex, ingress, egress, peer }
    }
}

fn session() -> BoxedStrategy<Status> {
    let named = (option::of(text()), option::of(text()), any::<bool>());
    let running = (time(), word(), text(), named, vec(attached(), 0..3)).prop_map(
        |(time, version, ndpi, (policy, instance, dry_run), attached)| {
            Status::Running(Running { time, version, ndpi, policy, instance, dry_run, attached })
        },
    );
    let rings = vec(any::<(usize, u64)>(), 0..3);
    let times = btree_map(word(), (any::<u64>(), [any::<u32>(); 3], any::<u32>()), 0..3);
    let findings = btree_map(word(), any::<u64>(), 0..3);
    let stopped = (time(), any::<[u64; 7]>(), rings, times, findings).prop_map(
        |(
            time,
            [seen, passed, dropped, redirected, lost_frames, left_out, lost],
            rings,
            times,
            findings,
        )| {
            let ring_full = rings.iter().map(|&(cpu, packets)| RingFull { cpu, packets }).collect();
            let ring = |(worker, full): (usize, u64)| Ring {
                ring: worker,
                worker,
                kind: "urgent".into(),
                full,
                contended: full / 2,
                longest_stall_us: full / 3,
            };
            let nanos = |ns: u32| Duration::from_nanos(ns.into());
            let times = times.into_iter().map(|(stage, (count, shares, longest))| {
                (stage, Times::new(count, shares.map(nanos), nanos(longest)))
            });
            Status::Stopped(Stopped {
                time,
                seen,
                passed,
                dropped,
                redirected,
                lost_frames,
                ring_full,
                rings: rings.into_iter().map(ring).collect(),
                left_out,
                lost_records: lost,
                time_to_verdict: times.collect(),
                findings,
            })
        },
    );
    prop_oneof![running.boxed(), stopped.boxed()].boxed()
}

fn of_interface() -> BoxedStrategy<Status> {
    let states = [Status::Attached, Status::Detached, Status::Renamed];
    let interface =
        (time(), text(), any::<u32>(), option::of(word()), text(), option::of(attached()));
    let changed = (prop::sample::select(states.to_vec()), interface).prop_map(
        |(state, (time, iface, ifindex, why, text, attached))| {
            state(Interface { time, iface, ifindex, why, text, attached })
        },
    );
    let states = [Status::EgressBehind, Status::EgressBlind, Status::EgressFirst];
    let order = (time(), text(), vec(text(), 0..3), any::<(u32, Option<u64>, Option<u64>)>());
    let egress = (prop::sample::select(states.to_vec()), order).prop_map(
        |(state, (time, iface, before, (ifindex, sent, seen)))| {
            state(EgressOrder { time, iface, ifindex, before, sent, seen })
        },
    );
    let states = [Status::OneDirectional, Status::BothDirections];
    let halves = (prop::sample::select(states.to_vec()), time(), text(), any::<(u64, u64)>())
        .prop_map(|(state, time, iface, (flows, halves))| {
            state(Directions { time, iface, flows, halves })
        });
    prop_oneof![changed.boxed(), egress.boxed(), halves.boxed()].boxed()
}

fn of_load() -> BoxedStrategy<Status> {
    let states = [Status::Crowded, Status::Eased];
    let facts = (option::of(word()), option::of(word()), option::of(text()), any::<Option<u64>>());
    let crowding = (prop::sample::select(states.to_vec()), time(), word(), facts).prop_map(
        |(state, time, table, (pool, share, client, displaced))| {
            state(Crowding { time, table, pool, share, client, displaced })
        },
    );
    let states = [Status::Behind, Status::CaughtUp];
    let load = (prop::sample::select(states.to_vec()), time(), any::<(u64, u64)>()).prop_map(
        |(state, time, (longest_us, left_out))| state(Load { time, longest_us, left_out }),
    );
    let states = [Status::WorkerStuck, Status::WorkerResumed];
    let stuck = (prop::sample::select(states.to_vec()), time(), any::<(usize, usize, u64)>())
        .prop_map(|(state, time, (worker, workers, seconds))| {
            state(StuckWorker { time, worker, workers, seconds })
        });
    prop_oneof![crowding.boxed(), load.boxed(), stuck.boxed()].boxed()
}

fn of_release() -> BoxedStrategy<Status> {
    let states = [Status::Released, Status::ReleaseEnded];
    let kinds = [Released::Host, Released::App, Released::Flow];
    let what = (prop::sample::select(kinds.to_vec()), text()).prop_map(|(kind, name)| kind(name));
    let release = (any::<u32>(), what, time(), time())
        .prop_map(|(release, what, since, until)| Release { release, what, since, until });
    let counts = any::<[Option<u64>; 2]>();
    (prop::sample::select(states.to_vec()), time(), release, option::of(word()), counts)
        .prop_map(|(state, time, release, why, [flows, changed])| {
            state(ReleaseChange { time, release, why, flows, changed })
        })
        .boxed()
}

fn event() -> BoxedStrategy<Event> {
    let reloaded = (
        (time(), text(), text()),
        any::<(bool, bool, u64)>(),
        any::<[Option<u64>; 3]>(),
        btree_map(text(), text(), 0..3),
        option::of((text(), any::<u64>())),
    )
        .prop_map(
            |((time, policy, problems), (taken, repeated, failures), numbers, unenforced, of)| {
                let [rules, flows, changed] = numbers;
                let offered =
                    of.map(|(fleet_key, fleet_revision)| Offered { fleet_key, fleet_revision });
                let result = ReloadResult { taken, policy, rules, flows, changed, unenforced };
                Event::Reloaded(Reloaded { time, result, problems, repeated, offered, failures })
            },
        );
    let of_client = (option::of(text()), vec(word(), 0..3));
    let warning = (time(), word(), any::<u64>(), text(), of_client).prop_map(
        |(time, about, count, text, (src, findings))| {
            Event::Warning(Warning { time, about, count, src, findings, text })
        },
    );
    let status =
        prop_oneof![session(), of_interface(), of_load(), of_release()].prop_map(Event::Status);
    prop_oneof![flow(), status.boxed(), reloaded.boxed(), warning.boxed()].boxed()
}

prop_compose! {
    fn envelope()(
        (name, pid, since) in (shared(), any::<u32>(), time()),
        (schema, seq, time, event) in (any::<u16>(), any::<u64>(), time(), event()),
    ) -> Envelope {
        Envelope { schema, source: Arc::new(SourceId { name, pid, since }), seq, time, event }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_envelope_comes_out_as_it_went_in(envelope in envelope()) {
        let text = serde_json::to_string(&envelope).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Envelope>(&text).unwrap(), &envelope, "{}", text);
        let value = serde_json::to_value(&envelope).unwrap();
        prop_assert_eq!(&serde_json::from_value::<Envelope>(value).unwrap(), &envelope);
    }
}

#[test]
fn the_envelope_is_written_as_it_always_was() {
    let time = Time::from_ns(1_700_000_000_000_001_000);
    let load = Load { time, longest_us: 60_000, left_out: 3 };
    let envelope = Envelope {
        schema: SCHEMA,
        source: Arc::new(SourceId { name: "load".into(), pid: 7, since: Time::default() }),
        seq: 9,
        time,
        event: Event::Status(Status::CaughtUp(load)),
    };
    assert_eq!(
        serde_json::to_string(&envelope).unwrap(),
        concat!(
            r#"{"schema":1,"source":{"name":"load","pid":7,"since":"1970-01-01T00:00:00.000000Z"},"#,
            r#""seq":9,"time":"2023-11-14T22:13:20.000001Z","event":{"type":"status","state":"caught-up","#,
            r#""time":"2023-11-14T22:13:20.000001Z","longest_us":60000,"left_out":3}}"#,
        )
    );
}

#[test]
fn what_a_later_version_adds_is_ignored() {
    let text = r#"{"type":"warning","time":"2023-11-14T22:13:20Z","about":"news","count":1,"text":"","more":[1]}"#;
    let Event::Warning(warning) = serde_json::from_str(text).unwrap() else { panic!("{text}") };
    assert_eq!((&*warning.about, warning.count), ("news", 1));
}
