//! Packets that pass in a network namespace.

use std::io::Read;
use std::time::Duration;

use ndpi_common::parse::{self, Options};
use ndpi_flow::Sample;
use socket2::{Domain, Protocol, Socket, Type};
use testkit::namespace::{Namespace, inside};

/// How long a socket waits for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Everything that passes the interfaces of a namespace, from the IP header on.
pub(super) struct Capture(Socket);

/// A captured packet.
pub(super) struct Packet(Vec<u8>);

impl Capture {
    pub(super) fn new(namespace: &Namespace) -> Self {
        // `ETH_P_ALL`, in network byte order as packet(7) wants it.
        let all = Protocol::from(i32::from(3_u16.to_be()));
        let open = || Socket::new(Domain::PACKET, Type::DGRAM, Some(all)).unwrap();
        let socket = inside(namespace, open);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// The next packet that is wanted.
    pub(super) fn next(&self, wanted: impl Fn(&Sample) -> bool) -> Packet {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = (&self.0).read(&mut buffer).expect("the packet comes by");
            let packet = Packet(buffer[..length].to_vec());
            if packet.parsed().is_some_and(|sample| wanted(&sample)) {
                return packet;
            }
        }
    }
}

impl Packet {
    /// As a sample that went on to its receiver.
    pub(super) fn passed(&self) -> Sample<'_> {
        self.parsed().expect("parsed before")
    }

    /// As a sample that the kernel dropped.
    pub(super) fn dropped(&self) -> Sample<'_> {
        Sample { rejected: true, ..self.passed() }
    }

    fn parsed(&self) -> Option<Sample<'_>> {
        let packet = parse::from_ip(&&self.0[..], 0, Options::default()).ok()?;
        let l3 = &self.0[..packet.end as usize];
        Some(Sample {
            bytes: packet.end,
            tcp_flags: packet.tcp_flags,
            ..Sample::new(packet.key, packet.direction, 0, l3)
        })
    }
}
