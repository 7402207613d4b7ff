//! The words that people bring along from other programs, and what they are called in a policy.

use crate::letters::letters;

/// What to write in place of words that are not in the language, by the kind of value.
#[derive(Clone, Copy)]
pub(super) enum Meant {
    /// `action` and `default`.
    Action,
    /// `undecided`, `fragments` and `unparsable`.
    PassOrDrop,
    /// `per`.
    Per,
    /// `state`.
    State,
    /// `proto`.
    Proto,
    /// `format` of a list.
    Format,
    /// `evasion`.
    Evasion,
    /// Anything else: there are no other words for it.
    Nothing,
}

impl Meant {
    /// What to write for a word, in any spelling.
    pub(super) fn by(self, word: &str) -> Option<&'static str> {
        let word = letters(word);
        let mut rows = self.table().iter();
        let row = rows.find(|(words, _)| words.split_whitespace().any(|known| known == word));
        row.map(|(_, help)| *help)
    }

    fn table(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Action => &ACTIONS,
            Self::PassOrDrop => &PASS_OR_DROP,
            Self::Per => &PER,
            Self::State => &STATE,
            Self::Proto => &PROTO,
            Self::Format => &FORMAT,
            Self::Evasion => &EVASION,
            Self::Nothing => &[],
        }
    }
}

/// Words with spaces between them, and what to write for each of them.
type Table<const N: usize> = [(&'static str, &'static str); N];

const ACTIONS: Table<6> = [
    (
        "pass accept permit ok let letpass forward whitelist allowlist return log monitor alert audit \
         report record observe watch notify none noop continue",
        "write \"allow\" (or \"count\", the same): its packets pass and are counted; \"bypass\" is for \
         flows that are not even to be counted",
    ),
    (
        "deny discard ban stop forbid prohibit refused blackhole null kill filter blacklist blocklist \
         disallow quarantine sinkhole",
        "write \"block\" (or \"drop\", the same), or \"reject\" to notify both ends",
    ),
    (
        "reset rst tcpreset rejectwithtcpreset refuse abort terminate close unreachable icmp",
        "write \"reject\": both ends are notified, by a TCP reset or by ICMP",
    ),
    (
        "skip ignore offload fastpath fast fasttrack exempt trust shunt cutthrough",
        "write \"bypass\"",
    ),
    (
        "throttle shape police slow slowdown ratelimit qos cap meter",
        "leave `action` out and say how much: limit = \"10 mbit/s\"",
    ),
    (
        "mark setmark dscp redirect mirror tee dnat snat queue nfqueue tarpit",
        "flows are dropped, rejected, counted, bypassed or limited, and nothing else is done to them",
    ),
];

const PASS_OR_DROP: Table<2> = [
    ("accept permit count bypass ok forward log ignore skip none", "write \"pass\""),
    ("deny discard reject ban stop forbid prohibit reset blackhole", "write \"drop\""),
];

const PER: Table<2> = [
    ("connection conn session stream 5tuple fivetuple", "write \"flow\""),
    ("all shared total global", "write \"rule\""),
];

const STATE: Table<1> = [(
    "classified final full monitoring complete done",
    "leave `state` out: a rule waits for nDPI's final word unless it says \"partial\"",
)];

const PROTO: Table<5> = [
    ("ipv6icmp icmp6", "write \"icmpv6\""),
    ("tcpudp udptcp tcpandudp both", "write proto = [\"tcp\", \"udp\"]"),
    ("any all ip", "leave `proto` out to match every protocol"),
    (
        "http https dns tls ssl quic ssh ftp smtp ntp rtp sip",
        "that is an application: write it as `app`, or its port as `port`",
    ),
    ("ipencap ip4 ipv4", "write \"ipip\""),
];

const FORMAT: Table<6> = [
    ("plain domains domain list txt text raw", "write \"names\""),
    ("hostsfile hostfile etchosts pihole", "write \"hosts\""),
    ("abp adblockplus adguard ublock ublockorigin easylist", "write \"adblock\""),
    ("bind bind9 responsepolicyzone zone", "write \"rpz\""),
    ("dnsmasqconf pihole5", "write \"dnsmasq\""),
    ("any detect guess", "leave `format` out: each line says by its shape what it is"),
];

const EVASION: Table<9> = [
    ("all every each everything yes true on evasive suspicious", "write \"any\""),
    ("fake fakes fakepacket decoy desync inserted insertion", "write \"fake-segment\""),
    ("window sequence seq outofwindow badsequence", "write \"out-of-window\""),
    ("checksum badsum checksumerror wrongchecksum invalidchecksum", "write \"bad-checksum\""),
    ("ttl lowttl hoplimit ttlmismatch", "write \"ttl-anomaly\""),
    ("disorder outoforder ooo reordered reordering", "write \"reordered-hello\""),
    ("split records tlsrec tlsrecords splitrecord", "write \"split-records\""),
    ("overlap fragments fragmented ipfrag teardrop", "write \"fragment-overlap\""),
    ("dns dnsspoofing unsolicited spoofed dnsunsolicited", "write \"dns-unsolicited\""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_spelling() {
        assert!(Meant::Action.by("Rate-Limit").is_some_and(|help| help.contains("limit = ")));
        assert!(Meant::Action.by("DENY").is_some_and(|help| help.contains("\"block\"")));
        assert_eq!(Meant::Action.by("den"), None);
        assert_eq!(Meant::Action.by(""), None);
        assert_eq!(Meant::Nothing.by("deny"), None);
    }

    #[test]
    fn no_word_means_two_things() {
        for meant in [
            Meant::Action,
            Meant::PassOrDrop,
            Meant::Per,
            Meant::State,
            Meant::Proto,
            Meant::Format,
            Meant::Evasion,
        ] {
            let words = meant.table().iter().flat_map(|(words, _)| words.split_whitespace());
            let mut words: Vec<_> = words.collect();
            let count = words.len();
            words.sort_unstable();
            words.dedup();
            assert_eq!(words.len(), count);
            assert!(words.iter().all(|word| letters(word) == **word));
        }
    }
}
