//! Block lists as they are published.

use ndpi_policy::{Diagnostics, InForce, Policy, Support, load, reload};

use crate::common::{flow, from_disk, read_with, vocabulary};
use crate::messages::lines;

/// A policy that blocks the names of a list, named so.
fn blocking_by(named: &str, list: &str) -> Policy {
    let text = format!("[[rule]]\nhost = {named}\naction = \"drop\"\n");
    read_with(&text, Support::ALL, &[("list", list)])
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn blocks(policy: &Policy, host: &str) -> bool {
    let flow = flow().with(|f| f.hostname = Some(host.into()));
    flow.decided_by(policy).rule.is_some()
}

/// Which of these names a list blocks.
fn blocked<'h>(list: &str, hosts: &[&'h str]) -> Vec<&'h str> {
    let policy = blocking_by("{ file = \"list\" }", list);
    assert!(policy.diagnostics().problems().is_empty(), "{}", policy.diagnostics().render(false));
    hosts.iter().copied().filter(|host| blocks(&policy, host)).collect()
}

const HOSTS: [&str; 4] = ["ads.example.com", "x.ads.example.com", "ads.example.net", "localhost"];

#[test]
fn each_format_means_the_names_that_it_means_elsewhere() {
    let (itself, below) = (vec![HOSTS[0]], vec![HOSTS[0], HOSTS[1]]);
    for (list, expected) in [
        ("ads.example.com\n", &itself),
        (".ads.example.com\n", &below),
        ("127.0.0.1 localhost\n::1 localhost ip6-loopback\n0.0.0.0 ads.example.com\n", &itself),
        ("0.0.0.0 a.example ads.example.com b.example # several\n", &itself),
        ("! Title: x\n||ads.example.com^\n", &below),
        ("||ads.example.com^$important\n", &below),
        ("address=/ads.example.com/0.0.0.0\n", &below),
        ("address=/ads.example.com/\n", &below),
        ("server=/ads.example.com/\n", &below),
        ("local=/ads.example.com/\n", &below),
        ("server:\nlocal-zone: \"ads.example.com\" always_nxdomain\n", &below),
        ("$TTL 60\n@ SOA a. b. 1 2 3 4 5\nads.example.com CNAME .\n", &itself),
        ("ads.example.com CNAME .\n*.ads.example.com CNAME .\n", &below),
        ("\u{feff}; why\r\nads.example.com ; why\r\n", &itself),
    ] {
        assert_eq!(&blocked(list, &HOSTS), expected, "{list}");
    }
}

#[test]
fn an_exception_of_a_list_holds_for_the_rule() {
    let list = "||example.com^\n@@||good.example.com^\n||bad.good.example.com^\n";
    let hosts = ["example.com", "ads.example.com", "good.example.com", "bad.good.example.com"];
    assert_eq!(blocked(list, &hosts), hosts[..2]);
    let zone = "*.example.com CNAME .\ngood.example.com CNAME rpz-passthru.\n";
    assert_eq!(blocked(zone, &hosts), [hosts[1], hosts[3]]);
}

#[test]
fn what_is_important_holds_in_spite_of_exceptions() {
    let hosts = ["x.example", "a.x.example", "b.a.x.example"];
    for (list, expected) in [
        ("||x.example^$important\n@@||x.example^\n", &hosts[..]),
        ("@@||x.example^\n||x.example^$important\n", &hosts[..]),
        ("||x.example^$important\n@@||a.x.example^\n", &hosts[..]),
        ("||*.x.example^$important\n||x.example^\n@@||a.x.example^\n", &hosts[..]),
        ("||x.example^$important\n@@||x.example^$important\n", &[]),
        ("||x.example^$important\n@@||a.x.example^$important\n", &hosts[..1]),
        ("||x.example^\n@@||x.example^\n", &[]),
        ("||a.x.example^$important\n||x.example^\n@@||b.a.x.example^\n", &hosts[..]),
    ] {
        assert_eq!(blocked(list, &hosts), expected, "{list}");
    }
    // Below an exception there is nothing to hold by: that is said.
    let list = "||a.x.example^$important\n@@||x.example^\n";
    let (usable, found) = problems("host = { file = \"list\" }", list);
    assert!(usable && found.len() == 1, "{found:#?}");
    assert!(found[0].starts_with("1:3 list-important:"), "{found:#?}");
}

