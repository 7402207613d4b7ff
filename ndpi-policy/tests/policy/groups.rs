//! Groups: ours, more of ours, and others.

use ndpi_labels::{AppId, State};
use ndpi_policy::{Action, Severity};

use crate::common::{Flow, flow, policy, read};

fn app(master: u16, app: u16, category: u16) -> Flow {
    flow().with(|f| {
        f.classification.app = AppId { master, app };
        f.classification.category.0 = category;
    })
}

fn takes(text: &str, flow: &Flow) -> bool {
    flow.decided_by(&policy(text)).rule.is_some()
}

const VIDEO: &str = "[[rule]]\ngroup = 'video'\naction = 'drop'\n";

#[test]
fn a_group_takes_its_applications_whatever_their_category() {
    let netflix = app(91, 133, 17);
    assert!(takes(VIDEO, &netflix));
    assert!(takes(VIDEO, &app(7, 133, 7)), "a download from there");
    assert!(!takes(VIDEO, &flow()), "Facebook is none");
    assert!(takes(&VIDEO.replace("video", "VIDEO"), &netflix));
    assert!(takes(&VIDEO.replace("'video'", "['social', 'video']"), &flow()));
    assert!(!takes(&VIDEO.replace("group", "not.group"), &netflix));
    assert!(takes(&VIDEO.replace("group", "not.group"), &flow()));
}

#[test]
fn a_policy_adds_to_a_group_and_makes_its_own() {
    let more = format!("groups.video = ['TLS.Facebook', 'Rsync']\n{VIDEO}");
    assert!(
        takes(&more, &flow()) && takes(&more, &app(91, 133, 17)) && takes(&more, &app(0, 166, 14))
    );
    assert!(!takes(&more, &app(188, 119, 6)), "the pair is with TLS");
    let own = "[groups]\n'My Lab' = { app = 'Rsync', category = 'Email' }\n\
               [[rule]]\ngroup = 'my_lab'\naction = 'drop'";
    assert!(takes(own, &app(0, 166, 14)) && takes(own, &app(91, 119, 3)) && !takes(own, &flow()));
}

#[test]
fn a_group_of_a_category_takes_what_ndpi_files_there_by_its_name() {
    let own = "groups.mail = { category = 'Email' }\n[[rule]]\ngroup = 'mail'\naction = 'drop'";
    assert!(takes(own, &app(0, 91, 3)));
    assert!(!takes(own, &app(0, 91, 5)));
}

#[test]
fn a_group_decides_by_the_first_packet_and_is_waited_for() {
    let claimed = flow().with(|f| {
        f.classification.state = State::Inspecting;
        f.classification.app = AppId { master: 0, app: 119 };
        f.hostname = None;
    });
    let social = "[[rule]]\ngroup = 'social'\naction = 'drop'\nfirst_packet = true\n";
    let decided = |text: &str| policy(text).decide(&claimed.facts()).map(|it| it.action);
    assert_eq!(decided(social), Some(Action::Drop));
    for (exception, waits) in [
        ("group = 'social'", true),
        ("group = 'video'", false),
        ("not.group = 'social'", false),
        ("not.group = 'video'", true),
        ("group = 'tls'", true),
        ("group = 'mail'", true),
        ("group = 'pair'", true),
    ] {
        let groups =
            "[groups]\ntls = 'TLS'\nmail = { category = 'Email' }\npair = 'TLS.Facebook'\n";
        let text = format!("{groups}[[rule]]\naction = 'count'\n{exception}\n{social}");
        assert_eq!(decided(&text).is_none(), waits, "{exception}");
    }
}

