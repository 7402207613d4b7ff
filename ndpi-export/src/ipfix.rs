//! Flows as IPFIX (RFC 7011): biflows (RFC 5103) with the application (RFC 6759).
//!
//! ```text
//! templates 256 (IPv4), 257 (IPv6): the flow; counts since its last record
//! options template 258: what an application is called (RFC 6759, section 6.2)
//! ```

use std::collections::HashSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ndpi_events::{Event, Time};

use super::encoder::Encoder;
use super::row::{Row, Sums};

/// Bytes of a message at most: what fits into a datagram on any path that carries IPv6 in a tunnel.
const LONGEST: usize = 1400;

/// How often templates are sent again where they may have been lost (RFC 7011, section 8.4).
const TEMPLATES_EVERY: Duration = Duration::from_mins(1);

const VERSION: u16 = 10;
const MESSAGE_HEADER: usize = 16;
const TEMPLATE_SET: u16 = 2;
const OPTIONS_SET: u16 = 3;
const FLOW_V4: u16 = 256;
const FLOW_V6: u16 = 257;
const APPLICATION: u16 = 258;

/// Marks an element as one of an enterprise.
const ENTERPRISE: u16 = 0x8000;
/// The enterprise of the other direction (RFC 5103, section 6.1).
const REVERSE: u32 = 29305;

/// The length of what says itself how long it is.
const VARIABLE: u16 = 0xffff;

/// The classification engine of applications that a user defines (RFC 6759, section 4): nDPI has none of its own.
const USER_DEFINED: u8 = 6;

/// An information element (IANA, "IPFIX Information Elements"), and how many bytes it has here.
#[derive(Clone, Copy)]
struct Element {
    #[cfg_attr(not(test), expect(dead_code, reason = "what docs/outputs.md is checked against"))]
    name: &'static str,
    id: u16,
    length: u16,
    reverse: bool,
}

const fn element(name: &'static str, id: u16, length: u16) -> Element {
    Element { name, id, length, reverse: false }
}

/// The same of what the server sent.
const fn reverse(name: &'static str, id: u16, length: u16) -> Element {
    Element { name, id, length, reverse: true }
}

const ADDRESSES_V4: [Element; 2] =
    [element("sourceIPv4Address", 8, 4), element("destinationIPv4Address", 12, 4)];
const ADDRESSES_V6: [Element; 2] =
    [element("sourceIPv6Address", 27, 16), element("destinationIPv6Address", 28, 16)];

/// Those of a flow that follow its addresses.
const REST: [Element; 20] = [
    element("sourceTransportPort", 7, 2),
    element("destinationTransportPort", 11, 2),
    element("protocolIdentifier", 4, 1),
    element("vlanId", 58, 2),
    element("sourceMacAddress", 56, 6),
    element("destinationMacAddress", 80, 6),
    element("packetDeltaCount", 2, 8),
    element("octetDeltaCount", 1, 8),
    reverse("reversePacketDeltaCount", 2, 8),
    reverse("reverseOctetDeltaCount", 1, 8),
    element("droppedPacketDeltaCount", 133, 8),
    element("flowStartMilliseconds", 152, 8),
    element("flowEndMilliseconds", 153, 8),
    element("flowEndReason", 136, 1),
    element("firewallEvent", 233, 1),
    element("biflowDirection", 239, 1),
    element("applicationId", 95, 5),
    element("applicationName", 96, VARIABLE),
    element("interfaceName", 82, VARIABLE),
    element("httpRequestHost", 460, VARIABLE),
];

/// Those of an application; the first is the scope.
const OF_APPLICATION: [Element; 3] = [
    element("applicationId", 95, 5),
    element("applicationName", 96, VARIABLE),
    element("applicationCategoryName", 372, VARIABLE),
];

/// Makes messages of events about flows.
pub(super) struct Ipfix {
    /// Whether templates may get lost on the way.
    repeats: bool,
    /// Records so far, but for templates.
    sequence: u32,
    begun: Message,
    /// Applications that were named since the last templates.
    named: HashSet<(u16, u16)>,
    templates_at: Instant,
}

/// A message that is being filled.
#[derive(Default)]
struct Message {
    sets: Vec<u8>,
    /// Where the last set begins, and of which records it is.
    last: Option<(usize, u16)>,
    records: u32,
}

impl Ipfix {
    /// For a way on which messages may get lost, or not.
    pub(super) fn new(repeats: bool) -> Self {
        let (begun, named) = (Message::default(), HashSet::new());
        // They come with the preamble.
        Self { repeats, sequence: 0, begun, named, templates_at: Instant::now() }
    }

