//! The processes of an instance that have the network.

use std::fs;

use testkit::instance::Instance;

/// The process that works, of the two that an instance has started for this command.
pub(crate) fn with_the_network(instance: &Instance, command: &str) -> Result<u32, String> {
    let child = |pid: u32| -> Result<u32, String> {
        let path = format!("/proc/{pid}/task/{pid}/children");
        let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
        // Others have nDPI.
        let is_it = |word: &&str| {
            let of_it = |what: &str| fs::read_to_string(format!("/proc/{word}/{what}"));
            of_it("cmdline").is_ok_and(|it| it.contains(command))
                && of_it("comm").is_ok_and(|it| !it.contains("spare"))
        };
        let word = text.split_whitespace().find(is_it).ok_or(format!("it has no {command}"))?;
        word.parse().map_err(|_| text.clone())
    };
    child(child(instance.pid())?)
}

/// Fails where it has more rights than none.
#[track_caller]
pub(crate) fn assert_has_no_rights(pid: u32) {
    assert_eq!(said_of(pid, "Uid"), ["65534"; 4]);
    assert_eq!(said_of(pid, "Gid"), ["65534"; 4]);
    assert_eq!(said_of(pid, "Groups"), [""; 0]);
    for (name, value) in [("CapEff", "0000000000000000"), ("NoNewPrivs", "1"), ("Seccomp", "2")] {
        assert_eq!(said_of(pid, name), [value], "{name}");
    }
}

/// What the kernel says of a process under a name.
fn said_of(pid: u32, name: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:"))).unwrap();
    line.split_whitespace().map(str::to_owned).collect()
}
