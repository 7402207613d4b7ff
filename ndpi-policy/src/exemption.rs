//! Exceptions for a time: rules that stand before all rules of a policy.
//!
//! Such a rule is like any exception that a policy begins with. No rule behind it decides about a flow that it may
//! yet turn out to match: by a first packet none does as long as the flow's name is not known.

use std::net::{IpAddr, SocketAddr};

use crate::action::Action;
use crate::app_pattern::AppPattern;
use crate::diagnose::{Place, SourceId};
use crate::group::app_pattern;
use crate::host::HostPattern;
use crate::net::Net;
use crate::proto;
use crate::rule::{At, Matchers, Rule};
use crate::vocabulary::Vocabulary;

/// How the names of such rules begin; the number of the exception follows.
const PREFIX: &str = "release ";

/// What is let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exemption<'a> {
    /// A host and those below it, or what a policy's `host` may say.
    Host(&'a str),
    /// An application, as a policy names it.
    App(&'a str),
    /// Two ends, and the protocol between them: `198.18.0.1:40000 → 198.18.0.2:443 tcp`.
    Flow(&'a str),
}

/// What the rules of an exception are called.
pub fn exemption_name(number: u32) -> String {
    format!("{PREFIX}{number}")
}

/// Whether a rule of this name is one of an exception.
pub(crate) fn is_exemption(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|number| number.parse::<u32>().is_ok())
}

impl Exemption<'_> {
    /// The rules that let it pass.
    ///
    /// # Errors
    /// What is wrong with it, and what to write instead.
    pub fn rules(self, number: u32, names: &Vocabulary) -> Result<Vec<Rule>, String> {
        let matchers = match self {
            Self::Host(host) => vec![of_host(host)?],
            Self::App(app) => vec![of_app(app, names)?],
            Self::Flow(flow) => of_flow(flow)?,
        };
        Ok(matchers.into_iter().map(|matchers| rule(number, matchers)).collect())
    }
}

fn rule(number: u32, matchers: Matchers) -> Rule {
    Rule {
        name: exemption_name(number),
        place: NOWHERE,
        named: NOWHERE,
        action: Action::Count,
        partial: false,
        first_packet: false,
        matchers,
        not: Matchers::default(),
    }
}

/// It stands in no file.
const NOWHERE: Place = Place { source: SourceId(0), start: 0, end: 0 };

fn one<T>(value: T) -> Vec<At<T>> {
    vec![At { value, place: NOWHERE }]
}

fn of_host(host: &str) -> Result<Matchers, String> {
    let wrong = |error: crate::host::HostError| format!("{host:?}: {error}; {}", error.help());
    let pattern = match HostPattern::parse(host).map_err(wrong)? {
        HostPattern::Exact(name) => HostPattern::Tree(name),
        other => other,
    };
    Ok(Matchers { host: Some(one(pattern)), ..Matchers::default() })
}

/// Whether nDPI has an application of this name.
///
/// # Errors
///
/// It has none; says what may be meant.
pub fn check_app(app: &str, names: &Vocabulary) -> Result<(), String> {
    app_named(app, names).map(drop)
}

fn app_named(app: &str, names: &Vocabulary) -> Result<AppPattern, String> {
    app_pattern(&names.apps, app).ok_or_else(|| {
        let help = match names.apps.nearest(app)[..] {
            [] => "`ndpi-xdp list protocols` shows all names".into(),
            [only] => format!("did you mean {only}?"),
            ref some => format!("did you mean one of {}?", some.join(", ")),
        };
        format!("nDPI knows no app {app:?}; {help}")
    })
}

fn of_app(app: &str, names: &Vocabulary) -> Result<Matchers, String> {
    let pattern = app_named(app, names)?;
    if pattern == AppPattern::Either(0) {
        return Err("what is not recognised cannot be released by a name; name a flow".into());
    }
    Ok(Matchers { app: Some(one(pattern)), ..Matchers::default() })
}

/// One end of a flow; of some protocols, it has no port.
type End = (IpAddr, Option<u16>);

