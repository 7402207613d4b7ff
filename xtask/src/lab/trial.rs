//! A request made without ndpi-xdp and with it, and whether what came of it is right.

use serde_json::{Value, json};

use super::conversation::Asked;
use super::requests::{Ask, Expected, Family, Request};

/// A request, made twice: first through a bare router, then through one with `ndpi-xdp`.
pub(super) struct Trial {
    pub(super) request: Request,
    /// Without `ndpi-xdp`.
    pub(super) bare: Asked,
    /// With it.
    pub(super) asked: Asked,
    /// The flow's record; null where there was none.
    pub(super) flow: Value,
    /// The record of the decision; null where there was none.
    pub(super) verdict: Value,
}

impl Trial {
    /// Puts together a request and what `records` say of its flow.
    pub(super) fn new(request: Request, bare: Asked, asked: Asked, records: &[Value]) -> Self {
        let of_type = |kind: &str| {
            let fits = |record: &&Value| record["type"] == kind && asked.flow.is_of(record);
            records.iter().find(fits).cloned().unwrap_or_default()
        };
        let (flow, verdict) = (of_type("flow"), of_type("verdict"));
        Self { request, bare, asked, flow, verdict }
    }

    /// The same for several requests, in the same order.
    pub(super) fn all(
        requests: &[Request],
        bare: Vec<Asked>,
        asked: Vec<Asked>,
        records: &[Value],
    ) -> Vec<Self> {
        let pairs = requests.iter().zip(bare).zip(asked);
        pairs.map(|((request, bare), asked)| Self::new(*request, bare, asked, records)).collect()
    }

    pub(super) fn answered(&self) -> bool {
        self.asked.answer.is_ok()
    }

    pub(super) fn blocked(&self) -> bool {
        matches!(self.flow["action"].as_str(), Some("drop" | "reject"))
    }

    /// Packets that the kernel dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.flow["dropped"].as_u64().unwrap_or(0)
    }

    /// Packets that passed before a drop verdict stood.
    pub(super) fn leaked(&self) -> u64 {
        self.flow["leaked"].as_u64().unwrap_or(0)
    }

    /// Whether the client had its answer before the verdict stood: of so short a flow, or so late
    /// a verdict, all has leaked.
    pub(super) fn too_late(&self) -> bool {
        self.blocked() && self.answered()
    }

    /// What is not as it should be. `own_policy`: the policy is the lab's own, under which we know
    /// what to expect.
    pub(super) fn problems(&self, own_policy: bool) -> Vec<String> {
        let mut problems = Vec::new();
        let mut unless = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        if let Err(reason) = &self.bare.answer {
            unless(false, &format!("no answer even without ndpi-xdp: {reason}"));
        }
        if self.flow.is_null() {
            unless(false, "ndpi-xdp wrote no flow record");
        } else if self.blocked() {
            // What the lab's own policy blocks is never that short.
            unless(!(own_policy && self.too_late()), "answered in spite of the verdict");
            // Ends that were told may have nothing more to say.
            let told = self.flow["action"] == "reject";
            let dropped = self.too_late() || told || self.dropped() > 0;
            unless(dropped, "the kernel dropped nothing");
        } else {
            unless(self.answered(), "not answered, though nothing forbids it");
        }
        if self.flow["action"].is_string() && self.flow["action"] != "bypass" {
            let hidden = self.asked.watched && self.asked.entry.is_none();
            unless(!hidden, "bpftool did not show the verdict");
        }
        if own_policy {
            let expected = self.request.expected == Expected::Blocked;
            unless(self.blocked() == expected, "the lab's policy wants another verdict");
        }
        problems
    }

    /// The record of a request, for programs.
    pub(super) fn record(&self, own_policy: bool) -> Value {
        let flow = |field: &str| self.flow[field].clone();
        json!({
            "type": "request",
            "asked": self.request.shown(),
            "client": self.client(),
            "ip": if self.request.family == Family::V4 { 4 } else { 6 },
            "expected": own_policy.then(|| self.request.expected.name()),
            "answered": self.answered(),
            "said": self.asked.answer.as_ref().unwrap_or_else(|reason| reason),
            "seconds": self.asked.took.as_secs_f64(),
            "answered_without": self.bare.answer.is_ok(),
            "app": flow("app"),
            "category": flow("category"),
            "action": flow("action"),
            "rule": flow("rule"),
            "inspected": flow("inspected"),
            "latency_us": self.verdict["latency_us"],
            "leaked": flow("leaked"),
            "dropped": flow("dropped"),
            "flow": self.flow,
            "verdict": self.verdict,
            "map": self.asked.entry,
            "problems": self.problems(own_policy),
        })
    }

    fn client(&self) -> &'static str {
        match self.request.ask {
            Ask::Address => "dig",
            Ask::Https(_) | Ask::Http(_) | Ask::HttpTwice => "curl",
            Ask::Tls => "openssl",
            Ask::Ssh => "ssh",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lab::flow::FlowId;
    use crate::lab::requests::Page;

    /// A request that the lab's policy blocks, with what `ndpi-xdp` says of it.
    fn blocked(answered: bool, action: &str, dropped: u64) -> Trial {
        let (family, ask) = (Family::V4, Ask::Https(Page::Small));
        let request =
            Request { ask, name: "www.facebook.com", family, expected: Expected::Blocked };
        let flow = FlowId {
            proto: 6,
            client: (family.client(), Some(25_000)),
            server: (family.server(), 443),
        };
        let asked = |answered: bool| Asked {
            answer: answered.then(|| "200".to_owned()).ok_or_else(|| "timed out".to_owned()),
            code: Some(if answered { 0 } else { 28 }),
            took: Duration::from_secs(1),
            flow,
            watched: true,
            entry: Some(json!({"value": {}})),
        };
        let record = json!({"type": "flow", "proto": 6, "src": family.client(), "sport": 25_000,
                            "dst": family.server(), "dport": 443, "action": action,
                            "dropped": dropped, "leaked": 7});
        Trial::new(request, asked(true), asked(answered), &[json!({"type": "status"}), record])
    }

    #[test]
    fn a_blocked_request_without_an_answer_is_right() {
        let trial = blocked(false, "drop", 9);
        assert_eq!(trial.problems(true), [""; 0]);
        assert_eq!((trial.leaked(), trial.dropped()), (7, 9));
        assert_eq!(blocked(false, "reject", 0).problems(true), [""; 0], "told, and silent since");
    }

    #[test]
    fn each_contradiction_is_a_problem() {
        let mut no_flow = blocked(false, "drop", 9);
        no_flow.flow = Value::Null;
        let mut bare = blocked(false, "drop", 9);
        bare.bare.answer = Err("refused".to_owned());
        let mut unseen = blocked(false, "drop", 9);
        unseen.asked.entry = None;
        for (trial, problem) in [
            (blocked(true, "drop", 0), "answered in spite of the verdict"),
            (blocked(false, "drop", 0), "the kernel dropped nothing"),
            (blocked(false, "count", 0), "not answered, though nothing forbids it"),
            (blocked(true, "count", 0), "the lab's policy wants another verdict"),
            (no_flow, "ndpi-xdp wrote no flow record"),
            (bare, "no answer even without ndpi-xdp: refused"),
            (unseen, "bpftool did not show the verdict"),
        ] {
            assert!(trial.problems(true).contains(&problem.to_owned()), "{problem}");
        }
    }

    #[test]
    fn another_policy_may_want_something_else() {
        assert_eq!(blocked(true, "count", 0).problems(false), [""; 0]);
        assert_eq!(blocked(true, "drop", 0).problems(false), [""; 0], "over before its verdict");
    }
}
