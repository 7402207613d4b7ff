//! Mistakes that come naturally, each with its line and its cure.

use std::fs;
use std::path::Path;

use ndpi_labels::{Asking, Catalog as _, Recorded};
use ndpi_policy::{Diagnostics, Support, Vocabulary, check, check_given, check_text};

use crate::common::{from_disk, vocabulary};
use crate::messages::lines;

fn checked(text: &str) -> Vec<String> {
    checked_with(text, "")
}

/// Checks a policy with one list file, `list`.
fn checked_with(text: &str, list: &str) -> Vec<String> {
    let read_list = |_: &Path| Ok(list.to_owned());
    let path = Path::new("policy.toml");
    lines(&check_text(path, text, &vocabulary(), Support::ALL, &read_list))
}

fn one_rule(matchers: &str) -> Vec<String> {
    checked(&format!("[[rule]]\nname = \"A\"\naction = \"drop\"\n{matchers}\n"))
}

fn two_rules(first: &str, second: &str) -> Vec<String> {
    checked(&format!(
        "[[rule]]\nname = \"A\"\naction = \"drop\"\n{first}\n\
         [[rule]]\nname = \"B\"\naction = \"count\"\n{second}\n"
    ))
}

#[test]
fn an_application_that_is_not_of_the_category_is_named_with_its_own() {
    let [said] = &*one_rule("category = \"SocialNetwork\"\napp = \"NetFlix\"") else { panic!() };
    assert_eq!(
        said,
        "5:7 filed-otherwise: \"A\" matches only where nDPI files NetFlix under SocialNetwork for its \
         content or host: `app` and `category` must both hold, and its own category is Streaming | for all \
         of NetFlix, take `category` out; for what is of either, make two rules, one with `app` and one \
         with `category`"
    );
    let [said] = &*one_rule("app = [\"Facebook\", \"NetFlix\"]\ncategory = \"SocialNetwork\"")
    else {
        panic!()
    };
    assert!(
        said.starts_with("4:20 filed-otherwise: in \"A\", 1 of 2 entries of `app` matches"),
        "{said}"
    );
}

#[test]
fn what_may_hold_together_is_left_alone() {
    for matchers in [
        "app = \"TLS\"\ncategory = \"SocialNetwork\"",
        "app = \"Facebook\"\ncategory = [\"Streaming\", \"SocialNetwork\"]",
        "app = \"TLS.Facebook\"\ncategory = \"SocialNetwork\"",
        "app = \"Facebook\"\nflow_category = \"Download\"",
        "app = [\"Facebook\", \"HTTP.NetFlix\"]\ncategory = \"Download\"",
        "app = \"Unknown\"\ncategory = \"Web\"",
    ] {
        assert_eq!(one_rule(matchers), [""; 0], "{matchers}");
    }
}

#[test]
fn an_application_outside_of_the_group_is_named() {
    let own = "groups.films = \"NetFlix\"\n[[rule]]\nname = \"A\"\naction = \"drop\"\n";
    let [said] = &*checked(&format!("{own}app = \"Facebook\"\ngroup = \"films\"")) else {
        panic!()
    };
    assert!(said.starts_with("5:7 never-matches: \"A\" can never match"), "{said}");
    assert!(said.contains("Facebook is not in films"), "{said}");
    let [said] = &*checked(&format!("{own}category = \"Network\"\ngroup = \"films\"")) else {
        panic!()
    };
    assert!(said.contains("filed-otherwise: \"A\" matches only where"), "{said}");
    assert!(said.contains("an application of its `group` under Network"), "{said}");
    let fine = checked(&format!("{own}app = \"TLS\"\ngroup = \"films\""));
    assert_eq!(fine, [""; 0], "TLS.NetFlix is both");
}

