//! Names, numbers and lists.

use std::path::Path;

use ndpi::{AppId, BreedId, CategoryId, Confidence, FirstPacketConfidence, Risks, Severity};
use ndpi_labels::Recorded;
use ndpi_sys::constants::{PROTOCOL_DNS, PROTOCOL_LLMNR, PROTOCOL_MDNS, PROTOCOL_SSH};

use crate::common::{engine, library};

#[test]
fn every_protocol_is_found_by_its_name() {
    let Some(engine) = engine() else { return };
    let protocols = engine.protocols();
    assert_eq!(protocols.len(), 468, "nDPI 5.0 without custom protocols");
    for (index, protocol) in protocols.iter().enumerate() {
        assert_eq!(usize::from(protocol.id), index);
        assert!(!protocol.name.is_empty() && !protocol.custom, "{protocol:?}");
        let app = AppId { master: 0, app: protocol.id };
        assert_eq!(engine.app_by_name(&protocol.name), Some(app), "{protocol:?}");
        assert_eq!(engine.app_name(app), protocol.name);
        assert_eq!(engine.category_of(app), protocol.category);
        assert!(!engine.category_name(protocol.category).is_empty(), "{protocol:?}");
        assert!(!engine.breed_name(protocol.breed).is_empty(), "{protocol:?}");
    }
    let encrypted = |name| protocols[usize::from(engine.protocol_by_name(name).unwrap())].encrypted;
    assert!(encrypted("TLS") && encrypted("QUIC") && !encrypted("HTTP"));
}

#[test]
fn pairs_have_names_too() {
    let Some(engine) = engine() else { return };
    let youtube = engine.app_by_name("tls.youtube").expect("case does not matter");
    assert_eq!(engine.app_name(youtube), "TLS.YouTube");
    assert_eq!(engine.category_name(engine.category_of(youtube)), "Media");
    assert_eq!(engine.app_by_name("TLS.Nonsense"), None);
    assert_eq!(engine.app_by_name("Nonsense"), None);
    assert_eq!(engine.app_by_name("TLS\0"), None);
    assert_eq!(engine.app_by_name("Unknown"), Some(AppId::default()));
}

#[test]
fn numbers_that_mean_nothing_do_no_harm() {
    let Some(engine) = engine() else { return };
    for id in (468..=u16::MAX).step_by(97).chain([468, u16::MAX]) {
        assert_eq!(engine.protocol_name(id), "Unknown");
        assert_eq!(engine.breed_of(id), engine.breed_of(0));
        for app in [
            AppId { master: 0, app: id },
            AppId { master: id, app: 0 },
            AppId { master: id, app: id },
            AppId { master: 91, app: id },
        ] {
            assert_eq!(engine.category_of(app), CategoryId(0));
            assert!(engine.app_name(app).contains("Unknown"), "{app:?}");
        }
        assert_eq!(engine.category_name(CategoryId(id)), "");
    }
    assert_eq!(engine.breed_name(BreedId(200)), "");
}

#[test]
fn categories_and_breeds_are_found_by_their_names() {
    let Some(engine) = engine() else { return };
    let categories = engine.categories();
    assert!(categories.len() > 80, "{}", categories.len());
    for category in categories {
        assert_eq!(engine.category_by_name(&category.name), Some(category.id));
        assert_eq!(engine.category_name(category.id), category.name);
    }
    assert_eq!(engine.category_by_name("socialnetwork"), Some(CategoryId(6)));
    assert_eq!(engine.category_by_name(""), None);
    let breeds = engine.breeds();
    assert_eq!(breeds.len(), usize::try_from(ndpi_sys::constants::BREEDS).unwrap());
    for breed in breeds {
        assert_eq!(engine.breed_by_name(&breed.name.to_lowercase()), Some(breed.id));
    }
}

#[test]
fn risks_have_names_severities_and_scores() {
    let Some(library) = library() else { return };
    let risks = library.risks();
    assert_eq!(risks.len(), 56, "nDPI 5.0");
    let port = risks.iter().find(|risk| risk.number == 5).unwrap();
    assert_eq!(port.name, "Known Proto on Non Std Port");
    assert_eq!(port.code, "NDPI_KNOWN_PROTOCOL_ON_NON_STANDARD_PORT");
    assert_eq!((port.severity, port.score), (Severity::Medium, 50));
    assert_eq!(library.risk(0), None);
    assert_eq!(library.risk(57), None);
    assert_eq!(library.risk(255), None);

    let score = library.risk_score(Risks(1 << 5 | 1 << 1));
    assert_eq!(score.total, 200);
    assert_eq!(score.client + score.server, score.total);
    assert_eq!(library.risk_score(Risks(0)).total, 0);
    let known = library.risk_score(Risks((1 << 57) - 2)).total;
    assert!(library.risk_score(Risks(u64::MAX)).total >= known, "unknown bits do no harm");
}

/// Names that are written down here are the library's.
#[test]
fn constant_names_are_the_library_s_own() {
    let Some(engine) = engine() else { return };
    let sys = ndpi_sys::Library::open(engine.library().path(), false).unwrap();
    // SAFETY: these functions take any of these numbers and return constant strings.
    let name = |function: unsafe extern "C" fn(u32) -> *const std::ffi::c_char, number| unsafe {
        std::ffi::CStr::from_ptr(function(number)).to_str().unwrap()
    };
    for (number, confidence) in (0..).zip(Confidence::ALL) {
        assert_eq!(confidence.name(), name(sys.functions().confidence_get_name, number));
    }
    for (number, severity) in (0..).zip(Severity::ALL) {
        assert_eq!(severity.name(), name(sys.functions().severity2str, number));
    }
    for (number, confidence) in (0..).zip(FirstPacketConfidence::ALL) {
        assert_eq!(confidence.name(), name(sys.functions().fpc_confidence_get_name, number));
    }
    for (number, cache) in (0..).zip(engine.cache_statistics()) {
        assert_eq!(cache.cache, name(sys.functions().lru_cache_idx_to_name, number));
    }
    for (id, name) in [
        (PROTOCOL_DNS, "DNS"),
        (PROTOCOL_MDNS, "MDNS"),
        (PROTOCOL_SSH, "SSH"),
        (PROTOCOL_LLMNR, "LLMNR"),
    ] {
        assert_eq!(engine.protocol_name(id), name);
    }
}

#[test]
fn the_library_says_what_it_is() {
    let Some(library) = library() else { return };
    assert!(library.revision().starts_with("5.0."), "{}", library.revision());
    assert!(library.api_version() > 0);
    assert!(!library.gcrypt_version().is_empty());
    assert_eq!(library.flow_size(), 1208);
    assert!(library.path().is_absolute(), "{}", library.path().display());
    let before = library.allocated_so_far();
    let engine = library.engine().build().unwrap();
    let module = u32::try_from(engine.module_size()).unwrap();
    assert!(library.allocated_so_far().wrapping_sub(before) > module);
}

/// The record that policies are tested with; with `UPDATE_RECORDED` set, writes it.
#[test]
fn the_recorded_catalog_is_the_library() {
    let Some(engine) = engine() else { return };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ndpi-labels/src/recorded.tsv");
    let there = std::fs::read_to_string(&path).unwrap();
    let recorded = Recorded::from_text(&there).expect("a record");
    let now = Recorded::of(&engine, recorded.hosts().cloned()).to_text();
    if std::env::var_os("UPDATE_RECORDED").is_some_and(|value| !value.is_empty()) {
        std::fs::write(&path, &now).unwrap();
    } else {
        assert_eq!(now, there, "UPDATE_RECORDED=1 writes it");
    }
}
