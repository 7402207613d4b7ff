//! Questions and answers over shared memory, with nDPI on another thread, or nobody.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ndpi::{AppId, Classification, Confidence, DnsAddress, State};
use ndpi_flow::{Basis, Details, Detector, DnsAnswer, Known, Packet};
use testkit::packets::resolved;

use super::answer::{
    Answer, decode_classification, decode_details, decode_dns, encode_classification,
    encode_details, encode_dns,
};
use super::batch::Batch;
use super::client::{Client, Unanswered};
use super::exchange::wake;
use super::gauge::Gauge;
use super::memory::Memory;
use super::question::Question;
use super::remote::RemoteEngine;
use super::server::Server;
use crate::engine_setup::EngineSetup;
use crate::testing;

fn said() -> Classification {
    Classification {
        state: State::Partial,
        app: AppId { master: 91, app: 119 },
        confidence: Confidence::DpiAggressive,
        guessed: true,
        ..Classification::default()
    }
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

#[test]
fn what_goes_over_comes_out_the_same() {
    let packets = [(&[1, 2, 3][..], u64::MAX), (&[4][..], 0)];
    let packets = packets.map(|(l3, time_ms)| Packet { l3, time_ms });
    let questions = [
        Question::Look { flow: 7, fresh: true, last: false, packets: packets.into() },
        Question::Look { flow: 8, fresh: false, last: true, packets: Vec::new() },
        Question::Details { flow: 9 },
        Question::DnsAnswer { flow: 10 },
        Question::ByName { flow: 11, said: said() },
        Question::ByHost { said: said(), host: "www.example.com" },
    ];
    for question in questions {
        let bytes = encoded(|bytes| question.encode(bytes));
        assert_eq!(Question::decode(&bytes), Some(question));
    }
    let details = Details::new("www.example.com", "", "h2");
    let answer = Answer {
        opened: true,
        classification: said(),
        first_packet: Some(said()),
        by_name: None,
        texts: [Some("www.example.com".into()), None, Some("h2".into())],
        details: Some(details.clone()),
    };
    assert_eq!(Answer::decode(&encoded(|bytes| answer.encode(bytes))), Some(answer));
    let bytes = encoded(|bytes| encode_details(&details, bytes));
    assert_eq!(decode_details(&bytes), Some(details));
    let bytes = encoded(|bytes| encode_classification(Some(&said()), bytes));
    assert_eq!(decode_classification(&bytes), Some(Some(said())));
    let known_as = Known { app: said().app, basis: Basis::Address, ..Known::default() };
    let addresses = ["198.18.0.1", "2001:db8::1"]
        .map(|it| DnsAddress { address: it.parse().unwrap(), ttl: 60 })
        .into();
    let answer = DnsAnswer { name: "www.example.com".into(), addresses, known_as: Some(known_as) };
    let bytes = encoded(|bytes| encode_dns(Some(&answer), bytes));
    assert_eq!(decode_dns(&bytes), Some(Some(answer)));
}

/// Reads bytes as everything that they might be.
fn read(bytes: &[u8]) {
    let _ = (Question::decode(bytes), Answer::decode(bytes), decode_dns(bytes));
    let _ = (decode_details(bytes), decode_classification(bytes));
}

#[test]
fn no_bytes_of_the_other_side_do_harm() {
    let details = Details::new("www.example.com", "", "h2");
    let answer = Answer { details: Some(details), by_name: Some(said()), ..Answer::default() };
    let dns = DnsAnswer { known_as: Some(Known::default()), ..DnsAnswer::default() };
    let whole = [
        encoded(|bytes| Question::Details { flow: 8 }.encode(bytes)),
        encoded(|bytes| answer.encode(bytes)),
        encoded(|bytes| encode_dns(Some(&dns), bytes)),
    ];
    for bytes in whole {
        for at in 0..bytes.len() {
            read(&bytes[..at]);
            assert!(Answer::decode(&bytes[..at]).is_none());
            for value in 0..=u8::MAX {
                let mut changed = bytes.clone();
                changed[at] = value;
                read(&changed);
            }
        }
    }
}

/// Memory that outlives threads which never end.
fn memory() -> Arc<Memory> {
    let memory = Arc::new(Memory::new(1).unwrap());
    let _kept = Arc::into_raw(Arc::clone(&memory));
    memory
}

/// An engine behind `memory`, and its gauge.
fn remote(memory: &Arc<Memory>) -> (RemoteEngine, Gauge) {
    let counts = Arc::default();
    let gauge = Gauge::new(memory, &counts);
    (RemoteEngine::new(Client::new(Arc::clone(memory), 0), counts), gauge)
}

/// Has a thread answer as worker `number`, so many times.
fn serve<D>(
    memory: &Arc<Memory>,
    (number, answers): (u32, usize),
    detector: impl FnOnce() -> D + Send + 'static,
) where
    D: Detector,
{
    memory.exchanges()[0].begin();
    let served = Arc::clone(memory);
    thread::spawn(move || {
        let (mut server, exchange) = (Server::new(detector()), &served.exchanges()[0]);
        let (mut last, mut bytes) = (exchange.first(), [Vec::new(), Vec::new()]);
        for _ in 0..answers {
            last = exchange.serve_next(last, &mut bytes, |question, said| {
                server.answer(question, said, |at| exchange.begins(at));
            });
        }
    });
    start(memory, number);
}

fn start(memory: &Memory, number: u32) {
    memory.head().worker.store(number, Ordering::Release);
    wake(&memory.head().worker);
}

/// Says that worker `number` has ended.
fn end(memory: &Memory, number: u32, signal: i32) {
    memory.head().worker.store(0, Ordering::Release);
    memory.head().deaths.note(number, Some(signal));
    memory.exchanges()[0].rouse();
}

#[test]
fn an_engine_elsewhere_says_what_one_here_says() {
    let Some(library) = testing::library() else { return };
    let engine = || EngineSetup::default().engine(&library).unwrap();
    let (here, there) = (engine(), engine());
    let memory = memory();
    serve(&memory, (1, usize::MAX), move || &*Box::leak(Box::new(there)));
    let (elsewhere, gauge) = remote(&memory);
    let (here, elsewhere) = (&here, &elsewhere);
    let (mut one, mut other) = (here.open(), elsewhere.open());
    for (time, l3) in resolved(1000, 60, "www.facebook.com", &[]) {
        let time_ms = u64::from(time) * 1000;
        assert_eq!(
            elsewhere.inspect(&mut other, &l3, time_ms),
            here.inspect(&mut one, &l3, time_ms)
        );
        assert_eq!(elsewhere.classification(&other), here.classification(&one));
        assert_eq!(elsewhere.details(&other), here.details(&one));
        assert_eq!(elsewhere.first_packet(&mut other), here.first_packet(&mut one));
        assert_eq!(elsewhere.dns_answer(&other), here.dns_answer(&one));
        let hostname = |texts: ndpi_flow::RuleTexts<'_>| texts.hostname().map(str::to_owned);
        assert_eq!(hostname(elsewhere.rule_texts(&other)), hostname(here.rule_texts(&one)));
    }
    assert!(here.dns_answer(&one).is_some() && here.details(&one).hostname().is_some());
    assert_eq!(elsewhere.give_up(&mut other), here.give_up(&mut one));
    for host in ["www.facebook.com", "nowhere.invalid"] {
        assert_eq!(elsewhere.by_host(&said(), host), here.by_host(&said(), host));
    }
    assert_eq!(gauge.read(), crate::snapshot::NdpiProcess::default());
}

/// Says nothing, and how often it was asked.
struct Counting;

impl Detector for Counting {
    type Flow = u64;

    fn open(&self) -> u64 {
        0
    }

    fn inspect(&self, flow: &mut u64, _l3: &[u8], _time_ms: u64) -> Classification {
        *flow += 1;
        self.classification(flow)
    }

    fn classification(&self, flow: &u64) -> Classification {
        Classification { risks: ndpi::Risks(*flow), ..Classification::default() }
    }

    fn give_up(&self, flow: &mut u64) -> Classification {
        self.classification(flow)
    }

    fn rule_texts<'f>(&self, _flow: &'f u64) -> ndpi_flow::RuleTexts<'f> {
        ndpi_flow::RuleTexts::new(None, None, None)
    }

    fn details(&self, _flow: &u64) -> Details {
        Details::default()
    }
}

