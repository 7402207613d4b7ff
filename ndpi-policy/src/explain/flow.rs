//! A flow in words: `app=TLS.Facebook host=www.facebook.com dst=198.19.0.1:443`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use ndpi_labels::{
    AppId, Asking, BreedId, CategoryId, Classification, Confidence, Finding, Findings, Risks, State,
};

use super::assumed;
use crate::confidence::Rank;
use crate::facts::Facts;
use crate::host::normalise;
use crate::moment::moment;
use crate::names::{Names, nearest};
use crate::vocabulary::Vocabulary;
use crate::{proto, service};

/// The words there are, as `key=value`.
const KEYS: [&str; 19] = [
    "app",
    "category",
    "breed",
    "risk",
    "host",
    "ja4",
    "alpn",
    "src",
    "dst",
    "port",
    "proto",
    "vlan",
    "iface",
    "confidence",
    "guessed",
    "incomplete",
    "evasion",
    "state",
    "time",
];

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A flow as a person describes it. What is not said is as for a classified TCP flow of unknown
/// application between unspecified addresses.
#[derive(Clone, Debug)]
pub struct FlowWords {
    classification: Classification,
    given: Given,
    hostname: Option<String>,
    ja4: Option<String>,
    alpn: Option<String>,
    client: (IpAddr, u16),
    server: (IpAddr, u16),
    proto: u8,
    vlan: u16,
    iface: Option<String>,
    findings: Findings,
    incomplete: bool,
    time: Timestamp,
    notes: Vec<String>,
}

/// What of a flow's classification was said.
#[derive(Clone, Copy, Debug, Default)]
struct Given {
    app: bool,
    category: bool,
    breed: bool,
}

/// What is wrong with the description of a flow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowError {
    /// Not of the form `key=value`.
    #[error("{0:?} is not of the form key=value; write, for example, host=www.example.com")]
    Form(String),
    /// A quotation mark without its partner.
    #[error("a quotation mark is not closed")]
    Quote,
    /// A key there is not.
    #[error("a flow has no {key:?}; {help}")]
    Key {
        /// The word before `=`.
        key: String,
        /// What was probably meant.
        help: String,
    },
    /// A value that does not fit its key.
    #[error("{key} cannot be {value:?}; {help}")]
    Value {
        /// The word before `=`.
        key: String,
        /// The word after it.
        value: String,
        /// What would be right.
        help: String,
    },
}