#[test]
fn the_names_of_a_list_may_stand_for_those_below() {
    let below = blocking_by("{ file = \"list\", below = true }", "ads.example.com\n*.b.example\n");
    assert!(HOSTS[..2].iter().all(|host| blocks(&below, host)) && blocks(&below, "b.example"));
    let alone = blocking_by("{ file = \"list\", below = false }", "ads.example.com\n");
    assert!(blocks(&alone, HOSTS[0]) && !blocks(&alone, HOSTS[1]));
}

/// The problems of a policy with a list, and whether it can be used.
fn problems(named: &str, list: &str) -> (bool, Vec<String>) {
    let text = format!("[[rule]]\n{named}\naction = \"drop\"\n");
    match read_with(&text, Support::ALL, &[("list", list)]) {
        Ok(policy) => (true, lines(policy.diagnostics())),
        Err(diagnostics) => (false, lines(&diagnostics)),
    }
}

#[test]
fn lines_that_are_something_else_are_counted_and_told_once() {
    let good = "a.example\nb.example\nc.example\nd.example\n";
    let bad = "10.0.0.0/8\ntwo words\n10.0.0.1\n";
    let (usable, found) = problems("host = { file = \"list\" }", &format!("{good}{bad}"));
    assert!(usable && found.len() == 1, "{found:#?}");
    assert_eq!(
        found[0],
        "5:1 list-line: 3 of 7 lines of this list are no host names, and are left out; the first: \
         \"10.0.0.0/8\": an address | for addresses there are `src`, `dst` and `any`: dst = { file = \"…\" }"
    );
    let (usable, found) = problems("host = { file = \"list\" }", bad);
    assert!(!usable && found.len() == 1 && found[0].contains("list-format"), "{found:#?}");
    // One line, what it is about, and what to do.
    for (line, message, help) in [
        (
            "example.org//x",
            "list-line: 1 of 5 lines of this list is no host name, and is left out: \"example.org//x\": this is more",
            "write the name alone: \"example.org\"",
        ),
        (
            "1.2.3.4-1.2.3.10",
            "list-line: 1 of 5 lines of this list is no host name, and is left out: \"1.2.3.4-1.2.3.10\": an address",
            "dst = { file",
        ),
        (
            "192.168.1.1 router.lan",
            "list-left-out: 1 of 5 lines of this list asks for more than a host name can say, and is left out",
            "is for resolvers",
        ),
        ("||10.0.0.1^", "list-left-out: 1 of 5", "addresses are asked for by `src`"),
        ("||a.example^$script", "list-left-out: 1 of 5", "parts of pages"),
    ] {
        let (usable, found) = problems("host = { file = \"list\" }", &format!("{good}{line}\n"));
        assert!(usable && found.len() == 1, "{line}: {found:#?}");
        assert!(found[0].contains(message) && found[0].contains(help), "{line}: {found:#?}");
    }
    let networks = "10.0.0.0/8\n10.0.0.0/9\n1.2.3.4-1.2.3.10\n10.1.0.1/16\n";
    let (usable, found) = problems("dst = { file = \"list\" }", networks);
    assert!(usable && found.len() == 2, "{found:#?}");
    assert!(found[0].contains("a range is several networks: \"1.2.3.4/30\""), "{found:#?}");
    assert!(
        found[1].contains("1 of 4 lines of this list has bits set below its prefix"),
        "{found:#?}"
    );
    // Rules for parts of pages are understood, and said to be left out.
    let filters = "||a.example^\n||b.example^$third-party\na.example##.ad\n/banner/\n";
    let (usable, found) = problems("host = { file = \"list\" }", filters);
    assert!(usable && found.len() == 1, "{found:#?}");
    assert!(
        found[0].starts_with("2:1 list-left-out: 3 of 4 lines of this list ask for more"),
        "{found:#?}"
    );
}

#[test]
fn a_format_may_be_given() {
    let mixed = "0.0.0.0 a.example\n0.0.0.0 b.example\n||c.example^\n";
    let (usable, found) = problems("host = { file = \"list\", format = \"hosts\" }", mixed);
    assert!(usable, "{found:#?}");
    assert!(
        found[0]
            .ends_with("\"||c.example^\": something else | lines look like: 0.0.0.0 example.com")
    );
    let (usable, found) = problems("host = { file = \"list\", format = \"adblok\" }", mixed);
    assert!(!usable);
    assert_eq!(
        found,
        ["2:34 unknown-word: `format` cannot be \"adblok\" | did you mean \"adblock\"?"]
    );
    let networks = "198.18.0.0/15\n";
    let (_, found) = problems("dst = { file = \"list\", format = \"hosts\" }", networks);
    assert_eq!(
        found,
        ["2:24 unknown-key: a list file has no key `format` | a list file has `file`"]
    );
}

