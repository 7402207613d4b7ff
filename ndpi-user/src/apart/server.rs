//! The worker's side: answers one thread's questions by nDPI.

use ndpi_flow::{Detector, Packet};

use super::answer::{Answer, encode_classification, encode_details, encode_dns};
use super::batch;
use super::exchange::ROOM;
use super::question::Question;

/// The flows of one thread.
#[derive(Debug)]
pub(super) struct Server<D: Detector> {
    detector: D,
    /// By number. Whoever asks gives numbers out from 0 on, and those that are free first.
    flows: Vec<Option<D::Flow>>,
}

impl<D: Detector> Server<D> {
    pub(super) fn new(detector: D) -> Self {
        Self { detector, flows: Vec::new() }
    }

    /// Puts the answers to the questions of a message into `said`, as far as there is room for them; those that are
    /// left are asked again. Says at which it `begins`.
    pub(super) fn answer(&mut self, message: &[u8], said: &mut Vec<u8>, begins: impl Fn(usize)) {
        let Some((over, questions)) = batch::decode(message) else { return };
        for flow in over {
            if let Some(place) = self.flows.get_mut(flow as usize) {
                *place = None;
            }
        }
        for (at, question) in questions.enumerate() {
            if said.len() > ROOM / 2 {
                return;
            }
            begins(at);
            self.answer_one(question, said);
        }
    }

    /// Puts the answer to a question behind its length; nothing where it is none, or too long.
    fn answer_one(&mut self, question: &[u8], said: &mut Vec<u8>) {
        let begin = said.len() + size_of::<u32>();
        said.resize(begin, 0);
        if let Some(question) = Question::decode(question) {
            self.say(question, said);
        }
        if said.len() > ROOM {
            said.truncate(begin);
        }
        let length = u32::try_from(said.len() - begin).unwrap_or_default();
        said[begin - size_of::<u32>()..begin].copy_from_slice(&length.to_ne_bytes());
    }

    fn say(&mut self, question: Question<'_>, said: &mut Vec<u8>) {
        match question {
            Question::Look { flow, fresh, last, packets } => {
                let opened = self.open(flow, fresh);
                let look = if last { Self::look_at_last } else { Self::look };
                look(self, flow, opened, &packets).encode(said);
            }
            Question::Details { flow } => {
                let details = self.flow(flow).map(|flow| self.detector.details(flow));
                encode_details(&details.unwrap_or_default(), said);
            }
            Question::DnsAnswer { flow } => {
                let answer = self.flow(flow).and_then(|flow| self.detector.dns_answer(flow));
                encode_dns(answer.as_ref(), said);
            }
            Question::ByName { flow, said: known } => {
                let named = self.flow(flow).and_then(|flow| self.detector.by_name(&known, flow));
                encode_classification(named.as_ref(), said);
            }
            Question::ByHost { said: known, host } => {
                encode_classification(Some(&self.detector.by_host(&known, host)), said);
            }
            Question::Nothing => self.forget_ends(),
        }
    }

    /// Gives back what was taken for numbers that nobody uses now.
    fn forget_ends(&mut self) {
        let used = self.flows.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        self.flows.truncate(used);
        self.flows.shrink_to_fit();
    }

    /// Opens a flow, where it is not open; whether it was not.
    fn open(&mut self, flow: u32, fresh: bool) -> bool {
        let at = flow as usize;
        if self.flows.len() <= at {
            self.flows.resize_with(at + 1, || None);
        }
        let opens = fresh || self.flows[at].is_none();
        if opens {
            self.flows[at] = Some(self.detector.open());
        }
        opens
    }

    fn flow(&self, flow: u32) -> Option<&D::Flow> {
        self.flows.get(flow as usize)?.as_ref()
    }

    fn look(&mut self, flow: u32, opened: bool, packets: &[Packet<'_>]) -> Answer {
        let Some(Some(flow)) = self.flows.get_mut(flow as usize) else { return Answer::default() };
        let classification = self.detector.inspect_all(flow, packets);
        let first_packet = self.detector.first_packet(flow);
        let texts = self.detector.rule_texts(flow);
        // It is decided with this packet then, in most cases: asked for them apart, there would be another question.
        let is_near = classification.state.is_final() || texts.hostname().is_some();
        let details = is_near.then(|| self.detector.details(flow));
        let texts = [texts.hostname(), texts.ja4(), texts.alpn()];
        Answer {
            opened,
            classification,
            first_packet,
            by_name: self.detector.by_name(&classification, flow),
            texts: texts.map(|text| text.map(Box::from)),
            details,
        }
    }

    fn look_at_last(&mut self, flow: u32, opened: bool, packets: &[Packet<'_>]) -> Answer {
        let Some(Some(flow)) = self.flows.get_mut(flow as usize) else { return Answer::default() };
        let classification = self.detector.give_up_after(flow, packets);
        let details = self.detector.details(flow);
        Answer {
            opened,
            classification,
            first_packet: self.detector.first_packet(flow),
            by_name: self.detector.by_name(&classification, flow),
            texts: [details.hostname(), details.ja4(), details.alpn()]
                .map(|text| text.map(Box::from)),
            details: Some(details),
        }
    }
}