impl FlowWords {
    /// Reads a description; `now` is the time unless `time=` says otherwise. Lists are separated
    /// by commas, values with spaces stand in quotation marks.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, vocabulary: &Vocabulary, now: Timestamp) -> Result<Self, FlowError> {
        let mut flow = Self::new(now);
        for word in words(text)? {
            let (key, value) = word.split_once('=').ok_or(FlowError::Form(word.clone()))?;
            if !KEYS.contains(&key) {
                return Err(unknown(key));
            }
            flow.set(key, value, vocabulary).map_err(|help| FlowError::Value {
                key: key.to_owned(),
                value: value.to_owned(),
                help,
            })?;
        }
        Ok(flow)
    }

    /// Gives the flow the category and breed nDPI has for its application, where none was said.
    #[must_use]
    pub fn or_as_usual(mut self, usual: impl Fn(AppId) -> (CategoryId, BreedId)) -> Self {
        let (category, breed) = usual(self.classification.app);
        if !self.given.category {
            self.classification.category = category;
        }
        if !self.given.breed {
            self.classification.breed = breed;
        }
        self
    }

    /// Gives the flow the application that nDPI sees in its host name, with category and breed, where the
    /// words say no more than what carries it.
    #[must_use]
    pub fn or_by_host(
        mut self,
        names: &Vocabulary,
        by_host: impl Fn(&str, Asking) -> Option<Classification>,
    ) -> Self {
        let Some((asking, carrier)) = self.asking(names) else { return self };
        let Some(host) = self.hostname.as_deref().map(normalise) else { return self };
        let found = by_host(&host, asking);
        let in_http = if self.carrier_is_assumed() { by_host(&host, Asking::Http) } else { None };
        let known = found.as_ref().map_or_else(AppId::default, |found| found.app);
        self.notes.extend(assumed::known_by_more(known, names).map(str::to_owned));
        let Some(found) = found else { return self };
        let app = match carrier {
            Some(carrier) => carried_by(carrier, found.app, names),
            None => found.app,
        };
        if self.carrier_is_assumed() {
            let in_http = in_http.map(|found| found.app);
            self.notes.insert(0, assumed::carrier(app, in_http, names));
        }
        let said = &mut self.classification;
        said.app = app;
        if !self.given.category {
            said.category = found.category;
            self.given.category = true;
        }
        if !self.given.breed {
            said.breed = found.breed;
            self.given.breed = true;
        }
        self
    }

    /// How the client names its host, and what carries it where that is not the same; `None` where the
    /// words name an application.
    fn asking(&self, names: &Vocabulary) -> Option<(Asking, Option<u16>)> {
        let named = |name: &str| names.apps.id(name);
        let (said, quic) = (self.classification.app, named("QUIC"));
        if self.given.app {
            let alone = (said.master == 0).then_some(said.app)?;
            let carries = [("TLS", Asking::Tls), ("HTTP", Asking::Http), ("DNS", Asking::Dns)];
            let carries = carries.into_iter().find(|(name, _)| named(name) == Some(alone));
            return match carries {
                Some((_, asking)) => Some((asking, None)),
                None => (quic == Some(alone)).then_some((Asking::Tls, quic)),
            };
        }
        match (self.proto, self.server.1) {
            (_, 53) => Some((Asking::Dns, None)),
            (TCP, 80) => Some((Asking::Http, None)),
            (TCP, _) => Some((Asking::Tls, None)),
            (UDP, _) => Some((Asking::Tls, quic)),
            _ => None,
        }
    }

    /// Whether nothing says what carries the name: neither an application nor a port that is its own.
    fn carrier_is_assumed(&self) -> bool {
        !self.given.app && ![53, 80, 443].contains(&self.server.1)
    }

    /// What was assumed of it, and what else nDPI may know, for whoever reads the result.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What rules can ask about it.
    pub fn facts(&self) -> Facts<'_> {
        Facts {
            classification: &self.classification,
            hostname: self.hostname.as_deref(),
            ja4: self.ja4.as_deref(),
            alpn: self.alpn.as_deref(),
            client: self.client,
            server: self.server,
            proto: self.proto,
            vlan: self.vlan,
            iface: self.iface.as_deref(),
            findings: self.findings,
            incomplete: self.incomplete,
            time: self.time,
        }
    }

    fn new(time: Timestamp) -> Self {
        let nobody = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        Self {
            classification: Classification {
                state: State::Classified,
                confidence: Confidence::Dpi,
                ..Classification::default()
            },
            given: Given::default(),
            hostname: None,
            ja4: None,
            alpn: None,
            client: nobody,
            server: nobody,
            proto: 6,
            vlan: 0,
            iface: None,
            findings: Findings::NONE,
            incomplete: false,
            time,
            notes: Vec::new(),
        }
    }

    /// Sets one word. The error says what would be right.
    fn set(&mut self, key: &str, value: &str, names: &Vocabulary) -> Result<(), String> {
        let said = &mut self.classification;
        match key {
            "app" => {
                said.app = app(value, &names.apps)?;
                self.given.app = true;
            }
            "category" => {
                said.category = CategoryId(id(value, &names.categories)?);
                self.given.category = true;
            }
            "breed" => {
                said.breed = BreedId(u8::try_from(id(value, &names.breeds)?).unwrap_or(u8::MAX));
                self.given.breed = true;
            }
            "risk" => {
                for name in value.split(',') {
                    said.risks = Risks(said.risks.0 | 1 << (id(name, &names.risks)? % 64));
                }
            }
            "host" => self.hostname = Some(assumed::one_name(value)?.to_owned()),
            "ja4" => self.ja4 = Some(value.to_owned()),
            "alpn" => self.alpn = Some(value.to_owned()),
            "src" => self.client = endpoint(value)?,
            "dst" => {
                let (ip, port) = endpoint(value)?;
                self.server = (ip, if port == 0 { self.server.1 } else { port });
            }
            "port" => self.server.1 = port(value)?,
            "proto" => self.proto = ip_protocol(value)?,
            "vlan" => self.vlan = value.parse().map_err(|_| "write a number")?,
            "iface" => self.iface = Some(value.to_owned()),
            "confidence" => said.confidence = confidence(value)?,
            "guessed" => said.guessed = value.parse().map_err(|_| "write true or false")?,
            "incomplete" => self.incomplete = value.parse().map_err(|_| "write true or false")?,
            "evasion" => self.findings = findings(value)?,
            "state" => said.state = state(value)?,
            // KEYS has been asked: only `time` is left.
            _ => {
                let now = Zoned::new(self.time, TimeZone::system());
                self.time = moment(value, &now)?;
            }
        }
        Ok(())
    }
}

/// What is said of a host that TLS carries, carried by another protocol.
fn carried_by(carrier: u16, said: AppId, names: &Vocabulary) -> AppId {
    let tls = names.apps.id("TLS");
    let instead = |id| if Some(id) == tls { carrier } else { id };
    AppId { master: instead(said.master), app: instead(said.app) }
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().or_else(|| service::number(text));
    port.ok_or_else(|| "write a number from 0 to 65535, or a name such as https".to_owned())
}

