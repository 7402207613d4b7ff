//! Rules of one's own, from files and by value.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use ndpi::{AppId, BreedId, CategoryId, Classification, Engine, EngineBuilder, Risks, RulesError};
use ndpi_sys::packets;

use crate::common::{Ends, START_MS, ends, library};

/// A file with these lines, removed in the end.
struct Lines(PathBuf);

impl Lines {
    fn new(name: &str, lines: &[&str]) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        Self(path)
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // Nothing to be done if it is gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn built(builder: Result<EngineBuilder, RulesError>) -> Engine {
    builder.expect("good rules").build().expect("an engine")
}

/// The classification of a flow after one packet of the client's, and giving up.
fn classify(engine: &Engine, packet: &[u8]) -> Classification {
    let mut flow = engine.flow();
    let first = flow.process(packet, START_MS);
    assert_eq!(first, flow.classification());
    let last = flow.give_up();
    assert_eq!(last, flow.classification());
    last
}

fn http(host: &str) -> Vec<u8> {
    ends(80).request(&packets::http_get(host, "/", "test/1"))
}

fn hello(host: &str) -> Vec<u8> {
    ends(443).request(&packets::tls_client_hello(host, &["h2"]))
}

fn category(engine: &Engine, name: &str) -> CategoryId {
    engine.category_by_name(name).expect("a category of nDPI's")
}

#[test]
fn protocols_from_a_file_have_names_numbers_and_categories() {
    let Some(library) = library() else { return };
    let file = Lines::new(
        "protocols",
        &["tcp:7777@OurPort", "host:\"shop.example\"@OurShop", "udp:7778@OurNumber=60000"],
    );
    let engine = built(library.engine().protocols_file(&file.0));
    let custom: Vec<(u16, String)> = engine
        .protocols()
        .into_iter()
        .filter(|protocol| protocol.custom)
        .map(|protocol| (protocol.id, protocol.name))
        .collect();
    assert_eq!(
        custom,
        [(468, "OurPort".into()), (469, "OurShop".into()), (60_000, "OurNumber".into())]
    );

    let port = classify(&engine, &ends(7777).request(b"hello"));
    assert_eq!(engine.app_name(port.app), "OurPort");
    let shop = classify(&engine, &hello("www.shop.example"));
    assert_eq!(engine.app_name(shop.app), "TLS.OurShop");
    assert_eq!(engine.app_by_name("TLS.OurShop"), Some(shop.app));
    let number = classify(&engine, &ends(7778).datagram(b"hello"));
    assert_eq!(number.app, AppId { master: 0, app: 60_000 });
    assert_eq!(engine.app_name(number.app), "OurNumber");
    assert_eq!(engine.app_by_name("OurNumber"), Some(number.app));
    assert_eq!(engine.breed_name(engine.breed_of(60_000)), "Acceptable");
}

#[test]
fn flows_of_numbered_protocols_have_that_number_everywhere() {
    let Some(library) = library() else { return };
    let file = Lines::new("numbered", &["host:\"shop.example\"@OurShop=60000"]);
    let engine = built(library.engine().protocols_file(&file.0));
    let mut flow = engine.flow();
    let found = flow.process(&http("shop.example"), START_MS);
    let http = engine.protocol_by_name("HTTP").unwrap();
    assert_eq!(found.app, AppId { master: http, app: 60_000 });
    assert_eq!(flow.stack().protocols(), [http, 60_000]);
    assert_eq!(engine.stack_name(flow.stack()), "HTTP.OurShop");
    assert!(flow.json().unwrap().contains("\"HTTP.OurShop\""), "{}", flow.json().unwrap());
    assert_eq!(engine.category_of(found.app), found.category);
}

#[test]
fn categories_from_a_file_and_by_value() {
    let Some(library) = library() else { return };
    let plain = library.engine().build().unwrap();
    let (gambling, news) = (category(&plain, "Gambling"), category(&plain, "News"));
    let (custom, travel) = (CategoryId(20), category(&plain, "Travel"));
    let file = Lines::new("categories", &[&format!("cards.example\t{}", gambling.0)]);
    let domains = Lines::new("domains", &["paper.example"]);
    let engine = built(
        library
            .engine()
            .categories_file(&file.0)
            .and_then(|rules| rules.category_file(&domains.0, news))
            .and_then(|rules| rules.category_name(custom, "Ours"))
            .and_then(|rules| rules.host_category("ours.example", custom, BreedId(4)))
            .and_then(|rules| rules.ip_category("198.18.77.0/24", travel)),
    );
    assert_eq!(classify(&engine, &http("www.cards.example")).category, gambling);
    assert_eq!(classify(&engine, &hello("paper.example")).category, news);
    let ours = classify(&engine, &hello("www.ours.example"));
    assert_eq!((engine.category_name(ours.category), ours.breed), ("Ours".into(), BreedId(4)));
    assert_eq!(engine.category_by_name("ours"), Some(custom));
    let there = Ends { server: "198.18.77.5:9999".parse().unwrap(), ..ends(9999) };
    assert_eq!(classify(&engine, &there.request(b"\x01\x02")).category, travel);
    assert_ne!(classify(&engine, &ends(9999).request(b"\x01\x02")).category, travel);
}

