//! The devices between which the frames of a flow went.

use rustix::process::Signal;
use testkit::pair::Pair;
use testkit::program::PROGRAMS;

use crate::outputs::Talk;
use crate::ready;

const LEFT: &str = "02:00:00:00:0a:01";
const RIGHT: &str = "02:00:00:00:0b:02";

#[test]
fn records_say_which_devices_a_flow_went_between() {
    if !ready(&PROGRAMS) {
        return;
    }
    let pair = Pair::new();
    pair.sandbox.ip(&format!("link set left address {LEFT}"));
    pair.far_ip(&format!("link set right address {RIGHT}"));
    let mut instance = pair.sandbox.start("run --iface left --json --budget 2");
    Talk::new(&pair).exchange(2);
    let decided = instance.wait_for(|it| it["type"] == "verdict" && it["dport"] == 4000);
    assert!(instance.end(Signal::INT).success(), "{}", instance.stderr());
    let ended = instance.wait_for(|it| it["type"] == "flow" && it["dport"] == 4000);
    for record in [decided, ended] {
        assert_eq!((&record["src_mac"], &record["dst_mac"]), (&LEFT.into(), &RIGHT.into()));
    }
}
