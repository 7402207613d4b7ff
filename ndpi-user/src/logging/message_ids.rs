//! Numbers of the kinds of messages that others look for (`MESSAGE_ID`, systemd.journal-fields(7)): they never change.

/// Kinds of events by name, which docs/operate.md explains.
const IDS: [(&str, &str); 8] = [
    ("attached", "ca1b88ff55844063842beea6ba58d1ef"),
    ("detached", "cccd28847c7f432991cb2f701058f9ad"),
    ("reload", "cbacc61d96de4f4681753ff26267e439"),
    ("egress-blind", "a245c6fa3c334b839170947dd9c4fa36"),
    ("behind", "b5605361f1fb436e848399d860a35b67"),
    ("crowded", "4b8eac96fdaf44b69e75430ca4a1ae1a"),
    ("worker-stuck", "b9daccea795f4825bc54702667cd3343"),
    ("released", "eea600b9e701469292c96ecc084d90f2"),
];

/// The number of messages about such events, if they have one.
pub(super) fn id_of(event: &str) -> Option<&'static str> {
    IDS.iter().find(|(name, _)| *name == event).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_explained_to_whoever_operates_it() {
        const PAGE: &str = include_str!("../../../docs/operate.md");
        for (name, id) in IDS {
            assert!(id.len() == 32 && id.bytes().all(|it| it.is_ascii_hexdigit()), "{id}");
            assert!(PAGE.contains(&format!("| `{id}` | `{name}`")), "{name}");
        }
        assert_eq!(id_of("eased"), None);
    }
}
