//! Asks a policy what to do with a flow. Neither nDPI nor the kernel is needed: the names in the rules are
//! those of the record of nDPI 5.0.
//!
//! ```sh
//! cargo run --package ndpi-policy --example decide
//! ```

use std::io::ErrorKind;
use std::path::Path;

use ndpi_labels::{AppId, Classification, Recorded, State};
use ndpi_policy::{Facts, Support, Vocabulary, parse};

const POLICY: &str = r#"
default = "count"

[[rule]]
name = "no videos"
app = "YouTube"
host = "*.googlevideo.com"
action = "drop"
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names = Vocabulary::of(&Recorded::ndpi_5_0());
    // There are no lists in this policy; `load` reads one from files, with its lists.
    let no_lists = |_: &Path| Err(ErrorKind::NotFound.into());
    let policy = parse(Path::new("policy.toml"), POLICY, &names, Support::ALL, &no_lists)
        .map_err(|problems| problems.to_string())?;

    // What nDPI says of two flows; for flows of the crate `ndpi` it is `Flow::classification`.
    let [tls, youtube] = ["TLS", "YouTube"].map(|name| names.apps.id(name).unwrap_or_default());
    let app = AppId { master: tls, app: youtube };
    let classification = Classification { state: State::Classified, app, ..Default::default() };
    let (client, server) = (("198.18.0.1".parse()?, 40_000), ("198.18.0.2".parse()?, 443));
    for host in ["r1.googlevideo.com", "www.youtube.com"] {
        let facts = Facts { hostname: Some(host), ..Facts::new(&classification, client, server) };
        let decision = policy.decide(&facts).ok_or("a flow that is classified is decided")?;
        let rule = policy.rule_name(decision.rule);
        println!("{host}: {} (by {rule})", decision.action.name());
    }
    Ok(())
}
