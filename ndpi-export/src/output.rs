//! An output as it is asked for: which format, to where, and what of it.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use ndpi_nats::Server;
use ndpi_policy::{Vocabulary, check_app};
use serde::Deserialize;

use super::delivery::NatsOptions;
use super::destination::Rotation;
use super::filter::{Filter, Type};
use super::format::{OutputFormat, formats};
use super::lines::WAITING_EVENTS;
use super::parquet;

/// Events that may wait for an output at most.
const MOST_WAITING: usize = 1 << 20;

/// An output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub(crate) format: OutputFormat,
    pub(crate) to: Destination,
    pub(crate) filter: Filter,
    pub(crate) rotation: Rotation,
    pub(crate) nats: NatsOptions,
    /// Events that may wait to be written.
    pub(crate) queue: usize,
}

/// Where records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    StandardOutput,
    File(PathBuf),
    /// Whoever listens at this Unix socket.
    Unix(PathBuf),
    /// Whoever listens at this TCP port.
    Tcp(SocketAddr),
    /// Whoever listens at this UDP port.
    Udp(SocketAddr),
    /// Whoever connects to this TCP port.
    Listen(SocketAddr),
    /// A stream of this server.
    Nats(Server),
    /// A topic of this broker.
    Kafka(ndpi_kafka::Server),
}

/// A configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    output: Vec<Table>,
}

/// An output as a configuration file has it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Table {
    format: Option<OutputFormat>,
    to: String,
    types: Vec<String>,
    app: Vec<String>,
    action: Vec<String>,
    rotate_size: Option<String>,
    rotate_every: Option<String>,
    keep: Option<usize>,
    compress: bool,
    queue: Option<usize>,
    site: Option<String>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    topic: Option<String>,
}

impl Output {
    /// The outputs of a configuration file with this text.
    ///
    /// # Errors
    ///
    /// It is no TOML, or asks for what there is not.
    pub fn of_configuration(text: &str) -> Result<Vec<Self>> {
        let File { output } = toml::from_str(text)?;
        let each = output.into_iter().enumerate();
        each.map(|(at, table)| {
            table.output().with_context(|| format!("[[output]] number {}", at + 1))
        })
        .collect()
    }
}

impl Table {
    fn output(self) -> Result<Output> {
        let Some(format) = self.format else { bail!("it has no format; {}", formats()) };
        let rotation = Rotation {
            size: self.rotate_size.as_deref().map(size).transpose()?,
            every: self.rotate_every.as_deref().map(duration).transpose()?,
            keep: self.keep,
            compress: self.compress,
        };
        let types = self.types.iter().map(|name| type_named(name)).collect::<Result<_>>()?;
        self.action.iter().try_for_each(|name| check_action(name))?;
        let filter = Filter { types, apps: self.app, actions: self.action };
        let queue = self.queue.unwrap_or(WAITING_EVENTS);
        let nats = NatsOptions {
            site: self.site,
            user: self.user,
            password_file: self.password_file,
            token_file: self.token_file,
            topic: self.topic,
        };
        let output = Output { format, to: self.to.parse()?, filter, rotation, nats, queue };
        output.check()?;
        Ok(output)
    }

    /// Takes what an option of the command line says.
    fn set(&mut self, key: &str, value: &str) -> Result<()> {
        let list = || value.split('+').map(str::to_owned).collect();
        match key {
            "types" => self.types = list(),
            "app" => self.app = list(),
            "action" => self.action = list(),
            "rotate-size" => self.rotate_size = Some(value.into()),
            "rotate-every" => self.rotate_every = Some(value.into()),
            "keep" => self.keep = Some(value.parse().context("keep is a number of files")?),
            "compress" => self.compress = value.parse().context("compress is true or false")?,
            "queue" => self.queue = Some(value.parse().context("queue is a number of records")?),
            "site" => self.site = Some(value.into()),
            "user" => self.user = Some(value.into()),
            "password-file" => self.password_file = Some(value.into()),
            "token-file" => self.token_file = Some(value.into()),
            "topic" => self.topic = Some(value.into()),
            _ => bail!(
                "there is no {key:?}; there are types, app, action, rotate-size, rotate-every, keep, \
                 compress, queue, site, user, password-file, token-file and topic"
            ),
        }
        Ok(())
    }
}

impl Output {
    /// Whether it goes to standard output, which is to have nothing else then.
    pub fn is_standard_output(&self) -> bool {
        self.to == Destination::StandardOutput
    }