#[test]
fn mistakes_in_groups_are_named() {
    let wrong = |text: &str| read(text).expect_err(text).render(false);
    let said = wrong("[[rule]]\ngroup = 'vidoe'\naction = 'drop'");
    assert!(said.contains("there is no group \"vidoe\"") && said.contains("\"video\"?"), "{said}");
    let said = wrong("[[rule]]\ngroup = 'Facebook'\naction = 'drop'");
    assert!(said.contains("that is an application: write `app = \"Facebook\"`"), "{said}");
    let said = wrong("[[rule]]\napp = 'Social'\naction = 'drop'");
    assert!(said.contains("that is a group: write `group = \"social\"`"), "{said}");
    let said = wrong("groups = ['video']");
    assert!(said.contains("`groups` is a table"), "{said}");
    let said = wrong("groups.video = ['NetFlx']");
    assert!(said.contains("NetFlix"), "{said}");
    let said = wrong("groups.video = {}");
    assert!(said.contains("no members"), "{said}");
    let said = wrong("groups.video = { host = 'x.example' }");
    assert!(said.contains("`host`"), "{said}");
}

#[test]
fn other_names_of_groups_lead_to_them() {
    let cure = |key: &str, name: &str| {
        let text = format!("[[rule]]\n{key} = '{name}'\naction = 'drop'");
        let problems = read(&text).expect_err(&text);
        problems.problems()[0].help.clone().unwrap_or_default()
    };
    for (names, group) in [
        ("streaming Streaming videos movies", "video"),
        ("vpn VPN proxy vpns", "vpn-and-proxies"),
        ("SocialNetwork social-network social_media", "social"),
        ("email Email e-mail", "mail"),
        ("chat Chat messenger", "messaging"),
        ("porn adult-content", "adult"),
        ("gaming Game", "games"),
        ("advertising ad", "ads"),
        ("p2p torrent FileSharing", "file-sharing"),
        ("ChatGPT openai", "ai"),
        ("cloud storage", "cloud-storage"),
    ] {
        for name in names.split(' ') {
            assert_eq!(cure("group", name), format!("write `group = \"{group}\"`"), "{name}");
        }
    }
    for (key, name, group) in [
        ("category", "p2p", "file-sharing"),
        ("category", "torrent", "file-sharing"),
        ("category", "gaming", "games"),
        ("app", "ChatGPT", "ai"),
        ("app", "vpn", "vpn-and-proxies"),
        ("app", "p2p", "file-sharing"),
    ] {
        let expected = format!("there is a group for that: write `group = \"{group}\"`");
        assert_eq!(cure(key, name), expected, "{key} {name}");
    }
    assert_eq!(cure("group", "Facebook"), "that is an application: write `app = \"Facebook\"`");
    for key in ["app", "category", "group"] {
        for site in ["facebook.com", "www.facebook.com", "https://facebook.com/", "*.facebook.com"]
        {
            let expected = "that is a host name: write `host = \".facebook.com\"`";
            assert_eq!(cure(key, site), expected, "{key} {site}");
        }
    }
    for name in ["Minecraft", "Fortnite"] {
        assert!(!cure("app", name).contains("did you mean"), "{name}");
    }
}

#[test]
fn settings_under_another_table_lead_to_their_place() {
    for (text, expected) in [
        ("[[rule]]\naction = 'drop'\ndefault = 'drop'", "before the first `[[rule]]`"),
        ("[[rule]]\naction = 'drop'\nundecided = 'drop'", "before the first `[[rule]]`"),
        (
            "[[rule]]\naction = 'drop'\n[rule.not]\nfragments = 'drop'",
            "before the first `[[rule]]`",
        ),
        ("[groups]\ndefault = 'drop'", "put `default = …` before the first `[…]`"),
        ("app = 'DNS'", "write a line `[[rule]]` before it"),
        ("[[rule]]\naction = 'drop'\nprotocol = 'TCP'", "did you mean `proto`?"),
        ("[[rule]]\naction = 'drop'\nprotocol = ['tcp', 17]", "did you mean `proto`?"),
        ("[[rule]]\naction = 'drop'\nprotocol = 'TLS'", "write `app` for what nDPI knows"),
    ] {
        let said = read(text).expect_err(text).render(false);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn names_that_the_library_lacks_are_reported_where_the_group_is_used() {
    assert!(policy("").diagnostics().problems().is_empty());
    let used = policy(VIDEO);
    let [problem] = used.diagnostics().problems() else { panic!("one warning") };
    assert_eq!((problem.severity, &*problem.code), (Severity::Warning, "group-name"));
    assert!(problem.message.contains("it lacks YouTube, AmazonVideo,"), "{}", problem.message);
}
