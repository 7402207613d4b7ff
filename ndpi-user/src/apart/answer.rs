//! An answer: what nDPI says of a flow, as the classifier keeps it.

use std::net::IpAddr;

use ndpi::{BreedId, CategoryId, Classification, DnsAddress};
use ndpi_flow::{Basis, Details, DetailsBuilder, DnsAnswer, Known, Text};

use super::coded::{Decoder, Encoder};

/// The texts by their numbers.
const TEXTS: [Text; Text::COUNT] = [
    Text::Hostname,
    Text::Ja4,
    Text::Alpn,
    Text::TcpFingerprint,
    Text::TcpSystem,
    Text::TlsVersion,
    Text::TlsCipher,
    Text::TlsSubject,
    Text::TlsIssuer,
    Text::TlsNames,
    Text::HttpMethod,
    Text::HttpUrl,
    Text::HttpUserAgent,
    Text::HttpStatus,
    Text::DnsType,
    Text::DnsCode,
    Text::DnsAnswers,
];

const _: () = {
    let mut at = 0;
    while at < Text::COUNT {
        assert!(TEXTS[at] as usize == at);
        at += 1;
    }
};

/// What is known of a flow after a packet of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Whether the flow begins with it for this worker, whoever saw it before.
    pub(super) opened: bool,
    pub(super) classification: Classification,
    /// What the first packet alone says.
    pub(super) first_packet: Option<Classification>,
    /// What it is by its name, of what `classification` says.
    pub(super) by_name: Option<Classification>,
    /// Host name, JA4, ALPN.
    pub(super) texts: [Option<Box<str>>; 3],
    /// All texts, where they are likely to be asked for next.
    pub(super) details: Option<Details>,
}

impl Answer {
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        let mut out = Encoder(bytes);
        out.bool(self.opened);
        out.classification(&self.classification);
        out.option(self.first_packet.as_ref(), Encoder::classification);
        out.option(self.by_name.as_ref(), Encoder::classification);
        for text in &self.texts {
            out.option(text.as_deref(), Encoder::text);
        }
        out.option(self.details.as_ref(), put_details);
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder(bytes);
        let text = |from: &mut Decoder<'_>| Some(from.option(Decoder::text)?.map(Box::from));
        let answer = Self {
            opened: from.bool()?,
            classification: from.classification()?,
            first_packet: from.option(Decoder::classification)?,
            by_name: from.option(Decoder::classification)?,
            texts: [text(&mut from)?, text(&mut from)?, text(&mut from)?],
            details: from.option(take_details)?,
        };
        from.end()?;
        Some(answer)
    }
}

/// All texts, as an answer of their own.
pub(super) fn encode_details(details: &Details, bytes: &mut Vec<u8>) {
    put_details(&mut Encoder(bytes), details);
}

pub(super) fn decode_details(bytes: &[u8]) -> Option<Details> {
    whole(bytes, take_details)
}

/// A classification that may be missing, as an answer of its own.
pub(super) fn encode_classification(said: Option<&Classification>, bytes: &mut Vec<u8>) {
    Encoder(bytes).option(said, Encoder::classification);
}

#[expect(clippy::option_option, reason = "what cannot be read is not what is absent")]
pub(super) fn decode_classification(bytes: &[u8]) -> Option<Option<Classification>> {
    whole(bytes, |from| from.option(Decoder::classification))
}

/// A DNS answer, if there is one, as an answer of its own.
pub(super) fn encode_dns(answer: Option<&DnsAnswer>, bytes: &mut Vec<u8>) {
    Encoder(bytes).option(answer, |out, answer| {
        out.text(&answer.name);
        out.u32(u32::try_from(answer.addresses.len()).unwrap_or(u32::MAX));
        for DnsAddress { address, ttl } in &answer.addresses {
            put_address(out, *address);
            out.u32(*ttl);
        }
        out.option(answer.known_as.as_ref(), put_known);
    });
}

#[expect(clippy::option_option, reason = "what cannot be read is not what is absent")]
pub(super) fn decode_dns(bytes: &[u8]) -> Option<Option<DnsAnswer>> {
    let address = |from: &mut Decoder<'_>| {
        Some(DnsAddress { address: take_address(from)?, ttl: from.u32()? })
    };
    whole(bytes, |from| {
        from.option(|from| {
            let name = from.text()?.to_owned();
            let addresses = (0..from.u32()?).map(|_| address(from)).collect::<Option<_>>()?;
            Some(DnsAnswer { name, addresses, known_as: from.option(take_known)? })
        })
    })
}

/// What is read, if nothing is left behind it.
fn whole<T>(bytes: &[u8], take: impl FnOnce(&mut Decoder<'_>) -> Option<T>) -> Option<T> {
    let mut from = Decoder(bytes);
    let taken = take(&mut from)?;
    from.end()?;
    Some(taken)
}

fn put_details(out: &mut Encoder<'_>, details: &Details) {
    let present = details.all().into_iter().enumerate().filter(|(_, text)| !text.is_empty());
    let present: Vec<_> = present.collect();
    out.u8(u8::try_from(present.len()).unwrap_or(u8::MAX));
    for (number, text) in present {
        out.u8(u8::try_from(number).unwrap_or(u8::MAX));
        out.text(text);
    }
}

fn take_details(from: &mut Decoder<'_>) -> Option<Details> {
    let mut builder = DetailsBuilder::default();
    let mut next = 0;
    for _ in 0..from.u8()? {
        let number = usize::from(from.u8()?);
        let text = from.text()?;
        builder.text(*TEXTS.get(number).filter(|_| number >= next)?, text);
        next = number + 1;
    }
    Some(builder.finish())
}

fn put_address(out: &mut Encoder<'_>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => out.bytes(&address.octets()),
        IpAddr::V6(address) => out.bytes(&address.octets()),
    }
}

fn take_address(from: &mut Decoder<'_>) -> Option<IpAddr> {
    let bytes = from.bytes()?;
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

fn put_known(out: &mut Encoder<'_>, known: &Known) {
    out.app(known.app);
    out.u16(known.category.0);
    out.u8(known.breed.0);
    out.option(known.name.as_deref(), Encoder::text);
    out.u8(match known.basis {
        Basis::Flow => 0,
        Basis::Name => 1,
        Basis::Address => 2,
    });
}

fn take_known(from: &mut Decoder<'_>) -> Option<Known> {
    Some(Known {
        app: from.app()?,
        category: CategoryId(from.u16()?),
        breed: BreedId(from.u8()?),
        name: from.option(Decoder::text)?.map(Box::from),
        basis: *[Basis::Flow, Basis::Name, Basis::Address].get(usize::from(from.u8()?))?,
    })
}
