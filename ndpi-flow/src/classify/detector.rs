//! nDPI as the classifier uses it: three calls and the texts.

use std::borrow::Cow;

use ndpi::{
    AppId, Asking, Classification, Confidence, DnsAddress, Engine, FirstPacketConfidence, Flow,
    State,
};
use ndpi_policy::carries;
use ndpi_text::clean;

use super::texts;
use crate::first_packet::Known;
use crate::flow::{Details, RuleTexts};
use crate::resegment::fit;

/// The numbers of HTTP/1 and HTTP/2.
const HTTP: u16 = 7;
const HTTP2: u16 = 349;

/// What a DNS answer says: which addresses a name has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name that was asked for.
    pub name: String,
    /// Its addresses, and for how long they hold.
    pub addresses: Vec<DnsAddress>,
    /// What a flow to such a name is, where nDPI knows the name.
    pub known_as: Option<Known>,
}

/// A packet, as a detector looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// From the IP header on.
    pub l3: &'a [u8],
    /// When it came, in milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// Something that classifies flows packet by packet: nDPI, or a script in a test.
pub trait Detector {
    /// Its state for one undecided flow.
    type Flow;

    /// Makes the state of a new flow.
    fn open(&self) -> Self::Flow;

    /// Looks at one more packet: `l3` from the IP header on, `time_ms` since the Unix epoch.
    fn inspect(&self, flow: &mut Self::Flow, l3: &[u8], time_ms: u64) -> Classification;

    /// Looks at packets, one behind the other, until nothing more comes of it.
    fn inspect_all(&self, flow: &mut Self::Flow, packets: &[Packet<'_>]) -> Classification {
        for &Packet { l3, time_ms } in packets {
            let said = self.inspect(flow, l3, time_ms);
            if said.state.is_final() {
                return said;
            }
        }
        self.classification(flow)
    }

    /// Has it look at one more packet, where that is quicker together with those of other flows: `None` where what
    /// comes of it is to be [heard](Self::hear). Until then, the flow's next packets are shown, too.
    fn show(
        &self,
        flow: &mut Self::Flow,
        Packet { l3, time_ms }: Packet<'_>,
    ) -> Option<Classification> {
        Some(self.inspect(flow, l3, time_ms))
    }

    /// Whether what comes of packets that are [shown](Self::show) is heard later.
    fn asks_later(&self) -> bool {
        false
    }

    /// What comes of the packets that were [shown](Self::show).
    fn hear(&self, flow: &mut Self::Flow) -> Classification {
        self.classification(flow)
    }

    /// What is known so far.
    fn classification(&self, flow: &Self::Flow) -> Classification;

    /// Makes the best of what was seen; no packet can be looked at afterwards.
    fn give_up(&self, flow: &mut Self::Flow) -> Classification;

    /// The same, with packets that it is to look at before.
    fn give_up_after(&self, flow: &mut Self::Flow, packets: &[Packet<'_>]) -> Classification {
        self.inspect_all(flow, packets);
        self.give_up(flow)
    }

    /// What rules can ask for of the texts in the state.
    fn rule_texts<'f>(&self, flow: &'f Self::Flow) -> RuleTexts<'f>;

    /// Copies the texts out of the state.
    fn details(&self, flow: &Self::Flow) -> Details;

    /// What the flow is by the name that its client asks for, where that is written so that `said` does not
    /// know it: with the dot of the root behind it (RFC 1034, section 3.1), which servers ignore.
    fn by_name(&self, _said: &Classification, _flow: &Self::Flow) -> Option<Classification> {
        None
    }

    /// What a flow is by a request to `host`, of which `said` is known. As it stands, the same.
    fn by_host(&self, said: &Classification, _host: &str) -> Classification {
        *said
    }

    /// What the first packet alone says, in state INSPECTING; `None` where it says nothing.
    fn first_packet(&self, _flow: &mut Self::Flow) -> Option<Classification> {
        None
    }

    /// The addresses of names in a flow that is DNS; `None` where it announces none.
    fn dns_answer(&self, _flow: &Self::Flow) -> Option<DnsAnswer> {
        None
    }

    /// Nothing comes for a moment: what it has put off is to be done.
    fn rest(&self) {}
}

impl<'e> Detector for &'e Engine {
    type Flow = Flow<&'e Engine>;

    fn open(&self) -> Flow<&'e Engine> {
        self.flow()
    }

    fn inspect(&self, flow: &mut Flow<&'e Engine>, l3: &[u8], time_ms: u64) -> Classification {
        flow.process(&with_length(l3), time_ms)
    }

