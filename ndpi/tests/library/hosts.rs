//! Classifying host names.

use ndpi::Asking;

use crate::common::engine;

#[test]
fn a_host_is_the_application_of_flows_to_it() {
    let Some(engine) = engine() else { return };
    for (host, asking, expected) in [
        ("www.youtube.com", Asking::Tls, "TLS.YouTube"),
        ("www.youtube.com", Asking::Http, "HTTP.YouTube"),
        ("www.youtube.com", Asking::Dns, "DNS"),
        ("www.facebook.com", Asking::Tls, "TLS.Facebook"),
        ("www.example.org", Asking::Tls, "TLS"),
    ] {
        let said = engine.classify_host(host, asking).unwrap();
        assert_eq!(engine.app_name(said.app), expected, "{host}");
        if asking == Asking::Tls {
            assert_eq!(said.category, engine.category_of(said.app), "{host}");
        }
    }
    let label = "a".repeat(64);
    for no_name in ["", "a..b", label.as_str(), "b\u{fc}cher.example", &"a.".repeat(127)] {
        assert_eq!(engine.classify_host(no_name, Asking::Dns), None, "{no_name}");
    }
}