    /// Fails where an application is asked for that there is not.
    ///
    /// # Errors
    ///
    /// Which, and what may be meant.
    pub fn check_apps(&self, names: &Vocabulary) -> Result<()> {
        let known = self.filter.apps.iter().try_for_each(|app| check_app(app, names));
        known.map_err(anyhow::Error::msg).with_context(|| format!("cannot start the output {self}"))
    }

    /// Fails where its format does not have what is asked for.
    fn check_types(&self) -> Result<()> {
        let (format, kinds) = (self.format, self.format.kinds());
        let has = |it: &Type| it.is_among(kinds);
        if let Some(lacking) = self.filter.types.iter().find(|it| !has(it)) {
            let all = Type::ALL.into_iter().filter(|(_, it)| has(it)).map(|(name, _)| name);
            let all = all.collect::<Vec<_>>().join(", ");
            bail!("{format} has no records of type {}; it has {all}", lacking.name());
        }
        Ok(())
    }

    /// Fails where its parts do not go together.
    fn check(&self) -> Result<()> {
        self.check_types()?;
        let is_ipfix = self.format == OutputFormat::Ipfix;
        match &self.to {
            Destination::Udp(_) => ensure!(is_ipfix, "only ipfix goes by UDP"),
            Destination::Tcp(_) => {}
            Destination::Nats(_) | Destination::Kafka(_) => ensure!(
                matches!(self.format, OutputFormat::Json | OutputFormat::Eve),
                "json and eve go to servers of messages: a message is a record"
            ),
            _ => ensure!(
                !is_ipfix,
                "ipfix goes to a collector: udp:ADDRESS:PORT or tcp:ADDRESS:PORT"
            ),
        }
        let is_kafka = matches!(self.to, Destination::Kafka(_));
        ensure!(
            is_kafka || matches!(self.to, Destination::Nats(_)) || !self.nats.is_asked_for(),
            "site, user, password-file, token-file and topic are about a NATS server or a Kafka broker: \
             nats:HOST:PORT, kafka:HOST:PORT"
        );
        ensure!(is_kafka || self.nats.topic.is_none(), "a topic is of kafka:HOST:PORT");
        ensure!(
            !is_kafka || self.nats.token_file.is_none(),
            "Kafka knows no tokens: user and password-file"
        );
        self.nats.check()?;
        let Rotation { size, every, keep, compress } = self.rotation;
        let is_file = matches!(self.to, Destination::File(_));
        ensure!(is_file || !self.rotation.is_asked_for(), "only files are rotated");
        if self.format == OutputFormat::Parquet {
            ensure!(is_file, "parquet goes to files: parquet:PATH");
            ensure!(!compress, "parquet is compressed as it is");
            ensure!(
                size.is_none_or(|size| size <= parquet::LARGEST),
                "rotate-size is at most {} MiB here: a file is in memory until it is whole",
                parquet::LARGEST >> 20
            );
        } else {
            ensure!(
                self.rotation.is_asked_for() || keep.is_none() && !compress,
                "keep and compress are about files that were rotated: by rotate-size or rotate-every"
            );
        }
        ensure!(size != Some(0) && every != Some(Duration::ZERO), "a file cannot be rotated at 0");
        ensure!(
            (1..=MOST_WAITING).contains(&self.queue),
            "queue is a number of records, from 1 to {MOST_WAITING}"
        );
        Ok(())
    }
}

/// `FORMAT:DESTINATION[,KEY=VALUE]…`
impl FromStr for Output {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((format, rest)) = text.split_once(':') else {
            bail!("this has no destination: FORMAT:DESTINATION[,KEY=VALUE]…")
        };
        let mut parts = rest.split(',');
        let mut table = Table {
            format: Some(OutputFormat::named(format)?),
            to: parts.next().unwrap_or_default().into(),
            ..Table::default()
        };
        for part in parts {
            let Some((key, value)) = part.split_once('=') else {
                bail!("{part:?} is no KEY=VALUE; a path with a comma goes into a file for --config")
            };
            table.set(key, value)?;
        }
        table.output()
    }
}

fn type_named(name: &str) -> Result<Type> {
    let all = Type::ALL.map(|(name, _)| name).join(", ");
    Type::named(name).with_context(|| format!("there is no type {name:?}; there are {all}"))
}

fn check_action(name: &str) -> Result<()> {
    let names = ndpi_common::Action::ALL.map(ndpi_common::Action::name);
    ensure!(names.contains(&name), "there is no action {name:?}; there are {}", names.join(", "));
    Ok(())
}

