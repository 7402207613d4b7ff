//! What unit tests share.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use ndpi::Library;

/// nDPI, where there is one. A test that gets `None` has said why it was skipped; in CI, where nDPI
/// is always there, it fails instead.
pub(crate) fn library() -> Option<Library> {
    match Library::load(None) {
        Ok(library) => Some(library),
        Err(error) if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) => {
            panic!("nDPI must be there in CI: {error}")
        }
        Err(error) => {
            eprintln!("skipped: {error}; `cargo xtask setup` provides nDPI");
            None
        }
    }
}

/// What was written, to be looked at by somebody else than the writer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of an IPv4 packet with a TCP segment of this sequence and acknowledgement number.
pub(crate) fn segment(flags: u8, sequence: u32, acknowledged: u32, data: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 40];
    (packet[0], packet[8], packet[9]) = (0x45, 64, 6);
    let length = u16::try_from(40 + data.len()).unwrap();
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet[12..20].copy_from_slice(&[198, 18, 0, 1, 198, 18, 0, 2]);
    packet[20..24].copy_from_slice(&[0, 1, 1, 187]);
    packet[24..28].copy_from_slice(&sequence.to_be_bytes());
    packet[28..32].copy_from_slice(&acknowledged.to_be_bytes());
    (packet[32], packet[33]) = (5 << 4, flags);
    packet.extend_from_slice(data);
    packet
}
