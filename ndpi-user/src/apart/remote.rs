//! nDPI as the classifier uses it, where it works in another process.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use ndpi::{Classification, State};
use ndpi_flow::{Details, Detector, DnsAnswer, FlowKey, Packet, RuleTexts};

use super::answer::{Answer, decode_classification, decode_details, decode_dns};
use super::client::{Client, Unanswered};
use super::desk::{Answered, Desk, Ticket};
use super::evidence::{Evidence, Shown};
use super::gauge::Counts;
use super::question::Question;
use super::set_aside::{SetAside, key_of};

/// Flows that are over, named with a question at most.
const OVER_AT_ONCE: usize = 1024;

/// What a flow is that nDPI may see nothing of: nothing will be known of it, and what the policy says of such
/// flows (`undecided`) decides.
const UNKNOWABLE: Classification = Classification {
    state: State::Classified,
    app: ndpi::AppId { master: 0, app: 0 },
    category: ndpi::CategoryId(0),
    breed: ndpi::BreedId(0),
    confidence: ndpi::Confidence::Unknown,
    guessed: false,
    risks: ndpi::Risks(0),
};

/// An engine in another process, for one thread.
#[derive(Debug)]
pub(crate) struct RemoteEngine {
    client: RefCell<Client>,
    desk: RefCell<Desk>,
    numbers: RefCell<Numbers>,
    aside: RefCell<SetAside>,
    counts: Arc<Counts>,
    /// Keeps what it is shown, where that is wanted.
    evidence: Option<Arc<Evidence>>,
}

/// The numbers of flows.
#[derive(Debug, Default)]
struct Numbers {
    /// How many were given out.
    given: u32,
    free: Vec<u32>,
    /// Those of flows that are over, which the worker has not heard of.
    over: Vec<u32>,
    /// Those of flows that are over, of which a question waits: it is asked before.
    leaving: Vec<(u32, Ticket)>,
}

/// A flow of an engine in another process.
#[derive(Debug)]
pub(crate) struct RemoteFlow<'e> {
    engine: &'e RemoteEngine,
    number: u32,
    /// Whether a worker has seen something of it.
    begun: bool,
    is_aside: bool,
    /// The question about it whose answer was not taken yet.
    asked: Option<Ticket>,
    key: Option<FlowKey>,
    shown: Shown,
    /// What was said of it last.
    known: Option<Box<Answer>>,
}

impl RemoteEngine {
    pub(super) fn new(client: Client, counts: Arc<Counts>) -> Self {
        let (desk, numbers, aside) = Default::default();
        Self { client: RefCell::new(client), desk, numbers, aside, counts, evidence: None }
    }

    /// Keeps what it is shown.
    pub(super) fn keeping(self, evidence: Option<Arc<Evidence>>) -> Self {
        Self { evidence, ..self }
    }

    /// Asks something, behind all that waits.
    fn ask<T>(
        &self,
        question: &Question<'_>,
        decode: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Unanswered> {
        self.make_room();
        let ticket = self.desk.borrow_mut().add(question);
        decode(&self.answer(ticket)?).ok_or(Unanswered::Absent)
    }

    /// The answer to a question; asks all that waits, if that does.
    fn answer(&self, ticket: Ticket) -> Answered {
        if self.desk.borrow().waits(ticket) {
            self.ask_all();
        }
        self.desk.borrow_mut().take(ticket).unwrap_or(Err(Unanswered::Absent))
    }

    fn ask_all(&self) {
        let mut numbers = self.numbers.borrow_mut();
        let kept = numbers.over.len().saturating_sub(OVER_AT_ONCE);
        let over = numbers.over.split_off(kept);
        let mut desk = self.desk.borrow_mut();
        desk.ask_all(&over, &mut self.client.borrow_mut());
        // Where nobody has heard of it: those that have these numbers next are fresh.
        numbers.free.extend(over);
        while let Some((number, ticket)) = numbers.leaving.pop() {
            desk.take(ticket);
            numbers.over.push(number);
        }
    }

    /// Asks all that waits, where there is no room for another question.
    fn make_room(&self) {
        if self.desk.borrow().is_full() {
            self.ask_all();
        }
    }

    /// Whether nDPI is to see nothing more of a flow, of which this packet is the next.
    fn is_aside(&self, flow: &mut RemoteFlow<'_>, packet: Option<&Packet<'_>>) -> bool {
        if flow.key.is_none()
            && let Some(packet) = packet
        {
            flow.key = key_of(packet.l3);
            flow.is_aside = flow.key.is_some_and(|key| self.aside.borrow().has(&key));
        }
        flow.is_aside
    }

    /// Shows a flow's last packets to nDPI.
    fn look_at_last(&self, flow: &mut RemoteFlow<'_>, packets: &[Packet<'_>]) -> Classification {
        self.hear_of(flow);
        if self.is_aside(flow, packets.first()) {
            return UNKNOWABLE;
        }
        for &packet in packets {
            flow.with_evidence(|evidence, shown| evidence.keep(shown, packet));
        }
        self.add_look(flow, true, packets.to_vec());
        self.hear_of(flow)
    }

