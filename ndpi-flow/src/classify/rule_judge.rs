//! Verdicts by a policy.

use std::sync::Arc;

use ndpi::Classification;
use ndpi_policy::{Adopted as Again, Earlier, Facts, Policy};

use super::detector::DnsAnswer;
use super::sink::{Judge, Moment};
use crate::first_packet::{Blocklist, Hint, Servers, lesson};
use crate::flow::{Adopted, Details, FlowEntry, RuleTexts};
use crate::verdict::Verdict;

/// Where flows are judged: what is known there besides the flow. As it stands, of captures.
pub trait Scene {
    /// The interface that saw a flow; `None` for captures.
    fn interface(&self, _ifindex: u32) -> Option<Arc<str>> {
        None
    }

    /// The time that rules are asked with, nanoseconds since the Unix epoch: in a capture that of the
    /// flow's last packet, `last_seen_ns`.
    fn now_ns(&self, last_seen_ns: u64) -> u64 {
        last_seen_ns
    }

    /// Has the rules decide about `facts`, by what `decide` does: for who measures it, or writes it down.
    fn judge(
        &mut self,
        _facts: &Facts<'_>,
        _moment: Moment,
        decide: impl FnOnce() -> Option<Verdict>,
    ) -> Option<Verdict> {
        decide()
    }
}

/// Flows from captures.
#[derive(Clone, Copy, Debug, Default)]
pub struct Captured;

impl Scene for Captured {}

/// Judges by a policy, and remembers servers for rules that decide by a flow's first packet.
#[derive(Debug)]
pub struct RuleJudge<S = Captured> {
    /// Without one, flows get no verdict.
    policy: Option<Arc<Policy>>,
    /// What is remembered of servers.
    servers: Option<Arc<Servers>>,
    /// Where it judges.
    pub scene: S,
    hints: Hints,
}

/// How often a flow's first packet was known to belong to something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Flows at whose first packet it was asked.
    pub asked: u64,
    /// Flows of them for which there was a hint.
    pub given: u64,
}

impl<S> RuleJudge<S> {
    /// Judges by `policy`; what all judges of a program remember of servers is in `servers`.
    pub fn new(policy: Arc<Policy>, servers: Arc<Servers>, scene: S) -> Self {
        Self { policy: Some(policy), servers: Some(servers), scene, hints: Hints::default() }
    }

    /// Judges flows of captures, and remembers their servers for itself if a rule asks for it. Servers
    /// that are blocked go to `blocklist`.
    pub fn of_captures(
        policy: Option<Arc<Policy>>,
        blocklist: impl Blocklist + 'static,
        scene: S,
    ) -> Self {
        let acts_early = policy.as_ref().filter(|policy| policy.acts_on_first_packet());
        let servers =
            acts_early.map(|policy| Servers::new(Arc::clone(policy), Box::new(blocklist)));
        Self { policy, servers: servers.map(Arc::new), scene, hints: Hints::default() }
    }

    /// How often there was a hint.
    pub fn hints(&self) -> Hints {
        self.hints
    }

    /// Judges by this policy from now on.
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        self.policy = Some(policy);
    }

    /// What the rule that decided a flow is called, or the setting that did in place of one.
    pub fn rule_of<'a, F>(&'a self, flow: &'a FlowEntry<F>) -> Option<&'a str> {
        flow.rule(self.policy.as_deref()?)
    }

    /// Remembers the server of a flow that was just decided, if a rule decides by first packets, for the
    /// server's next flows. `now_ns` is in nanoseconds since the Unix epoch.
    pub fn remember<F>(&self, flow: &FlowEntry<F>, now_ns: u64) {
        let (Some(policy), Some(servers)) = (&self.policy, &self.servers) else { return };
        // A server inside of somebody's tunnel is not the one that has its address elsewhere.
        if !flow.is_tenants()
            && let Some(lesson) = lesson(flow, policy)
        {
            servers.remember(lesson, now_ns);
        }
    }
}