    fn classification(&self, flow: &Flow<&'e Engine>) -> Classification {
        flow.classification()
    }

    fn give_up(&self, flow: &mut Flow<&'e Engine>) -> Classification {
        flow.give_up()
    }

    fn rule_texts<'f>(&self, flow: &'f Flow<&'e Engine>) -> RuleTexts<'f> {
        RuleTexts::new(hostname(flow), flow.ja4(), flow.alpn())
    }

    fn details(&self, flow: &Flow<&'e Engine>) -> Details {
        texts::of(flow, &hostname(flow).unwrap_or_default())
    }

    fn by_name(&self, said: &Classification, flow: &Flow<&'e Engine>) -> Option<Classification> {
        let carrier = said.app.app;
        if !carries(carrier) {
            return None;
        }
        let asking = if carrier == HTTP { Asking::Http } else { Asking::Tls };
        let known = self.classify_host(without_root(&flow.hostname()?)?, asking)?;
        Some(Known::named(&known)?.carried_by(carrier, said))
    }

    fn by_host(&self, said: &Classification, host: &str) -> Classification {
        let known = self.classify_host(host, Asking::Http).and_then(|said| Known::named(&said));
        let carrier = if [said.app.master, said.app.app].contains(&HTTP2) { HTTP2 } else { HTTP };
        if let Some(known) = known {
            return known.carried_by(carrier, said);
        }
        let app = AppId { master: 0, app: carrier };
        let (category, breed) = (self.category_of(app), self.breed_of(carrier));
        Classification { app, category, breed, ..*said }
    }

    fn first_packet(&self, flow: &mut Flow<&'e Engine>) -> Option<Classification> {
        let said = flow.fpc();
        let confidence = confidence(said.confidence)?;
        let protocol = if said.app.app == 0 { said.app.master } else { said.app.app };
        (protocol != 0).then(|| Classification {
            state: State::Inspecting,
            app: said.app,
            category: self.category_of(said.app),
            breed: self.breed_of(protocol),
            confidence,
            guessed: confidence == Confidence::MatchByIp,
            ..Classification::default()
        })
    }

    fn dns_answer(&self, flow: &Flow<&'e Engine>) -> Option<DnsAnswer> {
        let dns = flow.dns()?;
        let (name, response) = (dns.name?, dns.response?);
        let addresses = response.addresses;
        if response.code != 0 || addresses.is_empty() {
            return None;
        }
        let known_as = self.classify_host(&name, Asking::Tls).and_then(|said| Known::named(&said));
        Some(DnsAnswer { name: clean(&name).into_owned(), addresses, known_as })
    }
}

/// The host name of a flow without the root's dot.
fn hostname<'f>(flow: &'f Flow<&Engine>) -> Option<Cow<'f, str>> {
    let hostname = flow.hostname()?;
    Some(match hostname {
        Cow::Borrowed(name) => without_root(name).unwrap_or(name).into(),
        Cow::Owned(name) => without_root(&name).unwrap_or(&name).to_owned().into(),
    })
}

/// A host name without the root's dot behind it; `None` where it has none.
fn without_root(hostname: &str) -> Option<&str> {
    hostname.strip_suffix('.').filter(|name| !name.is_empty())
}

/// The packet, with the length that it has where its header says 0: segmentation offload leaves it to
/// the hardware, behind the place where a capture was taken, and nDPI looks into no packet without one.
fn with_length(l3: &[u8]) -> Cow<'_, [u8]> {
    let field = match l3.first().map(|first| first >> 4) {
        Some(4) => l3.get(2..4),
        Some(6) => l3.get(4..6),
        _ => None,
    };
    if field != Some(&[0, 0]) {
        return Cow::Borrowed(l3);
    }
    let mut packet = l3.to_vec();
    let length = fit(&mut packet, 0);
    packet.truncate(length);
    Cow::Owned(packet)
}

/// How sure nDPI is of a flow's first packet, in the words of what it says later; `None` where it
/// says nothing.
fn confidence(first: FirstPacketConfidence) -> Option<Confidence> {
    match first {
        FirstPacketConfidence::Unknown => None,
        FirstPacketConfidence::Address => Some(Confidence::MatchByIp),
        // Concluded from another flow, as all that comes from nDPI's caches.
        FirstPacketConfidence::Dns => Some(Confidence::DpiCache),
        FirstPacketConfidence::Dpi => Some(Confidence::Dpi),
        FirstPacketConfidence::CustomRule => Some(Confidence::CustomRule),
    }
}
