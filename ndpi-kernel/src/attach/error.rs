//! Errors of attaching programs.

use std::io;

use aya::programs::ProgramError;

use crate::lock::ProgramUser;
use crate::pins::PinError;

/// Programs could not be attached to an interface; nothing of ours is on it.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is no such interface.
    #[error("no interface {name}{}", suggestion(.near))]
    NoInterface {
        /// What was asked for.
        name: String,
        /// Names that look like it, else all.
        near: Vec<String>,
    },
    /// The interfaces could not be listed.
    #[error("cannot list the network interfaces")]
    Interfaces(#[source] io::Error),
    /// This process has already attached to the interface.
    #[error("{0} is given twice")]
    Twice(String),
    /// The interface is not there any more.
    #[error("interface {0} is gone")]
    Gone(u32),
    /// The loopback would be an end of a wire.
    #[error("{0} is the loopback: it cannot be an end of a wire")]
    LoopbackEnd(String),
    /// An interface would be joined with itself.
    #[error("{0} cannot be its own peer")]
    OwnPeer(String),
    /// Frames for other receivers could not be asked for.
    #[error(
        "cannot make {interface} promiscuous, so that it takes the frames that are to go through; \
         it takes the capability CAP_NET_RAW"
    )]
    Promiscuous {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Frames that are redirected to the interface would be lost.
    #[error(
        "{interface} does not send frames that XDP redirects to it. A veth does when GRO is on at its \
         other end (ethtool -K OTHER-END gro on), most drivers of network cards do; with --mode \
         generic every interface does"
    )]
    NoRedirects {
        /// The interface.
        interface: String,
    },
    /// An XDP program is there already.
    #[error(
        "{interface} already has an XDP program: {} (id {id}, {place}), and an interface runs one at a \
         time; {}", .name.as_deref().unwrap_or("without a name"), way_out(*.ours, .user.as_ref(), *.id)
    )]
    Occupied {
        /// The interface.
        interface: String,
        /// The program's number.
        id: u32,
        /// Its name, where it has one.
        name: Option<String>,
        /// Where it runs: `native`, `generic` or `hardware`.
        place: &'static str,
        /// It is one of ndpi-xdp.
        ours: bool,
        /// The instance that it belongs to, where one has noted it.
        user: Option<ProgramUser>,
    },
    /// Another instance watches it already.
    #[error("{interface} has a TC program of ndpi-xdp at egress already (id {id}); {user}")]
    Watched {
        /// The interface.
        interface: String,
        /// The program's number.
        id: u32,
        /// The instance that it belongs to.
        user: ProgramUser,
    },
    /// An interface above it has an XDP program, below which the kernel runs none.
    #[error(
        "the kernel runs no XDP program on {interface} as long as an interface above it has one ({}); \
         watch what is above or what is below, not both: their packets are the same",
        if .above.is_empty() { "in another namespace".into() } else { .above.join(", ") }
    )]
    Below {
        /// The interface.
        interface: String,
        /// Those above it, as far as they are in this network namespace.
        above: Vec<String>,
    },
    /// We could not read its packets.
    #[error("cannot watch {interface}: {why}")]
    Unreadable {
        /// The interface.
        interface: String,
        /// Why not.
        why: String,
    },
    /// Frames of other interfaces cannot go out of it, nor its packets out of others.
    #[error(
        "{interface} cannot be joined with another interface (--peer): its packets have no Ethernet \
         header"
    )]
    NoFrames {
        /// The interface.
        interface: String,
    },
    /// What an earlier instance has pinned could not be exchanged for what is this one's.
    #[error(transparent)]
    Pins(#[from] PinError),
    /// The driver does not run XDP programs, or not this one.
    #[error(
        "the driver of {interface} refuses XDP in native mode; try --mode auto or --mode generic, \
         or see why with: ethtool -i {interface}"
    )]
    NativeRefused {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: ProgramError,
    },
    /// The kernel refused.
    #[error("cannot attach {what} to {interface}")]
    Refused {
        /// The program.
        what: &'static str,
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: ProgramError,
    },
    /// The interface's `clsact` could not be made.
    #[error(
        "cannot add the clsact queueing discipline to {interface}, which TC programs need before \
         Linux 6.6; is the module sch_ingress there?"
    )]
    Clsact {
        /// The interface.
        interface: String,
        /// What the kernel said.
        source: aya::programs::tc::TcError,
    },
    /// The interface could not be written to the programs' maps.
    #[error(transparent)]
    Map(#[from] crate::MapError),
}

fn suggestion(near: &[String]) -> String {
    match near {
        [] => "; see which there are with: ip link".into(),
        [one] => format!("; did you mean {one}?"),
        several => format!("; there are: {}", several.join(", ")),
    }
}

/// What to do about a program that is in the way. How to remove one of others is not said: it is at
/// work, and whoever put it there has reasons.
fn way_out(ours: bool, user: Option<&ProgramUser>, id: u32) -> String {
    if let Some(user) = user {
        return user.to_string();
    }
    if ours {
        return "it is one of ndpi-xdp, of an instance in another mount namespace or one with --no-pin; stop that one. \
                If none is running, remove it with: ndpi-xdp detach"
            .into();
    }
    format!(
        "it is left alone. What it is, and whose: bpftool prog show id {id}. Have the service that \
         put it there release the interface, or watch another one that the packets cross"
    )
}