/// A UDP packet of the flow of that number.
fn packet(flow: u16) -> Vec<u8> {
    testkit::packets::udp([4000 + flow, 5000], false, b"something")
}

#[test]
fn a_flow_whose_worker_was_ended_by_somebody_else_goes_on_with_the_next() {
    let memory = memory();
    serve(&memory, (1, 2), || Counting);
    let (engine, gauge) = remote(&memory);
    let engine = &engine;
    let mut flow = engine.open();
    let seen = |flow: &mut _| engine.inspect(flow, &packet(1), 0).risks.0;
    assert_eq!((seen(&mut flow), seen(&mut flow)), (1, 2));
    end(&memory, 1, libc::SIGKILL);
    serve(&memory, (2, usize::MAX), || Counting);
    assert_eq!(seen(&mut flow), 1, "what the first had seen is lost");
    let fared = gauge.read();
    assert_eq!((fared.ended, fared.set_aside, fared.states_lost), (1, 0, 1));
}

#[test]
fn a_flow_of_which_a_worker_died_is_shown_to_none_again() {
    let memory = memory();
    let (engine, gauge) = remote(&memory);
    let engine = &engine;
    start(&memory, 1);
    let dying = Arc::clone(&memory);
    // A worker that begins with what it is asked, and dies.
    let worker = thread::spawn(move || {
        let (exchange, mut bytes) = (&dying.exchanges()[0], [Vec::new(), Vec::new()]);
        let dies = |_: &[u8], _: &mut Vec<u8>| panic!("as it is to");
        let died = catch_unwind(AssertUnwindSafe(|| exchange.serve_next(0, &mut bytes, dies)));
        assert!(died.is_err());
        end(&dying, 1, libc::SIGSEGV);
        serve(&dying, (2, usize::MAX), || Counting);
    });
    let mut fatal = engine.open();
    assert!(engine.inspect(&mut fatal, &packet(1), 0).state.is_final());
    worker.join().unwrap();
    assert!(engine.give_up(&mut fatal).state.is_final());
    let mut again = engine.open();
    let aside = engine.inspect(&mut again, &packet(1), 0);
    assert_eq!((aside.state, aside.app.app, aside.risks.0), (State::Classified, 0, 0));
    let mut other = engine.open();
    assert_eq!(engine.inspect(&mut other, &packet(2), 0).risks.0, 1);
    let fared = gauge.read();
    assert_eq!((fared.ended, fared.set_aside, fared.states_lost), (1, 1, 0));
}

