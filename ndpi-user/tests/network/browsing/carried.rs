//! Ways in which what is said is carried: in pauses, fragments, windows and headers that most senders do without.

use std::thread;
use std::time::Duration;

use socket2::SockRef;
use testkit::tcp::{Segment, flags};

use super::ways::{For, Opening, Way, beside, inject_at, say, settle};
use crate::client::{Client, TTL};
use crate::fragments::fragments;

/// Longer than an answer is held.
const LATER: Duration = Duration::from_millis(1100);
/// Longer than a worker is behind on a busy machine.
const PAUSE: Duration = Duration::from_millis(300);
/// Where a packet of IPv4 without options has the length of its TCP header.
const DATA_OFFSET: usize = 32;

/// All of them.
pub(super) const CARRIED: [(&str, For, Way); 14] = [
    ("its first byte long before the others", For::Both, |it| {
        say(it, |client| {
            client.write(&it.first[..1]);
            thread::sleep(LATER);
            client.write(&it.first[1..]);
        })
    }),
    ("its end long before its beginning", For::Both, |it| {
        say(it, |client| {
            inject_at(client, 70, &it.first[70..]);
            thread::sleep(LATER);
            client.write(it.first);
        })
    }),
    ("with options of IP that its SYN had not", For::Both, |it| {
        say(it, |client| {
            set_ip_options(client, &[1, 1, 1, 0]);
            client.write(it.first);
        })
    }),
    ("into a window of a few bytes", For::Both, |it| {
        say(it, |client| {
            let whole = Segment { window: 1, ..client.connection.data(0, it.first) };
            client.inject(&whole);
            settle();
            client.write(it.first);
        })
    }),
    ("in fragments, the last first, under another", For::Both, |it| {
        say(it, |client| {
            let mut all = in_fragments(client, it.first, &[24, 48, 72, 80]);
            all.reverse();
            send_all(client, &all);
            // The worker that takes those which come before the first may be another, and behind.
            thread::sleep(PAUSE);
            client.write(it.decoy);
        })
    }),
    ("beside the beginning of another in fragments", For::Both, |it| {
        say(it, |client| {
            let all = in_fragments(client, it.decoy, &[24, 80]);
            send_all(client, &all[..2]);
            client.write(it.first);
        })
    }),
    ("beside another in fragments that overlap", For::Both, |it| {
        say(it, |client| {
            let (some, others) = (&[48, 96][..], &[40, 88][..]);
            let others = in_fragments(client, it.decoy, others);
            let sent = [&in_fragments(client, it.decoy, some)[..2], &others[1..]].concat();
            send_all(client, &sent);
            client.write(it.first);
        })
    }),
    ("beside one that opens a connection", For::Both, |it| {
        beside(it, |_, fake| Segment { flags: flags::SYN, ..fake })
    }),
    ("beside one that accepts a connection", For::Both, |it| {
        beside(it, |_, fake| Segment { flags: flags::SYN | flags::ACK, ..fake })
    }),
    ("beside one that resets, in the window", For::Both, |it| {
        beside(it, |_, fake| Segment {
            flags: flags::RST | flags::ACK,
            sequence: fake.sequence.wrapping_add(100),
            ..fake
        })
    }),
    ("beside one whose header is too short", For::Both, |it| with_header_of(it, 4)),
    ("beside one whose header is longer than it", For::Both, |it| {
        let short = Opening { decoy: &it.decoy[..20], ..*it };
        with_header_of(&short, 15)
    }),
    ("behind many that come not far enough", For::Both, |it| {
        say(it, |client| {
            let fake = Segment { ttl: 1, ..client.connection.data(0, it.decoy) };
            (0..18).for_each(|_| client.send(&fake.l3()));
            client.write(it.first);
        })
    }),
    ("with an urgent byte amid the name", For::Tls, |it| {
        let differs = (0..it.first.len()).rfind(|at| it.first[*at] != it.decoy[*at]).unwrap();
        say(it, |client| {
            client.write(&it.first[..differs]);
            SockRef::from(&client.stream).send_out_of_band(b"X").unwrap();
            client.write(&it.first[differs..]);
        })
    }),
];

/// Says it beside one whose header has so many words.
fn with_header_of(opening: &Opening<'_>, words: u8) -> Client {
    say(opening, |client| {
        let mut fake = Segment { ttl: TTL, ..client.connection.data(0, opening.decoy) }.l3();
        fake[DATA_OFFSET] = words << 4;
        client.send(&fake);
        client.write(opening.first);
    })
}

/// The first segment of a client, in fragments.
fn in_fragments(client: &Client, bytes: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let whole = Segment { ttl: TTL, ..client.connection.data(0, bytes) };
    fragments(&whole.l3(), client.connection.ports[0], cuts)
}

fn send_all(client: &Client, packets: &[Vec<u8>]) {
    for packet in packets {
        client.send(packet);
    }
}

/// Has all that a client sends from now on carry these options.
fn set_ip_options(client: &Client, options: &[u8]) {
    use std::os::fd::AsRawFd as _;
    let length = libc::socklen_t::try_from(options.len()).unwrap();
    let fd = client.stream.as_raw_fd();
    // SAFETY: the option's value is bytes, which the pointer points to with their length.
    let result = unsafe {
        libc::setsockopt(fd, libc::IPPROTO_IP, libc::IP_OPTIONS, options.as_ptr().cast(), length)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
