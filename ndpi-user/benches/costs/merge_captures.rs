//! Makes one long capture of many short ones: several copies of all of them, each with other
//! addresses, so that its flows are its own. For benchmarks; nothing in it is meant to be true.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use ndpi_capture::link;
use ndpi_capture::{Capture, LinkType, Packet};

const ETHERNET: LinkType = LinkType(1);
/// A pause between two packets is not longer than this.
const LONGEST_PAUSE_NS: u64 = 1_000_000_000;
/// The first packet's time: 2023-11-14.
const START_NS: u64 = 1_700_000_000_000_000_000;

pub(crate) fn run(out: &Path, copies: u8, files: &[PathBuf]) -> Result<()> {
    let mut merged = Merged::create(out)?;
    for copy in 0..copies {
        for file in files {
            merged.add(file, copy)?;
        }
    }
    merged.file.flush()?;
    println!("{}", merged.packets);
    Ok(())
}

struct Merged {
    file: BufWriter<File>,
    packets: u64,
    now_ns: u64,
}

impl Merged {
    fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let header: [u32; 6] = [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 262_144, ETHERNET.0.into()];
        header.iter().try_for_each(|word| file.write_all(&word.to_le_bytes()))?;
        Ok(Self { file, packets: 0, now_ns: START_NS })
    }

    /// Adds the IP packets of one capture, if it is of Ethernet.
    fn add(&mut self, path: &Path, copy: u8) -> Result<()> {
        let mut capture = Capture::open(path)?;
        let mut last_ns = None;
        // A capture that is cut short has given what it had.
        while let Ok(Some(packet)) = capture.next_packet() {
            let Ok(decoded) = link::decode(&packet, &link::Tunnels::all(false)) else { continue };
            if packet.link_type != ETHERNET {
                return Ok(());
            }
            let pause = packet.time_ns.saturating_sub(last_ns.unwrap_or(packet.time_ns));
            last_ns = Some(packet.time_ns);
            self.now_ns += pause.min(LONGEST_PAUSE_NS);
            let l3 = decoded.l3().as_ptr().addr() - packet.data.as_ptr().addr();
            self.write(&packet, l3, copy)?;
        }
        Ok(())
    }

    fn write(&mut self, packet: &Packet<'_>, l3: usize, copy: u8) -> Result<()> {
        let mut data = packet.data.to_vec();
        shift_addresses(&mut data[l3..], copy);
        let (seconds, micros) = (self.now_ns / 1_000_000_000, self.now_ns / 1000 % 1_000_000);
        let captured = u64::try_from(data.len())?;
        for word in [seconds, micros, captured, packet.wire_len.into()] {
            self.file.write_all(&u32::try_from(word)?.to_le_bytes())?;
        }
        self.file.write_all(&data)?;
        self.packets += 1;
        Ok(())
    }
}

/// Gives an IP packet the addresses of another copy. Checksums are left wrong: no classifier looks
/// at them.
fn shift_addresses(l3: &mut [u8], copy: u8) {
    let second_bytes = if l3[0] >> 4 == 4 { [13, 17] } else { [9, 25] };
    for at in second_bytes {
        l3[at] = l3[at].wrapping_add(copy);
    }
}