#[test]
fn an_application_that_the_rule_itself_keeps_out_is_named() {
    for (matchers, key) in [
        ("app = \"Facebook\"\nnot.category = \"SocialNetwork\"", "category"),
        (
            "app = [\"Facebook\", \"TLS.NetFlix\"]\nnot.category = [\"Streaming\", \"SocialNetwork\"]",
            "category",
        ),
    ] {
        let [said] = &*one_rule(matchers) else { panic!("{matchers}") };
        let expected = format!("\"A\" can never match: `not.{key}` excludes all of `app`");
        assert!(said.contains(&expected), "{said}");
    }
    let own = "groups.films = \"NetFlix\"\n[[rule]]\nname = \"A\"\naction = \"drop\"\n";
    let [said] = &*checked(&format!("{own}app = \"NetFlix\"\nnot.group = \"films\"")) else {
        panic!()
    };
    assert!(said.contains("`not.group` excludes all of `app`"), "{said}");
    for fine in [
        "app = \"TLS\"\nnot.category = \"Web\"",
        "app = \"Facebook\"\nnot.flow_category = \"Download\"",
    ] {
        assert_eq!(one_rule(fine), [""; 0], "{fine}");
    }
}

#[test]
fn an_exception_behind_what_it_is_an_exception_of_never_matches() {
    let groups =
        "groups.films = [\"NetFlix\", \"Rsync\"]\ngroups.post = { category = \"Email\" }\n";
    for (wide, narrow) in [
        ("category = \"SocialNetwork\"", "app = \"Facebook\""),
        ("category = \"SocialNetwork\"", "app = \"TLS.Facebook\"\nport = 443"),
        ("category = [\"Streaming\", \"Network\"]", "group = \"films\""),
        ("category = \"Email\"", "group = \"post\""),
        ("category = \"Email\"", "flow_category = \"Email\""),
        ("group = \"films\"", "app = [\"NetFlix\", \"TLS.Rsync\"]"),
        ("group = \"post\"", "category = \"Email\""),
        ("app = [\"NetFlix\", \"Rsync\", \"DNS\"]", "group = \"films\""),
        ("any = \"198.18.0.0/15\"", "src = \"198.18.7.0/24\""),
        ("any = \"198.18.0.0/15\"", "dst = [\"198.18.7.0/24\", \"198.19.0.1\"]"),
    ] {
        let said = checked(&format!(
            "{groups}[[rule]]\nname = \"A\"\naction = \"drop\"\n{wide}\n\
             [[rule]]\nname = \"B\"\naction = \"count\"\n{narrow}\n"
        ));
        let cure = "move it up, narrow the earlier rule, or take one of them out";
        let expected = format!("7:1 shadowed: \"B\" can never match | {cure}");
        assert_eq!(said, [expected], "{wide} / {narrow}");
    }
}

#[test]
fn what_an_earlier_rule_may_leave_is_not_called_shadowed() {
    for (first, second) in [
        ("category = \"SocialNetwork\"", "app = \"NetFlix\""),
        ("category = \"Web\"", "app = \"TLS\""),
        ("category = \"Web\"", "app = \"TLS.Facebook\""),
        ("flow_category = \"SocialNetwork\"", "app = \"Facebook\""),
        ("app = \"Facebook\"", "category = \"SocialNetwork\""),
        ("category = \"SocialNetwork\"\nnot.app = \"Facebook\"", "app = \"Facebook\""),
        ("src = \"198.18.0.0/15\"", "any = \"198.18.7.0/24\""),
    ] {
        assert_eq!(two_rules(first, second), [""; 0], "{first} / {second}");
    }
    let [said] = &*two_rules("category = \"SocialNetwork\"", "app = [\"DNS\", \"Facebook\"]")
    else {
        panic!()
    };
    assert!(said.starts_with("8:15 overlap: `app` of \"B\": this entry can never match"), "{said}");
}

