//! A flow, as user space knows it.

use ndpi_common::parse::proto;
use ndpi_common::reopen::Opening;
use ndpi_common::{Direction, State};
use ndpi_labels::Findings;

use super::adopted::{Adopted, EarlierRule};
use super::decided::Decided;
use super::devices::Devices;
use super::ledger::Held;
use super::looks::Looks;
use super::places::Places;
use super::proof::Proof;
use super::reported::Reported;
use super::start::Start;
use super::traffic::{Traffic, Volume};
use crate::first_packet::Questions;
use crate::key::{Endpoint, FlowKey};
use crate::normalise::Receiver;
use crate::sample::{Sample, tcp};
use crate::tenant::Tenants;
use crate::verdict::Verdict;

/// One flow: its counters, and either its nDPI state or its classification.
///
/// `F` is the detector's own flow state (an [`ndpi::Flow`]), which is freed at the decision.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, read by name")]
pub struct FlowEntry<F> {
    /// The canonical key.
    pub key: FlowKey,
    /// Whose flow it is, where a tunnel around it says so: with the key, what tells flows apart.
    pub tenants: Option<Box<Tenants>>,
    /// Which way the client's packets go.
    pub client: Direction,
    /// TCP flags seen from the lower and from the upper endpoint.
    pub tcp_seen: [u8; 2],
    /// Bits of [`State::at_ingress`]: whose packets XDP has seen.
    pub ingress: u8,
    /// Where its packets came by.
    pub places: Places,
    /// What shows that its connection is one.
    pub proof: Proof,
    /// The SYN that opened its connection, if that or the answer to it was seen.
    pub opening: Option<Opening>,
    /// The SYN that opened its connection, if the kernel has seen it answered so that nobody can have forged it.
    pub answered: Option<Opening>,
    /// What was seen of its start.
    pub start: Start,
    /// The server has answered: in TCP with a packet that acknowledges something, else with any.
    pub server_spoke: bool,
    /// What its client asked a DNS server.
    pub questions: Option<Box<Questions>>,
    /// What was found in its packets besides.
    pub findings: Findings,
    /// Those of them that were taken notice of ([`Self::uncounted_findings`]).
    counted: Findings,
    /// What its receiver has read of a TCP stream or a QUIC connection, until the decision; then, what is
    /// known of its requests.
    pub receiver: Option<Receiver>,
    /// Some of its packets came in fragments.
    pub in_fragments: bool,
    /// How it was looked at again.
    pub looks: Looks,
    /// What had crossed of it when more of its packets were shown than its budget; `None` where no more were.
    pub extended: Option<Box<Traffic>>,
    /// The packet, counted from 1 as in `inspected`, that made the state PARTIAL; 0 if none did.
    pub partial_at: u8,
    /// Packets given to nDPI.
    pub inspected: u16,
    /// [`Sample::ifindex`] of the first packet.
    pub ifindex: u32,
    /// Between which devices the first packet went.
    pub devices: Option<Devices>,
    /// Packets seen until the decision, the deciding one included: what leaks of a blocked flow.
    pub packets_before: u32,
    /// Packets and bytes that an earlier policy let through: nothing of them has leaked.
    pub allowed: (u64, u64),
    /// A change of policy has changed the verdict.
    pub rejudged: bool,
    /// What user space has seen of the flow.
    pub traffic: Traffic,
    /// When the first packet was seen, nanoseconds since the Unix epoch.
    pub first_seen_ns: u64,
    /// When the last packet was seen, nanoseconds since the Unix epoch.
    pub last_seen_ns: u64,
    /// The same by [`Sample::clock_ns`], which says when it is idle.
    pub heard_ns: u64,
    /// The last report on it while it goes on, if there was one.
    pub reported: Option<Box<Reported>>,
    /// There is a note on an earlier decision, see [`super::Notes`], and its packets so far only ask for
    /// a new connection.
    pub noted: bool,
    /// It was taken over from an instance that is gone.
    pub adopted: Option<Box<Adopted>>,
    /// When the kernel was given its verdict, nanoseconds since the Unix epoch; 0 before.
    pub enforced_ns: u64,
    /// A packet of it waits for what is to be heard of it: later packets wait, too.
    pub is_put_off: bool,
    /// Undecided or decided.
    pub stage: Stage<F>,
}