#[test]
fn lists_of_networks_have_comments_of_all_kinds() {
    let list = "; Spamhaus\n# x\n198.18.0.0/15 ; SBL1\n10.0.0.0/8 # why\n2001:db8::/32\n\n! y\n";
    let (usable, found) = problems("dst = { file = \"list\" }", list);
    assert!(usable && found.is_empty(), "{found:#?}");
    let (usable, found) =
        problems("dst = { file = \"list\" }", "a.example\nb.example\n10.0.0.0/8\n");
    assert!(!usable);
    let expected = "1:1 list-format: 2 of 3 lines of this list are no networks, and it is not used; the first: \
                    \"a.example\": this is not an IPv4 or IPv6 address or network | for names there is \
                    `host`: host = { file = \"…\" }";
    assert_eq!(found, [expected]);
    let (usable, found) = problems("dst = { file = \"list\" }", "10.0.0.1/8\n10.0.0.2/8\n");
    assert!(usable);
    let expected = "1:1 host-bits: 2 of 2 lines of this list have bits set below their prefix | it is read as \"10.0.0.0/8\"";
    assert_eq!(found, [expected]);
}

/// The problems of a policy whose list is a file of these bytes, and whether it can be used.
fn of_bytes(key: &str, bytes: &[u8]) -> (bool, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list"), bytes).unwrap();
    let policy = folder.path().join("policy.toml");
    let text = format!("[[rule]]\n{key} = {{ file = \"list\" }}\naction = \"drop\"\n");
    std::fs::write(&policy, text).unwrap();
    let found = |loaded| match loaded {
        Ok::<Policy, Diagnostics>(policy) => (true, lines(policy.diagnostics())),
        Err(diagnostics) => (false, lines(&diagnostics)),
    };
    let loaded = load(&policy, &vocabulary(), Support::ALL, &from_disk);
    let before = loaded.as_ref().map(InForce::of).unwrap_or_default();
    let first = found(loaded);
    let again = found(reload(&policy, &before, &vocabulary(), Support::ALL, &from_disk));
    assert_eq!(first, again, "loaded and reloaded");
    first
}

#[test]
fn bytes_that_are_not_utf8_spoil_their_line_alone() {
    let names = "a.example\nb.example\nc.example\n";
    let with = |more: &[u8]| [names.as_bytes(), more].concat();
    for comment in [
        &b"# caf\xe9\n"[..],
        b"d.example # caf\xe9\n",
        b"! caf\xe9\n",
        b"0.0.0.0 d.example #\xe9\r\n",
    ] {
        assert_eq!(of_bytes("host", &with(comment)), (true, vec![]), "{comment:?}");
    }
    let (usable, found) = of_bytes("host", &with(b"m\xfcller.example\nd.example\n"));
    assert!(usable && found.len() == 1, "{found:#?}");
    assert!(found[0].starts_with("4:1 list-line: 1 of 5 lines"), "{found:#?}");
    assert!(found[0].contains("this is not UTF-8") && found[0].contains("iconv"), "{found:#?}");
    let (usable, found) = of_bytes("dst", b"10.0.0.0/8\n198.18.0.0/15 # caf\xe9\n\xe9\n");
    assert!(usable && found.len() == 1, "{found:#?}");
    assert!(found[0].starts_with("3:1 list-line: 1 of 3 lines"), "{found:#?}");
    assert!(found[0].contains("this is not UTF-8"), "{found:#?}");
}

#[test]
fn a_list_that_is_no_text_is_named_with_its_cure() {
    for (bytes, cure) in [
        (&b"\x1f\x8b\x08\0\0"[..], "gunzip"),
        (b"PK\x03\x04\x14\0", "unzip"),
        (b"\xff\xfea\0.\0b\0", "iconv -f UTF-16 -t UTF-8"),
        (b"a\0.\0b\0", "iconv -f UTF-16LE -t UTF-8"),
    ] {
        for key in ["host", "dst"] {
            let (usable, found) = of_bytes(key, bytes);
            assert!(!usable && found.len() == 1 && found[0].contains(cure), "{found:#?}");
        }
    }
}