    fn add(&mut self, set: u16, record: &[u8], out: &mut Vec<u8>) {
        // The header of the message, that of a set, and padding.
        if MESSAGE_HEADER + self.begun.sets.len() + record.len() + 8 > LONGEST {
            self.flush(out);
        }
        self.begun.add(set, record);
    }

    /// Says what an application is called, once after each sending of the templates.
    fn name(&mut self, row: &Row<'_>, out: &mut Vec<u8>) {
        let id = (row.label.master_id, row.label.app_id);
        if self.named.insert(id) {
            let mut record = Vec::new();
            put_application(&mut record, id);
            put_text(&mut record, &row.label.app);
            put_text(&mut record, &row.label.category);
            self.add(APPLICATION, &record, out);
        }
    }

    /// Sends templates where they are due.
    fn refresh(&mut self, now: Instant, out: &mut Vec<u8>) {
        let is_due = now.saturating_duration_since(self.templates_at) >= TEMPLATES_EVERY;
        if self.repeats && is_due {
            self.flush(out);
            self.preamble(out);
        }
    }
}

impl Encoder for Ipfix {
    fn preamble(&mut self, out: &mut Vec<u8>) {
        self.named.clear();
        self.templates_at = Instant::now();
        let mut message = Message::default();
        message.add(TEMPLATE_SET, &template(FLOW_V4, 4));
        message.add(TEMPLATE_SET, &template(FLOW_V6, 16));
        message.add(OPTIONS_SET, &options_template());
        message.write(self.sequence, Time::now(), out);
    }

    fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        let Some(row) = Row::of(event) else { return };
        let Some(sums) = row.sums else { return };
        self.refresh(Instant::now(), out);
        self.name(&row, out);
        let (set, record) = flow(&row, &sums);
        self.add(set, &record, out);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        let message = std::mem::take(&mut self.begun);
        if message.records > 0 {
            message.write(self.sequence, Time::now(), out);
            self.sequence = self.sequence.wrapping_add(message.records);
        }
    }

    /// A message says how long it is: more than one may have been due.
    fn length(&self, appended: &[u8]) -> usize {
        appended.get(2..4).map_or(0, |it| u16::from_be_bytes([it[0], it[1]])).into()
    }
}

impl Message {
    fn add(&mut self, set: u16, record: &[u8]) {
        if self.last.is_none_or(|(_, last)| last != set) {
            self.last = Some((self.sets.len(), set));
            self.sets.extend(set.to_be_bytes());
            self.sets.extend([0; 2]);
        }
        self.sets.extend_from_slice(record);
        self.records += u32::from(set >= FLOW_V4);
        self.end_set();
    }

    /// Writes how long the last set is.
    fn end_set(&mut self) {
        let Some((at, _)) = self.last else { return };
        let length = number16(self.sets.len() - at);
        self.sets[at + 2..at + 4].copy_from_slice(&length.to_be_bytes());
    }

    fn write(&self, sequence: u32, time: Time, out: &mut Vec<u8>) {
        let length = number16(MESSAGE_HEADER + self.sets.len());
        let seconds = u32::try_from(time.timestamp().as_second()).unwrap_or(u32::MAX);
        out.extend(VERSION.to_be_bytes());
        out.extend(length.to_be_bytes());
        out.extend(seconds.to_be_bytes());
        out.extend(sequence.to_be_bytes());
        // The observation domain: all interfaces of the instance.
        out.extend(std::process::id().to_be_bytes());
        out.extend_from_slice(&self.sets);
    }
}

/// The template of flows between addresses of this length.
fn template(number: u16, address: u16) -> Vec<u8> {
    let addresses = if address == 4 { ADDRESSES_V4 } else { ADDRESSES_V6 };
    let elements: Vec<_> = addresses.into_iter().chain(REST).collect();
    let mut out = Vec::new();
    out.extend(number.to_be_bytes());
    out.extend(number16(elements.len()).to_be_bytes());
    for element in elements {
        put_element(&mut out, element);
    }
    out
}

/// The template of what applications are called: its scope is the application.
fn options_template() -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(APPLICATION.to_be_bytes());
    out.extend(number16(OF_APPLICATION.len()).to_be_bytes());
    out.extend(1_u16.to_be_bytes());
    for element in OF_APPLICATION {
        put_element(&mut out, element);
    }
    out
}

