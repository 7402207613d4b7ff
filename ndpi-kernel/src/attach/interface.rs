//! Finding the interface that was asked for.

use super::AttachError;
use crate::netlink::{Interface, Linked, interfaces};

/// The interface of this name in this process's network namespace.
///
/// # Errors
///
/// If there is none, with names like it, or the kernel does not list them.
pub fn find_interface(name: &str) -> Result<Interface, AttachError> {
    let all = interfaces().map_err(AttachError::Interfaces)?;
    let is_it = |interface: &&Interface| {
        interface.name == name || interface.alternatives.iter().any(|other| other == name)
    };
    if let Some(found) = all.iter().find(is_it) {
        return Ok(found.clone());
    }
    let names: Vec<&str> = all.iter().map(|interface| interface.name.as_str()).collect();
    Err(AttachError::NoInterface { name: name.into(), near: nearest(name, &names) })
}

/// The interface with this index in this process's network namespace.
pub(crate) fn interface_at(index: u32) -> Result<Interface, AttachError> {
    let all = interfaces().map_err(AttachError::Interfaces)?;
    all.into_iter().find(|it| it.index == index).ok_or(AttachError::Gone(index))
}

/// Whether `upper` passes on what `lower` receives: a bridge or bond to its port, a VLAN or macvlan to
/// what it is made on. (The two ends of a veth pair are linked, but neither is above the other.)
pub(crate) fn is_above(upper: &Interface, lower: &Interface) -> bool {
    lower.master == Some(upper.index)
        || upper.link == Some(Linked::Here(lower.index)) && upper.kind.as_deref() != Some("veth")
}

/// Says where packets would count twice.
pub(crate) fn warn_of_overlap(interface: &Interface, attached: &[u32]) {
    let all = interfaces().unwrap_or_default();
    for other in all.iter().filter(|other| attached.contains(&other.index)) {
        if is_above(interface, other) || is_above(other, interface) {
            log::warn!(
                "{} and {} see the same packets, which count twice: one of them is enough",
                interface.name,
                other.name
            );
        }
    }
}

/// How many names are shown when none is near.
const SHOWN: usize = 8;

/// The names within two edits of `name`, the nearest first; all of a few when none is that near.
fn nearest(name: &str, names: &[&str]) -> Vec<String> {
    let distances = names.iter().map(|other| (strsim::damerau_levenshtein(name, other), *other));
    let mut near: Vec<_> = distances.filter(|(distance, _)| *distance <= 2).collect();
    near.sort_unstable();
    let near = near.into_iter().map(|(_, name)| name.to_owned()).take(SHOWN);
    let near: Vec<String> = near.collect();
    if near.is_empty() && names.len() <= SHOWN {
        return names.iter().map(|&name| name.to_owned()).collect();
    }
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_come_first() {
        assert_eq!(nearest("eht0", &["lo", "wlan0", "eth1", "eth0"]), ["eth0", "eth1"]);
        assert_eq!(nearest("vlan0", &["lo", "wlan0"]), ["wlan0"]);
    }

    #[test]
    fn a_few_names_are_shown_when_none_is_near() {
        assert_eq!(nearest("internet", &["lo", "eth0"]), ["lo", "eth0"]);
        let many: Vec<String> = (0..20).map(|n| format!("container{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(nearest("eth0", &many).is_empty());
    }

    fn interface(index: u32, kind: &str, link: Option<u32>, master: Option<u32>) -> Interface {
        Interface {
            index,
            name: format!("if{index}"),
            kind: Some(kind.into()),
            master,
            link: link.map(Linked::Here),
            ..Interface::named("")
        }
    }

    #[test]
    fn bridges_are_above_ports_and_vlans_above_cards() {
        let (bridge, port) =
            (interface(1, "bridge", None, None), interface(2, "veth", Some(3), Some(1)));
        let (vlan, far) =
            (interface(4, "vlan", Some(2), None), interface(3, "veth", Some(2), None));
        assert!(is_above(&bridge, &port) && is_above(&vlan, &port));
        for other in [&bridge, &vlan, &far] {
            assert!(!is_above(&port, other), "{}", other.name);
        }
        assert!(!is_above(&far, &port));
    }

    #[test]
    fn the_loopback_is_found_and_nonsense_is_not() {
        assert_eq!(find_interface("lo").unwrap().index, 1);
        let error = find_interface("lo9").unwrap_err().to_string();
        assert!(error.contains("did you mean lo?") || error.contains("there are: lo"), "{error}");
    }
}
