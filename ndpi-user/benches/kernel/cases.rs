//! The paths that are measured.

use std::error::Error;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::{fs, io};

use aya::programs::Xdp;
use aya::{Ebpf, EbpfLoader};
use ndpi_common::{Action, Key, KeyV4, KeyV6, SampleHeader};
use testkit::bpf::call::{array_of, lookup_table};
use testkit::frame::{ACK, CLIENT_PORT, SERVER, SERVER_PORT, Talk, V4, V6};

use crate::driver::{driver, empty, lookup};
use crate::ours::{Ours, RING_BYTES};

/// Runs of a program in one measurement.
const REPEAT: u32 = 200_000;

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;

/// A path, and how to measure it.
pub(crate) struct Case {
    pub(crate) path: String,
    pub(crate) family: &'static str,
    pub(crate) flows: u32,
    pub(crate) frame: Vec<u8>,
    pub(crate) repeat: u32,
    /// What the program is to answer (`enum xdp_action`): a path that is not taken is no figure.
    pub(crate) answer: u32,
    pub(crate) how: How,
    /// What to do after each measurement.
    pub(crate) after: Box<dyn Fn() -> Result<(), Box<dyn Error>>>,
}

pub(crate) enum How {
    /// The program by itself.
    Alone(OwnedFd),
    /// Behind a driver that varies the packets; the driver's own cost is taken off.
    Driven {
        /// The driver that calls the program.
        with: OwnedFd,
        /// The driver that calls an empty program.
        without: OwnedFd,
        /// The empty program by itself.
        empty: OwnedFd,
    },
}

/// All cases, and what they need to stay loaded.
#[derive(Default)]
pub(crate) struct Bench {
    pub(crate) cases: Vec<Case>,
    ours: Vec<Ours>,
    peer: Option<Ebpf>,
    calls: Vec<OwnedFd>,
}

/// The clients' addresses start here, all below the server's: 10.0.0.0 or `2001:db8::a00:0`.
const BASE: u32 = 0x0a00_0000;
/// Where the client's address is in an IPv4 frame.
const ADDRESS_V4: u8 = 14 + 12;
const FAMILIES: [(&str, Talk); 2] = [("v4", V4), ("v6", V6)];
const ACTIONS: [Action; 4] = [Action::Drop, Action::Count, Action::Bypass, Action::Limit];

/// A folder on the BPF file system, which goes with all that is pinned in it.
struct PinFolder(PathBuf);

impl PinFolder {
    fn new() -> io::Result<Self> {
        let path = PathBuf::from(format!("/sys/fs/bpf/ndpi-bench-{}-kernel", std::process::id()));
        let failed = |error| {
            let folder = path.display();
            io::Error::other(format!(
                "cannot make {folder} (mount -t bpf -o mode=0700 bpf /sys/fs/bpf): {error}"
            ))
        };
        fs::create_dir(&path).map_err(failed)?;
        Ok(Self(path))
    }
}

impl Drop for PinFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

impl Bench {
    pub(crate) fn new(peer: Option<&Path>, most: u32) -> Result<Self, Box<dyn Error>> {
        let mut bench = Self::default();
        bench.alone("empty", "v4", V4.out(ACK, b""), empty()?);
        if let Some(peer) = peer {
            bench.add_peer(peer)?;
        }
        bench.decided()?;
        bench.undecided(most)?;
        for flows in [1, 100_000, 1_000_000] {
            if flows <= most {
                bench.many(flows)?;
            }
        }
        Ok(bench)
    }

    fn alone(&mut self, path: &str, family: &'static str, frame: Vec<u8>, program: OwnedFd) {
        self.cases.push(Case {
            path: path.to_owned(),
            family,
            flows: 1,
            frame,
            repeat: REPEAT,
            answer: answer(path),
            how: How::Alone(program),
            after: Box::new(|| Ok(())),
        });
    }

    /// xdp-filter with all its features and no rule that hits: it drops.
    fn add_peer(&mut self, path: &Path) -> Result<(), Box<dyn Error>> {
        let pins = PinFolder::new()?;
        let mut ebpf = EbpfLoader::new().default_map_pin_directory(&pins.0).load_file(path)?;
        // The object wants its maps pinned for a companion that is not here; the program holds them.
        drop(pins);
        let (_, program) = ebpf.programs_mut().next().ok_or("the peer has no program")?;
        let xdp: &mut Xdp = program.try_into()?;
        xdp.load()?;
        let fd = xdp.fd()?.as_fd().try_clone_to_owned()?;
        for (family, talk) in FAMILIES {
            self.alone("xdp-filter", family, talk.out(ACK, b""), fd.try_clone()?);
        }
        self.peer = Some(ebpf);
        Ok(())
    }

