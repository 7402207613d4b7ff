//! What nDPI prints stays out of a program's results.

mod common;

use std::process::{Command, Output};

const TEST: &str = "complaints_go_to_standard_error_where_asked";
/// Says to this program that it was started by itself, and whether to redirect.
const CHILD: &str = "NDPI_TEST_REDIRECT";

#[test]
fn complaints_go_to_standard_error_where_asked() {
    match std::env::var(CHILD).as_deref() {
        Ok("yes") => ndpi::c_output_to_stderr(),
        Ok(_) => {}
        Err(_) => return with_and_without(),
    }
    let library = common::library().expect("it was there a moment ago");
    let list = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("bad-ja4-{}", std::process::id()));
    std::fs::write(&list, "no fingerprint\n").unwrap();
    library.engine().malicious_ja4_file(&list).unwrap();
    std::fs::remove_file(&list).unwrap();
}

fn with_and_without() {
    if common::library().is_none() {
        return;
    }
    let complains = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("no fingerprint");
    let Output { stdout, stderr, .. } = started("no");
    assert!(complains(&stdout) && !complains(&stderr), "as nDPI does");
    let Output { stdout, stderr, .. } = started("yes");
    assert!(!complains(&stdout) && complains(&stderr), "as asked");
}

fn started(redirect: &str) -> Output {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([TEST, "--exact", "--nocapture"])
        .env(CHILD, redirect)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}