impl FromStr for Destination {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let address = |text: &str| {
            text.parse()
                .with_context(|| format!("{text:?} is no ADDRESS:PORT, such as 127.0.0.1:4739"))
        };
        let path = |text: &str| {
            ensure!(!text.is_empty(), "a path is missing");
            Ok(PathBuf::from(text))
        };
        Ok(match text.split_once(':') {
            Some(("unix", rest)) => Self::Unix(path(rest)?),
            Some(("tcp", rest)) => Self::Tcp(address(rest)?),
            Some(("udp", rest)) => Self::Udp(address(rest)?),
            Some(("tcp-listen", rest)) => Self::Listen(address(rest)?),
            Some(("nats", rest)) => Self::Nats(rest.parse().map_err(anyhow::Error::msg)?),
            Some(("kafka", rest)) => Self::Kafka(rest.parse().map_err(anyhow::Error::msg)?),
            Some(("file", rest)) => Self::File(path(rest)?),
            _ if text == "-" => Self::StandardOutput,
            _ => Self::File(path(text)?),
        })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StandardOutput => f.write_str("-"),
            Self::File(path) => ndpi_text::shown(path).fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", ndpi_text::shown(path)),
            Self::Tcp(address) => write!(f, "tcp:{address}"),
            Self::Udp(address) => write!(f, "udp:{address}"),
            Self::Listen(address) => write!(f, "tcp-listen:{address}"),
            Self::Nats(server) => write!(f, "nats:{server}"),
            Self::Kafka(server) => write!(f, "kafka:{server}"),
        }
    }
}

/// What it is called in `status` and metrics.
impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.format, self.to)
    }
}