/// How far user space has come with a flow.
#[derive(Debug)]
pub enum Stage<F> {
    /// nDPI is still looking, with its state for this flow.
    Undecided(F),
    /// The classification is final for us, and the detector's state is freed.
    Decided(Decided),
}

impl<F> FlowEntry<F> {
    /// The flow that `sample` opens. The sender of the first packet is the client, but for a
    /// SYN+ACK, which a server sends.
    pub fn new(sample: &Sample, detector: F) -> Self {
        let sender_is_server = tcp::accepts(sample.tcp_flags);
        let client = if sender_is_server { sample.direction.opposite() } else { sample.direction };
        Self {
            tenants: Tenants::of(sample.tenant, sample.direction),
            ifindex: sample.ifindex,
            devices: Devices::of(sample),
            heard_ns: sample.clock_ns,
            ..Self::empty(sample.key, client, sample.time_ns, Stage::Undecided(detector))
        }
    }

    /// A flow of which nothing is known but who talks to whom, and since when.
    pub(super) fn empty(key: FlowKey, client: Direction, time_ns: u64, stage: Stage<F>) -> Self {
        Self {
            key,
            tenants: None,
            client,
            tcp_seen: [0; 2],
            ingress: 0,
            places: Places::default(),
            proof: Proof::default(),
            opening: None,
            answered: None,
            start: Start::default(),
            server_spoke: false,
            questions: None,
            findings: Findings::NONE,
            counted: Findings::NONE,
            receiver: None,
            in_fragments: false,
            looks: Looks::default(),
            extended: None,
            partial_at: 0,
            inspected: 0,
            ifindex: 0,
            devices: None,
            traffic: Traffic::default(),
            packets_before: 0,
            allowed: (0, 0),
            rejudged: false,
            first_seen_ns: time_ns,
            last_seen_ns: time_ns,
            heard_ns: time_ns,
            reported: None,
            noted: false,
            adopted: None,
            enforced_ns: 0,
            is_put_off: false,
            stage,
        }
    }

    /// Counts a packet of the flow.
    pub fn count(&mut self, sample: &Sample) {
        let more = Volume { packets: sample.packets.into(), bytes: sample.bytes.into() };
        self.traffic.count(sample.direction, more);
        self.hear(sample.time_ns, sample.clock_ns);
        self.server_spoke |= self.is_answered_by(sample);
        self.tcp_seen[side(sample.direction)] |= sample.tcp_flags;
        if let Some(tenants) = &mut self.tenants {
            tenants.note(sample.tenant, sample.direction);
        }
        self.places.note(sample.direction, sample.place());
        self.proof.note(&sample.sequence, self.is_answered_from_elsewhere(sample));
        if sample.ingress {
            self.ingress |= State::at_ingress(sample.direction);
        }
        if sample.tcp_flags & tcp::SYN != 0 {
            let opening = sample.tcp_header().and_then(|header| header.opening());
            self.opening = self.opening.or(opening);
        }
        // Where user space is behind, neither SYN nor SYN+ACK may have come here.
        self.opening = self.opening.or_else(|| sample.accepted_opening());
        self.answered = self.answered.or_else(|| sample.answered_opening());
    }

    /// Whether `sample` is of a later connection on the same ports, of which the kernel has seen the handshake. Where
    /// user space is behind, none of its packets need come here, nor the end of the one before.
    pub fn is_before(&self, sample: &Sample) -> bool {
        Sample::is_later(self.answered, sample.answered_opening())
    }

    /// Notes when a packet was seen, see [`Sample::time_ns`] and [`Sample::clock_ns`].
    pub fn hear(&mut self, time_ns: u64, clock_ns: u64) {
        self.last_seen_ns = self.last_seen_ns.max(time_ns);
        self.heard_ns = self.heard_ns.max(clock_ns);
    }

    /// Whether a tunnel around it says whose it is: in captures beside its key, else within it.
    pub fn is_tenants(&self) -> bool {
        self.tenants.is_some() || self.key.tenant().is_some()
    }

    /// Packets of both directions that user space has seen.
    pub fn packets(&self) -> u64 {
        self.traffic.total().packets
    }

    /// Notes that what was seen until now is all that came before the decision.
    pub fn begin_verdict(&mut self) {
        self.packets_before = u32::try_from(self.packets()).unwrap_or(u32::MAX);
    }

