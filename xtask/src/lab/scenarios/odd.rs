//! `unparsable = "drop"` and `fragments = "drop"`: odd packets go, and large datagrams still pass.

use anyhow::Result;

use super::scenario::{Scenario, Scene};
use crate::lab::echo::Echo;
use crate::lab::findings::Findings;
use crate::lab::flow::FlowId;
use crate::lab::raw::{Fragment, Packet, send};
use crate::lab::requests::Family;
use crate::lab::retrying_client::{Question, RetryingClient};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "odd-packets",
    about: "headers that are cut and fragments of unknown flows are dropped; large datagrams pass",
    names: Vec::new,
    play,
};

const POLICY: &str = r#"
default = "count"
fragments = "drop"
unparsable = "drop"
"#;

/// Where the server says what it is told.
const PORT: u16 = 24_711;
/// How often each odd packet is sent.
const TIMES: u64 = 5;
const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// What has arrived of the odd packets.
#[derive(Debug, PartialEq, Eq)]
struct Odd {
    cut: u64,
    fragments: u64,
}

fn play(scene: &Scene, findings: &mut Findings) -> Result<()> {
    let _echo = Echo::start(&scene.stage.topology.server, PORT)?;
    let bare = send_odd(scene, findings)?;
    let all = Odd { cut: 2 * TIMES, fragments: 2 * TIMES };
    findings.check("without a policy odd packets arrive", bare == all, format!("{bare:?}"));
    let router = scene.stage.router(&scene.write("policy.toml", POLICY)?)?;
    let with = send_odd(scene, findings)?;
    router.end()?;
    let none = Odd { cut: 0, fragments: 0 };
    findings.check("with one that drops them none does", with == none, format!("{with:?}"));
    findings.figure("odd packets sent", 4 * TIMES);
    Ok(())
}

/// Sends odd packets, and large datagrams after them; what arrived of the odd ones.
fn send_odd(scene: &Scene, findings: &mut Findings) -> Result<Odd> {
    let (stage, client) = (scene.stage, &scene.stage.topology.client);
    let fragments = stage.server_sees.later_fragments()?;
    let mut cut = 0;
    for family in FAMILIES {
        let port = stage.port()?;
        let (flow, packets) = odd_packets(family, port);
        for _ in 0..TIMES {
            packets.iter().try_for_each(|packet| send(client, packet))?;
        }
        // What was sent before has arrived when this is answered.
        let small = RetryingClient::start(stage, family, Question::Noise(PORT))?;
        findings.check(
            format!("{family:?}: what is not odd is answered"),
            small.becomes_answered()?,
            "",
        );
        cut += stage.server_sees.of(&flow)?.packets;
    }
    let fragments = stage.server_sees.later_fragments()? - fragments;
    for family in FAMILIES {
        let large = RetryingClient::start(stage, family, Question::Large(PORT))?;
        let answered = large.becomes_answered()?;
        findings.check(format!("{family:?}: datagrams in fragments are answered"), answered, "");
    }
    Ok(Odd { cut, fragments })
}

/// A segment whose header is cut behind its ports, and the last part of a datagram of which nothing
/// else comes.
fn odd_packets(family: Family, port: u16) -> (FlowId, [Packet; 2]) {
    const WEB: u16 = 80;
    let (tcp, udp) = (6, 17);
    let flow = FlowId {
        proto: tcp,
        client: (family.client(), Some(port)),
        server: (family.server(), WEB),
    };
    let cut = [&port.to_be_bytes()[..], &WEB.to_be_bytes(), &[0; 6]].concat();
    let packets = [
        Packet { family, proto: tcp, fragment: Fragment::Whole, payload: cut },
        Packet { family, proto: udp, fragment: Fragment::Last(185), payload: vec![b'x'; 64] },
    ];
    (flow, packets)
}