#[test]
fn rules_of_the_same_name_are_named() {
    let said = checked(
        "[[rule]]\nname = \"A\"\napp = \"DNS\"\naction = \"drop\"\n\
         [[rule]]\nname = \"A\"\napp = \"HTTP\"\nlimit = \"1 MB/s\"\n\
         [[rule]]\nname = \"B\"\napp = \"TLS\"\naction = \"count\"\n",
    );
    let [said] = &*said else { panic!("{said:?}") };
    assert!(
        said.starts_with("6:8 duplicate-name: two rules are called \"A\" | give each"),
        "{said}"
    );
}

#[test]
fn a_site_without_the_names_below_it_gets_a_hint() {
    let [said] = &*one_rule("host = \"facebook.com\"") else { panic!() };
    assert_eq!(
        said,
        "4:8 bare-host: \"facebook.com\" is this one name, and none of those below it, as \
         www.facebook.com | write \".facebook.com\" to take them, too"
    );
    assert!(one_rule("not.host = \"example.co.uk\"")[0].contains("write \".example.co.uk\""));
    for deliberate in [
        "host = \"www.facebook.com\"",
        "host = \".facebook.com\"",
        "host = [\"facebook.com\", \"www.facebook.com\"]",
        "host = [\"facebook.com\", \"*.facebook.com\"]",
    ] {
        assert_eq!(one_rule(deliberate), [""; 0], "{deliberate}");
    }
    let text = "[[rule]]\naction = \"drop\"\nhost = { file = \"list\" }\n";
    let said = checked_with(text, "a.example\nb.example\nwww.c.example\n");
    let [said] = &*said else { panic!("{said:?}") };
    assert!(said.starts_with("1:1 bare-host: 2 names of this list, as \"a.example\""), "{said}");
}

#[test]
fn a_name_longer_than_ndpi_keeps_gets_a_hint_and_still_matches() {
    let label = "label-of-forty-one-characters-and-no-more";
    let [said] = &*one_rule(&format!("host = \"{label}.{label}.cdn.example.com\"")) else {
        panic!()
    };
    assert!(
        said.starts_with("4:8 long-host: this name has 99 characters, and nDPI keeps"),
        "{said}"
    );
    assert!(said.ends_with(&format!("or write \".{label}.cdn.example.com\"")), "{said}");
}

/// nDPI's own names, as recorded.
fn real_names() -> Vocabulary {
    let ndpi = Recorded::ndpi_5_0();
    Vocabulary::of(&ndpi).with_filed(&ndpi, false)
}

fn with_real_names(text: &str, names: &Vocabulary) -> Diagnostics {
    let no_list = |_: &Path| unreachable!("no list is named");
    check_text(Path::new("policy.toml"), text, names, Support::ALL, &no_list)
}

#[test]
fn categories_that_are_not_what_their_words_say_get_a_hint() {
    let names = real_names();
    let text =
        "[[rule]]\nname = \"no films\"\ncategory = [\"Video\", \"Streaming\"]\naction = \"drop\"\n";
    let said = lines(&with_real_names(text, &names));
    let [said] = &*said else { panic!("{said:?}") };
    assert!(
        said.starts_with("3:13 category-words: nDPI's Video with Streaming may not take YouTube"),
        "{said}"
    );
    assert!(said.contains("and takes ") && said.contains("write `group = \"video\"`"), "{said}");
    for fine in ["group = \"video\"", "category = \"SocialNetwork\"", "category = \"AdultContent\""]
    {
        let text = format!("[[rule]]\n{fine}\naction = \"drop\"\n");
        assert_eq!(lines(&with_real_names(&text, &names)), [""; 0], "{fine}");
    }
}

#[test]
fn an_application_of_another_category_is_found_in_ndpis_own_table() {
    let names = real_names();
    for (matchers, code) in [
        ("app = \"Spotify\"\ncategory = [\"Video\", \"Streaming\"]", "filed-otherwise"),
        ("app = \"Zoom\"\ngroup = \"video\"", "never-matches"),
        ("app = \"Spotify\"\ngroup = \"adult\"", "filed-otherwise"),
        ("category = \"Music\"\ngroup = \"video\"", "filed-otherwise"),
    ] {
        let text = format!("[[rule]]\n{matchers}\naction = \"drop\"\n");
        let said = lines(&with_real_names(&text, &names));
        assert!(matches!(&*said, [one] if one.contains(code)), "{matchers}: {said:?}");
    }
}

