//! nDPI as the classifier uses it, where it works in another process.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use ndpi::{Classification, State};
use ndpi_flow::{Details, Detector, DnsAnswer, FlowKey, Packet, RuleTexts};

use super::answer::{Answer, decode_classification, decode_details, decode_dns};
use super::client::{Client, Unanswered};
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
}

/// A flow of an engine in another process.
#[derive(Debug)]
pub(crate) struct RemoteFlow<'e> {
    engine: &'e RemoteEngine,
    number: u32,
    /// Whether a worker has seen something of it.
    begun: bool,
    is_aside: bool,
    key: Option<FlowKey>,
    shown: Shown,
    /// What was said of it last.
    known: Option<Box<Answer>>,
}

impl RemoteEngine {
    pub(super) fn new(client: Client, counts: Arc<Counts>) -> Self {
        let (client, numbers) = (RefCell::new(client), RefCell::default());
        Self { client, numbers, aside: RefCell::default(), counts, evidence: None }
    }

    /// Keeps what it is shown.
    pub(super) fn keeping(self, evidence: Option<Arc<Evidence>>) -> Self {
        Self { evidence, ..self }
    }

    fn ask<T>(
        &self,
        question: &Question<'_>,
        decode: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, Unanswered> {
        let mut numbers = self.numbers.borrow_mut();
        let kept = numbers.over.len().saturating_sub(OVER_AT_ONCE);
        let over = numbers.over.split_off(kept);
        let mut client = self.client.borrow_mut();
        let answer = client.ask(&over, question);
        // Where nobody has heard of it: those that have these numbers next are fresh.
        numbers.free.extend(over);
        decode(answer?).ok_or(Unanswered::Absent)
    }

    /// Shows a flow's packets to nDPI.
    fn look(
        &self,
        flow: &mut RemoteFlow<'_>,
        packets: &[Packet<'_>],
        last: bool,
    ) -> Classification {
        if flow.key.is_none()
            && let Some(packet) = packets.first()
        {
            flow.key = key_of(packet.l3);
            flow.is_aside = flow.key.is_some_and(|key| self.aside.borrow().has(&key));
        }
        if flow.is_aside {
            return UNKNOWABLE;
        }
        for &Packet { l3, time_ms } in packets {
            flow.with_evidence(|evidence, shown| evidence.keep(shown, l3, time_ms));
        }
        let (number, fresh, packets) = (flow.number, !flow.begun, packets.to_vec());
        let question = Question::Look { flow: number, fresh, last, packets };
        flow.takes(self.ask(&question, Answer::decode))
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
    /// Takes what is said of it.
    fn takes(&mut self, answer: Result<Answer, Unanswered>) -> Classification {
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
        self.classification()
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
        self.engine.numbers.borrow_mut().over.push(self.number);
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
        let (key, shown, known) = Default::default();
        RemoteFlow { engine: self, number, begun: false, is_aside: false, key, shown, known }
    }

    fn inspect(&self, flow: &mut RemoteFlow<'e>, l3: &[u8], time_ms: u64) -> Classification {
        self.inspect_all(flow, &[Packet { l3, time_ms }])
    }

    fn inspect_all(&self, flow: &mut RemoteFlow<'e>, packets: &[Packet<'_>]) -> Classification {
        self.look(flow, packets, false)
    }

    fn classification(&self, flow: &RemoteFlow<'e>) -> Classification {
        flow.classification()
    }

    fn give_up(&self, flow: &mut RemoteFlow<'e>) -> Classification {
        self.give_up_after(flow, &[])
    }

    fn give_up_after(&self, flow: &mut RemoteFlow<'e>, packets: &[Packet<'_>]) -> Classification {
        if !flow.begun && packets.is_empty() {
            return flow.classification();
        }
        self.look(flow, packets, true)
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