impl<S: Scene, F> Judge<F> for RuleJudge<S> {
    fn judge(
        &mut self,
        flow: &FlowEntry<F>,
        classification: &Classification,
        texts: &RuleTexts<'_>,
        moment: Moment,
    ) -> Option<Verdict> {
        let policy = self.policy.as_deref()?;
        let interface = self.scene.interface(flow.ifindex);
        let now_ns = self.scene.now_ns(flow.last_seen_ns);
        let facts = flow.facts(classification, texts, interface.as_deref(), now_ns);
        self.scene.judge(&facts, moment, || verdict(policy, &facts, moment))
    }

    fn judge_adopted(&mut self, flow: &FlowEntry<F>, adopted: &Adopted) -> Option<(Verdict, bool)> {
        let (policy, decided) = (self.policy.as_deref()?, flow.decided()?);
        let interface = self.scene.interface(flow.ifindex);
        let now_ns = self.scene.now_ns(flow.last_seen_ns);
        let (said, texts) = (&decided.classification, RuleTexts::from(&decided.details));
        let facts = flow.facts(said, &texts, interface.as_deref(), now_ns);
        let (rule, rests_on_more) = (adopted.rule.name.as_deref(), adopted.rests_on_more);
        Some(match policy.decide_adopted(&facts, Earlier { rule, rests_on_more }) {
            Again::Decided(decision) => (decision.into(), false),
            Again::DecidedAgain(decision) => (decision.into(), true),
            Again::Keeps => (Verdict { rule: Some(Verdict::KEPT), ..decided.verdict? }, true),
        })
    }

    fn judges_partial(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.acts_on_partial())
    }

    fn judges_findings(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.acts_on_findings())
    }

    fn judges_requests(&self) -> bool {
        self.policy.as_ref().is_some_and(|policy| policy.acts_on_requests())
    }

    fn judges_first_packet(&self) -> bool {
        let policy = self.policy.as_ref().filter(|_| self.servers.is_some());
        policy.is_some_and(|policy| policy.acts_on_first_packet())
    }

    fn hint(
        &mut self,
        flow: &FlowEntry<F>,
        said: Option<Classification>,
        now_ns: u64,
    ) -> Option<Hint> {
        let hint = match flow.key.server(flow.client).filter(|_| !flow.is_tenants()) {
            // What is remembered of a server is of no tenant, or of another.
            None => Hint::by_first_packet(said, Details::default()),
            Some(server) => {
                self.servers.as_ref().and_then(|servers| servers.hint(&server, said, now_ns))
            }
        };
        if flow.inspected <= 1 {
            self.hints.asked += 1;
            self.hints.given += u64::from(hint.is_some());
        }
        hint
    }

    fn learn(&mut self, dns_answer: &DnsAnswer, now_ns: u64) {
        if let Some(servers) = &self.servers {
            servers.learn(dns_answer, now_ns);
        }
    }
}

