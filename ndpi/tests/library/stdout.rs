//! nDPI's own output stays out of a program's results.

use std::process::Output;

use testkit::alone;

#[test]
fn complaints_go_to_standard_error_where_asked() {
    match alone::word().as_deref() {
        Some("redirect") => ndpi::c_output_to_stderr(),
        Some(_) => {}
        None => return with_and_without(),
    }
    let library = crate::common::library().expect("it was there a moment ago");
    let list = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("bad-ja4-{}", std::process::id()));
    std::fs::write(&list, "no fingerprint\n").unwrap();
    library.engine().malicious_ja4_file(&list).unwrap();
    std::fs::remove_file(&list).unwrap();
}

fn with_and_without() {
    if crate::common::library().is_none() {
        return;
    }
    let complains = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("no fingerprint");
    let started =
        |word| alone::run(module_path!(), "complaints_go_to_standard_error_where_asked", word);
    let Output { stdout, stderr, .. } = started("leave it");
    assert!(complains(&stdout) && !complains(&stderr), "as nDPI does");
    let Output { stdout, stderr, .. } = started("redirect");
    assert!(!complains(&stdout) && complains(&stderr), "as asked");
}
