//! Clients in whose flows something was found: each is named in a warning, at a bounded rate and in bounded
//! memory, whoever makes up how many addresses.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use ndpi_events::{Event, Source, Time, Warning};
use ndpi_flow::Client;
use ndpi_labels::Findings;

use crate::locked::locked;

/// Most warnings in each [`SPELL`]. As many clients are kept, those that were named.
const MOST: usize = 10;
/// How long a client that was named is not named again; its flows are counted meanwhile.
const SPELL: Duration = Duration::from_mins(10);

/// Flows in which something was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    flows: u64,
    findings: Findings,
}

impl Tally {
    fn add(&mut self, findings: Findings) {
        self.flows += 1;
        self.findings = self.findings.union(findings);
    }
}

/// A client that was named.
#[derive(Clone, Copy, Debug)]
struct Named {
    client: Client,
    /// When, nanoseconds since the Unix epoch.
    since_ns: u64,
    /// What was found since.
    more: Tally,
}

/// Decides who is named, and when. Plain code.
#[derive(Debug, Default)]
struct Ledger {
    /// In the order in which they were named.
    named: VecDeque<Named>,
    /// Flows of clients for which there was no place.
    others: Tally,
}

/// What a warning is about: a client, or others that are not named.
type Notice = (Option<Client>, Tally);

impl Ledger {
    /// Counts a flow of `client`; what there is to be said at once.
    fn count(&mut self, client: Client, findings: Findings, now_ns: u64) -> Option<Notice> {
        if let Some(named) = self.named.iter_mut().find(|named| named.client == client) {
            named.more.add(findings);
            return None;
        }
        if self.named.len() == MOST {
            self.others.add(findings);
            return None;
        }
        let mut found = Tally::default();
        found.add(findings);
        self.named.push_back(Named { client, since_ns: now_ns, more: Tally::default() });
        Some((Some(client), found))
    }

    /// What is due at `now_ns`: clients that were named some time ago, and had more such flows since; and flows of
    /// others once there is a place again.
    fn due(&mut self, now_ns: u64) -> Vec<Notice> {
        let mut due = Vec::new();
        let is_over =
            |named: &Named| u128::from(now_ns.saturating_sub(named.since_ns)) >= SPELL.as_nanos();
        while let Some(named) = self.named.pop_front_if(|named| is_over(named)) {
            if named.more.flows > 0 {
                due.push((Some(named.client), named.more));
                self.named.push_back(Named { since_ns: now_ns, more: Tally::default(), ..named });
            }
        }
        if self.named.len() < MOST && self.others.flows > 0 {
            due.push((None, std::mem::take(&mut self.others)));
        }
        due
    }
}

/// Clients in whose flows something was found; shared by all threads.
#[derive(Debug)]
pub struct Suspects {
    ledger: Mutex<Ledger>,
    source: Mutex<Source>,
}

impl Suspects {
    /// Nobody yet. What is reported comes from `source`.
    pub fn new(source: Source) -> Self {
        Self { ledger: Mutex::default(), source: Mutex::new(source) }
    }

    /// Counts a flow of `client` in which this was found, at `now_ns` (since the Unix epoch).
    pub fn count(&self, client: Client, findings: Findings, now_ns: u64) {
        let notice = self.ledger().count(client, findings, now_ns);
        if let Some(notice) = notice {
            self.report(&notice, now_ns);
        }
    }

