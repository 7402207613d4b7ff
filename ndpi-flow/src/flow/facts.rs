//! The facts about a flow that rules can ask for.

use ndpi::Classification;
use ndpi_policy::{Facts, Policy};

use super::entry::FlowEntry;
use super::rule_texts::RuleTexts;

impl<F> FlowEntry<F> {
    /// What is known of the flow, seen on `iface`, at `time_ns` nanoseconds since the Unix epoch.
    pub fn facts<'a>(
        &self,
        classification: &'a Classification,
        texts: &'a RuleTexts<'_>,
        iface: Option<&'a str>,
        time_ns: u64,
    ) -> Facts<'a> {
        let (client, server) = self.endpoints();
        Facts {
            classification,
            hostname: texts.hostname(),
            ja4: texts.ja4(),
            alpn: texts.alpn(),
            client,
            server,
            proto: self.key.proto(),
            vlan: self.key.vlan(),
            iface,
            findings: self.findings,
            incomplete: self.start.is_incomplete(classification, texts.hostname()),
            time: Facts::time_of(time_ns),
        }
    }

    /// What the rule that decided the flow is called, or the setting that did in place of one; `None`
    /// without a verdict.
    pub fn rule<'p>(&'p self, policy: &'p Policy) -> Option<&'p str> {
        let decided = self.decided()?;
        if let Some(name) = self.kept_rule().and_then(|rule| rule.name.as_deref()) {
            return Some(name);
        }
        let rule = decided.verdict?.rule_index();
        Some(policy.decided_by(rule, &decided.classification, self.is_incomplete()))
    }
}
