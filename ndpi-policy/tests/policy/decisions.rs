//! Which rule decides.

use ndpi_labels::{AppId, Confidence, Risks, State};
use ndpi_policy::{Action, Limit, PassOrDrop, Per, RuleIndex, Support};

use crate::common::{Flow, flow, ip, policy, read_with};

/// Whether a rule with these matchers takes a flow.
fn takes(matchers: &str, flow: &Flow) -> bool {
    let policy = policy(&format!("[[rule]]\naction = \"drop\"\n{matchers}\n"));
    flow.decided_by(&policy).rule.is_some()
}

#[test]
fn the_first_rule_that_matches_wins() {
    let policy = policy(
        "default = \"bypass\"
         [[rule]]
         app = \"Rsync\"
         action = \"count\"
         [[rule]]
         category = [\"SocialNetwork\", \"Streaming\"]
         action = \"drop\"
         [[rule]]
         app = \"Facebook\"
         action = \"bypass\"",
    );
    let decision = flow().decided_by(&policy);
    assert_eq!((decision.action, decision.rule), (Action::Drop, Some(RuleIndex(1))));
    assert_eq!(policy.rule(RuleIndex(1)).name, "rule 2");
    let other = flow().with(|f| {
        f.classification.app = AppId { master: 0, app: 5 };
        f.classification.category.0 = 14;
    });
    let decision = other.decided_by(&policy);
    assert_eq!((decision.action, decision.rule), (Action::Bypass, None));
}

#[test]
fn an_app_is_the_application_or_what_carries_it() {
    assert!(takes("app = \"Facebook\"", &flow()));
    assert!(takes("app = \"tls\"", &flow()));
    assert!(takes("app = \"TLS.Facebook\"", &flow()));
    assert!(!takes("app = \"QUIC.Facebook\"", &flow()));
    assert!(!takes("app = [\"QUIC\", \"NetFlix\"]", &flow()));
}

#[test]
fn unknown_is_only_what_has_no_protocol_at_all() {
    let unknown = flow().with(|f| f.classification.app = AppId::default());
    let dns = flow().with(|f| f.classification.app = AppId { master: 0, app: 5 });
    assert!(takes("app = \"Unknown\"", &unknown));
    assert!(!takes("app = \"Unknown\"", &dns));
    assert!(takes("app = \"DNS\"", &dns));
    assert!(takes("not.app = \"Unknown\"", &dns));
}

#[test]
fn a_download_from_a_social_network_is_of_the_social_network() {
    let download = flow().with(|f| {
        f.classification.app = AppId { master: 7, app: 119 };
        f.classification.category.0 = 7;
    });
    assert!(takes("category = \"SocialNetwork\"", &download));
    assert!(takes("category = \"Download\"", &download));
    assert!(takes("flow_category = \"Download\"", &download));
    assert!(!takes("flow_category = \"SocialNetwork\"", &download));
    assert!(!takes("category = \"Web\"", &download), "HTTP carries it, and says nothing of it");
    assert!(!takes("not.category = \"SocialNetwork\"", &download));
    assert!(takes("not.flow_category = \"SocialNetwork\"", &download));
    let limited =
        policy("default = 'drop'\n[[rule]]\ncategory = 'SocialNetwork'\nlimit = '1 MB/s'");
    assert_eq!(download.decided_by(&limited).rule, Some(RuleIndex(0)));
}

#[test]
fn a_download_counts_to_its_application_before_the_final_word_and_at_the_last_moment() {
    let policy =
        policy("[[rule]]\ncategory = 'SocialNetwork'\naction = 'drop'\nstate = 'partial'\n");
    let partial = flow().with(|f| {
        f.classification.state = State::Partial;
        f.classification.category.0 = 7;
    });
    assert_eq!(policy.decide(&partial.facts()).and_then(|it| it.rule), Some(RuleIndex(0)));
    assert_eq!(policy.decide_now(&partial.facts()).rule, Some(RuleIndex(0)));
    let guessed = partial.with(|f| f.classification.confidence = Confidence::MatchByPort);
    assert_eq!(policy.decide_now(&guessed.facts()).rule, Some(RuleIndex(0)));
}

#[test]
fn category_breed_and_risks() {
    assert!(takes("category = \"socialnetwork\"", &flow()));
    assert!(!takes("category = \"Web\"", &flow()));
    assert!(takes("breed = \"Fun\"", &flow()));
    assert!(!takes("breed = \"Safe\"", &flow()));
    let risky = flow().with(|f| f.classification.risks = Risks(1 << 6 | 1 << 27));
    assert!(takes("risk = [\"XSS Attack\", \"self-signed cert\"]", &risky));
    assert!(!takes("risk = \"XSS Attack\"", &risky));
    assert!(!takes("risk = \"Self-signed Cert\"", &flow()));
    assert!(takes("risk_score = 150", &risky));
    assert!(!takes("risk_score = 151", &risky));
    assert!(takes("not.risk_score = 151", &risky));
    assert!(takes("risk_score = 0", &flow()));
}

#[test]
fn a_name_longer_than_ndpi_keeps_is_found_by_its_end() {
    let name = "a-very-long-label-of-forty-two-characters-x.another-long-label-of-some-size.cdn.example.com";
    let left = |count: usize| {
        let end = name[name.len() - count..].to_owned();
        flow().with(|f| f.hostname = Some(end))
    };
    for host in [name.to_owned(), format!(".{name}"), name.to_uppercase()] {
        let rule = format!("host = {host:?}");
        assert!(takes(&rule, &left(79)), "what is left of 80 bytes with the final NUL");
        assert!(takes(&rule, &left(74)), "of HTTP's host with a port of four digits");
        assert!(takes(&rule, &left(name.len())), "whole");
        assert!(!takes(&rule, &left(78)) && !takes(&rule, &left(30)));
        assert!(!takes(&format!("not.{rule}"), &left(79)));
        let other =
            left(79).with(|f| f.hostname = Some(f.hostname.clone().unwrap().replace("cdn", "cdx")));
        assert!(!takes(&rule, &other));
    }
    assert!(takes(&format!("host = \"*.{name}\""), &left(79)), "of a name below");
    assert!(!takes(&format!("host = \"*.{name}\""), &left(name.len())));
}

#[test]
fn hosts_match_on_label_borders_and_need_a_name() {
    assert!(takes("host = \"www.facebook.com\"", &flow()));
    assert!(takes("host = \"*.facebook.com\"", &flow()));
    assert!(takes("host = \"*.com\"", &flow()));
    assert!(takes("host = \".www.facebook.com\"", &flow()));
    assert!(!takes("host = \"*.www.facebook.com\"", &flow()));
    assert!(!takes("host = \"*.book.com\"", &flow()));
    assert!(!takes("host = \"facebook.com\"", &flow()));
    let unnamed = flow().with(|f| f.hostname = None);
    assert!(!takes("host = \"*.com\"", &unnamed));
    assert!(takes("not.host = \"*.com\"", &unnamed));
    let shouted = flow().with(|f| f.hostname = Some("BÜCHER.Example.".into()));
    assert!(takes("host = \"bücher.example\"", &shouted));
}

#[test]
fn networks_know_client_and_server_apart() {
    assert!(takes("src = \"198.18.0.0/16\"", &flow()));
    assert!(!takes("dst = \"198.18.0.0/16\"", &flow()));
    assert!(takes("any = \"198.18.0.0/16\"", &flow()));
    assert!(takes("any = \"198.19.0.1\"", &flow()));
    assert!(!takes("not.any = \"198.19.0.1\"", &flow()));
    let six = flow().with(|f| {
        f.client.0 = ip("2001:db8::1");
        f.server.0 = ip("2001:db8:1::1");
    });
    assert!(takes("dst = [\"198.19.0.0/16\", \"2001:db8:1::/48\"]", &six));
    assert!(!takes("dst = \"0.0.0.0/0\"", &six));
}

#[test]
fn ports_protocols_tags_and_interfaces() {
    assert!(takes("port = 443", &flow()));
    assert!(takes("port = [80, \"440-450\"]", &flow()));
    assert!(!takes("port = 40000", &flow()), "the client's port is no service");
    assert!(takes("proto = \"tcp\"", &flow()));
    assert!(takes("proto = 6", &flow()));
    assert!(!takes("proto = [\"udp\", 132]", &flow()));
    let tagged = flow().with(|f| f.vlan = 20);
    assert!(takes("vlan = [10, \"20-30\"]", &tagged));
    assert!(takes("vlan = 0", &flow()), "0 is untagged");
    assert!(!takes("vlan = \"1-4094\"", &flow()));
    assert!(takes("iface = \"eth0\"", &flow()));
    assert!(!takes("iface = \"eth\"", &flow()));
    assert!(!takes("iface = \"eth0\"", &flow().with(|f| f.iface = None)));
}

#[test]
fn fingerprints_and_application_protocols() {
    let ja4 = "t13d1516h2_8daaf6152771_02713d6af862";
    let seen = flow().with(|f| f.ja4 = Some(ja4.into()));
    assert!(takes(&format!("ja4 = {ja4:?}"), &seen));
    assert!(!takes(&format!("ja4 = {ja4:?}"), &flow()));
    assert!(takes("alpn = \"http/1.1\"", &flow()));
    assert!(!takes("alpn = \"http\"", &flow()));
    assert!(!takes("alpn = \"h2\"", &flow().with(|f| f.alpn = None)));
}

#[test]
fn confidence_is_at_least_and_guesses_are_flagged() {
    let by_ip = flow().with(|f| f.classification.confidence = Confidence::MatchByIp);
    assert!(takes("confidence = \"dpi\"", &flow()));
    assert!(takes("confidence = \"dpi_partial\"", &flow()));
    assert!(!takes("confidence = \"dpi\"", &by_ip));
    assert!(takes("not.confidence = \"dpi\"", &by_ip));
    assert!(takes("guessed = false", &flow()));
    assert!(!takes("guessed = true", &flow()));
    assert!(!takes("not.guessed = false", &flow()));
}

#[test]
fn a_flow_without_its_start_is_matched_as_such_and_left_to_undecided() {
    let bare = |f: &mut Flow| {
        f.classification.app = AppId { master: 0, app: 91 };
        f.hostname = None;
    };
    let incomplete = flow().with(bare).with(|f| f.incomplete = true);
    assert!(takes("incomplete = true", &incomplete));
    assert!(takes("not.incomplete = false", &incomplete));
    assert!(!takes("incomplete = true", &flow()));
    assert!(takes("app = \"TLS\"", &incomplete), "what is known of it is known");
    let strict = policy("default = \"count\"\nundecided = \"drop\"\n");
    assert_eq!(incomplete.decided_by(&strict).action, Action::Drop);
    assert_eq!(flow().with(bare).decided_by(&strict).action, Action::Count);
}

#[test]
fn a_schedule_holds_in_its_hours() {
    let office = "schedule = { days = \"mon-fri\", hours = \"08:00-18:00\", zone = \"UTC\" }";
    let sunday = flow().with(|f| f.time = "2026-11-22T12:00:00Z".parse().unwrap());
    assert!(takes(office, &flow()));
    assert!(!takes(office, &sunday));
    assert!(takes(&format!("not.{office}"), &sunday));
    let policy = policy(&format!("[[rule]]\naction = \"drop\"\n{office}\n"));
    let closes = "2026-11-23T18:00:00Z".parse().unwrap();
    assert_eq!(policy.next_change(flow().time), Some(closes));
}

#[test]
fn every_matcher_must_hold_and_none_of_not() {
    assert!(takes("app = \"TLS\"\nport = 443", &flow()));
    assert!(!takes("app = \"TLS\"\nport = 80", &flow()));
    assert!(takes("app = \"TLS\"\nnot = { port = 80, host = \"*.example\" }", &flow()));
    assert!(!takes("app = \"TLS\"\nnot = { port = 443, host = \"*.example\" }", &flow()));
    assert!(takes("", &flow()), "a rule without matchers takes every flow");
}

#[test]
fn an_empty_list_file_matches_nothing() {
    let text = "default = \"count\"\n[[rule]]\nhost = { file = \"none\" }\naction = \"drop\"\n";
    let policy = read_with(text, Support::ALL, &[("none", "# nothing yet\n")]).unwrap();
    assert_eq!(flow().decided_by(&policy).rule, None);
}

#[test]
fn lists_come_from_files_and_beside_them() {
    let text = "[[rule]]\nhost = [\"a.example\", { file = \"hosts\" }]\naction = \"drop\"\n";
    let hosts = "\u{20}# social\n*.facebook.com # all of it\r\n\nexample.net";
    let policy = read_with(text, Support::ALL, &[("hosts", hosts)]).unwrap();
    for (host, taken) in [
        ("www.facebook.com", true),
        ("a.example", true),
        ("example.net", true),
        ("www.example.net", false),
    ] {
        let flow = flow().with(|f| f.hostname = Some(host.into()));
        assert_eq!(flow.decided_by(&policy).rule.is_some(), taken, "{host}");
    }
}

#[test]
fn a_flow_waits_for_the_final_word() {
    let early = policy("[[rule]]\napp = \"TLS\"\nstate = \"partial\"\naction = \"drop\"\n");
    let patient = policy("[[rule]]\napp = \"TLS\"\naction = \"drop\"\n");
    let partial = flow().with(|f| f.classification.state = State::Partial);
    let inspecting = flow().with(|f| f.classification.state = State::Inspecting);
    let monitoring = flow().with(|f| f.classification.state = State::Monitoring);
    assert_eq!(early.decide(&partial.facts()).map(|d| d.action), Some(Action::Drop));
    assert_eq!(early.decide(&inspecting.facts()), None);
    assert_eq!(patient.decide(&partial.facts()), None);
    assert_eq!(patient.decide(&monitoring.facts()).map(|d| d.action), Some(Action::Drop));
    assert!(early.acts_on_partial() && !patient.acts_on_partial());
}

#[test]
fn an_early_rule_does_not_overtake_an_exception_before_it() {
    let policy = policy(
        "[[rule]]
         host = \"www.facebook.com\"
         action = \"bypass\"
         [[rule]]
         app = \"Facebook\"
         state = \"partial\"
         action = \"drop\"",
    );
    let partial = flow().with(|f| f.classification.state = State::Partial);
    assert_eq!(policy.decide(&partial.facts()), None);
    let elsewhere = flow().with(|f| {
        f.classification.state = State::Partial;
        f.hostname = Some("m.facebook.com".into());
    });
    assert_eq!(policy.decide(&elsewhere.facts()).map(|d| d.rule), Some(Some(RuleIndex(1))));
}

#[test]
fn an_allow_list_falls_to_undecided_when_the_budget_is_used_up() {
    let policy = policy(
        "default = \"drop\"
         undecided = \"drop\"
         [[rule]]
         app = [\"DNS\", \"TLS\"]
         action = \"count\"",
    );
    assert_eq!(policy.undecided(), PassOrDrop::Drop);
    let nothing_known = flow().with(|f| {
        f.classification.state = State::Inspecting;
        f.classification.app = AppId::default();
    });
    assert_eq!(policy.decide(&nothing_known.facts()), None);
    assert_eq!(policy.decide_now(&nothing_known.facts()).action, Action::Drop);
    let tls_so_far = flow().with(|f| f.classification.state = State::Partial);
    assert_eq!(policy.decide_now(&tls_so_far.facts()).rule, Some(RuleIndex(0)));
}

#[test]
fn a_flow_that_is_guessed_from_its_port_is_still_undecided() {
    let guessed_by = |confidence| {
        flow().with(|f| {
            f.classification.confidence = confidence;
            f.classification.guessed = true;
        })
    };
    let (port, address) = (guessed_by(Confidence::MatchByPort), guessed_by(Confidence::MatchByIp));
    let settings = "default = \"count\"\nundecided = \"drop\"";
    assert_eq!(policy(settings).decide_now(&port.facts()).action, Action::Drop);
    assert_eq!(policy(settings).decide_now(&address.facts()).action, Action::Count);
    // A rule that takes it is what the operator said.
    let rule = format!("{settings}\n[[rule]]\napp = \"TLS\"\naction = \"bypass\"");
    assert_eq!(policy(&rule).decide_now(&port.facts()).action, Action::Bypass);
}

#[test]
fn a_flow_that_ndpi_gave_up_on_is_still_undecided() {
    let given_up = flow().with(|f| f.classification.app = AppId::default());
    assert_eq!(given_up.classification.state, State::Classified);
    for (settings, action) in [
        ("default = \"drop\"", Action::Count),
        ("undecided = \"drop\"", Action::Drop),
        ("undecided = \"drop\"\n[[rule]]\napp = \"Unknown\"\naction = \"bypass\"", Action::Bypass),
    ] {
        let decided = policy(settings).decide(&given_up.facts());
        assert_eq!(decided.map(|decision| decision.action), Some(action), "{settings}");
    }
}

#[test]
fn a_limit_has_a_rate_a_burst_and_an_owner() {
    let policy = policy(
        "[[rule]]
         limit = \"10 mbit/s\"
         [[rule]]
         action = \"limit\"
         limit = \"1 MB/s\"
         burst = \"64 KiB\"
         per = \"flow\"",
    );
    let limit = |bytes_per_second, burst_bytes, per| {
        Action::Limit(Limit { bytes_per_second, burst_bytes, per })
    };
    assert_eq!(policy.rules()[0].action, limit(1_250_000, 625_000, Per::Rule));
    assert_eq!(policy.rules()[1].action, limit(1_000_000, 65_536, Per::Flow));
}

#[test]
fn whether_a_flow_has_a_name_can_be_asked() {
    let unnamed = flow().with(|f| f.hostname = None);
    for entry in ["\"*\"", "[\"*\"]", "[\"*\", \"a.example\"]"] {
        assert!(takes(&format!("host = {entry}"), &flow()), "{entry}");
        assert!(!takes(&format!("host = {entry}"), &unnamed), "{entry}");
        assert!(takes(&format!("not.host = {entry}"), &unnamed), "{entry}");
        assert!(!takes(&format!("not.host = {entry}"), &flow()), "{entry}");
    }
}

#[test]
fn a_policy_can_be_asked_as_of_another_time() {
    let office =
        "[[rule]]\nschedule = { hours = \"8:00-18:00\", zone = \"UTC\" }\naction = \"drop\"\n";
    let at = |time: &str| policy(office).at(Some(time.parse().unwrap()));
    // The flow itself is at noon.
    assert!(flow().decided_by(&policy(office).at(None)).rule.is_some());
    assert!(flow().decided_by(&at("2026-11-23T17:59:59Z")).rule.is_some());
    let evening = at("2026-11-23T18:00:00Z");
    assert!(flow().decided_by(&evening).rule.is_none());
    assert_eq!(evening.next_change(flow().time), None, "its time stands still");
}

#[test]
fn later_requests_matter_where_a_rule_asks_for_what_they_change() {
    let acts = |rules: &str| policy(rules).acts_on_requests();
    for asked in
        ["host = ['x.org']", "app = ['Facebook']", "category = ['Web']", "group = ['social']"]
    {
        let rule = format!("[[rule]]\n{asked}\naction = 'drop'\n");
        assert!(acts(&rule), "{asked}");
        assert!(!acts(&format!("recheck = false\n{rule}")), "{asked}");
    }
    assert!(acts("[[rule]]\nnot = { host = ['x.org'] }\naction = 'drop'\n"));
    assert!(!acts("default = 'drop'"));
    assert!(!acts("[[rule]]\nport = [80]\nproto = 'tcp'\naction = 'drop'\n"));
}