    /// Reports what is due at `now_ns`.
    pub fn look(&self, now_ns: u64) {
        let due = self.ledger().due(now_ns);
        for notice in &due {
            self.report(notice, now_ns);
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        locked(&self.ledger)
    }

    fn report(&self, (client, found): &Notice, now_ns: u64) {
        let time = Time::from_ns(now_ns);
        let warning = Warning {
            time,
            about: "evasion".into(),
            count: found.flows,
            text: wording(client.as_ref(), found),
            src: client.map(|client| client.to_string()),
            findings: found.findings.iter().map(|finding| finding.name().into()).collect(),
        };
        let mut source = locked(&self.source);
        source.publish(time, Event::Warning(warning));
    }
}

fn wording(client: Option<&Client>, Tally { flows, findings }: &Tally) -> String {
    let flows = if *flows == 1 { "a flow".to_owned() } else { format!("{flows} flows") };
    match client {
        Some(client) => format!(
            "{client}: signs of getting round the filter in {flows}: {findings}; a policy's rules with `evasion` \
             act on them"
        ),
        None => {
            format!("signs of getting round the filter in {flows} of other clients: {findings}")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ndpi_common::{Key, KeyV4};
    use ndpi_labels::Finding;

    use super::*;
    use crate::testing::bus;

    const MINUTE: u64 = 60_000_000_000;

    /// Counts a flow of the client with this number.
    fn count(suspects: &Suspects, client: u32, found: &[Finding], now_ns: u64) {
        let client = Ipv4Addr::from_bits(0xc612_0000 + client).octets();
        let (key, direction) = KeyV4::new((client, 1), ([198, 19, 0, 1], 443), 0, 6);
        let client = Client::of(&Key::V4(key), direction);
        suspects.count(client, found.iter().copied().collect(), now_ns);
    }

    /// Whom each warning names, and of how many flows it says what.
    fn said(run: impl FnOnce(&Suspects)) -> Vec<(String, u64, String)> {
        let (bus, reported) = bus();
        run(&Suspects::new(bus.source("suspects")));
        let events = reported.events().into_iter();
        let each = events.map(|it| {
            assert_eq!((&it["type"], &it["about"]), (&"warning".into(), &"evasion".into()));
            let src = it["src"].as_str().unwrap_or("others").to_owned();
            (src, it["count"].as_u64().unwrap(), it["findings"].to_string())
        });
        each.collect()
    }

    #[test]
    fn a_client_is_named_once_and_later_with_all_that_came_since() {
        let said = said(|suspects| {
            count(suspects, 1, &[Finding::Oversize], 0);
            count(suspects, 1, &[Finding::Ambiguous], MINUTE);
            count(suspects, 1, &[Finding::FakeSegment], 2 * MINUTE);
            (1..40).for_each(|minute| suspects.look(minute * MINUTE));
            count(suspects, 1, &[Finding::Oversize], 40 * MINUTE);
        });
        let client = "198.18.0.1".to_owned();
        let oversize = "[\"oversize\"]".to_owned();
        assert_eq!(
            said,
            [
                (client.clone(), 1, oversize.clone()),
                (client.clone(), 2, "[\"fake-segment\",\"ambiguous\"]".to_owned()),
                (client, 1, oversize),
            ]
        );
    }

    #[test]
    fn made_up_clients_cost_neither_warnings_nor_memory() {
        let said = said(|suspects| {
            for client in 0..100_000 {
                count(suspects, client, &[Finding::TtlAnomaly], 0);
            }
            assert_eq!(suspects.ledger().named.len(), MOST);
            suspects.look(9 * MINUTE);
            suspects.look(11 * MINUTE);
            suspects.look(12 * MINUTE);
        });
        assert_eq!(said.len(), MOST + 1);
        let others = ("others".to_owned(), 100_000 - MOST as u64, "[\"ttl-anomaly\"]".to_owned());
        assert_eq!(said.last(), Some(&others));
    }

    #[test]
    fn a_warning_says_who_what_and_what_it_means() {
        let (bus, reported) = bus();
        let found = [Finding::Ambiguous, Finding::Oversize];
        count(&Suspects::new(bus.source("suspects")), 1, &found, 0);
        let text = reported.events()[0]["text"].as_str().unwrap().to_owned();
        assert!(text.starts_with("198.18.0.1: ") && text.contains("ambiguous, oversize"), "{text}");
    }
}
