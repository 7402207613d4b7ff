//! Programs on interfaces: XDP at ingress, TC at egress.

mod before;
mod bpf_link;
mod egress;
mod error;
mod filters;
mod interface;
mod layer;
mod leftovers;
mod link_store;
mod program_name;
mod promiscuous;
mod veth;
mod wire;
mod xdp;

use std::fmt;

pub use before::{EgressView, egress_views};
pub(super) use egress::{Side, TcLink};
pub use error::AttachError;
pub use interface::find_interface;
pub(super) use interface::{interface_at, warn_of_overlap};
pub(super) use layer::{Layer, check_frames, layer};
pub(super) use leftovers::remove_filters;
pub use leftovers::{DetachError, Detached, detach};
pub(super) use link_store::{LinkStore, interface_of};
pub(super) use wire::{Wire, check_redirects};
pub(super) use xdp::XdpLink;

/// How XDP is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// In the driver; in the kernel's network stack where the driver refuses, and on a veth whose other
    /// end would lose segmentation offload.
    #[default]
    Auto,
    /// In the driver, or not at all.
    Native,
    /// In the kernel's network stack, after it has made its own packet buffer: slower.
    Generic,
}

/// Which programs go on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// XDP at ingress.
    pub ingress: bool,
    /// TC at egress; `None` leaves it out.
    pub egress: Option<Egress>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { ingress: true, egress: Some(Egress::Auto) }
    }
}

/// How the TC program is attached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Egress {
    /// By tcx where the kernel has it (Linux 6.6), else by `clsact`.
    #[default]
    Auto,
    /// By tcx, or not at all.
    Tcx,
    /// As a filter of the `clsact` queueing discipline, which is made if it is missing.
    Clsact,
}

/// What was attached to an interface, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The interface's name.
    pub interface: String,
    /// Its index.
    pub index: u32,
    /// How XDP runs: [`Mode::Native`] or [`Mode::Generic`].
    pub ingress: Option<Mode>,
    /// How the TC program is attached: [`Egress::Tcx`] or [`Egress::Clsact`].
    pub egress: Option<Egress>,
    /// Whether the interface was up.
    pub up: bool,
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ingress = match self.ingress {
            None => "no XDP",
            Some(Mode::Generic) => "XDP (generic)",
            Some(_) => "XDP (native)",
        };
        let egress = match self.egress {
            None => "nothing at egress",
            Some(Egress::Clsact) => "TC at egress (clsact)",
            Some(_) => "TC at egress (tcx)",
        };
        write!(f, "{}: {ingress}, {egress}", self.interface)
    }
}