/// Flows between two ends, whichever of them is the client. A client's next flow comes from another port, so that
/// of the client's end is not looked at.
fn of_flow(text: &str) -> Result<Vec<Matchers>, String> {
    let form = "write a flow as `flows` shows it, \"198.18.0.1:40000 → 198.18.0.2:443\", with a protocol \
                behind it if only that is meant";
    let (mut ends, mut protocol) = (Vec::new(), None);
    for word in text.split([' ', ',', '→', '-', '>']).filter(|word| !word.is_empty()) {
        match (end(word), number_of(word)) {
            (Some(end), _) => ends.push(end),
            (None, Some(number)) if protocol.is_none() => protocol = Some(number),
            _ => return Err(format!("{word:?} is neither an address nor a protocol; {form}")),
        }
    }
    let [one_end, other] = ends[..] else {
        return Err(format!("{text:?} has {} ends; {form}", ends.len()));
    };
    if one_end.0.is_ipv4() != other.0.is_ipv4() {
        return Err(format!("{text:?} has an end of IPv4 and one of IPv6; {form}"));
    }
    let between = |client: End, server: End| Matchers {
        src: Some(one(Net::from(ipnet::IpNet::from(client.0)))),
        dst: Some(one(Net::from(ipnet::IpNet::from(server.0)))),
        port: server.1.map(|port| one(port..=port)),
        proto: protocol.map(one),
        ..Matchers::default()
    };
    Ok(vec![between(one_end, other), between(other, one_end)])
}

fn end(word: &str) -> Option<End> {
    let with_port = word.parse().map(|it: SocketAddr| (it.ip(), Some(it.port())));
    let (address, port) =
        with_port.or_else(|_| word.parse().map(|address| (address, None))).ok()?;
    Some((address.to_canonical(), port))
}

