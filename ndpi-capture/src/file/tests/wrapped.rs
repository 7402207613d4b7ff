//! Captures that were put behind one another, padded, or cut within their compression.

use std::io::Write as _;

use super::build::{self, MICROSECONDS, NANOSECONDS, Order};
use super::{Capture, Problem, read, two_packets};

fn pcapng(order: Order) -> Vec<u8> {
    let interface = build::interface(order, 113, &[]);
    [build::section(order), interface, build::enhanced(order, 0, 1, b"enhanced")].concat()
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn captures_behind_one_another_are_each_read_by_their_own_header() {
    let all = [
        two_packets(Order::Little, MICROSECONDS),
        two_packets(Order::Big, NANOSECONDS),
        pcapng(Order::Little),
        two_packets(Order::Big, MICROSECONDS),
        pcapng(Order::Big),
        pcapng(Order::Little),
    ];
    for one in &all {
        for other in &all {
            let (seen, error) = read(&[&one[..], other].concat());
            assert!(error.is_none(), "{error:?}");
            assert_eq!(seen, [read(one).0, read(other).0].concat());
        }
    }
    let file = all.concat();
    let mut capture = Capture::from_reader("test", std::io::Cursor::new(file.clone())).unwrap();
    let mut packets = 0;
    while capture.next_packet().unwrap().is_some() {
        packets += 1;
    }
    // A section behind another one is no capture of its own: the format is made so.
    let others = capture.others();
    assert_eq!((packets, others.count), (9, 4));
    assert_eq!(others.first, all[0].len() as u64);
    assert!(read(&gzip(&file)).1.is_none() && read(&zstd(&file)).1.is_none());
    let members: Vec<_> = all.iter().flat_map(|one| gzip(one)).collect();
    assert_eq!(read(&members).0.len(), 9);
}

#[test]
fn a_packet_at_the_time_of_a_magic_number_is_a_packet() {
    let order = Order::Little;
    let header = build::pcap_header(order, MICROSECONDS, 1);
    let packets = [MICROSECONDS, NANOSECONDS, 0x0a0d_0d0a]
        .map(|seconds| build::record(order, seconds, 7, b"data"));
    let (seen, error) = read(&[header, packets.concat()].concat());
    assert!(error.is_none() && seen.len() == 3, "{error:?}");
}

#[test]
fn zeros_behind_a_capture_are_no_part_of_it() {
    for file in [two_packets(Order::Little, MICROSECONDS), pcapng(Order::Big)] {
        let packets = read(&file).0;
        for zeros in [4, 512, 4096, 1 << 20] {
            let zeros = vec![0; zeros];
            for (padded, is_plain) in [
                ([&gzip(&file)[..], &zeros].concat(), false),
                ([&zstd(&file)[..], &zeros].concat(), false),
                (gzip(&[&file[..], &zeros].concat()), true),
                ([&file[..], &zeros].concat(), true),
            ] {
                let (seen, error) = read(&padded);
                // Less than a record header of zeros may as well be a record that was cut.
                assert!(error.is_none() || is_plain && zeros.len() < 16, "{error:?}");
                assert_eq!(seen, packets, "{} zeros", zeros.len());
            }
        }
        let more = [&gzip(&file)[..], &[0; 100], b"more"].concat();
        let (seen, error) = read(&more);
        assert_eq!(seen, packets);
        assert!(error.unwrap().in_full().contains("something else follows"));
    }
    let mut far = two_packets(Order::Little, MICROSECONDS);
    far.extend([0; 10_000]);
    far.extend(b"more");
    assert!(matches!(read(&far).1.unwrap().problem, Problem::Zeros { .. }));
}

#[test]
fn a_few_empty_packets_without_a_time_are_packets() {
    let order = Order::Big;
    let empty = order.words(&[0; 4]);
    let packet = build::record(order, 1, 0, b"x");
    let file = [build::pcap_header(order, MICROSECONDS, 1), empty.repeat(3), packet].concat();
    let (seen, error) = read(&file);
    assert!(error.is_none() && seen.len() == 4, "{error:?}");
}

#[test]
fn compressed_data_that_were_cut_give_what_they_have_and_say_so() {
    let mut file = build::pcap_header(Order::Little, MICROSECONDS, 1);
    let mut noise: u32 = 1;
    for second in 0..2000 {
        let data = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        });
        let data: Vec<u8> = data.take(200).collect();
        file.extend(build::record(Order::Little, second, 0, &data));
    }
    for (format, compressed) in [("gzip", gzip(&file)), ("zstd", zstd(&file))] {
        let (seen, error) = read(&compressed[..compressed.len() * 3 / 4]);
        let text = error.unwrap().in_full();
        assert!(text.contains(&format!("the {format} data end early: the file was cut")), "{text}");
        assert!(text.ends_with(&format!("; {} packets were read before", seen.len())), "{text}");
        assert!(seen.len() > 500, "{format}: {} packets of 2000", seen.len());
        let mut damaged = compressed.clone();
        damaged[6..30].fill(0xff);
        if let Some(error) = read(&damaged).1 {
            let text = error.in_full();
            assert!(!text.contains(['{', '[', '(']), "{text}");
        }
    }
}
