//! Lists of host names as they are published: plain names, hosts files, Adblock filters, and the
//! configurations of dnsmasq, unbound and BIND (response policy zones).
//!
//! Each line says by its shape what it is, unless the format is given. A line gives names and how far they
//! reach; what only a browser or a resolver could apply is left out and counted.

mod adblock;
mod dnsmasq;
mod format;
mod hosts;
mod line;
mod lines;
mod unbound;
mod zone;

pub(crate) use self::format::Format;
pub(crate) use self::line::{Left, Line, Reach, is_address, without_comment};
pub(crate) use self::lines::{Lines, has_entries};
