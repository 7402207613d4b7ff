//! A capture made for the examination: flows of both families, with and without tags, that nDPI knows
//! and does not know, and packets that take the programs' slow paths.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What nDPI calls RTSP at first sight.
pub(super) const RTSP: &[u8] = b"RTSP/1.0 200 OK\r\n\r\n";

const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const SERVER: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);
const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const SERVER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const SYN: u8 = 2;
const ACK: u8 = 16;
const PUSH: u8 = 8 | ACK;

/// The capture as a pcap file (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html>).
pub(super) fn made() -> Vec<u8> {
    let mut file = words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 1 << 18, 1]);
    for (number, frame) in (0u32..).zip(frames()) {
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        file.extend(words(&[1_700_000_000 + number / 100, number % 100 * 10_000, len, len]));
        file.extend(frame);
    }
    file
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn frames() -> Vec<Vec<u8>> {
    let v4 = [IpAddr::V4(CLIENT), IpAddr::V4(SERVER)];
    let v6 = [IpAddr::V6(CLIENT_V6), IpAddr::V6(SERVER_V6)];
    let mut frames = Vec::new();
    for ends in [v4, v6] {
        for port in [7000, 7001] {
            frames.extend((0..12).map(|_| ethernet(&[], &udp(ends, port, RTSP))));
        }
        frames.extend((0..40).map(|_| ethernet(&[], &udp(ends, 7003, b"none of any protocol"))));
        frames.extend((0..12).map(|_| ethernet(&[5], &udp(ends, 7000, RTSP))));
        frames.extend((0..12).map(|_| ethernet(&[6, 7], &udp(ends, 7000, RTSP))));
        frames.extend(web(ends).iter().map(|packet| ethernet(&[], packet)));
        // Larger than the smaller records of a ring.
        for len in [100, 500, 900, 1400] {
            frames.extend((0..3).map(|_| ethernet(&[], &udp(ends, 7004, &vec![b'x'; len]))));
        }
        // Cut, of no version, and no IP at all.
        let whole = ethernet(&[], &udp(ends, 7005, b"cut"));
        frames.extend([15, 30, 38].map(|len| whole[..len].to_vec()));
    }
    frames.push([&[2; 12][..], &[8, 6], &[0; 28]].concat());
    frames.push(ethernet(&[], &[0x55; 40]));
    frames
}

/// A request over HTTP and its answer.
fn web(ends: [IpAddr; 2]) -> Vec<Vec<u8>> {
    let back = [ends[1], ends[0]];
    let get =
        b"GET / HTTP/1.1\r\nHost: www.facebook.com\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\n\r\n";
    let ok = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\nhello";
    vec![
        tcp(ends, [40_001, 80], SYN, 100, b""),
        tcp(back, [80, 40_001], SYN | ACK, 500, b""),
        tcp(ends, [40_001, 80], ACK, 101, b""),
        tcp(ends, [40_001, 80], PUSH, 101, get),
        tcp(back, [80, 40_001], PUSH, 501, ok),
        tcp(ends, [40_001, 80], 1 | ACK, 101 + u32::try_from(get.len()).unwrap_or(0), b""),
    ]
}

fn ethernet(tags: &[u16], packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![2; 12];
    for tag in tags {
        frame.extend([0x81, 0]);
        frame.extend(tag.to_be_bytes());
    }
    frame.extend(if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] });
    frame.extend(packet);
    frame
}

fn udp(ends: [IpAddr; 2], port: u16, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX);
    let head = [40_000, port, len, 0].map(u16::to_be_bytes).concat();
    ip(ends, 17, &[&head, payload].concat())
}

fn tcp(ends: [IpAddr; 2], ports: [u16; 2], flags: u8, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let mut segment = ports.map(u16::to_be_bytes).concat();
    segment.extend(sequence.to_be_bytes());
    segment.extend([0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment.extend(payload);
    ip(ends, 6, &segment)
}

fn ip(ends: [IpAddr; 2], proto: u8, payload: &[u8]) -> Vec<u8> {
    let len =
        |headers: usize| u16::try_from(headers + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    match ends {
        [IpAddr::V4(from), IpAddr::V4(to)] => {
            let [a, b] = len(20);
            let head = [0x45, 0, a, b, 0, 1, 0x40, 0, 64, proto, 0, 0];
            [&head[..], &from.octets(), &to.octets(), payload].concat()
        }
        [from, to] => {
            let [a, b] = len(0);
            let octets = |end| match end {
                IpAddr::V6(address) => address.octets(),
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
            };
            [&[0x60, 0, 0, 0, a, b, proto, 64][..], &octets(from), &octets(to), payload].concat()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_those_of_what_is_there() {
        let v4 = udp([IpAddr::V4(CLIENT), IpAddr::V4(SERVER)], 53, b"12345");
        assert_eq!((v4.len(), v4[3], v4[25]), (33, 33, 13));
        let v6 = udp([IpAddr::V6(CLIENT_V6), IpAddr::V6(SERVER_V6)], 53, b"12345");
        assert_eq!((v6.len(), v6[5], v6[45]), (53, 13, 13));
        assert_eq!(ethernet(&[5], &v4)[12..18], [0x81, 0, 0, 5, 8, 0]);
        assert!(made().len() > 24 + 100 * 16);
    }
}
