//! A question: what the classifier asks of nDPI.

use ndpi::Classification;

use super::coded::{Decoder, Encoder};

/// One question. Flows are named by numbers of the asking thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question<'a> {
    /// Another packet of a flow, which begins with it if it is `fresh`.
    Inspect { flow: u32, fresh: bool, time_ms: u64, l3: &'a [u8] },
    /// What a flow is, as nothing more comes of it.
    GiveUp { flow: u32 },
    /// All texts of a flow.
    Details { flow: u32 },
    /// What a flow's DNS answer says.
    DnsAnswer { flow: u32 },
    /// What a flow is by its name.
    ByName { flow: u32, said: Classification },
    /// What a flow is by a request to a host.
    ByHost { said: Classification, host: &'a str },
}

impl<'a> Question<'a> {
    /// Puts it behind the numbers of flows that are over.
    pub(super) fn encode(&self, over: &[u32], bytes: &mut Vec<u8>) {
        let mut out = Encoder(bytes);
        out.u32(u32::try_from(over.len()).unwrap_or(u32::MAX));
        for &flow in over {
            out.u32(flow);
        }
        match self {
            Self::Inspect { flow, fresh, time_ms, l3 } => {
                out.u8(0);
                out.u32(*flow);
                out.bool(*fresh);
                out.u64(*time_ms);
                out.bytes(l3);
            }
            Self::GiveUp { flow } => of_flow(&mut out, 1, *flow),
            Self::Details { flow } => of_flow(&mut out, 2, *flow),
            Self::DnsAnswer { flow } => of_flow(&mut out, 3, *flow),
            Self::ByName { flow, said } => {
                of_flow(&mut out, 4, *flow);
                out.classification(said);
            }
            Self::ByHost { said, host } => {
                out.u8(5);
                out.classification(said);
                out.text(host);
            }
        }
    }

    /// The flows that are over, and the question.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<(Vec<u32>, Self)> {
        let mut from = Decoder(bytes);
        let over = (0..from.u32()?).map(|_| from.u32()).collect::<Option<_>>()?;
        let question = match from.u8()? {
            0 => Self::Inspect {
                flow: from.u32()?,
                fresh: from.bool()?,
                time_ms: from.u64()?,
                l3: from.bytes()?,
            },
            1 => Self::GiveUp { flow: from.u32()? },
            2 => Self::Details { flow: from.u32()? },
            3 => Self::DnsAnswer { flow: from.u32()? },
            4 => Self::ByName { flow: from.u32()?, said: from.classification()? },
            5 => Self::ByHost { said: from.classification()?, host: from.text()? },
            _ => return None,
        };
        from.end()?;
        Some((over, question))
    }
}

fn of_flow(out: &mut Encoder<'_>, kind: u8, flow: u32) {
    out.u8(kind);
    out.u32(flow);
}