fn unknown(key: &str) -> FlowError {
    let help = match nearest(key, KEYS.into_iter()).first() {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("it has {}", KEYS.join(", ")),
    };
    FlowError::Key { key: key.to_owned(), help }
}

/// Splits at spaces outside quotation marks, and takes the marks out.
fn words(text: &str) -> Result<Vec<String>, FlowError> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for c in text.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c.is_whitespace() => words.extend(take(&mut word)),
            _ => word.push(c),
        }
    }
    words.extend(take(&mut word));
    if quote.is_some() { Err(FlowError::Quote) } else { Ok(words) }
}

fn take(word: &mut String) -> Option<String> {
    (!word.is_empty()).then(|| std::mem::take(word))
}

fn app(name: &str, apps: &Names) -> Result<AppId, String> {
    let single = apps.id(name).map(|app| AppId { master: 0, app });
    single.or_else(|| apps.pair(name)).ok_or_else(|| did_you_mean(name, apps))
}

fn id(name: &str, names: &Names) -> Result<u16, String> {
    names.id(name).ok_or_else(|| did_you_mean(name, names))
}

fn did_you_mean(name: &str, names: &Names) -> String {
    match names.nearest(name).first() {
        Some(near) => format!("did you mean {near:?}?"),
        None => "`ndpi-xdp list` shows all names".to_owned(),
    }
}

fn endpoint(text: &str) -> Result<(IpAddr, u16), String> {
    if let Ok(both) = text.parse::<SocketAddr>() {
        return Ok((both.ip(), both.port()));
    }
    let alone = text.parse::<IpAddr>().map(|ip| (ip, 0));
    alone.map_err(|_| "write 198.18.0.1, 198.18.0.1:443, 2001:db8::1 or [2001:db8::1]:443".into())
}

fn ip_protocol(text: &str) -> Result<u8, String> {
    let number = proto::number(text).or_else(|| text.parse().ok());
    number.ok_or_else(|| {
        format!("write {} or a number", proto::names().collect::<Vec<_>>().join(", "))
    })
}

fn confidence(text: &str) -> Result<Confidence, String> {
    let rank = Rank::from_word(&text.to_lowercase()).map(Rank::confidence);
    rank.ok_or_else(|| format!("write {}", Rank::words().collect::<Vec<_>>().join(", ")))
}

fn findings(text: &str) -> Result<Findings, String> {
    let each = text.split(',').map(|name| Finding::from_name(name.trim()));
    each.collect::<Option<_>>()
        .ok_or_else(|| format!("write {}", Finding::ALL.map(Finding::name).join(", ")))
}

