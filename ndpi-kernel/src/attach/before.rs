//! Who sees packets before our TC program, in the order in which the kernel runs programs and filters:
//! those of tcx first, then the filters of `clsact` by their preference.

use std::io;

use aya::programs::{SchedClassifier, TcAttachType};
use ndpi_common::names::program;

use super::program_name::program_name;
use crate::netlink::{self, Interface, interfaces};

/// A program or filter at an interface's egress.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Placed {
    what: String,
    ours: bool,
}

/// The egress of an interface on which our TC program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressView {
    /// The interface's index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What packets meet before they meet our program, in words.
    pub before: Vec<String>,
    /// Packets that have left through it.
    pub sent: u64,
}

/// The egress of those of these interfaces of this network namespace on which our TC program is.
///
/// # Errors
///
/// What the kernel said when it was asked.
pub fn egress_views(indices: &[u32]) -> io::Result<Vec<EgressView>> {
    let mut views = Vec::new();
    for interface in interfaces()?.iter().filter(|it| indices.contains(&it.index)) {
        let mut chain = tcx(interface);
        chain.extend(filters(interface.index)?);
        if let Some(before) = before(chain) {
            let Interface { index, sent, .. } = *interface;
            views.push(EgressView { index, name: interface.name.clone(), before, sent });
        }
    }
    Ok(views)
}

fn before(mut chain: Vec<Placed>) -> Option<Vec<String>> {
    let at = chain.iter().position(|placed| placed.ours)?;
    chain.truncate(at);
    Some(chain.into_iter().map(|placed| placed.what).collect())
}

/// The programs of tcx; none where the kernel has no tcx.
fn tcx(interface: &Interface) -> Vec<Placed> {
    let queried = SchedClassifier::query_tcx(&interface.name, TcAttachType::Egress);
    let programs = queried.map(|(_, programs)| programs).unwrap_or_default();
    let placed = |name: Option<&str>, id| {
        let name = name.unwrap_or_default();
        Placed { what: format!("the tcx program {name} (id {id})"), ours: is_ours(name) }
    };
    programs.iter().map(|it| placed(it.name_as_str(), it.id())).collect()
}

fn filters(index: u32) -> io::Result<Vec<Placed>> {
    let placed = |filter: netlink::AnyFilter| {
        let name = if filter.program == 0 { None } else { program_name(filter.program) };
        let name = name.unwrap_or(filter.name);
        let what = format!("the {} filter of preference {} {name}", filter.kind, filter.priority);
        Placed { what: what.trim_end().to_owned(), ours: is_ours(&name) }
    };
    Ok(netlink::all_filters(index, netlink::EGRESS)?.into_iter().map(placed).collect())
}

fn is_ours(name: &str) -> bool {
    [program::TC, program::TC_L3].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(what: &str, ours: bool) -> Placed {
        Placed { what: what.into(), ours }
    }

    #[test]
    fn only_what_runs_first_is_named() {
        let chain = vec![placed("a", false), placed("us", true), placed("b", false)];
        assert_eq!(before(chain.clone()), Some(vec!["a".to_owned()]));
        assert_eq!(before(chain[1..].to_vec()), Some(vec![]));
        assert_eq!(before(chain[2..].to_vec()), None);
    }
}