/// Reads bytes, such as `100 MB` or `64KiB`.
///
/// # Errors
/// How sizes are written.
pub fn size(text: &str) -> Result<u64> {
    let (number, unit) = number_and_unit(text);
    let factor = match unit {
        "" | "B" => Some(1),
        "kB" | "KB" => Some(1000),
        "MB" => Some(1_000_000),
        "GB" => Some(1_000_000_000),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    product(number, factor).with_context(|| format!("{text:?} is no size, such as 100MB or 64KiB"))
}

/// Reads a time, such as `90s`, `15m`, `1h`, `1d`.
///
/// # Errors
/// How times are written.
pub fn duration(text: &str) -> Result<Duration> {
    let (number, unit) = number_and_unit(text);
    let factor = match unit {
        "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        _ => None,
    };
    let seconds = product(number, factor);
    seconds
        .map(Duration::from_secs)
        .with_context(|| format!("{text:?} is no time, such as 15m, 1h or 1d"))
}

fn product(number: &str, factor: Option<u64>) -> Option<u64> {
    number.parse::<u64>().ok()?.checked_mul(factor?)
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let at = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    (number, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        format!("{:#}", text.parse::<Output>().unwrap_err())
    }

    #[test]
    fn an_output_is_a_format_a_destination_and_keys() {
        let output: Output = "json:/var/log/flows.json".parse().unwrap();
        assert_eq!(output.to, Destination::File("/var/log/flows.json".into()));
        assert_eq!((output.format, output.queue), (OutputFormat::Json, WAITING_EVENTS));
        assert_eq!(output.to_string(), "json:/var/log/flows.json");
        let text = "csv:flows.csv,types=flow+flow-active,app=TLS+DNS,action=drop,rotate-size=10MB,\
                    rotate-every=1h,keep=3,compress=true,queue=100";
        let output: Output = text.parse().unwrap();
        assert_eq!(
            (output.filter.types.len(), output.filter.apps.len(), output.queue),
            (2, 2, 100)
        );
        let (size, every) = (Some(10_000_000), Some(Duration::from_hours(1)));
        assert_eq!(output.rotation, Rotation { size, every, keep: Some(3), compress: true });
        for (text, to) in [
            ("csv:-", Destination::StandardOutput),
            ("eve:unix:/run/eve.sock", Destination::Unix("/run/eve.sock".into())),
            ("ipfix:udp:127.0.0.1:4739", Destination::Udp("127.0.0.1:4739".parse().unwrap())),
            ("ipfix:tcp:[::1]:4739", Destination::Tcp("[::1]:4739".parse().unwrap())),
            ("eve:nats:nats.example.org", Destination::Nats("nats.example.org".parse().unwrap())),
            ("json:kafka:broker,topic=t", Destination::Kafka("broker:9092".parse().unwrap())),
            ("json:tcp-listen:127.0.0.1:0", Destination::Listen("127.0.0.1:0".parse().unwrap())),
        ] {
            assert_eq!(text.parse::<Output>().unwrap().to, to);
        }
    }

    #[test]
    fn an_application_that_there_is_not_is_refused_with_what_may_be_meant() {
        let names = Vocabulary::of(&ndpi_labels::Recorded::ndpi_5_0());
        let check = |apps: &str| {
            let output: Output = format!("json:/f,app={apps}").parse().unwrap();
            output.check_apps(&names)
        };
        check("facebook+TLS.Facebook+DNS").unwrap();
        let error = format!("{:#}", check("TLS+Facebok").unwrap_err());
        assert!(
            error.contains("output json:/f: nDPI knows no app \"Facebok\"; did you mean Facebook?"),
            "{error}"
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_what_does() {
        for (text, word) in [
            ("json", "no destination"),
            ("xml:/tmp/x", "there are json, csv, eve, ipfix, parquet"),
            ("parquet:tcp:127.0.0.1:1", "parquet goes to files"),
            ("parquet:/tmp/x,compress=true", "compressed as it is"),
            ("parquet:/tmp/x,rotate-size=1GiB", "at most 256 MiB"),
            ("parquet:/tmp/x,types=status", "parquet has no records of type status"),
            ("json:", "a path is missing"),
            ("json:-,rotate-size=1MB", "only files"),
            ("parquet:-", "parquet goes to files"),
            ("json:udp:127.0.0.1:1", "only ipfix"),
            ("ipfix:/tmp/flows", "udp:ADDRESS:PORT"),
            ("ipfix:udp:collector", "no ADDRESS:PORT"),
            ("json:unix:/s,rotate-size=1MB", "only files"),
            ("json:/tmp/x,compress=true", "rotate-size or rotate-every"),
            ("json:/tmp/x,rotate-every=1", "15m, 1h or 1d"),
            ("json:/tmp/x,rotate-size=0MB", "at 0"),
            ("json:/tmp/x,queue=0", "from 1"),
            ("json:/tmp/x,types=flows", "flow-active"),
            ("ipfix:udp:127.0.0.1:1,types=flow+status", "it has flow, flow-active"),
            ("csv:/tmp/x,types=reload", "csv has no records of type reload"),
            ("json:/tmp/x,action=block", "reject"),
            ("json:/tmp/x,colour=red", "there are types, app"),
            ("json:nats:", "HOST:PORT"),
            ("json:nats://host", "HOST:PORT"),
            ("csv:nats:host", "json and eve go to servers of messages"),
            ("json:/tmp/x,site=north", "about a NATS server"),
            ("eve:nats:host,topic=t", "a topic is of kafka"),
            ("json:kafka:host,token-file=/t", "knows no tokens"),
            ("ipfix:kafka:host", "servers of messages"),
            ("json:nats:host,user=me", "user and password-file go together"),
            ("json:nats:host,user=me,password-file=/p,token-file=/t", "a user or a token"),
        ] {
            assert!(refused(text).contains(word), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn the_examples_of_the_page_are_outputs() {
        let page = include_str!("../../docs/outputs.md");
        let blocks = page.split("```text\n").skip(1);
        let mut blocks = blocks.map(|rest| rest.split("```").next().unwrap());
        let outputs = blocks.next().unwrap().split("--output ").skip(1);
        let outputs = outputs.map(|it| it.split_whitespace().next().unwrap());
        let outputs: Vec<Output> = outputs.map(|it| it.parse().unwrap()).collect();
        assert_eq!(outputs.len(), 3);
        assert_eq!(Output::of_configuration(blocks.next().unwrap()).unwrap().len(), 2);
    }

    #[test]
    fn a_file_has_as_many_as_it_likes() {
        let all = Output::of_configuration(
            "[[output]]\nformat = \"json\"\nto = \"/var/log/a,b.json\"\nrotate_size = \"1 GiB\"\n\n[[output]]\nformat = \"ipfix\"\nto = \"udp:127.0.0.1:4739\"\napp = [\"TLS\"]\n",
        )
        .unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].rotation.size, Some(1 << 30));
        for (text, word) in [
            ("[[output]]\nto = \"/x\"\n", "[[output]] number 1: it has no format; there are json"),
            ("[[output]]\nformat = \"xml\"\nto = \"/x\"\n", "there are json, csv"),
            ("[[output]]\nformat = \"json\"\nto = \"/x\"\ncolour = 1\n", "colour"),
            ("[output]\n", "output"),
        ] {
            let error = format!("{:#}", Output::of_configuration(text).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }
}
