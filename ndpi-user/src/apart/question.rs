//! A question: what the classifier asks of nDPI.

use ndpi::Classification;
use ndpi_flow::Packet;

use super::coded::{Decoder, Encoder};

/// What a look begins with; its flow, whether that is fresh, whether it is the last, and the number of packets follow.
const LOOK: u8 = 0;

/// One question. Flows are named by numbers of the asking thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question<'a> {
    /// More packets of a flow, which begins with them if it is `fresh`. If they are the `last`, what it is then, as
    /// nothing more comes of it.
    Look { flow: u32, fresh: bool, last: bool, packets: Vec<Packet<'a>> },
    /// All texts of a flow.
    Details { flow: u32 },
    /// What a flow's DNS answer says.
    DnsAnswer { flow: u32 },
    /// What a flow is by its name.
    ByName { flow: u32, said: Classification },
    /// What a flow is by a request to a host.
    ByHost { said: Classification, host: &'a str },
    /// Nothing: only that flows are over.
    Nothing,
}

impl<'a> Question<'a> {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let mut out = Encoder(bytes);
        match self {
            Self::Look { flow, fresh, last, packets } => {
                of_flow(&mut out, LOOK, *flow);
                out.bool(*fresh);
                out.bool(*last);
                out.u8(u8::try_from(packets.len()).unwrap_or(u8::MAX));
                for &packet in packets {
                    put_packet(&mut out, packet);
                }
            }
            Self::Details { flow } => of_flow(&mut out, 1, *flow),
            Self::DnsAnswer { flow } => of_flow(&mut out, 2, *flow),
            Self::ByName { flow, said } => {
                of_flow(&mut out, 3, *flow);
                out.classification(said);
            }
            Self::ByHost { said, host } => {
                out.u8(4);
                out.classification(said);
                out.text(host);
            }
            Self::Nothing => out.u8(5),
        }
    }

    /// Adds a packet to the last question of `bytes`, which begins at `begin`, if that is a look and has room for it.
    pub(super) fn add_packet(bytes: &mut Vec<u8>, begin: usize, packet: Packet<'_>) -> bool {
        let [LOOK, _, _, _, _, _, _, count, ..] = &mut bytes[begin..] else { return false };
        let Some(more) = count.checked_add(1) else { return false };
        *count = more;
        put_packet(&mut Encoder(bytes), packet);
        true
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut from = Decoder(bytes);
        let question = match from.u8()? {
            LOOK => Self::Look {
                flow: from.u32()?,
                fresh: from.bool()?,
                last: from.bool()?,
                packets: (0..from.u8()?).map(|_| packet(&mut from)).collect::<Option<_>>()?,
            },
            1 => Self::Details { flow: from.u32()? },
            2 => Self::DnsAnswer { flow: from.u32()? },
            3 => Self::ByName { flow: from.u32()?, said: from.classification()? },
            4 => Self::ByHost { said: from.classification()?, host: from.text()? },
            5 => Self::Nothing,
            _ => return None,
        };
        from.end()?;
        Some(question)
    }
}

fn put_packet(out: &mut Encoder<'_>, Packet { l3, time_ms }: Packet<'_>) {
    out.u64(time_ms);
    out.bytes(l3);
}

fn packet<'a>(from: &mut Decoder<'a>) -> Option<Packet<'a>> {
    Some(Packet { time_ms: from.u64()?, l3: from.bytes()? })
}

fn of_flow(out: &mut Encoder<'_>, kind: u8, flow: u32) {
    out.u8(kind);
    out.u32(flow);
}
