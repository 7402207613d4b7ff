//! The cost of a large policy: 500 rules with 10,000 host names and 10,000 networks in list files.
//! Prints a line of JSON: the load in milliseconds, decisions in nanoseconds.

use std::fmt::Write as _;
use std::fs;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use ndpi::{AppId, BreedId, CategoryId, Classification, Confidence, Risks, State};
use ndpi_labels::Findings;
use ndpi_policy::{Facts, Policy, Support, Vocabulary, check, load};
use ndpi_user::policy_files::PolicyFiles;

const RULES: u32 = 500;
const HOSTS: u32 = 10_000;
const NETS: u32 = 10_000;
/// Rules with a list of host names, and rules with a list of networks; the others have neither.
const LISTS: u32 = 200;
const FLOWS: u32 = 4096;
/// Flows decided between two looks at the clock.
const STEP: usize = 64;
const APPS: u16 = 468;

pub(crate) fn run(seconds: f64) -> Result<()> {
    let budget = Duration::from_secs_f64(seconds);
    let folder = tempfile::tempdir()?;
    let path = write_policy(folder.path())?;
    let names = vocabulary();
    let (mut loads, policy) = time_loads(&path, &names, budget)?;
    let mut checks = time_checks(&path, &names);
    let flows: Vec<Flow> = (0..FLOWS).map(flow).collect();
    let matched = flows.iter().filter(|flow| policy.first_match(&flow.facts()).is_some()).count();
    let mut decisions = time_decisions(&policy, &flows, budget);
    println!(
        "{{\"rules\":{RULES},\"hosts\":{HOSTS},\"networks\":{NETS},\"load_ms\":{:.2},\
         \"check_ms\":{:.2},\"decide_ns\":{:.0},\"decide_ns_p99\":{:.0},\"matched_share\":{:.3}}}",
        quantile(&mut loads, 0.5),
        quantile(&mut checks, 0.5),
        quantile(&mut decisions, 0.5),
        quantile(&mut decisions, 0.99),
        matched as f64 / f64::from(FLOWS),
    );
    Ok(())
}

/// Loads the policy again and again: milliseconds of each, and the last one.
fn time_loads(path: &Path, names: &Vocabulary, budget: Duration) -> Result<(Vec<f64>, Policy)> {
    let mut times = Vec::new();
    let begin = Instant::now();
    loop {
        let start = Instant::now();
        let policy = load(path, names, Support::ALL, &PolicyFiles::as_they_are())
            .map_err(|problems| anyhow!("{problems}"))?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        if begin.elapsed() > budget {
            return Ok((times, policy));
        }
    }
}

fn time_checks(path: &Path, names: &Vocabulary) -> Vec<f64> {
    let time = |_| {
        let start = Instant::now();
        black_box(check(path, names, Support::ALL, &|_| None, &PolicyFiles::as_they_are()));
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..5).map(time).collect()
}

/// Nanoseconds of a decision, each the mean of a few.
fn time_decisions(policy: &Policy, flows: &[Flow], budget: Duration) -> Vec<f64> {
    let mut times = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < budget {
        for step in flows.chunks(STEP) {
            let start = Instant::now();
            for flow in step {
                black_box(policy.decide(&flow.facts()));
            }
            times.push(start.elapsed().as_secs_f64() * 1e9 / step.len() as f64);
        }
    }
    times
}

fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = ((values.len() - 1) as f64 * share) as usize;
    values[index]
}

fn vocabulary() -> Vocabulary {
    let mut risk_scores = [0; 64];
    risk_scores[1..57].fill(50);
    Vocabulary {
        apps: (0..APPS).map(|id| (id, format!("App{id}"))).collect(),
        categories: (0..100).map(|id| (id, format!("Category{id}"))).collect(),
        app_categories: (0..APPS).map(|id| (id, CategoryId(id % 100))).collect(),
        breeds: (0..8).map(|id| (id, format!("Breed{id}"))).collect(),
        risks: (1..57).map(|id| (id, format!("Risk{id}"))).collect(),
        risk_scores,
        ..Vocabulary::default()
    }
}

