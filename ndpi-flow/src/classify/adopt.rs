//! Taking over flows that an instance decided which is gone.

use super::classifier::Classifier;
use super::detector::Detector;
use super::enforcement::Enforcement;
use super::fall_back::judge;
use super::sink::Sink;
use crate::flow::{Inherited, Pool};
use crate::verdict::Verdict;

impl<D: Detector> Classifier<D> {
    /// Takes over a flow whose verdict stands, and has the policy judge it by what is known. No state of nDPI's is
    /// made for it. `now_ns` is in nanoseconds since the Unix epoch.
    pub fn adopt(&mut self, inherited: Inherited, now_ns: u64, sink: &mut impl Sink<D::Flow>) {
        self.now_ns = self.now_ns.max(now_ns);
        if self.table.find(&inherited.key).is_some() {
            return;
        }
        self.make_room(sink);
        let (action, answered, watched) = (inherited.action, inherited.answered, inherited.watched);
        let mut flow = inherited.into_flow();
        judge(&mut flow, sink.rules());
        sink.adopted(&mut flow, Verdict { action, rule: Some(Verdict::KEPT) });
        if watched {
            // Where its client's next request begins, nobody knows any more.
            sink.enforcement().follow(&flow);
        }
        let slot = self.table.insert(flow);
        self.ledger.enter(slot, if answered { Pool::Answered } else { Pool::Unanswered });
        self.account(slot, sink);
    }
}