#[test]
fn what_ndpi_files_by_content_or_host_is_left_alone() {
    let names = real_names();
    for matchers in [
        "app = \"HTTP.Blizzard\"\ncategory = \"Download\"",
        "app = \"HTTP_Proxy.QQ\"\ncategory = \"Download\"",
        "app = \"TLS.Google\"\ncategory = \"Advertisement\"",
        "app = \"HTTP.Gnutella\"\ncategory = \"Media\"",
        "app = \"Apple\"\ncategory = \"ConnCheck\"",
        "app = \"AmazonVideo\"\ncategory = \"Video\"",
        "app = \"Google\"\ngroup = \"ai\"",
        "app = \"Google\"\ngroup = \"ads\"",
        "app = \"Google\"\ncategory = \"Email\"",
        "app = \"Google\"\ncategory = \"Cloud\"",
        "app = \"Alibaba\"\ncategory = \"Shopping\"",
        "app = \"MS_OneDrive\"\ncategory = \"Cloud\"",
        "app = \"OpenDNS\"\ncategory = \"Network\"",
        "app = \"Bloomberg\"\ncategory = \"Cloud\"",
        "app = \"QUIC\"\ngroup = \"video\"",
        "app = \"NetFlix\"\ngroup = \"video\"",
        "group = \"video\"\ncategory = \"Download\"",
    ] {
        let text = format!("[[rule]]\n{matchers}\naction = \"drop\"\n");
        assert_eq!(lines(&with_real_names(&text, &names)), [""; 0], "{matchers}");
    }
}

/// Policies that people wrote, each with what must be said of it, on which line, and with which cure.
const WRITTEN: [(&str, &str, usize, &str); 6] = [
    ("and-never.toml", "filed-otherwise", 5, "make two rules"),
    ("bare-host.toml", "bare-host", 4, "write \".facebook.com\""),
    ("duplicate-names.toml", "duplicate-name", 7, "a name of its own"),
    ("long.toml", "long-host", 4, "write \"."),
    ("readme-policy-passes-youtube-blocks-zoom.toml", "category-words", 11, "group = \"video\""),
    ("shadow-app-in-category.toml", "shadowed", 6, "move it up"),
];

#[test]
fn policies_that_people_wrote_are_reported_with_line_and_cure() {
    let Some(folder) = testkit::places::shared("faults/policies") else { return };
    let names = real_names();
    for (file, code, line, cure) in WRITTEN {
        assert!(fs::exists(folder.join(file)).unwrap(), "{file}");
        let found = check(&folder.join(file), &names, Support::ALL, &|_| None, &from_disk);
        let said = found.problems().iter().find(|problem| problem.code == code);
        let said = said.unwrap_or_else(|| panic!("{file}: {}", found.render(false)));
        assert_eq!(found.line_column(said.place.unwrap()).0, line, "{file}");
        assert!(said.help.as_ref().unwrap().contains(cure), "{file}: {:?}", said.help);
    }
}

fn ordered(first: &str, second: &str) -> String {
    format!("[[rule]]\nname = \"A\"\n{first}\n[[rule]]\nname = \"B\"\n{second}\n")
}

/// What is said of a policy, but for parts of services.
fn about_order(text: &str, names: &Vocabulary) -> Vec<String> {
    let mut said = lines(&with_real_names(text, names));
    said.retain(|line| !line.contains("sister-app"));
    said
}

