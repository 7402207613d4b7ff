//! Where decisions go, and where verdicts come from.

use ndpi::Classification;

use super::detector::DnsAnswer;
use super::end::End;
use super::enforcement::{Enforcement, Unenforced};
use crate::first_packet::Hint;
use crate::flow::{Adopted, Cause, Details, FlowEntry, RuleTexts};
use crate::sample::Sample;
use crate::verdict::Verdict;

/// When the rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// nDPI knows nothing yet, and what is claimed by the first packet is all there is.
    FirstPacket,
    /// Something was found in the flow's packets ([`FlowEntry::findings`]), and more may come: only rules that
    /// ask for it and for nothing that nDPI has yet to say may decide.
    Finding,
    /// The state is PARTIAL and more may come: only rules that ask for it may decide.
    Early,
    /// Nothing more will come: the classification is final, or the flow is over.
    Final,
}

/// Where verdicts come from.
pub trait Judge<F> {
    /// What the rules make of a classification. `None` leaves a flow undecided early, and without
    /// a verdict at the final moment.
    fn judge(
        &mut self,
        flow: &FlowEntry<F>,
        classification: &Classification,
        texts: &RuleTexts<'_>,
        moment: Moment,
    ) -> Option<Verdict>;

    /// What the rules make of a decided flow that was taken over, of which less is known than was: the verdict,
    /// and whether it rests on what is not known any more. `None` changes nothing.
    fn judge_adopted(
        &mut self,
        _flow: &FlowEntry<F>,
        _adopted: &Adopted,
    ) -> Option<(Verdict, bool)> {
        None
    }

    /// Whether [`judge`](Self::judge) wants to see PARTIAL classifications.
    fn judges_partial(&self) -> bool {
        false
    }

    /// Whether [`judge`](Self::judge) wants to see flows in which something was found, as soon as it is.
    fn judges_findings(&self) -> bool {
        false
    }

    /// Whether [`judge`](Self::judge) wants to see what is claimed by first packets, and
    /// [`learn`](Self::learn) what DNS answers say.
    fn judges_first_packet(&self) -> bool {
        false
    }

    /// Whether what is asked for later on a connection may change what [`judge`](Self::judge) says of it.
    fn judges_requests(&self) -> bool {
        false
    }

    /// What is claimed of a flow that nDPI knows nothing of yet, `said` being what nDPI says by its
    /// first packet. `now_ns`, here and below, is in nanoseconds since the Unix epoch.
    fn hint(
        &mut self,
        _flow: &FlowEntry<F>,
        said: Option<Classification>,
        _now_ns: u64,
    ) -> Option<Hint> {
        Hint::by_first_packet(said, Details::default())
    }

    /// A DNS answer was seen.
    fn learn(&mut self, _dns_answer: &DnsAnswer, _now_ns: u64) {}
}

/// When a sample was taken, in nanoseconds since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// From its ring, with those that were there.
    pub read_ns: u64,
    /// To be looked at.
    pub begun_ns: u64,
}

/// Where decisions and finished flows go.
pub trait Sink<F> {
    /// Where verdicts come from.
    fn rules(&mut self) -> &mut impl Judge<F>;

    /// Where they are enforced.
    fn enforcement(&mut self) -> &mut impl Enforcement<F> {
        Unenforced::get()
    }

    /// The sample at hand is put off: what is to be said when it [goes on](Self::resumes).
    fn puts_off(&mut self) -> Option<Taken> {
        None
    }

    /// What follows is about a sample that was put off, which was taken then.
    fn resumes(&mut self, _taken: Option<Taken>) {}

    /// The flow was just decided while it lives: its verdict may be written. `sample` completed
    /// the classification.
    fn decided(&mut self, flow: &mut FlowEntry<F>, sample: &Sample);

    /// A living flow that had the verdict `before` was judged again, see
    /// [`Classifier::judge_again`](super::Classifier::judge_again).
    fn judged_again(&mut self, _flow: &mut FlowEntry<F>, _before: Option<Verdict>) {}

    /// A living flow that had the verdict `before` has another one, by what it asked for since; `sample`
    /// completed that.
    fn decided_again(
        &mut self,
        _flow: &mut FlowEntry<F>,
        _before: Option<Verdict>,
        _sample: &Sample,
    ) {
    }

    /// More was found in a living flow than when it was decided.
    fn found(&mut self, _flow: &mut FlowEntry<F>) {}

    /// A flow of an instance that is gone was taken over, which had the verdict `before`; the rules have judged it
    /// by what is known.
    fn adopted(&mut self, _flow: &mut FlowEntry<F>, _before: Verdict) {}

    /// The flow was looked at, at `now_ns` on the clock of [`Sample::clock_ns`], and goes on. Each is now and then.
    fn goes_on(&mut self, _flow: &mut FlowEntry<F>, _now_ns: u64) {}

    /// A flow is ended early, to make room.
    fn displaced(&mut self, _flow: &FlowEntry<F>, _cause: Cause) {}

    /// The flow is over; its stage is [`Decided`](crate::flow::Stage::Decided).
    fn finished(&mut self, flow: FlowEntry<F>, end: End);
}