fn put_element(out: &mut Vec<u8>, element: Element) {
    let enterprise = if element.reverse { ENTERPRISE } else { 0 };
    out.extend((element.id | enterprise).to_be_bytes());
    out.extend(element.length.to_be_bytes());
    if element.reverse {
        out.extend(REVERSE.to_be_bytes());
    }
}

/// The record of a flow, in the order of its template, and which that is.
fn flow(row: &Row<'_>, sums: &Sums) -> (u16, Vec<u8>) {
    let (ends, since) = (row.ends, row.since());
    let mut out = Vec::with_capacity(160);
    put_address(&mut out, ends.src);
    put_address(&mut out, ends.dst);
    out.extend(ends.sport.to_be_bytes());
    out.extend(ends.dport.to_be_bytes());
    out.push(ends.proto);
    out.extend(ends.vlan.to_be_bytes());
    out.extend(ends.src_mac.map_or([0; 6], |mac| mac.0));
    out.extend(ends.dst_mac.map_or([0; 6], |mac| mac.0));
    out.extend(since.packets_to_server.to_be_bytes());
    out.extend(since.bytes_to_server.to_be_bytes());
    out.extend(since.packets_to_client.to_be_bytes());
    out.extend(since.bytes_to_client.to_be_bytes());
    out.extend(since.dropped.to_be_bytes());
    out.extend(milliseconds(sums.first_seen).to_be_bytes());
    out.extend(milliseconds(sums.last_seen).to_be_bytes());
    out.push(end_reason(row));
    out.push(firewall_event(row));
    // The source of the record is who began the flow (RFC 5103, section 6.3).
    out.push(1);
    put_application(&mut out, (row.label.master_id, row.label.app_id));
    put_text(&mut out, &row.label.app);
    put_text(&mut out, ends.iface.as_deref().unwrap_or_default());
    put_text(&mut out, row.label.hostname.as_deref().unwrap_or_default());
    (if ends.src.is_ipv4() { FLOW_V4 } else { FLOW_V6 }, out)
}

/// `flowEndReason` (RFC 5102, section 5.11.3).
fn end_reason(row: &Row<'_>) -> u8 {
    match row.end {
        Some("closed" | "reused") => 3,
        Some("evicted") => 5,
        Some("source-ended") => 4,
        Some(_) => 1,
        None => 2,
    }
}

/// `firewallEvent` (IANA): created, deleted, denied, alert, update.
fn firewall_event(row: &Row<'_>) -> u8 {
    match (row.label.is_blocked() && !row.label.dry_run, row.end) {
        (true, _) => 3,
        (false, Some(_)) => 2,
        (false, None) => 5,
    }
}

fn milliseconds(time: Time) -> u64 {
    u64::try_from(time.timestamp().as_millisecond()).unwrap_or_default()
}

fn put_address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => out.extend(address.octets()),
        IpAddr::V6(address) => out.extend(address.octets()),
    }
}

/// The selector has the numbers of carrier and application.
fn put_application(out: &mut Vec<u8>, (master, app): (u16, u16)) {
    out.push(USER_DEFINED);
    out.extend(master.to_be_bytes());
    out.extend(app.to_be_bytes());
}

/// A text with its length before it (RFC 7011, section 7).
fn put_text(out: &mut Vec<u8>, text: &str) {
    // So short that one byte says it.
    let text = &text[..text.floor_char_boundary(254)];
    out.push(u8::try_from(text.len()).unwrap_or_default());
    out.extend_from_slice(text.as_bytes());
}

