//! Tests of the parser over packets that are built here, byte by byte.

mod build;
mod ip;
mod layer3;
mod links;
mod quoted;
mod tunnels;

use super::{Captured, Options, Packet, Refusal, fast, frame};
use build::Frame;

/// Parses a frame with default options, and checks that the short cut does not contradict.
fn parse(frame_bytes: &Frame) -> Result<Packet, Refusal> {
    parse_with(frame_bytes, Options::default())
}

fn parse_with(frame_bytes: &Frame, options: Options) -> Result<Packet, Refusal> {
    let bytes = frame_bytes.bytes();
    let parsed = frame(bytes, options);
    if !options.tunnels
        && let Some(short) = fast(&bytes)
    {
        assert!(parsed == Ok(short), "the short cut says otherwise");
    }
    parsed
}

/// Cuts a frame at every length: the parser must answer, whatever it answers.
fn cut_everywhere(frame_bytes: &Frame) {
    let bytes = frame_bytes.bytes();
    for len in 0..bytes.len() {
        let source = Captured { bytes: &bytes[..len], wire_len: super::Source::len(bytes) };
        for tunnels in [false, true] {
            let options = Options { tunnels, ..Options::default() };
            if let Ok(packet) = frame(&source, options) {
                assert!(packet.l3 <= packet.l4 && packet.l4 <= packet.end);
                assert!(packet.l4 <= packet.payload && packet.payload <= packet.end);
            }
        }
    }
}
