//! A packet that makes nDPI do what it likes, while the process has the programs and maps in hand.

use std::path::Path;

use testkit::hostile::{MARK, assert_refused, compile, tried};
use testkit::needs;
use testkit::packets::{capture, dns};
use testkit::program::{command, file, run};

use crate::replay::setup::can_replay;

#[test]
fn code_in_the_place_of_ndpi_has_the_maps_and_nothing_else() {
    if !can_replay() {
        return;
    }
    let marked = file("replay-sandbox", "marked.pcap", &capture(&[(1, dns(1, MARK, false))]));
    let other = file("replay-sandbox", "other.pcap", &capture(&[(1, dns(1, "a.example", false))]));
    let folder = Path::new(&marked).parent().unwrap();
    let Some(library) = needs(compile(folder, size_of::<ndpi_sys::types::Protocol>())) else {
        return;
    };
    let replay = |arguments: &[&str], acts: bool| {
        let mut command = command(&[&["replay", "--json"], arguments, &[&marked]].concat());
        command.arg("--ndpi-library").arg(&library).env("OTHER_CAPTURE", &other);
        if acts {
            command.env("AND_ACT", "1");
        }
        run(&mut command)
    };
    assert_refused(&replay(&[], true), 1);
    // What the programs say themselves comes from another thread.
    assert_refused(&replay(&["-v"], true), 1);
    assert_eq!(tried(&replay(&["--no-sandbox"], false).stderr, "passwd"), ["done"]);
}