#[test]
fn what_an_earlier_rule_carries_is_taken_before() {
    let names = real_names();
    for (first, second, flow) in [
        ("app = [\"TLS\", \"HTTP\", \"QUIC\"]", "app = \"YouTube\"", "TLS.YouTube"),
        ("port = [80, 443]", "app = \"YouTube\"", "TLS.YouTube"),
        ("port = [80, 443]\nproto = \"tcp\"", "group = \"video\"", "TLS.YouTube"),
        ("app = \"QUIC\"", "app = \"YouTube\"", "QUIC.YouTube"),
        ("app = \"TLS\"", "host = \".example.org\"", "example.org by TLS"),
        ("app = \"TLS\"", "category = \"SocialNetwork\"", "TLS"),
        (
            "src = \"198.18.0.0/15\"\nport = 443",
            "src = \"198.18.7.1\"\napp = \"NetFlix\"",
            "TLS.NetFlix",
        ),
        ("breed = \"Fun\"", "app = \"YouTube\"", "TLS.YouTube"),
    ] {
        let text = ordered(
            &format!("{first}\naction = \"allow\""),
            &format!("{second}\naction = \"block\""),
        );
        let said = about_order(&text, &names);
        let [said] = &*said else { panic!("{text}: {said:?}") };
        let expected = format!("too-late: \"B\" comes too late for {flow}: \"A\" takes it before");
        assert!(said.contains(&expected), "{said}");
        assert!(said.ends_with("move \"B\" before \"A\": the first rule that matches decides"));
    }
    let exception =
        ordered("breed = \"Fun\"\naction = \"block\"", "app = \"YouTube\"\naction = \"allow\"");
    assert!(about_order(&exception, &names)[0].contains("too late for TLS.YouTube"));
}

#[test]
fn an_order_that_may_be_meant_is_left_alone() {
    let names = real_names();
    for (first, second) in [
        ("app = \"YouTube\"\naction = \"allow\"", "group = \"video\"\naction = \"block\""),
        (
            "proto = \"udp\"\nport = 443\naction = \"block\"",
            "app = \"YouTube\"\nlimit = \"1 mbit/s\"",
        ),
        ("app = \"QUIC\"\naction = \"block\"", "app = \"YouTube\"\naction = \"allow\""),
        ("app = \"DNS\"\naction = \"allow\"", "app = \"YouTube\"\naction = \"block\""),
        ("app = \"TLS\"\naction = \"allow\"", "app = \"SSH\"\naction = \"block\""),
        ("app = \"TLS\"\naction = \"allow\"", "app = \"YouTube\"\naction = \"bypass\""),
        (
            "src = \"198.18.0.1\"\nport = 443\naction = \"allow\"",
            "app = \"YouTube\"\naction = \"block\"",
        ),
        (
            "app = \"TLS\"\nnot.app = \"YouTube\"\naction = \"allow\"",
            "app = \"YouTube\"\naction = \"block\"",
        ),
        ("app = \"TLS\"\naction = \"allow\"", "src = \"198.18.0.1\"\naction = \"block\""),
    ] {
        let text = ordered(first, second);
        assert_eq!(about_order(&text, &names), [""; 0], "{text}");
    }
}

#[test]
fn a_part_of_a_service_with_a_name_of_its_own_is_named() {
    let names = real_names();
    let block = |app: &str| format!("[[rule]]\napp = {app}\naction = \"block\"\n");
    for (app, parts) in [
        ("\"WhatsApp\"", "WhatsAppCall, WhatsAppFiles"),
        ("[\"WhatsApp\", \"WhatsAppFiles\"]", "WhatsAppCall"),
        ("\"Telegram\"", "TelegramVoip"),
        ("\"Facebook\"", "FacebookMessenger, FacebookVoip, FbookReelStory"),
        ("\"Teams\"", "TeamsCall"),
        ("\"Signal\"", "SignalVoip"),
        ("\"Viber\"", "ViberVoip"),
        ("\"Line\"", "LineCall"),
        ("\"Snapchat\"", "SnapchatCall"),
        ("\"YouTube\"", "YouTubeUpload"),
        ("\"KakaoTalk\"", "KakaoTalk_Voice"),
    ] {
        let said = lines(&with_real_names(&block(app), &names));
        let [said] = &*said else { panic!("{app}: {said:?}") };
        let expected = format!("does not take {parts}, which nDPI tells apart");
        assert!(said.contains("sister-app") && said.contains(&expected), "{said}");
    }
    let calls = "[[rule]]\ngroup = \"calls\"\nlimit = \"1 mbit/s\"\n";
    let passed = block("\"Teams\"").replace("block", "allow");
    for fine in [block("[\"Line\", \"LineCall\"]"), block("\"Teams\"") + calls, passed] {
        assert_eq!(lines(&with_real_names(&fine, &names)), [""; 0], "{fine}");
    }
}