    /// Adds a look at packets of a flow to what is asked next.
    fn add_look(&self, flow: &mut RemoteFlow<'_>, last: bool, packets: Vec<Packet<'_>>) {
        self.make_room();
        let (number, fresh) = (flow.number, !flow.begun);
        let question = Question::Look { flow: number, fresh, last, packets };
        flow.asked = Some(self.desk.borrow_mut().add(&question));
    }

    /// Takes what is said to the packets that were shown of a flow.
    fn hear_of(&self, flow: &mut RemoteFlow<'_>) -> Classification {
        if let Some(ticket) = flow.asked.take() {
            let answer = self.answer(ticket);
            flow.takes(answer.and_then(|it| Answer::decode(&it).ok_or(Unanswered::Absent)));
        }
        flow.classification()
    }

    /// Notes that a packet of the flow has ended a worker.
    fn set_aside(&self, flow: &mut RemoteFlow<'_>) {
        flow.is_aside = true;
        flow.known = None;
        Counts::add(&self.counts.set_aside);
        flow.with_evidence(Evidence::was_fatal);
        let Some(key) = flow.key else { return };
        self.aside.borrow_mut().insert(key);
        let ((lower, lower_port), (upper, upper_port)) = (key.lower(), key.upper());
        log::error!(
            "nDPI failed at a packet between {lower} port {lower_port} and {upper} port {upper_port} (protocol {}): \
             it sees no more of that flow, which `undecided` of the policy decides",
            key.proto()
        );
    }
}

impl Numbers {
    fn next(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.given += 1;
            self.given - 1
        })
    }
}

impl RemoteFlow<'_> {
    #[cfg(test)]
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Takes what is said of it.
    fn takes(&mut self, answer: Result<Answer, Unanswered>) {
        match answer {
            Ok(answer) => {
                if self.begun && answer.opened {
                    Counts::add(&self.engine.counts.states_lost);
                }
                self.begun = true;
                if answer.classification.state.is_final() {
                    self.with_evidence(Evidence::forget);
                }
                self.known = Some(Box::new(answer));
            }
            Err(Unanswered::Fatal) => self.engine.set_aside(self),
            Err(Unanswered::Absent) => {}
        }
    }

    fn with_evidence(&mut self, act: impl FnOnce(&Evidence, &mut Shown)) {
        if let Some(evidence) = &self.engine.evidence {
            act(evidence, &mut self.shown);
        }
    }

    fn classification(&self) -> Classification {
        if self.is_aside {
            return UNKNOWABLE;
        }
        self.known.as_ref().map(|known| known.classification).unwrap_or_default()
    }
}

impl Drop for RemoteFlow<'_> {
    fn drop(&mut self) {
        self.with_evidence(Evidence::forget);
        let mut numbers = self.engine.numbers.borrow_mut();
        let mut desk = self.engine.desk.borrow_mut();
        let Some(ticket) = self.asked else { return numbers.over.push(self.number) };
        if desk.waits(ticket) {
            return numbers.leaving.push((self.number, ticket));
        }
        desk.take(ticket);
        numbers.over.push(self.number);
    }
}

impl RemoteEngine {
    /// Says which flows are over that nobody has heard of: they take memory in the other process for as long.
    fn say_what_is_over(&self) {
        while !self.numbers.borrow().over.is_empty() {
            if self.ask(&Question::Nothing, |_| Some(())) == Err(Unanswered::Absent) {
                break;
            }
        }
    }
}

