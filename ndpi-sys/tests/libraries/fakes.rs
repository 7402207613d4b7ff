//! Libraries that are not nDPI 5.0 are refused with a reason, and never end the process.

use std::path::Path;

use ndpi_sys::{Library, LoadError};

use crate::fake::{Fake, File, can_compile};

/// Why a fake is refused.
fn refusal(fake: &Fake) -> String {
    fake.load().expect_err("a fake is refused").to_string()
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn other_releases_are_named_beside_the_one_needed() {
    if !can_compile() {
        return;
    }
    for revision in ["\"4.2.0-4-a0a1b2c\"", "\"6.0.0-1-123\"", "\"5.1.0\"", "\"50.0\"", "\"\""] {
        let message = refusal(&Fake { revision, ..Fake::default() });
        assert_says(&message, &[revision.trim_matches('"'), "nDPI 5.0.x is needed", "fake-"]);
    }
    assert_says(&refusal(&Fake { revision: "0", ..Fake::default() }), &["of no revision"]);
}

#[test]
fn another_release_is_told_so_even_if_it_lacks_symbols_too() {
    if !can_compile() {
        return;
    }
    let fake = Fake { revision: "\"4.2.0\"", without: Some("ndpi_dpi2json"), ..Fake::default() };
    assert_says(&refusal(&fake), &["is nDPI 4.2.0"]);
}

#[test]
fn a_missing_symbol_is_named() {
    if !can_compile() {
        return;
    }
    for symbol in ["ndpi_detection_giveup", "ndpi_risk2score", "ndpi_flow2json"] {
        let message = refusal(&Fake { without: Some(symbol), ..Fake::default() });
        assert_says(&message, &["nDPI 5.0.0-fake", &format!("lacks the function {symbol}")]);
    }
}

#[test]
fn a_library_of_something_else_is_no_ndpi() {
    if !can_compile() {
        return;
    }
    let file = File::compiled("int something_else(void) { return 1; }");
    let error = Library::open(&file.path, false).unwrap_err();
    assert_says(&error.to_string(), &["not an nDPI library", "ndpi_revision"]);
}

#[test]
fn another_flow_size_is_told_with_both_sizes() {
    if !can_compile() {
        return;
    }
    for flow_size in [0, 1200, 1216, u32::MAX] {
        let message = refusal(&Fake { flow_size, ..Fake::default() });
        assert_says(&message, &["5.0.0-fake", &format!("keeps {flow_size} bytes"), "keeps 1208"]);
    }
}

#[test]
fn another_result_size_is_told_with_both_sizes() {
    if !can_compile() {
        return;
    }
    for result_size in [24, 48, 64, 200] {
        let message = refusal(&Fake { result_size, ..Fake::default() });
        assert_says(&message, &[&format!("returns {result_size} bytes"), "returns 56"]);
    }
}

#[test]
fn a_state_that_5_0_does_not_have_is_a_wrong_result() {
    if !can_compile() {
        return;
    }
    let fake = Fake { dissect: "r[48] = 4;", ..Fake::default() };
    assert_says(&refusal(&fake), &["failed the self-test: a packet's state is 4"]);
}

#[test]
fn wrong_answers_fail_the_self_test() {
    if !can_compile() {
        return;
    }
    let message = refusal(&Fake::default());
    assert_says(&message, &["failed the self-test", "HTTP request's application is 0, expected 7"]);
    // The result is right, but the flow holds it elsewhere.
    let moved = Fake { dissect: "r[2] = 7; f[8] = 7; f[52] = 6;", ..Fake::default() };
    assert_says(&refusal(&moved), &["the HTTP request's flow holds [0, 0]"]);
}

#[test]
fn pointers_that_lead_nowhere_are_not_followed() {
    if !can_compile() {
        return;
    }
    // Everything as it should be, but the URL is not where a pointer should be.
    let fake = Fake {
        dissect: "r[2] = 7; f[0] = 7; f[52] = 6; f[560] = 2;
                  strcpy((char *)f + 276, \"self-test.example\");
                  memset(f + 568, 0x41, 8);",
        ..Fake::default()
    };
    assert_says(&refusal(&fake), &["failed the self-test: HTTP URL is not \"self-test.example/"]);
}

#[test]
fn a_module_that_cannot_be_made_is_a_failed_self_test() {
    if !can_compile() {
        return;
    }
    let none = refusal(&Fake { module: "0", ..Fake::default() });
    assert_says(&none, &["failed the self-test", "could not make a detection module"]);
    let unfinished = refusal(&Fake { finalized: -1, ..Fake::default() });
    assert_says(&unfinished, &["failed the self-test", "gave -1, not 0"]);
}

#[test]
fn files_that_are_no_libraries_say_what_the_loader_says() {
    let text = File::written("so", "not a library\n");
    let error = Library::open(&text.path, false).unwrap_err().to_string();
    assert_says(&error, &["cannot load", &text.path.display().to_string()]);
    let error =
        Library::open(Path::new("/nonexistent/libndpi.so.5"), false).unwrap_err().to_string();
    assert_says(&error, &["/nonexistent/libndpi.so.5", "No such file or directory"]);
}

#[test]
fn a_named_library_is_used_or_refused() {
    let error = Library::load(Some(Path::new("/nonexistent/libndpi.so.5")), false).unwrap_err();
    assert!(matches!(error, LoadError::Open { .. }), "{error}");
}

#[test]
fn where_nothing_was_found_every_reason_is_listed() {
    let tried = ["/a", "/b"].map(|path| Library::open(Path::new(path), false).unwrap_err());
    let error = LoadError::NotFound { tried: tried.into() };
    let message = error.to_string();
    assert_eq!(format!("{error:?}"), message, "`main` that returns it prints what can be read");
    assert_says(&message, &["no usable nDPI 5.0.x", "NDPI_LIBRARY", "load /a: ", "load /b: "]);
}
