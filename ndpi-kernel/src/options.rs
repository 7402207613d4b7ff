//! How the kernel side is set up.

use std::path::{Path, PathBuf};

use ipnet::Ipv6Net;
use log::LevelFilter;
use ndpi_common::{Division, Hook, MAX_SNAP};

/// Where maps are pinned by default.
pub const DEFAULT_PIN_DIRECTORY: &str = "/sys/fs/bpf/ndpi-xdp";

/// Where the maps of an instance with a name are pinned by default.
pub fn named_pin_directory(name: &str) -> PathBuf {
    format!("{DEFAULT_PIN_DIRECTORY}@{name}").into()
}

/// The option by which commands know the instance whose maps are pinned in a directory; `None` where they need none.
pub(crate) fn option_for(pins: &Path) -> Option<String> {
    if pins == Path::new(DEFAULT_PIN_DIRECTORY) {
        return None;
    }
    let path = pins.display().to_string();
    let name = path.strip_prefix(DEFAULT_PIN_DIRECTORY).and_then(|rest| rest.strip_prefix('@'));
    Some(match name.filter(|name| !name.contains('/')) {
        Some(name) => format!("--name {name}"),
        None => format!("--pin-dir {path}"),
    })
}

/// The command that removes what is pinned in a directory, and takes off what is pinned there.
pub fn detach_command(pins: &Path) -> String {
    let option = option_for(pins).map(|option| format!(" {option}")).unwrap_or_default();
    format!("ndpi-xdp detach{option}")
}

/// Sizes and settings that are fixed when the programs are loaded.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// Decided flows that the verdict map of each family has room for (176 bytes of kernel
    /// memory each, IPv6 200, allocated at once).
    pub verdicts: u32,
    /// Undecided flows that the track map of each family remembers.
    pub tracks: u32,
    /// Datagrams in fragments that are remembered.
    pub fragments: u32,
    /// How flows are divided among workers.
    pub division: Division,
    /// Bytes of each of the two rings of each worker, made a power of two and a multiple of the page size.
    pub ring_bytes: u32,
    /// Packets of an undecided flow that are shown at most.
    pub budget: u32,
    /// Bytes of a packet that are shown at most, from the IP header on; up to [`MAX_SNAP`].
    pub snap: u32,
    /// Bits of [`ndpi_common::Switches`]. Those of [`ndpi_common::Switches::LIVE`] can be changed
    /// later, see [`RuntimeConfig::set_switches`](super::RuntimeConfig::set_switches).
    pub switches: u32,
    /// With [`ndpi_common::Switches::TUNNEL_ENDS`]: the networks that both ends of a tunnel are in
    /// that is opened; IPv4 as IPv4-mapped IPv6. Room for 1024.
    pub tunnel_ends: Vec<Ipv6Net>,
    /// Ticks ([`ndpi_common::TICK_NS`]) without a packet after which a flow of the same key is a
    /// new one.
    pub idle_ticks: u32,
    /// Ticks without a sign of life of user space after which [`ndpi_common::Switches::GONE_OPEN`] or
    /// [`ndpi_common::Switches::GONE_CLOSED`] holds; 0 for never.
    pub gone_after: u32,
    /// What the programs say themselves; `Off` keeps their messages out of the programs altogether.
    pub log_level: LevelFilter,
    /// The hooks whose programs the kernel verifies at once; those of another when they are attached.
    pub hooks: &'static [Hook],
    /// Where to pin the maps, `None` for nowhere.
    pub pin_directory: Option<PathBuf>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            verdicts: 262_144,
            tracks: 131_072,
            fragments: 16_384,
            division: Division { parts: 1, seed: 0 },
            ring_bytes: 4 << 20,
            budget: 32,
            snap: MAX_SNAP,
            switches: 0,
            tunnel_ends: Vec::new(),
            idle_ticks: 1200,
            gone_after: ndpi_common::SILENCE_TICKS,
            log_level: LevelFilter::Off,
            hooks: &[Hook::Xdp, Hook::Tc],
            pin_directory: Some(Path::new(DEFAULT_PIN_DIRECTORY).to_owned()),
        }
    }
}

impl LoadOptions {
    /// Bytes of each ring of samples.
    pub fn ring_size(&self) -> u32 {
        let page = u32::try_from(rustix::param::page_size()).unwrap_or(u32::MAX);
        ring_size(self.ring_bytes, page)
    }
}

/// The level of the programs' messages beside ours at `level`: the same, but only where somebody asked
/// for more than the usual. Otherwise they are not even in the programs.
pub fn messages_beside(level: LevelFilter) -> LevelFilter {
    if level > LevelFilter::Info { level } else { LevelFilter::Off }
}

/// The size of a ring that holds at least `bytes`.
pub(super) fn ring_size(bytes: u32, page: u32) -> u32 {
    bytes.clamp(page, 1 << 30).next_power_of_two()
}

/// The level at which the programs log, in the numbers of aya's log (1: errors … 5: traces; 0:
/// nothing).
pub(super) fn log_number(level: LevelFilter) -> u8 {
    match level {
        LevelFilter::Off => 0,
        LevelFilter::Error => 1,
        LevelFilter::Warn => 2,
        LevelFilter::Info => 3,
        LevelFilter::Debug => 4,
        LevelFilter::Trace => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_are_powers_of_two_and_whole_pages() {
        assert_eq!(ring_size(0, 4096), 4096);
        assert_eq!(ring_size(5000, 4096), 8192);
        assert_eq!(ring_size(1 << 20, 65_536), 1 << 20);
        assert_eq!(ring_size(u32::MAX, 4096), 1 << 30);
    }

    #[test]
    fn a_directory_is_named_where_it_is_not_the_usual_one() {
        assert_eq!(detach_command(Path::new(DEFAULT_PIN_DIRECTORY)), "ndpi-xdp detach");
        let others = detach_command(Path::new("/run/ndpi-xdp.bpf/pins"));
        assert_eq!(others, "ndpi-xdp detach --pin-dir /run/ndpi-xdp.bpf/pins");
        assert_eq!(detach_command(&named_pin_directory("lan")), "ndpi-xdp detach --name lan");
        let below = named_pin_directory("lan").join("pins");
        assert_eq!(
            detach_command(&below),
            "ndpi-xdp detach --pin-dir /sys/fs/bpf/ndpi-xdp@lan/pins"
        );
    }
}