impl<'e> Detector for &'e RemoteEngine {
    type Flow = RemoteFlow<'e>;

    fn open(&self) -> RemoteFlow<'e> {
        let number = self.numbers.borrow_mut().next();
        let (asked, key, shown, known) = Default::default();
        RemoteFlow { engine: self, number, begun: false, is_aside: false, asked, key, shown, known }
    }

    fn inspect(&self, flow: &mut RemoteFlow<'e>, l3: &[u8], time_ms: u64) -> Classification {
        self.inspect_all(flow, &[Packet { l3, time_ms }])
    }

    fn inspect_all(&self, flow: &mut RemoteFlow<'e>, packets: &[Packet<'_>]) -> Classification {
        for &packet in packets {
            if let Some(said) = self.show(flow, packet) {
                return said;
            }
        }
        self.hear_of(flow)
    }

    fn show(&self, flow: &mut RemoteFlow<'e>, packet: Packet<'_>) -> Option<Classification> {
        if self.is_aside(flow, Some(&packet)) {
            return Some(UNKNOWABLE);
        }
        flow.with_evidence(|evidence, shown| evidence.keep(shown, packet));
        if let Some(ticket) = flow.asked
            && self.desk.borrow_mut().add_packet(ticket, packet)
        {
            return None;
        }
        // What was said to those before may be the last word.
        let said = self.hear_of(flow);
        if said.state.is_final() {
            return Some(said);
        }
        self.add_look(flow, false, vec![packet]);
        None
    }

    fn asks_later(&self) -> bool {
        true
    }

    fn hear(&self, flow: &mut RemoteFlow<'e>) -> Classification {
        self.hear_of(flow)
    }

    fn classification(&self, flow: &RemoteFlow<'e>) -> Classification {
        flow.classification()
    }

    fn give_up(&self, flow: &mut RemoteFlow<'e>) -> Classification {
        self.give_up_after(flow, &[])
    }

    fn give_up_after(&self, flow: &mut RemoteFlow<'e>, packets: &[Packet<'_>]) -> Classification {
        if !flow.begun && flow.asked.is_none() && packets.is_empty() {
            return flow.classification();
        }
        self.look_at_last(flow, packets)
    }

    fn rule_texts<'f>(&self, flow: &'f RemoteFlow<'e>) -> RuleTexts<'f> {
        let text = |at: usize| flow.known.as_ref()?.texts[at].as_deref().map(Cow::Borrowed);
        RuleTexts::new(text(0), text(1), text(2))
    }

    fn details(&self, flow: &RemoteFlow<'e>) -> Details {
        let Some(known) = &flow.known else { return Details::default() };
        if let Some(details) = &known.details {
            return details.clone();
        }
        let question = Question::Details { flow: flow.number };
        self.ask(&question, decode_details).unwrap_or_else(|_| {
            let [hostname, ja4, alpn] = known.texts.each_ref().map(|text| text.as_deref());
            Details::new(
                hostname.unwrap_or_default(),
                ja4.unwrap_or_default(),
                alpn.unwrap_or_default(),
            )
        })
    }

    fn by_name(&self, said: &Classification, flow: &RemoteFlow<'e>) -> Option<Classification> {
        let known = flow.known.as_ref()?;
        let named = known.by_name?;
        if known.classification == *said {
            return Some(named);
        }
        let question = Question::ByName { flow: flow.number, said: *said };
        self.ask(&question, decode_classification).unwrap_or(Some(named))
    }

    fn by_host(&self, said: &Classification, host: &str) -> Classification {
        let question = Question::ByHost { said: *said, host };
        self.ask(&question, decode_classification).ok().flatten().unwrap_or(*said)
    }

    fn first_packet(&self, flow: &mut RemoteFlow<'e>) -> Option<Classification> {
        flow.known.as_ref()?.first_packet
    }

    fn rest(&self) {
        self.say_what_is_over();
    }

    fn dns_answer(&self, flow: &RemoteFlow<'e>) -> Option<DnsAnswer> {
        flow.known.as_ref()?;
        let question = Question::DnsAnswer { flow: flow.number };
        self.ask(&question, decode_dns).ok().flatten()
    }
}
