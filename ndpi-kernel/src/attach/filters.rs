//! Which filters hold programs of ours.

use ndpi_common::names::program;

use super::program_name::program_name;
use crate::netlink::Filter;

/// A filter's own name is what its maker chose; the program's is surer where the kernel gives it, which it
/// does not to everybody.
pub(super) fn is_ours(filter: &Filter) -> bool {
    let is_one = |name: &str| [program::TC, program::TC_L3, program::INGRESS].contains(&name);
    let name = if filter.program == 0 { None } else { program_name(filter.program) };
    is_one(name.as_ref().unwrap_or(&filter.name))
}
