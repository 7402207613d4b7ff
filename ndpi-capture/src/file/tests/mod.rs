//! Captures of every kind, whole and damaged.

mod build;
mod foreign;
mod seeds;
mod wrapped;

use std::io::{Read, Write};

use build::{MICROSECONDS, NANOSECONDS, Order};

use super::{Capture, CaptureError, LinkType, Problem};

/// A packet as (time in ns, link type, data, length on the wire).
type Seen = (u64, u16, Vec<u8>, u32);

const SECOND: u64 = 1_000_000_000;

fn read(bytes: &[u8]) -> (Vec<Seen>, Option<CaptureError>) {
    let mut seen = Vec::new();
    let mut capture = match Capture::from_reader("test", std::io::Cursor::new(bytes.to_vec())) {
        Ok(capture) => capture,
        Err(error) => return (seen, Some(error)),
    };
    loop {
        match capture.next_packet() {
            Ok(Some(p)) => seen.push((p.time_ns, p.link_type.0, p.data.to_vec(), p.wire_len)),
            Ok(None) => return (seen, None),
            Err(error) => return (seen, Some(error)),
        }
    }
}

fn two_packets(order: Order, magic: u32) -> Vec<u8> {
    let mut file = build::pcap_header(order, magic, 1);
    file.extend(build::record(order, 7, 5, b"first"));
    file.extend(build::record(order, 8, 6, b"second"));
    file
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for order in Order::BOTH {
        for (magic, unit) in [(MICROSECONDS, 1000), (NANOSECONDS, 1)] {
            let (seen, error) = read(&two_packets(order, magic));
            assert!(error.is_none());
            assert_eq!(seen[0], (7 * SECOND + 5 * unit, 1, b"first".to_vec(), 9));
            assert_eq!(seen[1], (8 * SECOND + 6 * unit, 1, b"second".to_vec(), 10));
        }
    }
}

#[test]
fn rubbish_above_the_link_type_is_not_the_link_type() {
    let file = build::pcap_header(Order::Little, MICROSECONDS, 0x4000_0065);
    let file = [file, build::record(Order::Little, 0, 0, b"x")].concat();
    assert_eq!(read(&file).0[0].1, LinkType(101).0);
}

#[test]
fn pcapng_packets_of_every_kind_in_both_orders() {
    for order in Order::BOTH {
        let file = [
            build::section(order),
            build::interface(order, 1, &[]),
            build::interface(order, 113, &[(9, &[9])]),
            build::block(order, 5, b"interface statistics are stepped over"),
            build::enhanced(order, 0, 7_000_005, b"enhanced"),
            build::obsolete(order, 1, 8_000_000_006, b"obsolete!"),
            build::simple(order, 60, b"simple"),
        ];
        let (seen, error) = read(&file.concat());
        assert!(error.is_none(), "{error:?}");
        assert_eq!(seen[0], (7 * SECOND + 5000, 1, b"enhanced".to_vec(), 12));
        assert_eq!(seen[1], (8 * SECOND + 6, 113, b"obsolete!".to_vec(), 9));
        // Padding cannot be distinguished from data here: only a length on the wire would bound it.
        assert_eq!(seen[2], (8 * SECOND + 6, 1, b"simple\0\0".to_vec(), 60));
    }
}

#[test]
fn time_units_and_offsets_of_interfaces() {
    let offset = 1000_i64;
    for order in Order::BOTH {
        let (le, be) = (offset.to_le_bytes(), offset.to_be_bytes());
        let offset = if order == Order::Big { be } else { le };
        for (options, ticks, ns) in [
            (&[(9, &[6][..])][..], 5_000_001, 5 * SECOND + 1000),
            (&[(9, &[0])], 5, 5 * SECOND),
            (&[(9, &[12])], 5_000_000_000_999, 5 * SECOND),
            (&[(9, &[0x8a])], 5 * 1024 + 512, 5 * SECOND + SECOND / 2),
            (&[(9, &[0xff])], u64::MAX, 0),
            (&[(9, &[127])], u64::MAX / 2, 0),
            (&[(9, &[0])], u64::MAX, u64::MAX),
            (&[(2, b"veth0"), (14, &offset)], 1, 1000 * SECOND + 1000),
        ] {
            let interface = build::interface(order, 1, options);
            let packet = build::enhanced(order, 0, ticks, b"x");
            let (seen, error) = read(&[build::section(order), interface, packet].concat());
            assert!(error.is_none(), "{error:?}");
            assert_eq!(seen[0].0, ns, "{options:?}");
        }
    }
}

#[test]
fn a_section_forgets_interfaces_and_order_of_the_one_before() {
    let one = |order, link_type| {
        let interface = build::interface(order, link_type, &[]);
        [build::section(order), interface, build::enhanced(order, 0, 1, b"x")].concat()
    };
    let (seen, error) = read(&[one(Order::Little, 1), one(Order::Big, 101)].concat());
    assert!(error.is_none());
    assert_eq!(seen.iter().map(|p| p.1).collect::<Vec<_>>(), [1, 101]);

    let bare = [one(Order::Little, 1), build::section(Order::Little)].concat();
    let orphan = build::enhanced(Order::Little, 0, 1, b"x");
    let (seen, error) = read(&[bare.clone(), orphan].concat());
    let error = error.unwrap();
    assert_eq!((seen.len(), error.offset), (1, bare.len() as u64));
    assert!(matches!(error.problem, Problem::UnknownInterface(0)));
}