#[test]
fn a_default_that_blocks_says_what_unknown_flows_do() {
    let rule = "[[rule]]\napp = \"DNS\"\naction = \"allow\"\n";
    for word in ["drop", "block", "reject"] {
        let said = checked(&format!("default = \"{word}\"\n{rule}"));
        let [said] = &*said else { panic!("{word}: {said:?}") };
        assert!(said.starts_with("1:11 undecided-passes: "), "{said}");
        assert!(said.contains("write below it: undecided = \"drop\""), "{said}");
    }
    for fine in [
        "default = \"drop\"\nundecided = \"drop\"\n",
        "default = \"drop\"\nundecided = \"pass\"\n",
        "default = \"count\"\n",
        "",
    ] {
        assert_eq!(checked(&format!("{fine}{rule}")), [""; 0], "{fine}");
    }
}

#[test]
fn what_no_flow_is_on_the_wire_is_reported() {
    for (matchers, code, why) in [
        ("port = 22\nproto = \"icmp\"", "never-matches", "only TCP and UDP have ports"),
        ("port = \"1-1023\"\nproto = [\"gre\", \"sctp\"]", "never-matches", "have ports"),
        ("host = \".a.example\"\nproto = \"icmpv6\"", "never-matches", "what `host` asks for"),
        ("src = \"198.18.0.0/15\"\ndst = \"2001:db8::/32\"", "never-matches", "no flow is both"),
        ("any = \"2001:db8::/32\"\ndst = \"198.18.0.1\"", "never-matches", "no flow is both"),
        ("alpn = \"h3\"\nproto = \"tcp\"", "other-transport", "HTTP/3"),
        ("app = \"QUIC\"\nproto = \"tcp\"", "other-transport", "runs over UDP"),
    ] {
        let said = one_rule(matchers);
        let [said] = &*said else { panic!("{matchers}: {said:?}") };
        assert!(said.contains(code) && said.contains(why), "{said}");
    }
    for fine in [
        "port = 22\nproto = [\"tcp\", \"icmp\"]",
        "port = \"0-1023\"\nproto = \"icmp\"",
        "src = [\"198.18.0.0/15\", \"2001:db8::1\"]\ndst = \"2001:db8::/32\"",
        "alpn = [\"h3\", \"h2\"]\nproto = \"tcp\"",
        "app = [\"QUIC\", \"TLS\"]\nproto = \"tcp\"",
    ] {
        assert_eq!(one_rule(fine), [""; 0], "{fine}");
    }
}