/// The verdict of a policy; `None` while nDPI should see more of the flow, which is never at the final
/// moment.
fn verdict(policy: &Policy, facts: &Facts<'_>, moment: Moment) -> Option<Verdict> {
    match moment {
        Moment::FirstPacket | Moment::Early => policy.decide(facts),
        Moment::Finding => policy.decide_by_findings(facts),
        Moment::Final => Some(policy.decide_now(facts)),
    }
    .map(Verdict::from)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ndpi::{AppId, DnsAddress, State};
    use ndpi_common::{Direction, KeyV4};
    use ndpi_policy::{Support, Vocabulary};

    use super::*;
    use crate::first_packet::NoBlocklist;
    use crate::key::FlowKey;
    use crate::sample::Sample;
    use crate::tenant::{Tenant, TenantId};
    use crate::verdict::Action;

    fn policy(text: &str) -> Arc<Policy> {
        let names =
            Vocabulary { apps: [(119, "Facebook")].into_iter().collect(), ..Vocabulary::default() };
        let no_list = |_: &Path| unreachable!("no list is named");
        let policy = ndpi_policy::parse(Path::new("p"), text, &names, Support::ALL, &no_list);
        Arc::new(policy.unwrap_or_else(|problems| panic!("{problems}")))
    }

    fn flow(now_ns: u64, tenant: Tenant) -> FlowEntry<()> {
        let key = KeyV4::new(([198, 18, 0, 1], 1024), ([198, 18, 0, 2], 443), 0, 6).0;
        let sample = Sample::new(FlowKey::V4(key), Direction::FromLower, now_ns, &[]);
        FlowEntry::new(&Sample { tenant, ..sample }, ())
    }

    fn facebook(state: State) -> Classification {
        Classification { state, app: AppId { master: 91, app: 119 }, ..Classification::default() }
    }

    fn judged<S: Scene>(
        judge: &mut RuleJudge<S>,
        flow: &FlowEntry<()>,
        by: Moment,
    ) -> Option<Action> {
        let state = if by == Moment::Early { State::Partial } else { State::Classified };
        let verdict = judge.judge(flow, &facebook(state), &RuleTexts::default(), by);
        verdict.map(|verdict| verdict.action)
    }

    #[test]
    fn without_a_policy_there_are_no_verdicts() {
        let mut judge = RuleJudge::of_captures(None, NoBlocklist, Captured);
        assert_eq!(judged(&mut judge, &flow(1, Tenant::default()), Moment::Final), None);
        assert!(!Judge::<()>::judges_partial(&judge) && !Judge::<()>::judges_first_packet(&judge));
        judge.set_policy(policy("default = 'drop'"));
        assert_eq!(
            judged(&mut judge, &flow(1, Tenant::default()), Moment::Final),
            Some(Action::Drop)
        );
        assert_eq!(
            judged(&mut judge, &flow(1, Tenant::default()), Moment::Early),
            None,
            "no rule acts so early"
        );
    }

    /// A place with an interface and a clock.
    struct Live;

    impl Scene for Live {
        fn interface(&self, ifindex: u32) -> Option<Arc<str>> {
            Some(format!("eth{ifindex}").into())
        }

        fn now_ns(&self, _last_seen_ns: u64) -> u64 {
            13 * 3_600_000_000_000
        }
    }

    #[test]
    fn rules_are_asked_with_the_time_and_the_interface_of_the_scene() {
        let text = "[[rule]]\nschedule = { hours = '13:00-14:00', zone = 'UTC' }\niface = 'eth0'\n\
                    action = 'drop'\n";
        let rules = policy(text);
        let servers = Arc::new(Servers::new(Arc::clone(&rules), Box::new(NoBlocklist)));
        let mut live = RuleJudge::new(Arc::clone(&rules), servers, Live);
        assert_eq!(
            judged(&mut live, &flow(1, Tenant::default()), Moment::Final),
            Some(Action::Drop)
        );
        let mut captured = RuleJudge::of_captures(Some(rules), NoBlocklist, Captured);
        assert_eq!(
            judged(&mut captured, &flow(1, Tenant::default()), Moment::Final),
            Some(Action::Count)
        );
    }

    #[test]
    fn a_server_inside_of_a_tunnel_is_nobody_elses() {
        let text = "[[rule]]\napp = 'Facebook'\nfirst_packet = true\naction = 'drop'\n";
        let mut judge = RuleJudge::of_captures(Some(policy(text)), NoBlocklist, Captured);
        let address = DnsAddress { address: "198.18.0.2".parse().unwrap(), ttl: 60 };
        let name = "www.facebook.com".to_owned();
        let announced = DnsAnswer { name, addresses: vec![address], known_as: None };
        Judge::<()>::learn(&mut judge, &announced, 1);
        let said = Some(facebook(State::Inspecting));
        let named = |judge: &mut RuleJudge, flow: &FlowEntry<()>| {
            let hint = judge.hint(flow, said, 1)?;
            hint.details.hostname().map(str::to_owned)
        };
        assert_eq!(
            named(&mut judge, &flow(1, Tenant::default())).as_deref(),
            Some("www.facebook.com")
        );
        let inside = [TenantId::Vxlan(7), TenantId::None];
        let inside = flow(1, Tenant::new(inside));
        assert_eq!(named(&mut judge, &inside), None);
        let stranger = judge.hint(&flow(9, Tenant::default()), None, 1);
        assert!(stranger.is_none());
        let mut later = flow(9, Tenant::default());
        later.inspected = 2;
        assert!(judge.hint(&later, None, 1).is_none());
        let hints = judge.hints();
        assert_eq!((hints.asked, hints.given), (3, 2), "each flow once");
    }
}
