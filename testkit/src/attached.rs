//! Which BPF programs are on an interface, by all ways that the kernel has.

use std::process::Command;

use crate::bpf::call::{self, Hook};
use crate::interface;
use crate::namespace::Namespace;

/// The programs on `interface` in the network namespace `namespace`, in words; none is empty.
pub fn programs(namespace: &str, interface: &str) -> Vec<String> {
    [xdp(namespace, interface), filters(namespace, interface), tcx(namespace, interface)].concat()
}

fn xdp(namespace: &str, interface: &str) -> Vec<String> {
    let shown = output(Command::new("ip").args(["-n", namespace, "-j", "link", "show", interface]));
    let links: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let xdp = links[0].get("xdp").map(|xdp| format!("XDP: {xdp}"));
    xdp.into_iter().collect()
}

/// Filters of the older way, below a clsact queueing discipline.
fn filters(namespace: &str, interface: &str) -> Vec<String> {
    let listed = ["ingress", "egress"].map(|direction| {
        output(
            Command::new("tc")
                .args(["-n", namespace, "filter", "show", "dev", interface, direction]),
        )
    });
    listed.into_iter().filter(|filters| !filters.trim().is_empty()).collect()
}

fn tcx(namespace: &str, interface: &str) -> Vec<String> {
    let query = || {
        let index = interface::index(interface).unwrap();
        [Hook::Ingress, Hook::Egress].map(|hook| call::query_tcx(index, hook).unwrap()).concat()
    };
    let programs = Namespace::visit(namespace, query).unwrap();
    let named = |id: &u32| format!("tcx: {id} {:?}", call::program_name(*id).unwrap());
    programs.iter().map(named).collect()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