#[test]
fn several_flows_are_asked_about_in_one_message() {
    let memory = memory();
    serve(&memory, (1, 2), || Counting);
    let (engine, _) = remote(&memory);
    let engine = &engine;
    let mut flows: Vec<_> = (0..20).map(|_| engine.open()).collect();
    for (number, flow) in (0..).zip(&mut flows) {
        for time_ms in 0..=u64::from(number) {
            let l3 = packet(number);
            assert_eq!(engine.show(flow, Packet { l3: &l3, time_ms }), None);
        }
    }
    // One that is over is asked about, as it is in the message, and its number is free behind that.
    drop(flows.remove(7));
    let seen: Vec<_> = flows.iter_mut().map(|flow| engine.hear(flow).risks.0).collect();
    assert_eq!(seen, (1..=20).filter(|it| *it != 8).collect::<Vec<_>>());
    assert_eq!(memory.exchanges()[0].asked(), 1);
    engine.rest();
    assert_eq!(memory.exchanges()[0].asked(), 2, "which of them are over");
    assert_eq!(engine.open().number(), 7);
}

#[test]
fn of_a_message_that_has_ended_a_worker_all_but_one_question_is_asked_again() {
    let memory = memory();
    let (engine, gauge) = remote(&memory);
    let engine = &engine;
    serve(&memory, (1, 1), || Counting);
    let mut flows: Vec<_> = (0..5).map(|_| engine.open()).collect();
    engine.inspect(&mut flows[1], &packet(1), 0);
    let dying = Arc::clone(&memory);
    start(&memory, 1);
    let worker = thread::spawn(move || {
        let (exchange, mut bytes) = (&dying.exchanges()[0], [Vec::new(), Vec::new()]);
        let dies = |_: &[u8], _: &mut Vec<u8>| {
            exchange.begins(3);
            panic!("as it is to")
        };
        let died = catch_unwind(AssertUnwindSafe(|| exchange.serve_next(1, &mut bytes, dies)));
        assert!(died.is_err());
        end(&dying, 1, libc::SIGSEGV);
        serve(&dying, (2, usize::MAX), || Counting);
    });
    for (number, flow) in (0..).zip(&mut flows) {
        engine.show(flow, Packet { l3: &packet(number), time_ms: 0 });
    }
    let said: Vec<_> = flows.iter_mut().map(|flow| engine.hear(flow)).collect();
    worker.join().unwrap();
    let states: Vec<_> = said.iter().map(|said| (said.state, said.risks.0)).collect();
    let seen = (State::Inspecting, 1);
    assert_eq!(states, [seen, seen, seen, (State::Classified, 0), seen]);
    let fared = gauge.read();
    assert_eq!((fared.ended, fared.set_aside, fared.states_lost), (1, 1, 1));
}

