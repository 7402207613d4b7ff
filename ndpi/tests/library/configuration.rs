//! Settings, and the errors of wrong ones.

use ndpi::{ConfigError, Library, State};
use ndpi_sys::packets;

use crate::common::{START_MS, ends, library};

fn refusal(library: &Library, protocol: Option<&str>, key: &str, value: &str) -> ConfigError {
    library.engine().config(protocol, key, value).expect_err("a wrong setting is refused")
}

#[test]
fn unknown_keys_protocols_and_bad_values_are_told_apart() {
    let Some(library) = library() else { return };
    let setting = |text: &str| text.to_owned();
    assert_eq!(
        refusal(&library, None, "nope", "1"),
        ConfigError::UnknownKey { setting: setting("nope") }
    );
    assert_eq!(
        refusal(&library, Some("tls"), "nope", "1"),
        ConfigError::UnknownKey { setting: setting("tls,nope") }
    );
    assert_eq!(
        refusal(&library, Some("nope"), "enable", "1"),
        ConfigError::UnknownProtocol { setting: setting("nope,enable") }
    );
    for value in ["999", "many", ""] {
        assert_eq!(
            refusal(&library, None, "packets_limit_per_flow", value),
            ConfigError::BadValue {
                setting: setting("packets_limit_per_flow"),
                value: value.to_owned()
            }
        );
    }
    assert_eq!(
        refusal(&library, None, "fpc", "true"),
        ConfigError::BadValue { setting: setting("fpc"), value: setting("true") }
    );
}

#[test]
fn caches_are_not_shared_with_nobody() {
    let Some(library) = library() else { return };
    let error = refusal(&library, None, "lru.stun.scope", "1");
    assert!(matches!(error, ConfigError::Rejected { .. }), "{error:?}");
    assert!(error.to_string().contains("lru.stun.scope"), "{error}");
}

#[test]
fn strings_with_a_nul_in_them_are_refused() {
    let Some(library) = library() else { return };
    for (protocol, key, value) in
        [(Some("t\0ls"), "enable", "1"), (None, "f\0pc", "1"), (None, "fpc", "1\0")]
    {
        let error = refusal(&library, protocol, key, value);
        assert!(matches!(error, ConfigError::Nul { .. }), "{error:?}");
    }
}

#[test]
fn settings_can_be_read_back() {
    let Some(library) = library() else { return };
    let engine = library
        .engine()
        .config(None, "packets_limit_per_flow", "16")
        .and_then(|builder| builder.config(Some("dns"), "subclassification", "enable"))
        .unwrap()
        .build()
        .unwrap();
    assert_eq!(engine.setting(None, "packets_limit_per_flow").as_deref(), Some("16"));
    assert_eq!(engine.setting(Some("dns"), "subclassification").as_deref(), Some("1"));
    assert_eq!(engine.setting(Some("tls"), "metadata.cipher").as_deref(), Some("1"), "default");
    assert_eq!(engine.setting(None, "nope"), None);
}

#[test]
fn the_packet_limit_ends_a_flow_that_is_not_recognized() {
    let Some(library) = library() else { return };
    let engine =
        library.engine().config(None, "packets_limit_per_flow", "3").unwrap().build().unwrap();
    let mut flow = engine.flow();
    let packet = ends(9_999).request(b"\x01\x02nothing that anybody knows");
    let states: Vec<State> =
        (START_MS..START_MS + 3).map(|time| flow.process(&packet, time).state).collect();
    assert_eq!(states, [State::Inspecting, State::Inspecting, State::Classified]);
    assert!(flow.gave_up());
}

#[test]
fn monitoring_is_a_state_of_its_own() {
    let Some(library) = library() else { return };
    let engine =
        library.engine().config(Some("stun"), "monitoring", "enable").unwrap().build().unwrap();
    let mut flow = engine.flow();
    // A binding request and its answer: magic cookie, transaction, the address as seen.
    let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    request.extend([7; 12]);
    let mut response = vec![1, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42];
    response.extend([7; 12]);
    response.extend([0, 0x20, 0, 8, 0, 1, 0x21, 0x12, 0xe7, 0x00, 0xa4, 0x43]);
    let ends = ends(3478);
    let packets = [ends.datagram(&request), ends.reply(&response)];
    let states: Vec<State> = (START_MS..START_MS + 60)
        .zip(packets.iter().cycle())
        .map(|(time, packet)| flow.process(packet, time).state)
        .collect();
    assert_eq!(states.last(), Some(&State::Monitoring), "{states:?}");
    assert!(!states.contains(&State::Classified), "{states:?}");
    assert_eq!(flow.give_up().state, State::Monitoring);
}

#[test]
fn a_protocol_that_is_switched_off_is_not_found() {
    let Some(library) = library() else { return };
    let query = ends(53).datagram(&packets::dns_query("www.example.org"));
    for (value, expected) in [("1", "DNS"), ("0", "Unknown")] {
        let engine = library
            .engine()
            .config(Some("dns"), "enable", value)
            .and_then(|builder| builder.config(None, "dpi.guess_on_giveup", "0"))
            .unwrap()
            .build()
            .unwrap();
        let found = engine.flow().process(&query, START_MS);
        assert_eq!(engine.app_name(found.app), expected, "dns,enable={value}");
    }
}