/// Writes the policy and its lists.
fn write_policy(folder: &Path) -> Result<PathBuf> {
    let mut text = "default = \"count\"\nundecided = \"drop\"\n".to_owned();
    for rule in 0..RULES {
        writeln!(text, "\n[[rule]]\nname = \"rule {rule}\"\naction = \"drop\"")?;
        if rule < LISTS {
            let list = lines(HOSTS / LISTS, |n| host_entry(rule, n));
            fs::write(folder.join(format!("hosts{rule}")), list)?;
            writeln!(text, "host = {{ file = \"hosts{rule}\" }}\nnot.app = \"App{}\"", rule + 1)?;
        } else if rule < 2 * LISTS {
            let list = lines(NETS / LISTS, |n| net(rule, n));
            fs::write(folder.join(format!("nets{rule}")), list)?;
            let key = ["src", "dst", "any"][rule as usize % 3];
            writeln!(text, "{key} = {{ file = \"nets{rule}\" }}\nnot.guessed = true")?;
        } else {
            text += &plain_matchers(rule);
        }
    }
    let path = folder.join("policy.toml");
    fs::write(&path, text)?;
    Ok(path)
}

fn lines(count: u32, line: impl Fn(u32) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().join("\n")
}

/// Matchers of every other kind, several a rule.
fn plain_matchers(rule: u32) -> String {
    let (app, category) = (rule % 400 + 10, rule % 90);
    match rule % 5 {
        0 => {
            format!("app = [\"App{app}\", \"App3.App{app}\"]\ncategory = \"Category{category}\"\n")
        }
        1 => format!("app = \"App{app}\"\nport = [{rule}, \"5000-5100\"]\nproto = \"udp\"\n"),
        2 => format!("risk = \"Risk{}\"\nrisk_score = 200\nbreed = \"Breed6\"\n", rule % 50 + 1),
        3 => format!("vlan = {rule}\nconfidence = \"dpi\"\nalpn = \"h{rule}\"\n"),
        _ => format!(
            "category = \"Category{category}\"\niface = \"eth{}\"\n\
             schedule = {{ days = \"mon-fri\", hours = \"08:00-18:00\", zone = \"Europe/Berlin\" }}\n",
            rule % 4
        ),
    }
}

/// One exact name, one wildcard and one of both kinds in turn.
fn host_entry(rule: u32, n: u32) -> String {
    let mark = ["", "*.", "."][n as usize % 3];
    format!("{mark}host{n}.list{rule}.example")
}

fn net(rule: u32, n: u32) -> String {
    if n.is_multiple_of(4) {
        return format!("2001:db8:{rule:x}:{n:x}::/64");
    }
    let bits = 0xc612_0000 | rule << 9 | n << 3;
    format!("{}/{}", Ipv4Addr::from_bits(bits & !7), 29 + n % 2)
}

/// A flow that owns its texts.
struct Flow {
    classification: Classification,
    hostname: Option<String>,
    client: IpAddr,
    server: IpAddr,
    port: u16,
}

/// Two of four flows have a name on a list or beside one, one has an address on a list, one is on
/// none: the worst case, as no rule ends the search.
fn flow(n: u32) -> Flow {
    let (rule, entry) = (n * 7 % LISTS, n * 13 % (HOSTS / LISTS));
    let listed = Ipv4Addr::from_bits(0xc612_0000 | (LISTS + rule) << 9 | entry << 3);
    let elsewhere = IpAddr::V4(Ipv4Addr::new(198, 19, 255, 1));
    let hostname = match n % 4 {
        0 => Some(format!("www.cdn7.host{entry}.list{rule}.example")),
        1 => Some(format!("www.some-longer-name.edge.list{rule}.test")),
        _ => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "remainders")]
    let (app, port) = ((n % u32::from(APPS)) as u16, (n % 1000) as u16);
    Flow {
        classification: Classification {
            state: State::Classified,
            app: AppId { master: 91, app },
            category: CategoryId(95),
            breed: BreedId(2),
            confidence: Confidence::Dpi,
            guessed: false,
            risks: Risks(u64::from(n % 3) << 10),
        },
        hostname,
        client: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1)),
        server: if n % 4 == 2 { listed.into() } else { elsewhere },
        port,
    }
}

impl Flow {
    fn facts(&self) -> Facts<'_> {
        Facts {
            classification: &self.classification,
            hostname: self.hostname.as_deref(),
            ja4: None,
            alpn: Some("h2,http/1.1"),
            client: (self.client, 40_000),
            server: (self.server, self.port),
            proto: 6,
            vlan: 0,
            iface: Some("eth0"),
            findings: Findings::NONE,
            incomplete: false,
            // A Monday, in working hours.
            time: jiff::Timestamp::constant(1_795_431_600, 0),
        }
    }
}
