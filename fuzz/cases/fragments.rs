//! Packets of two flows, in fragments and whole, to their classifier, as the fuzzer and the test that replays its
//! corpus feed it.

use std::cell::Cell;

use ndpi::Classification;
use ndpi_common::{Direction, KeyV4, KeyV6};
use ndpi_flow::{
    Accounting, Classifier, Details, Detector, End, FlowEntry, FlowKey, Judge, Moment, RuleTexts,
    Sample, Settings, Sink, Timeouts, Verdict,
};

/// Of a datagram that was put together no more is read than this and its headers, as docs/streams.md says.
const MOST_KEPT: usize = 4 << 10;

/// Never sure of anything, and notes how much it has read.
#[derive(Default)]
struct Reader {
    longest: Cell<usize>,
    packets: Cell<usize>,
}

impl Detector for &Reader {
    type Flow = ();

    fn open(&self) {}

    fn inspect(&self, (): &mut (), l3: &[u8], _time_ms: u64) -> Classification {
        self.longest.set(self.longest.get().max(l3.len()));
        self.packets.set(self.packets.get() + 1);
        Classification::default()
    }

    fn classification(&self, (): &()) -> Classification {
        Classification::default()
    }

    fn give_up(&self, (): &mut ()) -> Classification {
        Classification::default()
    }

    fn rule_texts<'f>(&self, (): &'f ()) -> RuleTexts<'f> {
        RuleTexts::new(None, None, None)
    }

    fn details(&self, (): &()) -> Details {
        Details::default()
    }
}

/// Without rules, and interested in nothing.
struct Nobody;

impl Judge<()> for Nobody {
    fn judge(
        &mut self,
        _flow: &FlowEntry<()>,
        _classification: &Classification,
        _texts: &RuleTexts<'_>,
        _moment: Moment,
    ) -> Option<Verdict> {
        None
    }
}

impl Sink<()> for Nobody {
    fn rules(&mut self) -> &mut impl Judge<()> {
        self
    }

    fn decided(&mut self, _flow: &mut FlowEntry<()>, _sample: &Sample) {}

    fn finished(&mut self, _flow: FlowEntry<()>, _end: End) {}
}

/// Takes packets out of `data`: a byte that says who sends one, whether its flow is known, of which family and
/// protocol that is, and whether some of it is cut; two for its length, and its bytes from the IP header on.
///
/// # Panics
/// If the classifier does something that it never should.
pub(super) fn run(mut data: &[u8]) {
    let reader = Reader::default();
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 4,
        accounting: Accounting::Kernel,
        normalise: true,
    };
    let mut classifier = Classifier::new(&reader, settings);
    let (mut shown, mut longest, mut time_ns) = (0_usize, 0_usize, 0_u64);
    while let Some((&[bits, high, low], rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (l3, rest) = rest.split_at(length);
        data = rest;
        let direction = if bits & 1 == 0 { Direction::FromLower } else { Direction::FromUpper };
        let is_stray = bits & 2 != 0;
        let mut sample = Sample::new(key(bits, is_stray), direction, time_ns, l3);
        sample.stray = is_stray;
        sample.bytes += u32::from(bits >> 4 & 1);
        classifier.sample(&sample, &mut Nobody);
        (shown, longest) = (shown + 1, longest.max(length));
        // Datagrams become too old in the middle of an input.
        time_ns += u64::from(bits >> 5) * 1_000_000_000;
    }
    classifier.end_all(&mut Nobody);
    let (most, read) = (longest + MOST_KEPT, reader.longest.get());
    assert!(read <= most, "{read} bytes were read as a packet, of fragments of {longest}");
    // One is read as three that opens a connection and has a first message in its payload, and more behind it.
    let packets = reader.packets.get();
    assert!(packets <= 3 * shown, "{packets} packets were read of {shown}");
}

/// The flow of a packet; its later fragments, whose first was not seen, have no ports.
fn key(bits: u8, is_stray: bool) -> FlowKey {
    let proto = if bits & 8 == 0 { 6 } else { 17 };
    let (client, server) = if is_stray { (0, 0) } else { (40_000, 443) };
    if bits & 4 == 0 {
        let (lower, upper) = ([198, 18, 0, 1], [198, 18, 0, 2]);
        FlowKey::V4(KeyV4::new((lower, client), (upper, server), 0, proto).0)
    } else {
        let address = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
        FlowKey::V6(KeyV6::new((address(1), client), (address(2), server), 0, proto).0)
    }
}
