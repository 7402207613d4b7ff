//! Which BPF programs are on an interface, by all ways that the kernel has.

use std::fs::File;
use std::os::fd::AsFd as _;
use std::process::Command;
use std::thread;

use aya::programs::{ProgramInfo, SchedClassifier, TcAttachType};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// The programs on `interface` in the network namespace `namespace`, in words; none is empty.
pub(crate) fn programs(namespace: &str, interface: &str) -> Vec<String> {
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
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    let interface = interface.to_owned();
    // In a thread of its own, which takes its network namespace with it when it ends.
    let query = move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        let programs = [TcAttachType::Ingress, TcAttachType::Egress]
            .map(|hook| SchedClassifier::query_tcx(&interface, hook).unwrap().1);
        let named = |program: &ProgramInfo| format!("tcx: {:?}", program.name_as_str());
        programs.iter().flatten().map(named).collect()
    };
    thread::spawn(query).join().unwrap()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