fn state(text: &str) -> Result<State, String> {
    let all = [State::Inspecting, State::Partial, State::Monitoring, State::Classified];
    let found = all.into_iter().find(|state| state.name().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "write inspecting, partial, monitoring or classified".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vocabulary {
        Vocabulary {
            apps: [(0, "Unknown"), (7, "HTTP"), (91, "TLS"), (119, "Facebook"), (188, "QUIC")]
                .into_iter()
                .collect(),
            categories: [(6, "SocialNetwork")].into_iter().collect(),
            breeds: [(3, "Fun")].into_iter().collect(),
            risks: [(6, "Self-signed Cert")].into_iter().collect(),
            ..Vocabulary::default()
        }
    }

    fn parse(text: &str) -> Result<FlowWords, FlowError> {
        FlowWords::parse(text, &names(), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn every_word_sets_its_fact() {
        let flow = parse(
            "app=TLS.Facebook category=SocialNetwork breed=Fun risk='Self-signed Cert' \
             host=www.facebook.com ja4=x alpn=h2,h3 src=198.18.0.1 dst=[2001:db8::1]:443 \
             proto=udp vlan=7 iface=eth0 confidence=ip guessed=true incomplete=true evasion=ambiguous,oversize state=partial \
             time=2026-11-23T12:00:00Z",
        );
        let flow = flow.unwrap().or_as_usual(|_| (CategoryId(1), BreedId(1)));
        let facts = flow.facts();
        let said = facts.classification;
        assert_eq!(said.app, AppId { master: 91, app: 119 });
        assert_eq!((said.category, said.breed, said.risks.0), (CategoryId(6), BreedId(3), 1 << 6));
        assert_eq!((said.confidence, said.guessed), (Confidence::MatchByIp, true));
        assert!(facts.incomplete);
        assert_eq!(facts.findings.to_string(), "ambiguous, oversize");
        assert_eq!(said.state, State::Partial);
        assert_eq!(facts.hostname, Some("www.facebook.com"));
        assert_eq!((facts.ja4, facts.alpn, facts.iface), (Some("x"), Some("h2,h3"), Some("eth0")));
        assert_eq!(facts.client, ("198.18.0.1".parse().unwrap(), 0));
        assert_eq!(facts.server, ("2001:db8::1".parse().unwrap(), 443));
        assert_eq!((facts.proto, facts.vlan), (17, 7));
        assert_eq!(facts.time, "2026-11-23T12:00:00Z".parse().unwrap());
    }

    #[test]
    fn an_app_follows_from_the_host() {
        let by_host = |host: &str, asking| {
            assert_eq!(host, "www.facebook.com");
            let master = if asking == Asking::Http { 7 } else { 91 };
            let app = AppId { master, app: 119 };
            Some(Classification { app, category: CategoryId(6), ..Classification::default() })
        };
        let app_of = |words: &str| {
            let flow = parse(words).unwrap().or_by_host(&names(), by_host);
            let said = flow.facts().classification;
            (said.app.master, said.app.app, said.category.0)
        };
        let notes = |words: &str| {
            let flow = parse(words).unwrap().or_by_host(&names(), by_host);
            flow.notes().join(" / ")
        };
        for words in ["host=www.facebook.com", "host=www.facebook.com port=8080 proto=TCP"] {
            assert!(notes(words).contains("this is TLS; in plain HTTP it is "), "{words}");
        }
        assert!(notes("host=www.facebook.com proto=UDP").contains("this is QUIC"));
        for said in ["port=443", "port=80", "proto=udp port=443", "app=HTTP port=8080", "app=TLS"] {
            assert_eq!(notes(&format!("host=www.facebook.com {said}")), "", "{said}");
        }
        for (words, expected) in [
            ("host=WWW.Facebook.com.", (91, 119, 6)),
            ("host=www.facebook.com app=HTTP port=8080", (7, 119, 6)),
            ("host=www.facebook.com port=80", (7, 119, 6)),
            ("host=www.facebook.com proto=udp port=https", (188, 119, 6)),
            ("host=www.facebook.com app=TLS", (91, 119, 6)),
            ("host=www.facebook.com app=QUIC", (188, 119, 6)),
            ("host=www.facebook.com app=Unknown", (0, 0, 0)),
            ("host=www.facebook.com app=TLS.Facebook", (91, 119, 0)),
            ("host=www.facebook.com proto=gre", (0, 0, 0)),
            ("app=TLS", (0, 91, 0)),
        ] {
            assert_eq!(app_of(words), expected, "{words}");
        }
    }

    #[test]
    fn a_port_is_the_servers() {
        let port = |words: &str| parse(words).unwrap().facts().server.1;
        assert_eq!(port("port=8080"), 8080);
        assert_eq!(port("port=https dst=198.18.0.1"), 443);
        assert_eq!(port("port=https dst=198.18.0.1:80"), 80);
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let flow = parse("app=Facebook").unwrap().or_as_usual(|app| {
            assert_eq!(app, AppId { master: 0, app: 119 });
            (CategoryId(6), BreedId(3))
        });
        let facts = flow.facts();
        assert_eq!(facts.classification.category, CategoryId(6));
        assert_eq!(facts.classification.breed, BreedId(3));
        assert_eq!(facts.classification.state, State::Classified);
        assert_eq!(facts.time, Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn mistakes_are_named() {
        let wrong = |text: &str| parse(text).expect_err(text).to_string();
        assert_eq!(
            wrong("facebook"),
            "\"facebook\" is not of the form key=value; write, for example, host=www.example.com"
        );
        assert_eq!(wrong("hots=x"), "a flow has no \"hots\"; did you mean \"host\"?");
        assert_eq!(wrong("app=Facebok"), "app cannot be \"Facebok\"; did you mean \"Facebook\"?");
        assert_eq!(
            wrong("dst=host"),
            "dst cannot be \"host\"; write 198.18.0.1, 198.18.0.1:443, 2001:db8::1 or \
             [2001:db8::1]:443"
        );
        assert_eq!(wrong("host='a"), "a quotation mark is not closed");
        let help = "host cannot be \".a.example\"; a flow has one name: write host=a.example, or one \
                    below it, as host=www.a.example";
        assert_eq!(wrong("host=.a.example"), help);
        for key in KEYS.iter().filter(|key| !["host", "ja4", "alpn", "iface"].contains(key)) {
            assert!(matches!(parse(&format!("{key}=?")), Err(FlowError::Value { .. })), "{key}");
        }
    }
}