fn number_of(word: &str) -> Option<u8> {
    proto::number(word).or_else(|| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use ndpi_labels::{AppId, Classification, Confidence, State};

    use super::*;
    use crate::adopted::{Adopted, Earlier};
    use crate::decide::Policy;
    use crate::facts::Facts;
    use crate::load::parse;
    use crate::support::Support;

    fn names() -> Vocabulary {
        let apps = [(91, "TLS"), (119, "Facebook"), (124, "YouTube")].into_iter().collect();
        Vocabulary { apps, ..Vocabulary::default() }
    }

    fn policy(text: &str) -> Policy {
        let no_list = |_: &Path| Err(io::ErrorKind::NotFound.into());
        let policy = parse(Path::new("p"), text, &names(), Support::ALL, &no_list);
        policy.unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn released(text: &str, what: Exemption<'_>) -> Policy {
        policy(text).preceded_by(&what.rules(3, &names()).unwrap()).unwrap()
    }

    fn said(app: u16, state: State) -> Classification {
        let app = AppId { master: 91, app };
        Classification { state, app, confidence: Confidence::Dpi, ..Classification::default() }
    }

    fn facts(said: &Classification) -> Facts<'_> {
        let ends = ["198.18.0.1", "198.18.0.2"].map(|it| it.parse().unwrap());
        Facts::new(said, (ends[0], 40_000), (ends[1], 443))
    }

    /// The rule by which a classified flow of Facebook passes, or the action that the policy has for it.
    fn by<'a>(policy: &'a Policy, host: Option<&str>) -> (Action, &'a str) {
        let said = said(119, State::Classified);
        let decision = policy.decide_now(&Facts { hostname: host, ..facts(&said) });
        (decision.action, policy.rule_name(decision.rule))
    }

    const DROPS: &str = "[[rule]]\nname = 'no social'\napp = 'Facebook'\naction = 'drop'\n";

    #[test]
    fn it_wins_over_every_rule_and_counts_as_none_of_them() {
        let passes = (Action::Count, "release 3");
        let dropped = (Action::Drop, "no social");
        let by_host = released(DROPS, Exemption::Host("facebook.com"));
        assert_eq!(by(&by_host, Some("www.facebook.com")), passes);
        assert_eq!(by(&by_host, Some("facebook.com")), passes);
        assert_eq!(by(&by_host, Some("notfacebook.com")), dropped);
        assert_eq!(by(&by_host, None), dropped);
        assert_eq!(by(&released(DROPS, Exemption::App("facebook")), None), passes);
        assert_eq!(by(&released(DROPS, Exemption::App("YouTube")), None), dropped);
        assert_eq!((by_host.rules().len(), by_host.preceding()), (2, 1));
        assert_eq!(by(&policy(DROPS), Some("www.facebook.com")), dropped);
    }

    #[test]
    fn of_a_flow_both_ends_count_and_the_port_of_the_server() {
        for (flow, passes) in [
            ("198.18.0.1:9 → 198.18.0.2:443", true),
            ("198.18.0.2:443 → 198.18.0.1:40000", true),
            ("198.18.0.1 198.18.0.2", true),
            ("198.18.0.1:9->198.18.0.2:443 TCP", true),
            ("::ffff:198.18.0.1,198.18.0.2:443", true),
            ("198.18.0.1:9 198.18.0.2:443 udp", false),
            ("198.18.0.1:9 198.18.0.2:80", false),
            ("198.18.0.3:9 198.18.0.2:443", false),
        ] {
            let policy = released(DROPS, Exemption::Flow(flow));
            assert_eq!(by(&policy, None).0 == Action::Count, passes, "{flow}");
        }
    }

    #[test]
    fn no_first_packet_decides_a_flow_that_may_be_meant() {
        let early = format!("{DROPS}first_packet = true\n");
        let said = said(119, State::Inspecting);
        let asked = Facts { hostname: Some("other.example"), ..facts(&said) };
        let blocks = |policy: &Policy| {
            (policy.decide(&asked).is_some(), policy.rule_for_server(&asked).is_some())
        };
        assert_eq!(blocks(&policy(&early)), (true, true));
        for what in [Exemption::Host("facebook.com"), Exemption::App("Facebook")] {
            assert_eq!(blocks(&released(&early, what)), (false, false), "{what:?}");
        }
        assert_eq!(blocks(&released(&early, Exemption::App("YouTube"))), (true, true));
        // The server's other clients are not let pass, but they are asked one by one.
        let flow = Exemption::Flow("198.18.0.7 198.18.0.2:443");
        assert_eq!(blocks(&released(&early, flow)), (true, false));
    }

    #[test]
    fn what_has_ended_leaves_nothing_on_flows_of_an_earlier_instance() {
        let said = said(119, State::Classified);
        let earlier = Earlier { rule: Some("release 3"), rests_on_more: true };
        let decides = |policy: &Policy| policy.decide_adopted(&facts(&said), earlier);
        let Adopted::DecidedAgain(still) =
            decides(&released(DROPS, Exemption::Host("facebook.com")))
        else {
            panic!("it goes on");
        };
        assert_eq!(still.action, Action::Count);
        let Adopted::Decided(again) = decides(&policy(DROPS)) else { panic!("the policy decides") };
        assert_eq!(again.action, Action::Drop);
        let by_host = "default = 'drop'\n[[rule]]\nhost = 'a.example'\naction = 'count'\n";
        let Adopted::Decided(rest) = decides(&policy(by_host)) else { panic!("its settings do") };
        assert_eq!((rest.action, rest.rule), (Action::Drop, None));
        let other = Earlier { rule: Some("release me"), ..earlier };
        assert_eq!(policy(by_host).decide_adopted(&facts(&said), other), Adopted::Keeps);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_write() {
        let wrong = |what: Exemption<'_>| what.rules(1, &names()).unwrap_err();
        assert!(wrong(Exemption::App("Facebok")).contains("did you mean Facebook?"));
        assert!(wrong(Exemption::App("Unknown")).contains("list protocols"));
        assert!(wrong(Exemption::Host("https://a.example/x")).contains("\"a.example\""));
        for flow in ["", "198.18.0.1", "198.18.0.1 ::1", "198.18.0.1 198.18.0.2 http", "1 2"] {
            assert!(wrong(Exemption::Flow(flow)).contains("as `flows` shows it"), "{flow}");
        }
    }

    #[test]
    fn a_policy_that_is_full_takes_none() {
        let rule = "[[rule]]\nport = 1\naction = 'count'\n";
        let full = policy(&rule.repeat(crate::rule::MAX_RULES));
        let rules = Exemption::App("TLS").rules(1, &names()).unwrap();
        assert!(full.preceded_by(&rules).is_none() && full.preceded_by(&[]).is_some());
    }
}