    /// Notes which way its client's packets go, where what they say proves it: a packet of the server may have been
    /// seen before the first of the client.
    pub(crate) fn is_opened_by(&mut self, client: Direction) {
        if self.client != client {
            self.client = client;
            self.server_spoke = self.traffic.sent(client.opposite()).packets > 0;
        }
    }

    /// What was found since the last call: for who counts each finding of a flow once, whether it was made
    /// before the decision, by a later request or at the end.
    pub fn uncounted_findings(&mut self) -> Findings {
        let more = self.findings.difference(self.counted);
        self.counted = self.findings;
        more
    }

    /// Notes what was found in the flow before it was forgotten here, and counted then.
    pub(super) fn remember_findings(&mut self, before: Findings) {
        self.findings = self.findings.union(before);
        self.counted = self.counted.union(before);
    }

    /// Notes packets and bytes that an earlier policy let through.
    pub fn allow(&mut self, packets: u64, bytes: u64) {
        self.allowed.0 += packets;
        self.allowed.1 += bytes;
    }

    /// What the kernel is to know of it with a verdict: bits of [`State`].
    pub fn state(&self) -> u8 {
        self.ingress | self.places.state()
    }

    /// Client and server.
    pub fn endpoints(&self) -> (Endpoint, Endpoint) {
        self.key.endpoints(self.client)
    }

    /// Whether the TCP connection ended: FIN from both sides, or RST from either.
    pub fn tcp_closed(&self) -> bool {
        let [lower, upper] = self.tcp_seen;
        tcp::closed(lower, upper)
    }

    /// Whether `sample` is the other side's answer to the client: a packet that is no reset, and in TCP
    /// acknowledges something.
    pub fn is_answered_by(&self, sample: &Sample) -> bool {
        let is_tcp = self.key.proto() == proto::TCP;
        sample.direction != self.client && (!is_tcp || tcp::answers(sample.tcp_flags))
    }

    /// Whether `sample` answers whoever sent the first packet, from elsewhere.
    pub fn is_answered_from_elsewhere(&self, sample: &Sample) -> bool {
        let is_tcp = self.key.proto() == proto::TCP;
        self.places.is_answer(sample.direction, sample.place())
            && (!is_tcp || tcp::answers(sample.tcp_flags))
    }

    /// Whether there is an answer to whoever sent the first packet where the lower and the upper endpoint have sent
    /// something that would answer the other, or not.
    pub fn has_answer(&self, [lower, upper]: [bool; 2]) -> bool {
        match self.places.answers_go() {
            Some(Direction::FromLower) => lower,
            Some(Direction::FromUpper) => upper,
            None => false,
        }
    }

    /// Bytes that are kept for its receiver.
    pub(crate) fn kept(&self) -> usize {
        self.receiver.as_ref().map_or(0, Receiver::kept)
    }

    /// Whose requests are read though it is decided, and the sequence number from which on packets are of
    /// interest; `None` where none are.
    pub fn followed(&self) -> Option<(Direction, u32)> {
        self.decided()?;
        self.receiver.as_ref()?.followed()
    }

    /// What the flow is, as far as its client's share goes.
    pub fn held(&self) -> Option<Held> {
        match &self.stage {
            Stage::Undecided(_) => Some(Held::Undecided),
            Stage::Decided(decided) => {
                decided.verdict.filter(|it| it.action.drops()).map(|_| Held::Blocked)
            }
        }
    }

    /// Whether both sides of a TCP connection have been heard.
    pub fn tcp_answered(&self) -> bool {
        let [lower, upper] = self.tcp_seen;
        tcp::answered(lower, upper)
    }

    /// Whether it was decided without what would have named its application.
    pub fn is_incomplete(&self) -> bool {
        self.decided().is_some_and(|decided| {
            self.start.is_incomplete(&decided.classification, decided.details.hostname())
        })
    }

    /// What decided it in an earlier instance, where that verdict is kept.
    pub fn kept_rule(&self) -> Option<&EarlierRule> {
        let verdict = self.decided()?.verdict?;
        let adopted = self.adopted.as_ref().filter(|_| verdict.rule == Some(Verdict::KEPT))?;
        Some(&adopted.rule)
    }

    /// What was decided, if it was.
    pub fn decided(&self) -> Option<&Decided> {
        match &self.stage {
            Stage::Decided(decided) => Some(decided),
            Stage::Undecided(_) => None,
        }
    }
}

fn side(direction: Direction) -> usize {
    match direction {
        Direction::FromLower => 0,
        Direction::FromUpper => 1,
    }
}
