//! The table itself; that each header is read is tested beside the parser (`link/tests.rs`).

use super::table::TABLE;
use super::{find, name};
use crate::packet::LinkType;

#[test]
fn the_table_is_in_order() {
    assert!(TABLE.is_sorted_by(|a, b| a.number < b.number));
    assert_eq!(name(LinkType(239)), Some("NFLOG"));
    assert_eq!(name(LinkType(189)), Some("USB_LINUX"));
    assert_eq!(name(LinkType(4)), None);
}

#[test]
fn the_documents_name_what_is_read() {
    let page = include_str!("../../../../docs/link-layers.md");
    for known in TABLE {
        let row = format!("| {} | {} |", known.number, known.name);
        assert_eq!(page.contains(&row), known.read.is_some(), "{row}");
    }
}

#[test]
fn what_is_not_read_is_refused_and_what_is_read_never_is() {
    for known in TABLE {
        let found = find(LinkType(known.number), &[0; 200]);
        let refused = found == Err(crate::link::Skip::LinkType(LinkType(known.number)));
        assert_eq!(refused, known.read.is_none(), "{}", known.name);
    }
}

/// No bytes of any length do harm: those that are all alike reach the ends of most headers.
#[test]
fn any_few_bytes_have_an_answer() {
    for known in TABLE {
        for byte in 0..=255 {
            for len in 0..96 {
                let data = vec![byte; len];
                if let Ok((_, rest)) = find(LinkType(known.number), &data) {
                    assert!(rest.len() <= len);
                }
            }
        }
    }
}
