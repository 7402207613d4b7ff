//! Which ports are listened on inside a namespace, as the kernel says.

use anyhow::Result;
use testkit::namespace::Namespace;

use crate::process;

/// Whether every port is open; a port is a table of `/proc/net` (`tcp`, `udp6`, …) and a number.
pub(super) fn all(namespace: &Namespace, ports: &[(&str, u16)]) -> Result<bool> {
    for &(table, port) in ports {
        let text = process::output(namespace.command("cat").arg(format!("/proc/net/{table}")))?;
        if !opened(&text).any(|open| open == port) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The local ports of sockets without a peer, out of a table as proc(5) describes it.
fn opened(table: &str) -> impl Iterator<Item = u16> {
    table.lines().skip(1).filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let (_, local) = words.next()?.rsplit_once(':')?;
        let (_, peer) = words.next()?.rsplit_once(':')?;
        let port = u16::from_str_radix(local, 16).ok()?;
        (peer == "0000").then_some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::opened;

    #[test]
    fn sockets_with_a_peer_do_not_count() {
        let table = "  sl  local_address rem_address   st tx_queue
   0: 00000000:0016 00000000:0000 0A 00000000:00000000
   1: 0202C612:01BB 0201C612:9C40 01 00000000:00000000
   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A
";
        assert_eq!(opened(table).collect::<Vec<_>>(), [22, 80]);
    }
}