#[test]
fn compressed_captures_are_recognised() {
    let file = two_packets(Order::Little, MICROSECONDS);
    let whole = read(&file).0;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&file[..30]).unwrap();
    let mut two_members = gzip.finish().unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&file[30..]).unwrap();
    two_members.extend(gzip.finish().unwrap());
    let (seen, error) = read(&two_members);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(seen, whole);

    let frame = |part: &[u8]| {
        ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest)
    };
    let skippable = [&[0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"any"].concat();
    let frames = [&skippable, &frame(&file[..30]), &skippable, &frame(&file[30..])[..]].concat();
    let (seen, error) = read(&frames);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(seen, whole);

    let (seen, error) = read(&frames[..frames.len() - 9]);
    assert!(seen.len() < 2 && matches!(error.unwrap().problem, Problem::Read(_)));
}

#[test]
fn a_cut_capture_gives_what_it_has_and_says_where_it_was_cut() {
    for order in Order::BOTH {
        let file = two_packets(order, MICROSECONDS);
        let second: u8 = 24 + 16 + 5;
        let (seen, error) = read(&file[..file.len() - 2]);
        assert_eq!(seen[1].2, b"seco");
        let error = error.unwrap();
        assert_eq!(error.offset, u64::from(second));
        assert_eq!(
            error.to_string(),
            "test: byte 45: the capture ends inside a packet record: 20 of 22 bytes are there; \
             2 packets were read, the last as far as it is there"
        );
        assert_eq!(error.packets, seen.len() as u64);
        let (seen, error) = read(&file[..usize::from(second) + 16]);
        let error = error.unwrap();
        assert_eq!((seen.len(), error.offset, error.packets), (1, second.into(), 1));
    }
}

#[test]
fn lengths_that_lie_are_refused() {
    let order = Order::Little;
    let header = build::pcap_header(order, MICROSECONDS, 1);
    let lie = [header, order.words(&[0, 0, u32::MAX, 1])].concat();
    assert!(
        matches!(read(&lie).1.unwrap().problem, Problem::TooLong { length, .. } if length > 1 << 31)
    );

    let start = [build::section(order), build::interface(order, 1, &[])].concat();
    for length in [0, 4, 11, 12, 31, 32, 64, u32::MAX] {
        for kind in [1, 2, 3, 6, 0x0a0d_0d0a] {
            let lie = [&start[..], &order.words(&[kind, length]), &[0xff; 64]].concat();
            let (seen, error) = read(&lie);
            let error = error.expect("a block of rubbish is no block");
            assert_eq!((seen.len(), error.offset), (0, start.len() as u64), "{kind} {length}");
        }
    }
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    assert!(matches!(read(b"").1.unwrap().problem, Problem::Empty));
    assert!(matches!(read(b"GIF89a\x01").1.unwrap().problem, Problem::NotACapture(_)));
    let error = read(&0xa1b2_c3d4_u32.to_le_bytes()).1.unwrap();
    assert!(matches!(error.problem, Problem::Cut { present: 4, .. }));
}

#[test]
fn a_slow_stream_and_a_long_record_are_read_whole() {
    struct Drip(std::io::Cursor<Vec<u8>>);
    impl Read for Drip {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let few = buffer.len().min(7);
            self.0.read(&mut buffer[..few])
        }
    }
    let long = vec![0x5a; 1 << 20];
    let mut file = two_packets(Order::Big, NANOSECONDS);
    file.extend(build::record(Order::Big, 9, 0, &long));
    file.extend(build::record(Order::Big, 10, 0, b"last"));
    let mut capture = Capture::from_reader("drip", Drip(std::io::Cursor::new(file))).unwrap();
    let mut lengths = Vec::new();
    while let Some(packet) = capture.next_packet().unwrap() {
        lengths.push(packet.data.len());
    }
    assert_eq!(lengths, [5, 6, 1 << 20, 4]);
}

/// Every cut and every flipped byte of small captures: no panic, and an end.
#[test]
fn damage_anywhere_does_no_harm() {
    let order = Order::Little;
    let pcapng = [
        build::section(order),
        build::interface(order, 1, &[(9, &[6]), (14, &[0; 8])]),
        build::enhanced(order, 0, 1, b"enhanced"),
        build::obsolete(order, 0, 2, b"obsolete"),
        build::simple(order, 6, b"simple"),
        build::block(order, 0xbad, b"custom"),
    ];
    for file in [pcapng.concat(), two_packets(Order::Big, MICROSECONDS)] {
        let whole = read(&file).0.len();
        for at in 0..file.len() {
            assert!(read(&file[..at]).0.len() <= whole);
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= flip;
                read(&damaged);
            }
        }
    }
}
