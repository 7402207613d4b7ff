//! Seeds for the fuzzer of captures.

use std::io::Write;

use testkit::seed::hold as seed;

use super::build::{self, MICROSECONDS, NANOSECONDS, Order};
use super::two_packets;

#[test]
fn seeds_are_in_the_repository() {
    for (order, name) in [(Order::Little, "little"), (Order::Big, "big")] {
        seed("capture", &format!("pcap-{name}"), &two_packets(order, MICROSECONDS));
        seed("capture", &format!("pcap-ns-{name}"), &two_packets(order, NANOSECONDS));
        seed("capture", &format!("pcapng-{name}"), &pcapng(order));
    }
    let pcap = two_packets(Order::Little, MICROSECONDS);
    seed("capture", "pcap-cut", &pcap[..pcap.len() - 3]);
    let two_sections = [pcapng(Order::Little), pcapng(Order::Big)].concat();
    seed("capture", "pcapng-two-sections", &two_sections);
    // Stored, not deflated: the compressor's version does not show.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(&pcap).unwrap();
    seed("capture", "pcap-gzip", &gzip.finish().unwrap());
    let level = ruzstd::encoding::CompressionLevel::Uncompressed;
    seed("capture", "pcap-zstd", &ruzstd::encoding::compress_to_vec(&pcap[..], level));
}

/// A section with a block of every kind that is read.
fn pcapng(order: Order) -> Vec<u8> {
    let offset = order.u64(5);
    [
        build::section(order),
        build::interface(order, 1, &[(2, b"veth0"), (9, &[9]), (14, &offset)]),
        build::interface(order, 113, &[(9, &[0x8a])]),
        build::block(order, 5, b"statistics"),
        build::enhanced(order, 0, 1, b"enhanced"),
        build::obsolete(order, 1, 2, b"obsolete"),
        build::simple(order, 6, b"simple"),
        build::block(order, 0xbad, b"custom"),
    ]
    .concat()
}
