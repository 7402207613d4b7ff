//! How lists are written.

/// How a list is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Each line as it looks.
    #[default]
    Any,
    /// A name on each line, as in a policy: `example.com`, `*.example.com`, `.example.com`.
    Names,
    /// `0.0.0.0 example.com`, as `hosts(5)`.
    Hosts,
    /// `||example.com^`, as for browsers.
    Adblock,
    /// `address=/example.com/`, as `dnsmasq(8)`.
    Dnsmasq,
    /// `local-zone: "example.com" refuse`, as `unbound.conf(5)`.
    Unbound,
    /// `example.com CNAME .`, a response policy zone.
    Zone,
}

impl Format {
    /// What each is called in a policy.
    pub(crate) const WORDS: [(&str, Self); 7] = [
        ("auto", Self::Any),
        ("names", Self::Names),
        ("hosts", Self::Hosts),
        ("adblock", Self::Adblock),
        ("dnsmasq", Self::Dnsmasq),
        ("unbound", Self::Unbound),
        ("rpz", Self::Zone),
    ];

    /// What its lines look like.
    pub(crate) fn looks(self) -> &'static str {
        match self {
            Self::Any => {
                "lines look like: example.com, 0.0.0.0 example.com, ||example.com^, \
                 address=/example.com/, local-zone: \"example.com\" refuse or example.com CNAME ."
            }
            Self::Names => "lines look like: example.com, *.example.com or .example.com",
            Self::Hosts => "lines look like: 0.0.0.0 example.com",
            Self::Adblock => "lines look like: ||example.com^",
            Self::Dnsmasq => "lines look like: address=/example.com/ or server=/example.com/",
            Self::Unbound => "lines look like: local-zone: \"example.com\" refuse",
            Self::Zone => "lines look like: example.com CNAME .",
        }
    }
}