/// Says much of each flow, and has seen so many packets.
struct Talking(Arc<AtomicUsize>);

impl Detector for Talking {
    type Flow = u64;

    fn open(&self) -> u64 {
        0
    }

    fn inspect(&self, flow: &mut u64, _l3: &[u8], _time_ms: u64) -> Classification {
        self.0.fetch_add(1, Ordering::Relaxed);
        *flow += 1;
        self.classification(flow)
    }

    fn classification(&self, flow: &u64) -> Classification {
        Counting.classification(flow)
    }

    fn give_up(&self, flow: &mut u64) -> Classification {
        self.classification(flow)
    }

    fn rule_texts<'f>(&self, _flow: &'f u64) -> ndpi_flow::RuleTexts<'f> {
        ndpi_flow::RuleTexts::new(Some("x".repeat(20_000).into()), None, None)
    }

    fn details(&self, _flow: &u64) -> Details {
        Details::default()
    }
}

#[test]
fn what_there_is_no_room_to_answer_is_asked_again_and_looked_at_once() {
    let (memory, looked) = (memory(), Arc::<AtomicUsize>::default());
    let counter = Arc::clone(&looked);
    serve(&memory, (1, usize::MAX), || Talking(counter));
    let (engine, _) = remote(&memory);
    let engine = &engine;
    let mut flows: Vec<_> = (0..20).map(|_| engine.open()).collect();
    for (number, flow) in (0..).zip(&mut flows) {
        engine.show(flow, Packet { l3: &packet(number), time_ms: 0 });
    }
    for flow in &mut flows {
        assert_eq!(engine.hear(flow).risks.0, 1);
        assert_eq!(engine.rule_texts(flow).hostname().map(str::len), Some(20_000));
    }
    assert_eq!(looked.load(Ordering::Relaxed), 20);
    assert!(memory.exchanges()[0].asked() > 3, "their answers do not fit into three messages");
}

#[test]
fn while_there_is_no_worker_nobody_waits_for_one_for_long() {
    let memory = memory();
    memory.head().pausing.store(1, Ordering::Release);
    let (mut client, mut batch) = (Client::new(Arc::clone(&memory), 0), Batch::default());
    batch.push(&Question::Details { flow: 0 });
    let (began, mut absent) = (Instant::now(), 0);
    for _ in 0..1000 {
        client.ask(&[], &batch, |_, it| absent += u32::from(it == Err(Unanswered::Absent)));
    }
    assert_eq!(absent, 1000);
    assert!(began.elapsed() < Duration::from_secs(1));
}
