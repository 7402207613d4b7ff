//! nDPI's memory counter. Each test has a process of its own, since counting begins with the
//! first use.

use std::rc::Rc;

use ndpi::{Engine, Flow, Library, LoadError};
use ndpi_sys::packets;
use testkit::alone;

use crate::common::{START_MS, ends};

#[test]
fn all_that_is_taken_is_given_back() {
    if alone::word().is_none() {
        alone::run(module_path!(), "all_that_is_taken_is_given_back", "");
        return;
    }
    let Some(library) = crate::common::loaded(Library::load_counting_memory) else { return };
    let in_use = || library.memory_in_use().expect("it is counted");
    let nothing = in_use();
    assert!(nothing < 1 << 20, "{nothing} bytes before there is an engine");

    let engine = library.engine().build().unwrap();
    let idle = in_use();
    assert!((4 << 20..32 << 20).contains(&(idle - nothing)), "{} bytes per engine", idle - nothing);

    let hello = ends(443).request(&packets::tls_client_hello("www.example.org", &["h2"]));
    let mut flows: Vec<Flow<&Engine>> = (0..1_000).map(|_| engine.flow()).collect();
    let empty = (in_use() - idle) / flows.len();
    assert!((library.flow_size()..library.flow_size() + 32).contains(&empty), "{empty} bytes");
    for flow in &mut flows {
        flow.process(&hello, START_MS);
    }
    assert!(in_use() - idle > flows.len() * empty, "flows point to more");
    drop(flows);
    assert_eq!(in_use(), idle, "flows leave nothing");
    let engine = Rc::new(engine);
    let mut last = engine.shared_flow();
    drop(engine);
    last.process(&hello, START_MS);
    assert_eq!(last.engine().app_name(last.classification().app), "TLS", "its engine is alive");
    drop(last);
    assert_eq!(in_use(), nothing, "engines leave nothing, whoever held them last");

    // Who does not ask for it gets it too; the functions are the process's.
    let again = Library::load(Some(library.path())).unwrap();
    assert!(again.memory_in_use().is_some());
}

#[test]
fn without_being_asked_nothing_is_counted_and_later_is_too_late() {
    if alone::word().is_none() {
        let name = "without_being_asked_nothing_is_counted_and_later_is_too_late";
        alone::run(module_path!(), name, "");
        return;
    }
    let Some(library) = crate::common::library() else { return };
    assert_eq!(library.memory_in_use(), None);
    let late = Library::load_counting_memory(Some(library.path()));
    assert!(matches!(late, Err(LoadError::CountedTooLate { .. })));
}
