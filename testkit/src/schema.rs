//! The schema of records: every record that a test reads is checked against it.

use serde_json::Value;

#[cfg(feature = "schema")]
pub use strict::checked;

/// Without the feature `schema`: the record as it is.
#[cfg(not(feature = "schema"))]
pub fn checked(record: Value) -> Value {
    record
}

/// The record of a line.
#[track_caller]
pub fn record(line: &str) -> Value {
    checked(serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
}

#[cfg(feature = "schema")]
mod strict;

#[cfg(all(test, feature = "schema"))]
mod tests {
    use serde_json::json;

    #[test]
    fn what_is_not_listed_is_no_record() {
        let good = json!({"type": "capture", "capture": "a.pcap", "packets": 1, "skipped": {}});
        assert_eq!(super::checked(good.clone()), good);
        let mut bad = good;
        bad["pakets"] = 1.into();
        let failed = std::panic::catch_unwind(|| super::checked(bad)).unwrap_err();
        assert!(failed.downcast_ref::<String>().unwrap().contains("pakets"));
    }
}