    /// One decided flow for each action.
    fn decided(&mut self) -> Result<(), Box<dyn Error>> {
        let mut ours = Ours::load(0, 1024)?;
        ours.set_wide_bucket()?;
        for (family, talk) in FAMILIES {
            for action in ACTIONS {
                let talk = talk.with_port(1000 + u16::from(action as u8));
                ours.decide([talk.key()].into_iter(), action)?;
                self.alone(action.name(), family, talk.out(ACK, b""), ours.program()?);
            }
            let tagged = talk.in_vlan(7);
            ours.decide([tagged.key()].into_iter(), Action::Drop)?;
            self.alone("drop-tagged", family, tagged.out(ACK, b""), ours.program()?);
            self.alone("over-budget", family, talk.out(ACK, b""), ours.program()?);
        }
        let arp = [&[2; 12][..], &[8, 6], &[0; 28]].concat();
        self.alone("not-ip", "v4", arp, ours.program()?);
        self.ours.push(ours);
        Ok(())
    }

    /// Flows that are shown: the same one again and again, and new ones.
    fn undecided(&mut self, most: u32) -> Result<(), Box<dyn Error>> {
        let ours = Ours::load(u32::MAX, most)?;
        for (family, talk) in FAMILIES {
            for size in [64_u32, 512, 1500] {
                let headers = if talk.v6 { 60 } else { 40 };
                // A frame of 64 bytes has 50 behind the Ethernet header, one of 1500 an MTU.
                let len = if size == 1500 { 1500 } else { size - 14 };
                let payload = vec![7; usize::try_from(len.saturating_sub(headers))?];
                let program = ours.program()?;
                self.alone(&format!("sampled-{size}"), family, talk.out(ACK, &payload), program);
                self.draining(&ours, len);
            }
            let how = self.driven(&ours.program()?, talk, 0x0fff_ffff)?;
            self.driven_case("new", family, most, talk, how);
            self.draining(&ours, 64);
        }
        self.ours.push(ours);
        Ok(())
    }

    /// Bounds the last case to what the ring holds, and empties the ring after each measurement.
    fn draining(&mut self, ours: &Ours, len: u32) {
        let Some(case) = self.cases.last_mut() else { return };
        // Records are at most 512 bytes longer than what they hold.
        let record = len + u32::try_from(size_of::<SampleHeader>()).unwrap_or(0) + 512;
        case.repeat = REPEAT.min(RING_BYTES / record / 2);
        case.after = Box::new(ours.drain());
    }

    /// Decided flows in random order.
    fn many(&mut self, flows: u32) -> Result<(), Box<dyn Error>> {
        // Addresses are masked random numbers: as many as the next power of two.
        let mask = flows.next_power_of_two() - 1;
        let keys = (0..=mask).map(|client| [(BASE | client).to_be(), 0, 0, 0]);
        let table = lookup_table(mask + 1 + flows / 8 + 1024, keys)?;
        let how = self.driven(&lookup(table.as_fd(), ADDRESS_V4)?, V4, mask)?;
        self.driven_case("bare-lookup", "v4", flows, V4, how);
        for action in [Action::Drop, Action::Count, Action::Bypass] {
            let mut ours = Ours::load(0, mask + 1)?;
            for (family, talk) in FAMILIES {
                // One action alone for IPv6: the map is what is measured.
                if talk.v6 && !matches!(action, Action::Drop) {
                    continue;
                }
                ours.decide((0..=mask).map(|client| key_of(talk, client)), action)?;
                let how = self.driven(&ours.program()?, talk, mask)?;
                self.driven_case(&format!("{}-random", action.name()), family, flows, talk, how);
            }
            self.ours.push(ours);
        }
        Ok(())
    }

    fn driven_case(&mut self, path: &str, family: &'static str, flows: u32, talk: Talk, how: How) {
        self.cases.push(Case {
            path: path.to_owned(),
            family,
            flows,
            frame: talk.out(ACK, b""),
            repeat: REPEAT,
            answer: answer(path),
            how,
            after: Box::new(|| Ok(())),
        });
    }

    /// A driver before `program`, and one before a program that does nothing.
    fn driven(&mut self, program: &OwnedFd, talk: Talk, mask: u32) -> Result<How, Box<dyn Error>> {
        let at = if talk.v6 { 14 + 8 + 12 } else { ADDRESS_V4 };
        let mut behind = |target: BorrowedFd<'_>| -> Result<OwnedFd, Box<dyn Error>> {
            let calls = array_of(target)?;
            let driver = driver(calls.as_fd(), at, BASE, mask)?;
            self.calls.push(calls);
            Ok(driver)
        };
        let with = behind(program.as_fd())?;
        let empty = empty()?;
        let without = behind(empty.as_fd())?;
        Ok(How::Driven { with, without, empty })
    }
}

/// What the program of a path answers. xdp-filter's default in this form is to drop.
fn answer(path: &str) -> u32 {
    let drops = path.starts_with("drop") || path == "bare-lookup" || path == "xdp-filter";
    if drops { XDP_DROP } else { XDP_PASS }
}

/// The flow of the client with this number.
fn key_of(talk: Talk, client: u32) -> Key {
    let client = (BASE | client).to_be_bytes();
    let Key::V6(key) = talk.key() else {
        let ends = ((client, CLIENT_PORT), (SERVER, SERVER_PORT));
        return Key::V4(KeyV4::new(ends.0, ends.1, 0, talk.proto).0);
    };
    let mut address = key.lower;
    address[12..].copy_from_slice(&client);
    let ends = ((address, CLIENT_PORT), (key.upper, SERVER_PORT));
    Key::V6(KeyV6::new(ends.0, ends.1, 0, talk.proto).0)
}