fn number16(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use ndpi_events::BusBuilder;

    use super::*;
    use crate::row::FIELDS;
    use crate::testing::{active_flow, blocked_flow, decision};
    use crate::{Couriers, Reopen, prepare};

    fn be16(bytes: &[u8], at: usize) -> u16 {
        u16::from_be_bytes([bytes[at], bytes[at + 1]])
    }

    /// The messages, by the lengths that they say.
    fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut all = Vec::new();
        while !bytes.is_empty() {
            assert_eq!(be16(bytes, 0), VERSION);
            let (message, rest) = bytes.split_at(be16(bytes, 2).into());
            all.push(message);
            bytes = rest;
        }
        all
    }

    /// The sets of a message: number and length of each.
    fn sets(message: &[u8]) -> Vec<(u16, usize)> {
        let (mut all, mut at) = (Vec::new(), MESSAGE_HEADER);
        while at < message.len() {
            let length = usize::from(be16(message, at + 2));
            all.push((be16(message, at), length));
            at += length;
        }
        assert_eq!(at, message.len());
        all
    }

    #[test]
    fn the_table_of_names_has_every_field_and_element() {
        let page = include_str!("../../docs/outputs.md");
        let table = page.split_once("## One name for one thing").unwrap().1;
        let rows = table.lines().filter(|line| line.starts_with("| `"));
        let rows: Vec<Vec<_>> = rows.map(|row| row.split('|').skip(1).collect()).collect();
        let named = |cell: &str, name: &str| cell.contains(&format!("`{name}`"));
        for field in &FIELDS {
            let count = rows.iter().filter(|row| named(row[0], field.name)).count();
            assert_eq!(count, 1, "{}", field.name);
        }
        assert_eq!(rows.len(), FIELDS.len());
        let all = ADDRESSES_V4.into_iter().chain(ADDRESSES_V6).chain(REST).chain(OF_APPLICATION);
        for Element { name, .. } in all {
            assert!(rows.iter().any(|row| named(row[2], name)), "{name}");
        }
    }

    #[test]
    fn templates_come_first_and_an_application_before_its_first_flow() {
        let (mut ipfix, mut out) = (Ipfix::new(false), Vec::new());
        ipfix.preamble(&mut out);
        for event in [blocked_flow(), active_flow(), decision("drop")] {
            ipfix.encode(&event, &mut out);
        }
        ipfix.flush(&mut out);
        let messages = messages(&out);
        let [templates, flows] = messages[..] else { panic!("{messages:?}") };
        let numbers = |message| sets(message).iter().map(|set| set.0).collect::<Vec<_>>();
        assert_eq!(numbers(templates), [TEMPLATE_SET, OPTIONS_SET]);
        assert_eq!(numbers(flows), [APPLICATION, FLOW_V4]);
        assert_eq!((be16(flows, 8), be16(flows, 10)), (0, 0), "no record came before");
        assert_eq!(ipfix.sequence, 3);
    }

    #[test]
    fn no_message_is_longer_than_a_datagram() {
        let (mut ipfix, mut out) = (Ipfix::new(true), Vec::new());
        ipfix.preamble(&mut out);
        (0..100).for_each(|_| ipfix.encode(&blocked_flow(), &mut out));
        ipfix.flush(&mut out);
        let messages = messages(&out);
        assert!(messages.len() > 5 && messages.iter().all(|it| it.len() <= LONGEST));
        let sequence =
            |message: &[u8]| u32::from(be16(message, 8)) << 16 | u32::from(be16(message, 10));
        assert!(messages[1..].iter().is_sorted_by_key(|it| sequence(it)));
        assert_eq!(ipfix.sequence, 101);
    }

    /// A flow whose texts fill a message, of an application of its own.
    fn wordy(app_id: u16) -> Event {
        let Event::FlowEnded(mut flow) = blocked_flow() else { panic!("another event") };
        (flow.ends.src, flow.ends.dst) =
            ("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
        let text = "x".repeat(254);
        (flow.label.app_id, flow.label.app) = (app_id, text.as_str().into());
        flow.label.category = text.as_str().into();
        flow.ends.iface = Some(text.as_str().into());
        flow.label.hostname = Some(text.as_str().into());
        Event::FlowEnded(flow)
    }

    #[test]
    fn a_datagram_is_one_message() {
        let collector = UdpSocket::bind("127.0.0.1:0").unwrap();
        collector.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let output = format!("ipfix:udp:{}", collector.local_addr().unwrap());
        let (mut bus, reopen) = (BusBuilder::default(), Reopen::default());
        let sink = prepare(&[output.parse().unwrap()], Couriers::default())
            .unwrap()
            .remove(0)
            .start(&mut bus, &reopen)
            .unwrap();
        let mut source = bus.build(Time::default()).source("test");
        (0..5).for_each(|app| source.publish(Time::default(), wordy(app)));
        assert_eq!(sink.finish(None).lost, 0);
        let mut datagram = [0; 4096];
        // Templates, and two for each flow.
        for _ in 0..11 {
            let length = collector.recv(&mut datagram).unwrap();
            assert_eq!(usize::from(be16(&datagram, 2)), length);
            assert!(length <= LONGEST);
        }
    }

    #[test]
    fn templates_are_sent_again_where_they_may_get_lost() {
        let (mut ipfix, mut out) = (Ipfix::new(true), Vec::new());
        ipfix.preamble(&mut out);
        out.clear();
        let later = Instant::now() + TEMPLATES_EVERY;
        ipfix.refresh(later, &mut out);
        assert_eq!(messages(&out).len(), 1);
        let mut reliable = Ipfix::new(false);
        out.clear();
        reliable.refresh(later, &mut out);
        assert!(out.is_empty());
    }
}