#[test]
fn a_pair_with_its_carrier_last_and_a_breed_of_another_are_reported() {
    let names = real_names();
    for (matchers, code, cure) in [
        ("app = \"Facebook.TLS\"", "reversed-pair", "write \"TLS.Facebook\""),
        ("not.app = \"NetFlix.QUIC\"", "reversed-pair", "write \"QUIC.NetFlix\""),
        ("app = \"QUIC.TLS\"", "reversed-pair", "write \"QUIC\" or \"TLS\""),
        ("app = \"YouTube\"\nbreed = \"Safe\"", "other-breed", "take `breed` out"),
    ] {
        let said = about_order(&format!("[[rule]]\n{matchers}\naction = \"drop\"\n"), &names);
        let [said] = &*said else { panic!("{matchers}: {said:?}") };
        assert!(said.contains(code) && said.contains(cure), "{said}");
    }
    for fine in [
        "app = \"TLS.Facebook\"",
        "app = \"STUN.RTP\"",
        "app = \"YouTube\"\nbreed = [\"Fun\", \"Safe\"]",
        "app = \"TLS\"\nbreed = \"Fun\"",
    ] {
        let said = about_order(&format!("[[rule]]\n{fine}\naction = \"drop\"\n"), &names);
        assert_eq!(said, [""; 0], "{fine}");
    }
}

#[test]
fn a_category_that_nothing_is_in_is_named_and_never_proposed() {
    let names = real_names();
    let rule = |matchers: &str| format!("[[rule]]\n{matchers}\naction = \"block\"\n");
    for matchers in [
        "category = \"Gambling\"",
        "category = \"Productivity\"",
        "flow_category = \"Dating\"",
        "category = [\"Web\", \"News\"]",
    ] {
        let said = lines(&with_real_names(&rule(matchers), &names));
        let [said] = &*said else { panic!("{matchers}: {said:?}") };
        assert!(said.contains("empty-category") && said.contains("--categories FILE"), "{said}");
    }
    let bets = format!("groups.bets = {{ category = \"Gambling\" }}\n{}", rule("group = \"bets\""));
    assert!(lines(&with_real_names(&bets, &names))[0].contains("empty-category"));
    let [said] = &*lines(&with_real_names(&rule("group = \"gambling\""), &names)) else { panic!() };
    assert!(said.contains("no list fills it: name its sites, host = { file"), "{said}");
    for fine in
        ["AdultContent", "ArtifIntelligence", "Advertisement", "Malware", "Mining", "ConnCheck"]
    {
        let fine = rule(&format!("category = \"{fine}\""));
        assert_eq!(lines(&with_real_names(&fine, &names)), [""; 0], "{fine}");
    }
}

#[test]
fn an_exception_by_host_behind_its_application_comes_too_late() {
    let names = real_names();
    let ndpi = Recorded::ndpi_5_0();
    let app_of = |host: &str| Some(ndpi.classify_host(host, Asking::Tls)?.app);
    let said = |first: &str, host: &str, second: &str| {
        let text = ordered(&format!("{first}\naction = \"block\""), &format!("{host}\n{second}"));
        let found = check_given("-", &text, &names, Support::ALL, &app_of, &from_disk);
        let mut said = lines(&found);
        said.retain(|line| !line.contains("sister-app"));
        said
    };
    for (first, host, known) in [
        ("group = \"social\"", ".linkedin.com", "TLS.LinkedIn"),
        ("category = \"SocialNetwork\"", "www.facebook.com", "TLS.Facebook"),
        ("app = \"YouTube\"", "*.youtube.com", "TLS.YouTube"),
        ("breed = \"Fun\"", "www.youtube.com", "TLS.YouTube"),
    ] {
        let said = said(first, &format!("host = \"{host}\""), "action = \"allow\"");
        let [said] = &*said else { panic!("{first}, {host}: {said:?}") };
        let expected = format!("which nDPI knows as {known}: \"A\" takes it before");
        assert!(said.contains("too-late") && said.contains(&expected), "{said}");
    }
    for (first, host) in [
        ("group = \"social\"", "host = \"www.example.org\""),
        ("group = \"video\"", "host = \".linkedin.com\""),
        ("group = \"social\"\nnot.host = \".linkedin.com\"", "host = \".linkedin.com\""),
        ("group = \"social\"\nsrc = \"198.18.0.1\"", "host = \".linkedin.com\""),
    ] {
        assert_eq!(said(first, host, "action = \"allow\""), [""; 0], "{first}, {host}");
    }
}
