//! Packets and captures built byte by byte.

/// A DNS query (or its answer, without records) for `name`, from port 4000 + `client`.
pub fn dns(client: u16, name: &str, answer: bool) -> Vec<u8> {
    let flags: [u8; 2] = if answer { [0x81, 0x83] } else { [0x01, 0x00] };
    let mut message = [&[0x12, 0x34][..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).unwrap());
        message.extend(label.as_bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    let ports = [4000 + client, 53];
    udp(if answer { [ports[1], ports[0]] } else { ports }, answer, &message)
}

/// UDP between 198.18.0.2 and 198.18.0.1, forth or back.
pub fn udp([source, destination]: [u16; 2], back: bool, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap();
    let header = [source, destination, length, 0].map(u16::to_be_bytes).concat();
    ipv4(17, back, &[&header[..], payload].concat())
}

/// A TCP segment without payload between 198.18.0.2:4000 and 198.18.0.1:80.
pub fn tcp(flags: u8, back: bool) -> Vec<u8> {
    let ports: [u16; 2] = if back { [80, 4000] } else { [4000, 80] };
    let header = [&ports.map(u16::to_be_bytes).concat()[..], &[0; 8], &[0x50, flags], &[0; 6]];
    ipv4(6, back, &header.concat())
}

/// An IPv4 packet between 198.18.0.2 and 198.18.0.1.
pub fn ipv4(proto: u8, back: bool, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let (client, server) = ([198, 18, 0, 2], [198, 18, 0, 1]);
    let (src, dst) = if back { (server, client) } else { (client, server) };
    let start = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, proto, 0, 0];
    [&start[..], &src, &dst, payload].concat()
}

/// A pcap file of raw IP packets, each with its time in seconds.
pub fn capture(packets: &[(u32, Vec<u8>)]) -> Vec<u8> {
    capture_of(101, packets)
}

/// A pcap file of packets that begin with what `link_type` says, each with its time in seconds.
pub fn capture_of(link_type: u32, packets: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let words =
        |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    file.extend(words(&[0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 65535, link_type]));
    for (seconds, packet) in packets {
        let length = u32::try_from(packet.len()).unwrap();
        file.extend(words(&[*seconds, 0, length, length]));
        file.extend(packet);
    }
    file
}

/// A query of port 4001 for an address, the answer that it is the server's own for `ttl` seconds, and
/// a SYN and an ACK of each of these ports to the server's port 80, a second apart. All at their times
/// after `start`.
pub fn resolved(start: u32, ttl: u32, name: &str, ports: &[(u32, u16)]) -> Vec<(u32, Vec<u8>)> {
    let mut answer = dns(1, name, true);
    // Without an error, and with an answer.
    (answer[31], answer[35]) = (0x80, 1);
    answer.extend([0xc0, 12, 0, 1, 0, 1]);
    answer.extend(ttl.to_be_bytes());
    answer.extend([0, 4, 198, 18, 0, 1]);
    let length = u16::try_from(answer.len()).unwrap();
    answer[2..4].copy_from_slice(&length.to_be_bytes());
    answer[24..26].copy_from_slice(&(length - 20).to_be_bytes());
    let mut packets = vec![(start, dns(1, name, false)), (start, answer)];
    for &(after, port) in ports {
        for (second, flags) in [(0, 0x02), (1, 0x10)] {
            let mut segment = tcp(flags, false);
            segment[20..22].copy_from_slice(&port.to_be_bytes());
            packets.push((start + after + second, segment));
        }
    }
    packets
}
