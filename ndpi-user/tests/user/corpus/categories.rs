//! Rules on categories, asked about each flow whose category is not its application's.

use std::path::Path;

use ndpi::{AppId, CategoryId, Classification, Confidence, Library, State};
use ndpi_labels::Findings;
use ndpi_policy::{Facts, Policy, Support, Vocabulary, parse};
use serde_json::Value;
use testkit::reference;

#[test]
fn a_flow_filed_elsewhere_is_still_of_its_applications_category() {
    let Some(folder) = reference::folder() else { return };
    let engine = Library::load(None).expect("nDPI").engine().build().expect("an engine");
    let names = Vocabulary::of(&engine);
    let mut odd = 0;
    for reference in reference::read(&folder).values() {
        for flow in reference.values() {
            odd += usize::from(is_found_by_both(&names, &flow));
        }
    }
    assert!(odd > 80, "{odd} flows of another category than their application's");
}

/// Whether a flow has another category than its application, in which case rules on either are
/// asked.
fn is_found_by_both(names: &Vocabulary, flow: &Value) -> bool {
    let number = |key: &str| u16::try_from(flow[key].as_u64().unwrap()).unwrap();
    let app = AppId { master: number("master_id"), app: number("app_id") };
    let category = names.categories.id(flow["category"].as_str().unwrap()).expect("a category");
    let its = names.app_categories.get(app.app).expect("an application of the table");
    if app == AppId::default() || its.0 == category {
        return false;
    }
    let said = Classification {
        state: State::Classified,
        app,
        category: CategoryId(category),
        confidence: Confidence::Dpi,
        ..Classification::default()
    };
    let name = |id: u16| names.categories.name(id).unwrap().to_owned();
    let takes = |key: &str, id: u16| takes(names, &format!("{key} = {:?}", name(id)), &said);
    assert!(takes("category", its.0), "{flow}");
    assert!(takes("category", category), "{flow}");
    assert!(takes("flow_category", category), "{flow}");
    assert!(!takes("flow_category", its.0), "{flow}");
    true
}

/// Whether a rule takes a flow at nDPI's final word, and by its first packet.
fn takes(names: &Vocabulary, matcher: &str, said: &Classification) -> bool {
    let policy = policy(names, matcher);
    let taken = policy.decide(&facts(said)).is_some_and(|it| it.rule.is_some());
    let claimed = Classification { state: State::Inspecting, ..*said };
    let hurried = policy.decide(&facts(&claimed)).is_some_and(|it| it.rule.is_some());
    assert_eq!(hurried, taken && !matcher.starts_with("flow_"), "{matcher}");
    taken
}

fn policy(names: &Vocabulary, matcher: &str) -> Policy {
    let text = format!("[[rule]]\n{matcher}\naction = \"drop\"\nfirst_packet = true\n");
    let no_list = |_: &Path| unreachable!("no list is named");
    parse(Path::new("policy.toml"), &text, names, Support::ALL, &no_list).expect("a policy")
}

fn facts(classification: &Classification) -> Facts<'_> {
    Facts {
        classification,
        hostname: None,
        ja4: None,
        alpn: None,
        client: ([198, 18, 0, 1].into(), 40000),
        server: ([198, 19, 0, 1].into(), 443),
        proto: 6,
        vlan: 0,
        iface: None,
        findings: Findings::NONE,
        incomplete: false,
        time: jiff::Timestamp::UNIX_EPOCH,
    }
}