#[test]
fn lists_of_bad_things_raise_their_risks() {
    let Some(library) = library() else { return };
    let risk = |code: &str| {
        let risk = library.risks().into_iter().find(|risk| risk.code == code).expect(code);
        1_u64 << risk.number
    };
    let plain = library.engine().build().unwrap();
    let mut flow = plain.flow();
    flow.process(&hello("www.example.org"), START_MS);
    let ja4 = Lines::new("ja4", &[&flow.ja4().expect("a JA4")]);
    let domains = Lines::new("risky", &["risky.example"]);
    let engine = built(
        library
            .engine()
            .malicious_ja4_file(&ja4.0)
            .and_then(|rules| rules.risk_domains_file(&domains.0)),
    );
    let risks = |engine: &Engine, packet: &[u8]| classify(engine, packet).risks.0;
    let (fingerprint, domain) = (risk("NDPI_MALICIOUS_FINGERPRINT"), risk("NDPI_RISKY_DOMAIN"));
    assert_eq!(risks(&plain, &hello("www.example.org")) & fingerprint, 0);
    assert_ne!(risks(&engine, &hello("www.example.org")) & fingerprint, 0);
    assert_eq!(risks(&engine, &http("www.example.org")) & domain, 0);
    assert_ne!(risks(&engine, &http("www.risky.example")) & domain, 0);
}

#[test]
fn masks_leave_only_the_risks_that_count() {
    let Some(library) = library() else { return };
    let all = |rules: Result<EngineBuilder, RulesError>, host: &str| {
        let engine = built(rules);
        let mut flow = engine.flow();
        let before = flow.process(&http(host), START_MS).risks;
        (before, flow.mask_risks(), flow.classification().risks)
    };
    let (before, after, _) = all(Ok(library.engine()), "198.18.0.2");
    assert!(!before.is_empty(), "a number as a host is a risk");
    assert_eq!(before, after, "nothing is masked");
    let one = Risks(1 << before.iter().next().unwrap());
    let hosts = library.engine().host_risk_mask("masked.example", Risks(0));
    let (_, after, now) = all(hosts, "www.masked.example");
    assert_eq!((after, now), (Risks(0), Risks(0)));
    let networks = library.engine().ip_risk_mask("198.18.0.0/24", one);
    assert_eq!(all(networks, "198.18.0.2").1, one);
}

type Load = fn(EngineBuilder, &Path) -> Result<EngineBuilder, RulesError>;

#[test]
fn missing_files_are_told_by_name_and_cause() {
    let Some(library) = library() else { return };
    let path = Path::new("/nonexistent/list");
    let loads: [Load; 10] = [
        EngineBuilder::protocols_file,
        EngineBuilder::protocols_directory,
        EngineBuilder::categories_file,
        EngineBuilder::categories_directory,
        EngineBuilder::malicious_ja4_file,
        EngineBuilder::malicious_sha1_file,
        EngineBuilder::risk_domains_file,
        EngineBuilder::domain_suffixes_file,
        EngineBuilder::tcp_fingerprints_file,
        |builder, path| builder.category_file(path, CategoryId(5)),
    ];
    for load in loads {
        let error = load(library.engine(), path).unwrap_err();
        assert!(error.to_string().ends_with("from /nonexistent/list"), "{error}");
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(cause.starts_with("No such file"), "{cause}");
    }
}

#[test]
fn values_that_make_no_sense_are_refused() {
    let Some(library) = library() else { return };
    let unknown = |rules: Result<EngineBuilder, RulesError>| rules.unwrap_err().to_string();
    let nowhere = library.engine().host_category("a.example", CategoryId(60_000), BreedId(0));
    assert_eq!(unknown(nowhere), "nDPI has no category with the number 60000");
    let unnamed = library.engine().ip_category("198.18.0.0/15", CategoryId(50));
    assert_eq!(unknown(unnamed), "nDPI has no category with the number 50");
    let breed = library.engine().host_category("a.example", CategoryId(5), BreedId(8));
    assert_eq!(unknown(breed), "nDPI has no breed with the number 8");
    let network = library.engine().ip_risk_mask("198.18.0.0/99", Risks(0));
    assert!(matches!(network, Err(RulesError::Network { .. })));
    let nul = library.engine().trusted_issuer("CN=\0");
    assert!(matches!(nul, Err(RulesError::Nul { .. })));
    let builtin = library.engine().category_name(CategoryId(6), "Mine");
    assert!(matches!(builtin, Err(RulesError::Unknown { .. })));
}
